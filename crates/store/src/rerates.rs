//! Months that were rated anew (R35): one row a run, and what its correcting entries come to.

use mete_core::{Month, Nanos, Timestamp};
use serde::Serialize;

use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::rows::{self, count};
use crate::{Store, Tx};

/// A run that rated a month anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rerate {
    /// `rerate_…`
    pub id: String,
    /// The month.
    pub month: Month,
    /// The only model that was meant, as events name it; `None` for all.
    pub model: Option<String>,
    /// Who did it.
    pub actor: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When all of it was done; `None` if it was interrupted.
    pub finished_at: Option<Timestamp>,
    /// When it was undone, if it was.
    pub undone_at: Option<Timestamp>,
    /// Events that cost something else since; 0 until it is finished.
    pub events: u64,
    /// By how much they cost more; 0 until it is finished.
    pub difference: Nanos,
}

/// What the correcting entries of a run come to in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerateSum {
    /// The organization's id.
    pub organization_id: String,
    /// Events that were corrected.
    pub events: u64,
    /// The sum of the corrections.
    pub difference: Nanos,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    month: i64,
    model: String,
    actor: String,
    started_at: i64,
    finished_at: Option<i64>,
    undone_at: Option<i64>,
    events: i64,
    difference: i64,
}

impl Row {
    fn rerate(self) -> Result<Rerate, StoreError> {
        Ok(Rerate {
            month: rows::month(self.month)?,
            id: self.id,
            model: (!self.model.is_empty()).then_some(self.model),
            actor: self.actor,
            started_at: Timestamp(self.started_at),
            finished_at: self.finished_at.map(Timestamp),
            undone_at: self.undone_at.map(Timestamp),
            events: count(self.events),
            difference: Nanos(self.difference),
        })
    }
}

const COLUMNS: &str =
    "SELECT id, month, model, actor, started_at, finished_at, undone_at, events, difference FROM rerate ";

impl Store {
    /// The last month whose events are not kept any more, if there is one: nothing in it can be corrected.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn closed_through(&self) -> Result<Option<Month>, StoreError> {
        Ok(Month::from_yyyymm(self.meta("closed_through").await?))
    }

    /// Every run, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn rerates(&self) -> Result<Vec<Rerate>, StoreError> {
        let sql = format!("{COLUMNS} ORDER BY started_at DESC, id");
        let rows: Vec<Row> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(db).await
        })?;
        rows.into_iter().map(Row::rerate).collect()
    }
}

impl Tx {
    /// The run with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn rerate(&mut self, id: &str) -> Result<Option<Rerate>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(Row::rerate).transpose()
    }

    /// The run of this month and model that was begun and neither finished nor undone.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn unfinished_rerate(&mut self, month: Month, model: Option<&str>) -> Result<Option<Rerate>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE month = $1 AND model = $2 AND finished_at IS NULL AND undone_at IS NULL \
             ORDER BY started_at DESC, id LIMIT 1"
        );
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(month.yyyymm()).bind(model.unwrap_or_default()).fetch_optional(db).await
        })?;
        row.map(Row::rerate).transpose()
    }

    /// The last run that was not undone, of this month or of any.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn last_rerate(&mut self, month: Option<Month>) -> Result<Option<Rerate>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE undone_at IS NULL AND ($1 = 0 OR month = $1) ORDER BY started_at DESC, id LIMIT 1"
        );
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(month.map_or(0, Month::yyyymm)).fetch_optional(db).await
        })?;
        row.map(Row::rerate).transpose()
    }

    /// Writes down that a run begins.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_rerate(&mut self, run: &Rerate) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO rerate (id, month, model, actor, started_at, events, difference) \
                 VALUES ($1, $2, $3, $4, $5, 0, 0)",
            )
            .bind(&run.id).bind(run.month.yyyymm()).bind(run.model.as_deref().unwrap_or_default())
            .bind(&run.actor).bind(run.started_at.0)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Writes down that a run is finished, and what it came to.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn finish_rerate(
        &mut self,
        id: &str,
        at: Timestamp,
        (events, difference): (u64, Nanos),
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE rerate SET finished_at = $2, events = $3, difference = $4 WHERE id = $1")
                .bind(id).bind(at.0).bind(events.cast_signed()).bind(difference.0)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Writes down that a run is undone.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_rerate_undone(&mut self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE rerate SET undone_at = $2 WHERE id = $1").bind(id).bind(at.0)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// What the correcting entries of a run come to, by organization.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn rerate_sums(&mut self, run: &str) -> Result<Vec<RerateSum>, StoreError> {
        let rows: Vec<(String, i64, i64)> = in_tx!(self, db => {
            // Each event counts once: a run that was continued may have corrected it twice.
            sqlx::query_as(
                "SELECT organization_id, COUNT(*), CAST(SUM(cost) AS BIGINT) FROM \
                 (SELECT s.organization_id, c.ts, c.id, CAST(SUM(c.cost) AS BIGINT) AS cost FROM correction c \
                 JOIN series s ON s.num = c.series WHERE c.run = $1 AND c.run <> '' \
                 GROUP BY s.organization_id, c.ts, c.id) AS events \
                 GROUP BY organization_id ORDER BY organization_id",
            )
            .bind(run)
            .fetch_all(db)
            .await
        })?;
        let sum = |(organization_id, events, difference)| RerateSum {
            organization_id,
            events: count(events),
            difference: Nanos(difference),
        };
        Ok(rows.into_iter().map(sum).collect())
    }
}
