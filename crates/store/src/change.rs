//! The feed that tells everybody of changes of the directory.

use mete_core::Timestamp;

use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::{Store, Tx};

/// How far the store has come; cheap to ask, so that a poll finds out whether there is anything to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Counts changes of the directory and of limits.
    pub change_seq: i64,
    /// Counts commits of the ledger.
    pub ledger_version: i64,
}

/// One entry of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place; the feed has no gaps and is in the order of commits.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whose organization.
    pub organization_id: String,
    /// What was done, as in `project.created`.
    pub kind: String,
    /// To what.
    pub target_id: String,
}

impl Store {
    /// How far the store has come.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn versions(&self) -> Result<Versions, StoreError> {
        let rows: Vec<(String, i64)> = on_read!(self, db => {
            sqlx::query_as("SELECT name, value FROM meta WHERE name IN ('change_seq', 'ledger_version')")
                .fetch_all(db)
                .await
        })?;
        let of = |name: &str| rows.iter().find(|row| row.0 == name).map_or(0, |row| row.1);
        Ok(Versions { change_seq: of("change_seq"), ledger_version: of("ledger_version") })
    }

    /// The changes after `seq`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn changes_since(&self, seq: i64, limit: i64) -> Result<Vec<Change>, StoreError> {
        let rows: Vec<(i64, i64, String, String, String)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT seq, at, organization_id, kind, target_id FROM change WHERE seq > $1 ORDER BY seq LIMIT $2",
            )
            .bind(seq)
            .bind(limit)
            .fetch_all(db)
            .await
        })?;
        let change = |(seq, at, organization_id, kind, target_id)| Change {
            seq,
            at: Timestamp(at),
            organization_id,
            kind,
            target_id,
        };
        Ok(rows.into_iter().map(change).collect())
    }
}

impl Tx {
    /// Tells the feed what this transaction changed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn tell(
        &mut self,
        at: Timestamp,
        organization_id: &str,
        kind: &str,
        target: &str,
    ) -> Result<(), StoreError> {
        let seq = self.count_up("change_seq").await?;
        in_tx!(self, db => {
            sqlx::query("INSERT INTO change (seq, at, organization_id, kind, target_id) VALUES ($1, $2, $3, $4, $5)")
                .bind(seq).bind(at.0).bind(organization_id).bind(kind).bind(target)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
