//! What segments come to, for the proof that events and sums agree.

use std::collections::{BTreeMap, HashMap, HashSet};

use mete_core::Month;
use serde::Deserialize;

use super::segment::{self, CACHED_INPUT, COST, ID, INPUT, OUTPUT, SERIES, TS};
use crate::Tx;
use crate::as_of::SeriesSums;
use crate::db::in_tx;
use crate::error::StoreError;

/// How many segments are read at once.
const AT_ONCE: i64 = 16;

/// Sums over events in segments, by the projects' ids.
#[derive(Default)]
pub(crate) struct PackedSums {
    /// The project of each series.
    projects: HashMap<i64, String>,
    /// Bytes stored less bytes freed, of all months summed so far; those of an event that was corrected are its last
    /// correction's, and not counted here.
    bytes: BTreeMap<String, i64>,
}

/// The part of an event's extra that is summed.
#[derive(Deserialize)]
struct Bytes {
    #[serde(default)]
    bytes: i64,
}

/// What the events in segments come to that are of a span of time, its ends included.
pub(crate) async fn packed_sums_between(tx: &mut Tx, from: i64, to: i64) -> Result<SeriesSums, StoreError> {
    let mut sums = SeriesSums::new();
    let mut last = i64::MIN;
    loop {
        let segments: Vec<(i64, Vec<u8>)> = in_tx!(tx, db => {
            sqlx::query_as(
                "SELECT num, body FROM segment WHERE max_ts >= $1 AND min_ts <= $2 AND num > $3 ORDER BY num LIMIT $4",
            )
            .bind(from)
            .bind(to)
            .bind(last)
            .bind(AT_ONCE)
            .fetch_all(db)
            .await
        })?;
        let Some(end) = segments.last() else { return Ok(sums) };
        last = end.0;
        for (_, body) in segments {
            let rows = segment::unpack(&body)?;
            for row in rows.iter().filter(|row| (from..=to).contains(&row.numbers[TS])) {
                let of_series = sums.entry(row.numbers[SERIES]).or_default();
                let [input, cached, output, cost] = [INPUT, CACHED_INPUT, OUTPUT, COST].map(|at| row.numbers[at]);
                for (sum, more) in of_series.iter_mut().zip([1, input, cached, output, cost]) {
                    *sum = sum.saturating_add(more);
                }
            }
        }
    }
}

impl PackedSums {
    /// Requests and cost of a month's segments. Each is also compared with the sum that was written beside it.
    pub(crate) async fn of_month(
        &mut self,
        tx: &mut Tx,
        month: Month,
    ) -> Result<BTreeMap<String, (i64, i64)>, StoreError> {
        let mut by_series: HashMap<i64, (i64, i64)> = HashMap::new();
        let mut stored: Vec<(i64, i64, i64, i64)> = Vec::new();
        let mut last = i64::MIN;
        loop {
            let segments: Vec<(i64, i64, i64, Vec<u8>)> = in_tx!(tx, db => {
                sqlx::query_as(
                    "SELECT num, events, cost, body FROM segment WHERE month = $1 AND num > $2 ORDER BY num LIMIT $3",
                )
                .bind(month.yyyymm())
                .bind(last)
                .bind(AT_ONCE)
                .fetch_all(db)
                .await
            })?;
            let Some(end) = segments.last() else { break };
            last = end.0;
            for (number, events, cost, body) in segments {
                let rows = segment::unpack(&body)?;
                let mut sum = 0_i64;
                for row in &rows {
                    let of_series = by_series.entry(row.numbers[SERIES]).or_default();
                    of_series.0 += 1;
                    of_series.1 = of_series.1.saturating_add(row.numbers[COST]);
                    sum = sum.saturating_add(row.numbers[COST]);
                    if let Some(extra) = &row.extra {
                        let bytes: Bytes = serde_json::from_str(extra)
                            .map_err(|error| StoreError::Corrupt(format!("the event extra {extra:?} ({error})")))?;
                        stored.push((row.numbers[TS], row.numbers[ID], row.numbers[SERIES], bytes.bytes));
                    }
                }
                if (i64::try_from(rows.len()).ok(), sum) != (Some(events), cost) {
                    return Err(StoreError::Corrupt(format!(
                        "the segment {number}, whose events are not what it says"
                    )));
                }
            }
        }
        stored.retain(|event| event.3 != 0);
        self.add_bytes(tx, month, &stored).await?;
        let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (series, (requests, cost)) in by_series {
            let sum = sums.entry(self.project(tx, series).await?).or_default();
            sum.0 += requests;
            sum.1 = sum.1.saturating_add(cost);
        }
        Ok(sums)
    }

    /// Stored bytes by project.
    pub(crate) const fn bytes(&self) -> &BTreeMap<String, i64> {
        &self.bytes
    }

    async fn add_bytes(
        &mut self,
        tx: &mut Tx,
        month: Month,
        stored: &[(i64, i64, i64, i64)],
    ) -> Result<(), StoreError> {
        if stored.is_empty() {
            return Ok(());
        }
        let corrected: Vec<(i64, i64)> = in_tx!(tx, db => {
            sqlx::query_as("SELECT DISTINCT ts, id FROM correction WHERE ts BETWEEN $1 AND $2")
                .bind(month.start().0)
                .bind(month.end().0 - 1)
                .fetch_all(db)
                .await
        })?;
        let corrected: HashSet<(i64, i64)> = corrected.into_iter().collect();
        for (_, _, series, bytes) in stored.iter().filter(|event| !corrected.contains(&(event.0, event.1))) {
            let project = self.project(tx, *series).await?;
            *self.bytes.entry(project).or_default() += bytes;
        }
        Ok(())
    }

    async fn project(&mut self, tx: &mut Tx, series: i64) -> Result<String, StoreError> {
        if self.projects.is_empty() {
            let rows: Vec<(i64, String)> =
                in_tx!(tx, db => sqlx::query_as("SELECT num, project_id FROM series").fetch_all(db).await)?;
            self.projects.extend(rows);
        }
        let project = self.projects.get(&series).cloned();
        project.ok_or_else(|| StoreError::Corrupt(format!("an event of the unknown series {series}")))
    }
}
