//! Events as they are kept now, and correcting entries that make them cost something else (R35).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use mete_core::{EventId, Month, Nanos, Rating, Series, Timestamp, Usage};
use sqlx::QueryBuilder;

use super::append::append_sums;
use super::classify::{self, Booked, Correction};
use super::commit::VERSION;
use super::intern::Interned;
use super::kept::{COLUMNS, EventRecord};
use super::segment::{self, EventRow, ID, TS};
use super::work::{Packed, Work};
use super::{Ledger, Outcome, TRIES, Tally};
use crate::boxed;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::{Store, Tx};

/// How many correcting entries are written in one statement.
const AT_ONCE: usize = 200;

/// An event that is kept, with its corrections applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// When it is booked.
    pub time: Timestamp,
    /// Its id.
    pub id: EventId,
    /// Whom and what it counts for.
    pub series: Arc<Series>,
    /// What it used.
    pub usage: Usage,
    /// What it costs.
    pub cost: Nanos,
    /// How it is rated now.
    pub rating: Arc<Rating>,
}

/// Where a walk through a month's events is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind the segment with this number; rows come after all segments.
    Segment(i64),
    /// Behind the row of this time and id.
    Row(i64, i64),
}

/// Some of a month's events.
#[derive(Clone, Debug, Default)]
pub struct KeptPage {
    /// They, in no order that means anything.
    pub events: Vec<KeptEvent>,
    /// Where the next page begins; `None` if there is none.
    pub next: Option<Place>,
}

/// An event whose last correction is a run's.
#[derive(Clone, Debug)]
pub struct RunEvent {
    /// The event as it is now.
    pub event: KeptEvent,
    /// By how much the run made it cost more.
    pub difference: Nanos,
    /// How it was rated before the run.
    pub rating_before: Arc<Rating>,
}

/// What an event is to cost.
#[derive(Clone, Debug)]
pub struct NewCost {
    /// When it is booked.
    pub time: Timestamp,
    /// Its id.
    pub id: EventId,
    /// What it cost when the new cost was found.
    pub was: Nanos,
    /// What it had used when the new cost was found.
    pub usage: Usage,
    /// What it is to cost.
    pub cost: Nanos,
    /// How it is rated then.
    pub rating: Arc<Rating>,
}

/// What correcting costs did.
#[derive(Clone, Debug, Default)]
pub struct Rerated {
    /// The new totals, and the alerts that were raised.
    pub outcome: Outcome,
    /// Events that are not what they were when their new cost was found: nothing was booked on them.
    pub moved: Vec<EventId>,
}

impl Store {
    /// Some of the events of a month: those of one segment, or at most `limit` that are rows. Begin without a place and
    /// go on with the one of the page.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn kept_events(&self, month: Month, after: Option<Place>, limit: usize) -> Result<KeptPage, StoreError> {
        let mut tx = self.begin_reading().await?;
        if tx.closed_through().await?.is_some_and(|closed| month <= closed) {
            return Err(StoreError::Conflict(format!("the events of {month} are no longer kept: only their sums are")));
        }
        let page = page(&mut tx, month, after, limit).await?;
        let events = match &page {
            Some((rows, _)) => kept(&mut tx, rows).await?,
            None => Vec::new(),
        };
        tx.rollback().await?;
        Ok(KeptPage { events, next: page.map(|(_, place)| place) })
    }

    /// The events whose last correction is one of `run`, after the one of `after`, at most `limit`, in the order of their
    /// times and ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn rerated_events(
        &self,
        run: &str,
        after: Option<(Timestamp, EventId)>,
        limit: usize,
    ) -> Result<Vec<RunEvent>, StoreError> {
        let (time, id) = after.map_or((i64::MIN, 0), |(time, id)| (time.0, id.0));
        let mut tx = self.begin_reading().await?;
        let keys: Vec<(i64, i64)> = in_tx!(&mut tx, db => {
            sqlx::query_as(
                "SELECT c.ts, c.id FROM correction c WHERE c.run = $1 AND c.run <> '' \
                 AND (c.ts > $2 OR (c.ts = $2 AND c.id > $3)) AND NOT EXISTS \
                 (SELECT 1 FROM correction l WHERE l.ts = c.ts AND l.id = c.id AND l.seq > c.seq) \
                 ORDER BY c.ts, c.id LIMIT $4",
            )
            .bind(run)
            .bind(time)
            .bind(id)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(db)
            .await
        })?;
        let rows = find(&mut tx, &keys).await?;
        let mut interned = Interned::default();
        let mut events = Vec::with_capacity(keys.len());
        for event in kept(&mut tx, &rows).await? {
            let entries: Vec<(i64, i64, String)> = in_tx!(&mut tx, db => {
                sqlx::query_as("SELECT cost, rating, run FROM correction WHERE ts = $1 AND id = $2 ORDER BY seq")
                    .bind(event.time.0)
                    .bind(event.id.0)
                    .fetch_all(db)
                    .await
            })?;
            let difference = entries.iter().filter(|entry| entry.2 == run).map(|entry| Nanos(entry.0)).sum();
            let before = match entries.iter().rev().find(|entry| entry.2 != run) {
                Some(entry) => entry.1,
                None => rows.iter().find(|row| is(row, &event)).map_or(0, |row| row.numbers[segment::RATING]),
            };
            let rating_before = interned.rating_numbered(&mut tx, before).await?;
            events.push(RunEvent { event, difference, rating_before });
        }
        tx.rollback().await?;
        Ok(events)
    }
}

fn is(row: &EventRow, event: &KeptEvent) -> bool {
    (row.numbers[TS], row.numbers[ID]) == (event.time.0, event.id.0)
}

/// The next rows of a month as they were booked at first, and where they end.
async fn page(
    tx: &mut Tx,
    month: Month,
    after: Option<Place>,
    limit: usize,
) -> Result<Option<(Vec<EventRow>, Place)>, StoreError> {
    let (segment, row) = match after {
        None => (Some(i64::MIN), (i64::MIN, 0)),
        Some(Place::Segment(number)) => (Some(number), (i64::MIN, 0)),
        Some(Place::Row(time, id)) => (None, (time, id)),
    };
    if let Some(number) = segment {
        let next: Option<(i64, Vec<u8>)> = in_tx!(tx, db => {
            sqlx::query_as("SELECT num, body FROM segment WHERE month = $1 AND num > $2 ORDER BY num LIMIT 1")
                .bind(month.yyyymm())
                .bind(number)
                .fetch_optional(db)
                .await
        })?;
        if let Some((number, body)) = next {
            return Ok(Some((segment::unpack(&body)?, Place::Segment(number))));
        }
    }
    let records: Vec<EventRecord> = in_tx!(tx, db => {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM event WHERE ts >= $1 AND ts < $2 AND (ts > $3 OR (ts = $3 AND id > $4)) \
             ORDER BY ts, id LIMIT $5"
        )))
        .bind(month.start().0)
        .bind(month.end().0)
        .bind(row.0)
        .bind(row.1)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(db)
        .await
    })?;
    let rows: Vec<EventRow> = records.into_iter().map(EventRow::from).collect();
    let last = rows.last().map(|row| Place::Row(row.numbers[TS], row.numbers[ID]));
    Ok(last.map(|place| (rows, place)))
}

/// Events with their corrections applied, in the order of `rows`.
pub(super) async fn kept(tx: &mut Tx, rows: &[EventRow]) -> Result<Vec<KeptEvent>, StoreError> {
    let mut interned = Interned::default();
    let booked = classify::load(tx, &mut interned, rows).await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let (time, id) = (Timestamp(row.numbers[TS]), EventId(row.numbers[ID]));
        let event = booked.get(&id.0).into_iter().flatten().find(|event| event.time() == time);
        let Some((usage, cost, series, rating)) = event.map(Booked::state) else { continue };
        let (series, rating) = (Arc::clone(series), interned.rating_numbered(tx, rating).await?);
        events.push(KeptEvent { time, id, series, usage, cost, rating });
    }
    Ok(events)
}

/// The events with these times and ids, as they were booked at first, wherever they are kept.
async fn find(tx: &mut Tx, keys: &[(i64, i64)]) -> Result<Vec<EventRow>, StoreError> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
    let wanted: BTreeSet<(i64, i64)> = keys.iter().copied().collect();
    let mut found: Vec<EventRow> = Vec::with_capacity(keys.len());
    let segments: Vec<(i64, i64, i64)> = in_tx!(tx, db => {
        sqlx::query_as("SELECT num, min_ts, max_ts FROM segment WHERE max_ts >= $1 AND min_ts <= $2")
            .bind(first.0)
            .bind(last.0)
            .fetch_all(db)
            .await
    })?;
    for (number, from, to) in segments {
        if found.len() < wanted.len() && wanted.range((from, i64::MIN)..=(to, i64::MAX)).next().is_some() {
            let body = super::recent::body(tx, number).await?;
            let rows = body.as_deref().map(segment::unpack).transpose()?.unwrap_or_default();
            found.extend(rows.into_iter().filter(|row| wanted.contains(&(row.numbers[TS], row.numbers[ID]))));
        }
    }
    for (time, id) in &wanted {
        if found.len() == wanted.len() {
            break;
        }
        let record: Option<EventRecord> = in_tx!(tx, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM event WHERE ts = $1 AND id = $2")))
                .bind(time)
                .bind(id)
                .fetch_optional(db)
                .await
        })?;
        found.extend(record.map(EventRow::from));
    }
    found.sort_unstable();
    Ok(found)
}

impl Ledger {
    /// Makes events cost something else, by correcting entries with the run's id, all or nothing. Alerts and blocks
    /// follow. Events that are not what they were are left as they are.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing of it happened.
    #[boxed]
    pub async fn rerate(&mut self, run: &str, changes: &[NewCost], now: Timestamp) -> Result<Rerated, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_rerate(run, changes, now).await {
                Ok(rerated) => return Ok(rerated),
                Err(error) => {
                    self.forget();
                    if tries >= TRIES || !(error.is_retryable() || error.is_unique_violation()) {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn try_rerate(&mut self, run: &str, changes: &[NewCost], now: Timestamp) -> Result<Rerated, StoreError> {
        self.interned.learn(&self.store, std::iter::empty(), changes.iter().map(|change| &change.rating)).await?;
        let mut tx = self.store.begin().await?;
        let version = tx.count_up(VERSION).await?;
        self.catch_up(&mut tx, version - 1).await?;
        let mut kept = self.load_kept(&mut tx, changes).await?;
        let mut work = Work { tallies: vec![Tally::default()], ..Work::default() };
        let (mut entries, mut moved) = (Vec::new(), Vec::new());
        for change in changes {
            let as_it_was = |event: &&mut Booked| (event.state().0, event.state().1) == (change.usage, change.was);
            match kept.get_mut(&(change.time, change.id)).filter(as_it_was) {
                Some(event) => entries.push(event.cost_anew(change.cost, self.interned.rating(&change.rating)?)),
                None => moved.push(change.id),
            }
        }
        write_entries(&mut tx, run, &entries).await?;
        for entry in entries {
            work.book(0, &entry);
        }
        append_sums(&mut tx, &work).await?;
        let outcome = self.write(&mut tx, &[], &mut work, (version, &Packed::default(), now)).await?;
        tx.commit().await?;
        self.version = version;
        Ok(Rerated { outcome, moved })
    }

    async fn load_kept(
        &mut self,
        tx: &mut Tx,
        changes: &[NewCost],
    ) -> Result<HashMap<(Timestamp, EventId), Booked>, StoreError> {
        let hours = changes.iter().map(|change| change.time.hour()).collect();
        self.recent.cover(tx, &hours).await?;
        let ids: Vec<i64> = changes.iter().map(|change| change.id.0).collect();
        let found = self.unpacked.find(tx, &self.recent.candidates(&ids)).await?;
        let kept = classify::load(tx, &mut self.interned, &found).await?;
        Ok(kept.into_values().flatten().map(|event| ((event.time(), event.id()), event)).collect())
    }
}

/// Writes correcting entries of a run.
async fn write_entries(tx: &mut Tx, run: &str, entries: &[Correction]) -> Result<(), StoreError> {
    for chunk in entries.chunks(AT_ONCE) {
        in_tx!(tx, db => {
            let mut query = QueryBuilder::new(
                "INSERT INTO correction (ts, id, seq, copy_ts, series, requests, input, cached_input, cache_write, \
                 output, reasoning, cost, rating, extra, reason, run) ",
            );
            query.push_values(chunk, |mut row, entry| {
                for number in entry.row {
                    row.push_bind(number);
                }
                row.push_bind(entry.extra.as_deref()).push_bind("rerated").push_bind(run);
            });
            query.build().persistent(false).execute(db).await.map(drop)
        })?;
    }
    Ok(())
}
