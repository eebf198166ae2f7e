//! What was spent by an instant, told by the times of the events: whole hours from the roll-ups, the rest of the last one
//! from the events themselves.

use std::collections::{BTreeMap, HashMap};

use mete_core::time::HOUR;
use mete_core::{Nanos, Timestamp};

use crate::boxed;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::ledger::packed_sums_between;
use crate::rows::count;
use crate::spend::SpendRow;
use crate::{Store, Tx};

/// What a scope had spent by an instant, of its month.
#[derive(Clone, Debug, Default)]
pub struct SpentBefore {
    /// Whether the events of the last hour are kept; else what is told is of the hours that were over.
    pub is_exact: bool,
    parts: Vec<Part>,
}

/// What rows are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Project,
    Key,
    Member,
    Model,
}

/// What one key and member spent on one model.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Part {
    project_id: String,
    key_id: String,
    member_id: String,
    model: String,
    requests: i64,
    input: i64,
    cached_input: i64,
    output: i64,
    cost: i64,
}

/// Sums of one series: requests, input, cached input, output, cost.
pub(crate) type SeriesSums = HashMap<i64, [i64; 5]>;

const WANTED: &str = "SELECT p.num FROM project p JOIN organization o ON o.id = p.organization_id \
     WHERE p.id = $1 OR o.id = $1 OR o.parent_id = $1";

impl SpentBefore {
    /// By project.
    #[must_use]
    pub fn projects(&self) -> Vec<SpendRow> {
        self.rows(By::Project)
    }

    /// By key; usage that names none has an empty id.
    #[must_use]
    pub fn keys(&self) -> Vec<SpendRow> {
        self.rows(By::Key)
    }

    /// By member or service account.
    #[must_use]
    pub fn members(&self) -> Vec<SpendRow> {
        self.rows(By::Member)
    }

    /// By model.
    #[must_use]
    pub fn models(&self) -> Vec<SpendRow> {
        self.rows(By::Model)
    }

    /// Rows whose names are their ids.
    fn rows(&self, by: By) -> Vec<SpendRow> {
        let mut sums: BTreeMap<&str, [i64; 5]> = BTreeMap::new();
        for part in &self.parts {
            let id = match by {
                By::Project => &part.project_id,
                By::Key => &part.key_id,
                By::Member => &part.member_id,
                By::Model => &part.model,
            };
            add(sums.entry(id).or_default(), &part.sums());
        }
        let row = |(id, [requests, input, cached_input, output, cost]): (&str, [i64; 5])| SpendRow {
            id: id.to_owned(),
            name: id.to_owned(),
            spend: Nanos(cost),
            requests: count(requests),
            input_tokens: count(input),
            cached_input_tokens: count(cached_input),
            output_tokens: count(output),
        };
        sums.into_iter().map(row).collect()
    }
}

impl Part {
    const fn sums(&self) -> [i64; 5] {
        [self.requests, self.input, self.cached_input, self.output, self.cost]
    }
}

fn add(sums: &mut [i64; 5], more: &[i64; 5]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

impl Store {
    /// What a project, or an organization with its sub-organizations, had spent in the month of `at` on events of that time
    /// or before, as the ledger knows it now: also of what came late, and as it was amended since.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn spent_before(&self, scope_id: &str, at: Timestamp) -> Result<SpentBefore, StoreError> {
        let mut tx = self.begin_reading().await?;
        let mut parts = whole_hours(&mut tx, scope_id, at).await?;
        let is_sealed = tx.closed_through().await?.is_some_and(|closed| at.month() <= closed);
        if !is_sealed {
            parts.extend(last_hour(&mut tx, scope_id, at).await?);
        }
        tx.rollback().await?;
        Ok(SpentBefore { is_exact: !is_sealed, parts })
    }
}

/// The hours of the month that are over.
async fn whole_hours(tx: &mut Tx, scope_id: &str, at: Timestamp) -> Result<Vec<Part>, StoreError> {
    let (from, to) = (at.month().start().hour(), at.hour() - 1);
    let sql = format!(
        "WITH wanted AS ({WANTED}), s AS (\
         SELECT series, requests, input, cached_input, output, cost FROM spend_hour \
         WHERE bucket BETWEEN {from} AND {to} AND project IN (SELECT num FROM wanted) UNION ALL \
         SELECT series, requests, input, cached_input, output, cost FROM spend_delta \
         WHERE hour BETWEEN {from} AND {to} AND project IN (SELECT num FROM wanted)) \
         SELECT g.project_id, g.key_id, g.member_id, g.model, {SUMS} FROM s JOIN series g ON g.num = s.series \
         GROUP BY g.project_id, g.key_id, g.member_id, g.model"
    );
    Ok(in_tx!(tx, db => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(scope_id).fetch_all(db).await)?)
}

const SUMS: &str = "CAST(SUM(s.requests) AS BIGINT) AS requests, CAST(SUM(s.input) AS BIGINT) AS input, \
     CAST(SUM(s.cached_input) AS BIGINT) AS cached_input, CAST(SUM(s.output) AS BIGINT) AS output, \
     CAST(SUM(s.cost) AS BIGINT) AS cost";

/// The hour of `at`, up to it.
async fn last_hour(tx: &mut Tx, scope_id: &str, at: Timestamp) -> Result<Vec<Part>, StoreError> {
    let from = at.hour() * HOUR;
    let mut by_series: SeriesSums = packed_sums_between(tx, from, at.0).await?;
    let sql = format!(
        "SELECT s.series, {SUMS} FROM (\
         SELECT series, 1 AS requests, input, cached_input, output, cost FROM event WHERE ts BETWEEN $1 AND $2 UNION ALL \
         SELECT series, requests, input, cached_input, output, cost FROM correction WHERE ts BETWEEN $1 AND $2) AS s \
         GROUP BY s.series"
    );
    let rows: Vec<(i64, i64, i64, i64, i64, i64)> = in_tx!(tx, db => {
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(from).bind(at.0).fetch_all(db).await
    })?;
    for (series, requests, input, cached_input, output, cost) in rows {
        add(by_series.entry(series).or_default(), &[requests, input, cached_input, output, cost]);
    }
    if by_series.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT g.num, g.project_id, g.key_id, g.member_id, g.model FROM series g JOIN project q ON q.id = g.project_id \
         WHERE q.num IN ({WANTED})"
    );
    let series: Vec<(i64, String, String, String, String)> =
        in_tx!(tx, db => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(scope_id).fetch_all(db).await)?;
    let part = |(num, project_id, key_id, member_id, model): (i64, String, String, String, String)| {
        let [requests, input, cached_input, output, cost] = by_series.remove(&num)?;
        Some(Part { project_id, key_id, member_id, model, requests, input, cached_input, output, cost })
    };
    Ok(series.into_iter().filter_map(part).collect())
}
