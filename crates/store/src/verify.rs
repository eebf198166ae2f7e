//! The proof of R31 on the store at hand: the events kept, every roll-up and the spend that is shown agree.

use std::collections::BTreeMap;

use mete_core::time::{DAY, HOUR};
use mete_core::{Month, Nanos};
use serde::Serialize;

use crate::db::{Db, in_tx};
use crate::error::StoreError;
use crate::{Store, Tx};

/// A project and month in which the sums differ. Amounts are dollars, counts requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The project's id.
    pub project_id: String,
    /// The month.
    pub month: Month,
    /// Which roll-up differs: `month`, `day` or `hour`.
    pub rollup: &'static str,
    /// The sum of the events kept, corrections included.
    pub events: Nanos,
    /// The sum of the roll-up and of what is not folded into it yet.
    pub shown: Nanos,
    /// Requests of the events kept.
    pub event_requests: i64,
    /// Requests of the roll-up.
    pub shown_requests: i64,
}

/// The outcome of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether everything agrees.
    pub ok: bool,
    /// Events kept.
    pub events: i64,
    /// Their sum, corrections included.
    pub total: Nanos,
    /// Months looked at.
    pub months: usize,
    /// Where the sums differ.
    pub differences: Vec<Difference>,
}

/// Requests and cost by project.
type Sums = BTreeMap<String, (i64, i64)>;

impl Store {
    /// Compares, per project and month, the events kept with each roll-up, in one snapshot of the store.
    ///
    /// # Errors
    /// When the store cannot be read. Differences are no error but the result.
    pub async fn verify(&self) -> Result<Verification, StoreError> {
        let mut tx = match &*self.db {
            Db::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Db::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        };
        let mut verification =
            Verification { ok: true, events: 0, total: Nanos::ZERO, months: 0, differences: Vec::new() };
        let Some((first, last)) = months(&mut tx).await? else { return Ok(verification) };
        let mut month = first;
        while month <= last {
            verify_month(&mut tx, month, &mut verification).await?;
            month = month.next();
        }
        tx.rollback().await?;
        verification.ok = verification.differences.is_empty();
        Ok(verification)
    }
}

/// The first and last month of which there is anything.
async fn months(tx: &mut Tx) -> Result<Option<(Month, Month)>, StoreError> {
    let (from, to, rolled_from, rolled_to): (Option<i64>, Option<i64>, Option<i64>, Option<i64>) = in_tx!(tx, db => {
        sqlx::query_as(
            "SELECT (SELECT MIN(ts) FROM event), (SELECT MAX(ts) FROM event), \
             (SELECT MIN(m) FROM (SELECT MIN(bucket) AS m FROM spend_month UNION ALL SELECT MIN(month) FROM spend_delta) AS a), \
             (SELECT MAX(m) FROM (SELECT MAX(bucket) AS m FROM spend_month UNION ALL SELECT MAX(month) FROM spend_delta) AS b)",
        )
        .fetch_one(db)
        .await
    })?;
    let month = |time: i64| mete_core::Timestamp(time).month();
    let first = [from.map(month), rolled_from.and_then(Month::from_yyyymm)].into_iter().flatten().min();
    let last = [to.map(month), rolled_to.and_then(Month::from_yyyymm)].into_iter().flatten().max();
    Ok(first.zip(last))
}

async fn verify_month(tx: &mut Tx, month: Month, verification: &mut Verification) -> Result<(), StoreError> {
    let (start, end) = (month.start().0, month.end().0);
    let mut events = sums(tx, EVENTS, (start, end - 1)).await?;
    verification.events += events.values().map(|sum| sum.0).sum::<i64>();
    for (project, (requests, cost)) in sums(tx, CORRECTIONS, (start, end - 1)).await? {
        let sum = events.entry(project).or_default();
        sum.0 += requests;
        sum.1 = sum.1.saturating_add(cost);
    }
    if !events.is_empty() {
        verification.months += 1;
    }
    verification.total += events.values().map(|sum| Nanos(sum.1)).sum::<Nanos>();
    let rollups = [
        ("month", MONTHS, (month.yyyymm(), month.yyyymm())),
        ("day", DAYS, (start / DAY, (end - 1) / DAY)),
        ("hour", HOURS, (start / HOUR, (end - 1) / HOUR)),
    ];
    for (rollup, sql, span) in rollups {
        let shown = sums(tx, sql, span).await?;
        let projects: std::collections::BTreeSet<_> = events.keys().chain(shown.keys()).collect();
        for project in projects {
            let kept = events.get(project).copied().unwrap_or_default();
            let summed = shown.get(project).copied().unwrap_or_default();
            if kept != summed {
                verification.differences.push(Difference {
                    project_id: project.clone(),
                    month,
                    rollup,
                    events: Nanos(kept.1),
                    shown: Nanos(summed.1),
                    event_requests: kept.0,
                    shown_requests: summed.0,
                });
            }
        }
    }
    Ok(())
}

async fn sums(tx: &mut Tx, sql: &'static str, (from, to): (i64, i64)) -> Result<Sums, StoreError> {
    let rows: Vec<(String, i64, i64)> = in_tx!(tx, db => sqlx::query_as(sql).bind(from).bind(to).fetch_all(db).await)?;
    Ok(rows.into_iter().map(|(project, requests, cost)| (project, (requests, cost))).collect())
}

macro_rules! by_project {
    ($parts:literal) => {
        concat!(
            "SELECT g.project_id, CAST(SUM(e.requests) AS BIGINT), CAST(SUM(e.cost) AS BIGINT) FROM (",
            $parts,
            ") AS e JOIN series g ON g.num = e.series GROUP BY g.project_id"
        )
    };
}

const EVENTS: &str = by_project!(
    "SELECT series, COUNT(*) AS requests, SUM(cost) AS cost FROM event WHERE ts BETWEEN $1 AND $2 GROUP BY series"
);
const CORRECTIONS: &str = by_project!("SELECT series, requests, cost FROM correction WHERE ts BETWEEN $1 AND $2");
const MONTHS: &str = by_project!(
    "SELECT series, requests, cost FROM spend_month WHERE bucket BETWEEN $1 AND $2 \
     UNION ALL SELECT series, requests, cost FROM spend_delta WHERE month BETWEEN $1 AND $2"
);
const DAYS: &str = by_project!(
    "SELECT series, requests, cost FROM spend_day WHERE bucket BETWEEN $1 AND $2 \
     UNION ALL SELECT series, requests, cost FROM spend_delta WHERE hour / 24 BETWEEN $1 AND $2"
);
const HOURS: &str = by_project!(
    "SELECT series, requests, cost FROM spend_hour WHERE bucket BETWEEN $1 AND $2 \
     UNION ALL SELECT series, requests, cost FROM spend_delta WHERE hour BETWEEN $1 AND $2"
);
