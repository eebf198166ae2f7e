//! How much each daemon may hold for requests under way, so that a daemon that starts knows what an earlier one may have
//! held (R40).

use mete_core::{Nanos, Timestamp};

use crate::Store;
use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;

/// What one daemon may hold for the requests of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldLease {
    /// One life of one daemon.
    pub daemon: String,
    /// The project's id.
    pub project_id: String,
    /// At most so much.
    pub amount: Nanos,
    /// Until when.
    pub ends_at: Timestamp,
}

impl Store {
    /// The leases whose time is not over at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn hold_leases(&self, now: Timestamp) -> Result<Vec<HoldLease>, StoreError> {
        let rows: Vec<(String, String, i64, i64)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT daemon, project_id, amount, ends_at FROM hold_lease WHERE ends_at > $1 ORDER BY daemon, project_id",
            )
            .bind(now.0)
            .fetch_all(db)
            .await
        })?;
        let lease = |(daemon, project_id, amount, ends_at)| HoldLease {
            daemon,
            project_id,
            amount: Nanos(amount),
            ends_at: Timestamp(ends_at),
        };
        Ok(rows.into_iter().map(lease).collect())
    }

    /// Writes leases in place of those that the same daemons had for the same projects; those that are over go. Run it to
    /// its end: see [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written; then nothing is.
    #[boxed]
    pub async fn write_hold_leases(&self, leases: &[HoldLease], now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        in_tx!(&mut tx, db => {
            sqlx::query("DELETE FROM hold_lease WHERE ends_at <= $1").bind(now.0).execute(db).await.map(drop)
        })?;
        for HoldLease { daemon, project_id, amount, ends_at } in leases {
            in_tx!(&mut tx, db => {
                sqlx::query(
                    "INSERT INTO hold_lease (daemon, project_id, amount, ends_at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (daemon, project_id) DO UPDATE SET amount = excluded.amount, ends_at = excluded.ends_at",
                )
                .bind(daemon)
                .bind(project_id)
                .bind(amount.0)
                .bind(ends_at.0)
                .execute(db)
                .await
                .map(drop)
            })?;
        }
        tx.commit().await
    }
}
