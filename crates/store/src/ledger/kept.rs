//! Reading kept events by id: from the segments and rows in which the index says that they may be.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt::Write;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use mete_core::time::MINUTE;

use super::recent::{self, Home};
use super::segment::{self, EventRow, ID, Numbers};
use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// How many ids are looked up in one statement.
const LOOKUP: usize = 100;

/// How many segments are kept unpacked: a log that is read again meets the same ones for a while.
const UNPACKED: usize = 8;

/// Event ids are hashes already.
#[derive(Default)]
pub(super) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_i64(&mut self, number: i64) {
        self.0 = number.cast_unsigned();
    }
}

/// A map by event id.
pub(super) type ById<V> = HashMap<i64, V, BuildHasherDefault<AlreadyHashed>>;

/// Ids that may be kept in each home.
pub(super) type Candidates = BTreeMap<Home, HashSet<i64, BuildHasherDefault<AlreadyHashed>>>;

/// Segments that were looked into lately.
#[derive(Default)]
pub(super) struct Unpacked(VecDeque<(i64, Arc<[EventRow]>)>);

impl Unpacked {
    /// The events with these ids, as they were booked at first.
    pub(super) async fn find(&mut self, tx: &mut Tx, candidates: &Candidates) -> Result<Vec<EventRow>, StoreError> {
        let mut found = Vec::new();
        for (home, ids) in candidates {
            match home {
                Home::Segment(number) => {
                    let rows = self.segment(tx, *number).await?;
                    found.extend(rows.iter().filter(|row| ids.contains(&row.numbers[ID])).cloned());
                }
                Home::Minute(minute) => {
                    let ids: Vec<i64> = ids.iter().copied().collect();
                    for chunk in ids.chunks(LOOKUP) {
                        found.extend(rows_of_minute(tx, *minute, chunk).await?);
                    }
                }
            }
        }
        Ok(found)
    }

    async fn segment(&mut self, tx: &mut Tx, number: i64) -> Result<Arc<[EventRow]>, StoreError> {
        if let Some((_, rows)) = self.0.iter().find(|(known, _)| *known == number) {
            return Ok(Arc::clone(rows));
        }
        let body = recent::body(tx, number).await?;
        let rows: Arc<[EventRow]> = body.as_deref().map(segment::unpack).transpose()?.unwrap_or_default().into();
        if self.0.len() >= UNPACKED {
            self.0.pop_front();
        }
        self.0.push_back((number, Arc::clone(&rows)));
        Ok(rows)
    }
}

/// An event's row as the engines give it.
#[derive(sqlx::FromRow)]
pub(super) struct EventRecord {
    ts: i64,
    id: i64,
    series: i64,
    input: i64,
    cached_input: i64,
    cache_write: i64,
    output: i64,
    reasoning: i64,
    cost: i64,
    rating: i64,
    extra: Option<String>,
}

impl From<EventRecord> for EventRow {
    fn from(record: EventRecord) -> Self {
        let EventRecord { ts, id, series, input, cached_input, cache_write, output, reasoning, cost, rating, extra } =
            record;
        let numbers: Numbers = [ts, id, series, input, cached_input, cache_write, output, reasoning, cost, rating];
        Self { numbers, extra: extra.map(String::into_boxed_str) }
    }
}

/// The columns of [`EventRecord`].
pub(super) const COLUMNS: &str =
    "ts, id, series, input, cached_input, cache_write, output, reasoning, cost, rating, extra";

static OF_MINUTE: LazyLock<String> = LazyLock::new(|| {
    let mut text = format!("SELECT {COLUMNS} FROM event WHERE ts BETWEEN $1 AND $2 AND id IN (");
    for number in 0..LOOKUP {
        let comma = if number == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}${}", number + 3);
    }
    text + ")"
});

async fn rows_of_minute(tx: &mut Tx, minute: i64, ids: &[i64]) -> Result<Vec<EventRow>, StoreError> {
    // A fixed number of parameters is one prepared statement: the last id fills it up.
    let filler = ids.last().into_iter().cycle();
    let padded = ids.iter().chain(filler).take(LOOKUP);
    let records: Vec<EventRecord> = in_tx!(tx, db => {
        let mut query = sqlx::query_as(OF_MINUTE.as_str()).bind(minute * MINUTE).bind((minute + 1) * MINUTE - 1);
        for id in padded {
            query = query.bind(*id);
        }
        query.fetch_all(db).await
    })?;
    Ok(records.into_iter().map(EventRow::from).collect())
}
