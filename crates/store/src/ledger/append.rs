//! Writing a batch's events, corrections and sums.

use std::sync::LazyLock;

use mete_core::{IdHasher, Nanos};

use super::segment::{COST, EventRow, TS};
use super::work::{NewSegment, Work};
use crate::Tx;
use crate::bulk::BulkInsert;
use crate::db::in_tx;
use crate::error::StoreError;

const EVENT_NUMBERS: [&str; 10] =
    ["ts", "id", "series", "input", "cached_input", "cache_write", "output", "reasoning", "cost", "rating"];
const CORRECTION_NUMBERS: [&str; 13] = [
    "ts",
    "id",
    "seq",
    "copy_ts",
    "series",
    "requests",
    "input",
    "cached_input",
    "cache_write",
    "output",
    "reasoning",
    "cost",
    "rating",
];
const DELTA_NUMBERS: [&str; 9] =
    ["hour", "month", "project", "series", "requests", "input", "cached_input", "output", "cost"];

static EVENTS: LazyLock<BulkInsert> = LazyLock::new(|| BulkInsert::new("event", &EVENT_NUMBERS, None));
static EVENTS_EXTRA: LazyLock<BulkInsert> = LazyLock::new(|| BulkInsert::new("event", &EVENT_NUMBERS, Some("extra")));
static CORRECTIONS: LazyLock<BulkInsert> = LazyLock::new(|| BulkInsert::new("correction", &CORRECTION_NUMBERS, None));
static CORRECTIONS_EXTRA: LazyLock<BulkInsert> =
    LazyLock::new(|| BulkInsert::new("correction", &CORRECTION_NUMBERS, Some("extra")));
static DELTAS: LazyLock<BulkInsert> = LazyLock::new(|| BulkInsert::new("spend_delta", &DELTA_NUMBERS, None));

/// Writes the sums. They have no key, so that no other writer ever waits for them.
pub(super) async fn append_sums(tx: &mut Tx, work: &Work) -> Result<(), StoreError> {
    DELTAS.run(tx, &work.delta_rows(), &[]).await
}

/// Writes the events that are rows, and the corrections.
///
/// In the writer's turn only: whoever writes the same keys waits for the one who did first, and if that one waited for
/// its turn, neither would ever go on.
pub(super) async fn append_rows(tx: &mut Tx, rows: &[EventRow], work: &mut Work) -> Result<(), StoreError> {
    let events = rows.iter().map(|row| (row.numbers, row.extra.as_deref().map(str::to_owned))).collect();
    write(tx, events, (&EVENTS, &EVENTS_EXTRA)).await?;
    write(tx, std::mem::take(&mut work.corrections), (&CORRECTIONS, &CORRECTIONS_EXTRA)).await
}

/// Writes rows in key order, which keeps the pages of the table together; those with a text beside them apart.
async fn write<const N: usize>(
    tx: &mut Tx,
    mut rows: Vec<([i64; N], Option<String>)>,
    (plain, with_text): (&'static BulkInsert, &'static BulkInsert),
) -> Result<(), StoreError> {
    rows.sort_unstable();
    let numbers: Vec<[i64; N]> = rows.iter().filter(|row| row.1.is_none()).map(|row| row.0).collect();
    plain.run(tx, &numbers, &[]).await?;
    let texts = rows.into_iter().filter_map(|(numbers, text)| Some((numbers, text?)));
    let (numbers, texts): (Vec<_>, Vec<_>) = texts.unzip();
    with_text.run(tx, &numbers, &texts).await
}

/// Writes a segment as part of the commit `version`. Tells its number, which follows from what is in it: the same events
/// are never written twice.
pub(super) async fn write_segment(
    tx: &mut Tx,
    hasher: IdHasher,
    version: i64,
    segment: &NewSegment,
) -> Result<i64, StoreError> {
    let number = hasher.hash(&[b"segment", &segment.body]);
    let (first, last) = (segment.rows.first(), segment.rows.last());
    let time = |row: Option<&EventRow>| row.map_or(0, |row| row.numbers[TS]);
    let cost: Nanos = segment.rows.iter().map(|row| Nanos(row.numbers[COST])).sum();
    in_tx!(tx, db => {
        sqlx::query(
            "INSERT INTO segment (num, version, month, min_ts, max_ts, events, cost, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(number)
        .bind(version)
        .bind(segment.month.yyyymm())
        .bind(time(first))
        .bind(time(last))
        .bind(i64::try_from(segment.rows.len()).unwrap_or(i64::MAX))
        .bind(cost.0)
        .bind(segment.body.as_slice())
        .execute(db)
        .await
        .map(drop)
    })?;
    Ok(number)
}
