//! The daemons that run on a store, as each of them tells.

use mete_core::Timestamp;
use serde::Serialize;

use crate::Store;
use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;

/// What a daemon told of itself last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DaemonSeen {
    /// One life of one daemon.
    pub id: String,
    /// The host that it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// When it told this.
    pub seen_at: Timestamp,
    /// For how long what it had read was waiting to be committed, in microseconds.
    pub lag: i64,
}

/// A daemon that was not seen for so long, in microseconds, is forgotten.
const FORGOTTEN: i64 = 7 * mete_core::time::DAY;

impl Store {
    /// The daemons that were seen within a week, the one that was seen last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn daemons(&self) -> Result<Vec<DaemonSeen>, StoreError> {
        let rows: Vec<(String, String, String, i64, i64, i64)> = on_read!(self, db => {
            sqlx::query_as("SELECT id, host, version, started_at, seen_at, lag FROM daemon ORDER BY seen_at DESC, id")
                .fetch_all(db)
                .await
        })?;
        let seen = |(id, host, version, started_at, seen_at, lag)| DaemonSeen {
            id,
            host,
            version,
            started_at: Timestamp(started_at),
            seen_at: Timestamp(seen_at),
            lag,
        };
        Ok(rows.into_iter().map(seen).collect())
    }

    /// Writes down what a daemon tells of itself, and forgets those that have been away for a week. Run it to its end: see
    /// [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn write_daemon(&self, seen: &DaemonSeen) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        in_tx!(&mut tx, db => {
            sqlx::query(
                "INSERT INTO daemon (id, host, version, started_at, seen_at, lag) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, lag = excluded.lag",
            )
            .bind(&seen.id)
            .bind(&seen.host)
            .bind(&seen.version)
            .bind(seen.started_at.0)
            .bind(seen.seen_at.0)
            .bind(seen.lag)
            .execute(db)
            .await
            .map(drop)
        })?;
        in_tx!(&mut tx, db => {
            sqlx::query("DELETE FROM daemon WHERE seen_at < $1")
                .bind(seen.seen_at.0 - FORGOTTEN)
                .execute(db)
                .await
                .map(drop)
        })?;
        tx.commit().await
    }

    /// Takes a daemon that stops off the list.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn forget_daemon(&self, id: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        in_tx!(&mut tx, db => {
            sqlx::query("DELETE FROM daemon WHERE id = $1").bind(id).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }
}
