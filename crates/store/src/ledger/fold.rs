//! Merging appended sums into the roll-ups.

use sqlx::AssertSqlSafe;

use super::{Ledger, scopes};
use crate::Tx;
use crate::boxed;
use crate::db::{Db, in_tx};
use crate::error::StoreError;

/// How many commits the log of spans reaches back.
const SPANS_KEPT: i64 = 1_000;

impl Ledger {
    /// Merges the sums that commits appended into the roll-ups by hour, day and month. Readers sum both, so totals are
    /// the same before, between and after. Tells whether there was anything to merge.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing was merged.
    #[boxed]
    pub async fn fold(&mut self) -> Result<bool, StoreError> {
        let mut tx = match &*self.store.db {
            Db::Sqlite { .. } => self.store.begin().await?,
            // What other daemons append meanwhile must neither be merged half nor deleted unmerged.
            Db::Postgres(pool) => Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?),
        };
        for (rollup, bucket) in [("spend_hour", "hour"), ("spend_day", "hour / 24"), ("spend_month", "month")] {
            in_tx!(&mut tx, db => sqlx::query(AssertSqlSafe(merge(rollup, bucket))).execute(db).await.map(drop))?;
        }
        scopes::fold(&mut tx).await?;
        let merged = in_tx!(&mut tx, db => sqlx::query("DELETE FROM spend_delta").execute(db).await?.rows_affected());
        in_tx!(&mut tx, db => {
            sqlx::query("DELETE FROM ledger_batch WHERE version < $1")
                .bind(self.version - SPANS_KEPT)
                .execute(db)
                .await
                .map(drop)
        })?;
        self.last_used.write(&mut tx).await?;
        tx.commit().await?;
        self.last_used.written();
        Ok(merged > 0)
    }
}

fn merge(rollup: &str, bucket: &str) -> String {
    const SUMS: [&str; 5] = ["requests", "input", "cached_input", "output", "cost"];
    let sums: Vec<_> = SUMS.iter().map(|column| format!("CAST(SUM({column}) AS BIGINT)")).collect();
    let added: Vec<_> = SUMS.iter().map(|column| format!("{column} = {rollup}.{column} + excluded.{column}")).collect();
    format!(
        "INSERT INTO {rollup} (bucket, project, series, {}) SELECT {bucket}, project, series, {} FROM spend_delta \
         WHERE true GROUP BY {bucket}, project, series ORDER BY 1, 2, 3 \
         ON CONFLICT (bucket, project, series) DO UPDATE SET {}",
        SUMS.join(", "),
        sums.join(", "),
        added.join(", ")
    )
}
