//! The proof of R31 on the store at hand: the events kept, every roll-up, the spend and the bytes that are shown agree.

mod scopes;

use std::collections::{BTreeMap, BTreeSet};

use mete_core::time::{DAY, HOUR};
use mete_core::{Month, Nanos};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::boxed;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::ledger::PackedSums;
use crate::{Store, Tx};

/// A project and month in which the sums differ. Amounts are dollars, counts requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The project's id; of a roll-up by scope it may be an organization's, or `all`.
    pub project_id: String,
    /// The month.
    pub month: Month,
    /// Which roll-up differs: `month`, `day` or `hour`, one of those by scope, or one of shares.
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

/// A project whose stored bytes differ (R28): stored less freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ByteDifference {
    /// The project's id.
    pub project_id: String,
    /// The sum of the events kept, corrections included.
    pub events: i64,
    /// The total that the quota is held against.
    pub shown: i64,
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
    /// Those of them whose events are not kept any more: their seals were compared instead.
    pub sealed_months: usize,
    /// Where the sums differ.
    pub differences: Vec<Difference>,
    /// Where the stored bytes differ.
    pub byte_differences: Vec<ByteDifference>,
}

/// Requests and cost by the project's id.
pub(crate) type Sums = BTreeMap<String, (i64, i64)>;

/// What the events of a month come to.
#[derive(Default)]
pub(crate) struct MonthSums {
    /// Events that are kept, and their corrections.
    pub(crate) events: i64,
    pub(crate) corrections: i64,
    /// Corrections included.
    pub(crate) by_project: Sums,
    /// Bytes stored less bytes freed, by the project's id.
    pub(crate) bytes: BTreeMap<String, i64>,
}

impl MonthSums {
    /// From the events themselves.
    pub(crate) async fn of_events(tx: &mut Tx, month: Month) -> Result<Self, StoreError> {
        let span = (month.start().0, month.end().0 - 1);
        let mut packed = PackedSums::default();
        let mut month_sums = Self { by_project: sums(tx, EVENTS, span).await?, ..Self::default() };
        month_sums.add(packed.of_month(tx, month).await?);
        month_sums.events = month_sums.by_project.values().map(|sum| sum.0).sum();
        month_sums.add(sums(tx, CORRECTIONS, span).await?);
        month_sums.bytes = bytes_of_rows(tx, span).await?;
        for (project, bytes) in packed.bytes() {
            *month_sums.bytes.entry(project.clone()).or_default() += bytes;
        }
        (month_sums.corrections,) = in_tx!(tx, db => {
            sqlx::query_as("SELECT CAST(COUNT(*) AS BIGINT) FROM correction WHERE ts BETWEEN $1 AND $2")
                .bind(span.0)
                .bind(span.1)
                .fetch_one(db)
                .await
        })?;
        Ok(month_sums)
    }

    /// From the seal of a month whose events are not kept any more.
    async fn of_seal(tx: &mut Tx, month: Month) -> Result<Self, StoreError> {
        let mut month_sums = Self::default();
        for (project, (requests, cost, bytes)) in tx.sealed(month).await? {
            month_sums.bytes.insert(project.clone(), bytes);
            month_sums.by_project.insert(project, (requests, cost));
        }
        Ok(month_sums)
    }

    fn add(&mut self, sums: Sums) {
        for (project, (requests, cost)) in sums {
            let sum = self.by_project.entry(project).or_default();
            sum.0 += requests;
            sum.1 = sum.1.saturating_add(cost);
        }
    }
}

/// What is shown of a month: its roll-up, and what is not folded into it yet.
pub(crate) async fn shown_by_month(tx: &mut Tx, month: Month) -> Result<Sums, StoreError> {
    sums(tx, MONTHS, (month.yyyymm(), month.yyyymm())).await
}

impl Store {
    /// Compares, per project and month, the events kept with each roll-up, and per project the stored bytes, in one
    /// snapshot of the store.
    ///
    /// # Errors
    /// When the store cannot be read. Differences are no error but the result.
    #[boxed]
    pub async fn verify(&self) -> Result<Verification, StoreError> {
        let mut tx = self.begin_reading().await?;
        let mut verification = Verification {
            ok: true,
            events: 0,
            total: Nanos::ZERO,
            months: 0,
            sealed_months: 0,
            differences: Vec::new(),
            byte_differences: Vec::new(),
        };
        let closed = tx.closed_through().await?;
        let mut bytes: BTreeMap<String, i64> = BTreeMap::new();
        if let Some((first, last)) = months(&mut tx).await? {
            let mut month = first;
            while month <= last {
                let is_sealed = closed.is_some_and(|closed| month <= closed);
                let of_month = verify_month(&mut tx, month, is_sealed, &mut verification).await?;
                for (project, of_project) in of_month {
                    *bytes.entry(project).or_default() += of_project;
                }
                month = month.next();
            }
        }
        verification.byte_differences = byte_differences(&mut tx, bytes).await?;
        tx.rollback().await?;
        verification.ok = verification.differences.is_empty() && verification.byte_differences.is_empty();
        Ok(verification)
    }
}

/// The first and last month of which there is anything.
async fn months(tx: &mut Tx) -> Result<Option<(Month, Month)>, StoreError> {
    let (from, to, rolled_from, rolled_to): (Option<i64>, Option<i64>, Option<i64>, Option<i64>) = in_tx!(tx, db => {
        sqlx::query_as(
            "SELECT (SELECT MIN(m) FROM (SELECT MIN(ts) AS m FROM event UNION ALL SELECT MIN(min_ts) FROM segment) AS e), \
             (SELECT MAX(m) FROM (SELECT MAX(ts) AS m FROM event UNION ALL SELECT MAX(max_ts) FROM segment) AS f), \
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

/// Compares a month with its roll-ups; tells its stored bytes by project.
async fn verify_month(
    tx: &mut Tx,
    month: Month,
    is_sealed: bool,
    verification: &mut Verification,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let (start, end) = (month.start().0, month.end().0);
    let MonthSums { events: kept, by_project: events, bytes, .. } =
        if is_sealed { MonthSums::of_seal(tx, month).await? } else { MonthSums::of_events(tx, month).await? };
    verification.events += kept;
    if !events.is_empty() {
        verification.months += 1;
        verification.sealed_months += usize::from(is_sealed);
    }
    verification.total += events.values().map(|sum| Nanos(sum.1)).sum::<Nanos>();
    let rollups = [
        ("month", MONTHS, (month.yyyymm(), month.yyyymm())),
        ("day", DAYS, (start / DAY, (end - 1) / DAY)),
        ("hour", HOURS, (start / HOUR, (end - 1) / HOUR)),
    ];
    for (rollup, sql, span) in rollups {
        let shown = sums(tx, sql, span).await?;
        verification.differences.extend(differences((month, rollup), &events, &shown));
    }
    verification.differences.extend(scopes::differences(tx, month, &events).await?);
    Ok(bytes)
}

/// Where what is shown in a roll-up is not what the events come to.
fn differences((month, rollup): (Month, &'static str), events: &Sums, shown: &Sums) -> Vec<Difference> {
    let ids: BTreeSet<_> = events.keys().chain(shown.keys()).collect();
    let of = |sums: &Sums, id: &String| sums.get(id).copied().unwrap_or_default();
    let differing = ids.into_iter().map(|id| (id, of(events, id), of(shown, id))).filter(|(_, kept, sum)| kept != sum);
    let difference = |(id, kept, summed): (&String, (i64, i64), (i64, i64))| Difference {
        project_id: id.clone(),
        month,
        rollup,
        events: Nanos(kept.1),
        shown: Nanos(summed.1),
        event_requests: kept.0,
        shown_requests: summed.0,
    };
    differing.map(difference).collect()
}

async fn sums(tx: &mut Tx, sql: &'static str, (from, to): (i64, i64)) -> Result<Sums, StoreError> {
    let rows: Vec<(String, i64, i64)> = in_tx!(tx, db => sqlx::query_as(sql).bind(from).bind(to).fetch_all(db).await)?;
    Ok(rows.into_iter().map(|(project, requests, cost)| (project, (requests, cost))).collect())
}

/// The stored bytes of events that are rows, and of corrected ones wherever they are, by project. An event's bytes are
/// those of its last state.
async fn bytes_of_rows(tx: &mut Tx, (from, to): (i64, i64)) -> Result<BTreeMap<String, i64>, StoreError> {
    let json = match tx {
        Tx::Sqlite(_) => "",
        Tx::Postgres(_) => "::json",
    };
    let sql = format!(
        "SELECT g.project_id, CAST(SUM(CAST(e.extra{json} ->> 'bytes' AS BIGINT)) AS BIGINT) FROM ({LAST_STATES}) AS e \
         JOIN series g ON g.num = e.series GROUP BY g.project_id"
    );
    let rows: Vec<(String, Option<i64>)> = in_tx!(tx, db => {
        sqlx::query_as(AssertSqlSafe(sql)).bind(from).bind(to).fetch_all(db).await
    })?;
    Ok(rows.into_iter().map(|(project, bytes)| (project, bytes.unwrap_or_default())).collect())
}

/// The projects whose total of stored bytes is not that of their events.
async fn byte_differences(tx: &mut Tx, events: BTreeMap<String, i64>) -> Result<Vec<ByteDifference>, StoreError> {
    let shown: Vec<(String, i64)> = in_tx!(tx, db => {
        sqlx::query_as("SELECT p.id, b.bytes FROM project_bytes b JOIN project p ON p.num = b.project")
            .fetch_all(db)
            .await
    })?;
    let mut sums: Sums = events.into_iter().map(|(project, bytes)| (project, (bytes, 0))).collect();
    for (project, bytes) in shown {
        sums.entry(project).or_default().1 = bytes;
    }
    let differing = sums.into_iter().filter(|(_, (events, shown))| events != shown);
    Ok(differing.map(|(project_id, (events, shown))| ByteDifference { project_id, events, shown }).collect())
}

/// What events say beside their columns, after their last correction. Few have any of it.
const LAST_STATES: &str = "SELECT series, extra FROM event WHERE ts BETWEEN $1 AND $2 AND extra IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM correction c WHERE c.ts = event.ts AND c.id = event.id) \
     UNION ALL SELECT series, extra FROM correction c WHERE ts BETWEEN $1 AND $2 AND extra IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM correction later WHERE later.ts = c.ts AND later.id = c.id AND later.seq > c.seq)";

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

#[cfg(test)]
mod tests {
    use mete_tests::{TestStore, each_engine};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    each_engine! {
        async fn stored_bytes_without_their_events_are_a_difference(place: &TestStore) -> anyhow::Result<()> {
            let store = Store::create(&place.url().parse()?, &mut StdRng::seed_from_u64(1)).await?;
            assert!(store.verify().await?.ok);
            let mut tx = store.begin().await?;
            for sql in [
                "INSERT INTO project (id, num, organization_id, name, name_key, status, is_default, created_at) \
                 VALUES ('proj_1', 1, 'org-1', 'One', 'one', 'active', TRUE, 0)",
                "INSERT INTO project_bytes (project, bytes) VALUES (1, 700)",
            ] {
                in_tx!(&mut tx, db => sqlx::query(sql).execute(db).await.map(drop))?;
            }
            tx.commit().await?;
            let verification = store.verify().await?;
            let difference = ByteDifference { project_id: "proj_1".into(), events: 0, shown: 700 };
            assert_eq!((verification.ok, verification.byte_differences), (false, vec![difference]));
            Ok(())
        }
    }
}
