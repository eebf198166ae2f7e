//! How far each file of a source was read. Written in the transaction of the events, so it never runs ahead of them.

use std::sync::Arc;

use mete_core::Timestamp;

use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::rows::count;
use crate::{Store, Tx};

/// How far a file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What the file is, apart from its path: it stays the same when the file is renamed.
    pub identity: Arc<str>,
    /// Its path when it was read last, for people.
    pub path: Arc<str>,
    /// Bytes read: the offset of the first byte that is not in the ledger.
    pub offset: u64,
    /// A print of the bytes before the offset, where the file can be written anew: what is there then has another.
    pub trail: Option<i64>,
}

impl Store {
    /// How far the files of a source were read.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn positions(&self, source: &str) -> Result<Vec<Position>, StoreError> {
        let rows: Vec<(String, String, i64, Option<i64>)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT identity, path, position, trail FROM source_position WHERE source = $1 ORDER BY updated_at",
            )
            .bind(source)
            .fetch_all(db)
            .await
        })?;
        let position = |(identity, path, offset, trail): (String, String, i64, Option<i64>)| Position {
            identity: identity.into(),
            path: path.into(),
            offset: count(offset),
            trail,
        };
        Ok(rows.into_iter().map(position).collect())
    }
}

impl Tx {
    pub(super) async fn set_position(
        &mut self,
        source: &str,
        position: &Position,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO source_position (source, identity, path, position, trail, updated_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (source, identity) DO UPDATE SET path = excluded.path, position = excluded.position, \
                 trail = excluded.trail, updated_at = excluded.updated_at",
            )
            .bind(source)
            .bind(&*position.identity)
            .bind(&*position.path)
            .bind(position.offset.cast_signed())
            .bind(position.trail)
            .bind(now.0)
            .execute(db)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
