//! One commit of the ledger.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use mete_core::event::LedgerEvent;
use mete_core::{EventId, Month, Nanos, Rating, Series, Timestamp};
use rustc_hash::FxHashMap;

use super::classify::{self, Booked, Correction, Difference, Verdict};
use super::extra::Extra;
use super::holdings::{Holdings, Named};
use super::intern::SeriesNumbers;
use super::recent::ById;
use super::{Arrival, Conflict, Ledger, Outcome, Parcel, Tally, watch};
use crate::Tx;
use crate::alerts::Alert;
use crate::bulk::BulkInsert;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::gate::ProjectSpend;
use crate::postgres;
use crate::quarantine::{QuarantineEntry, RAW_LIMIT};
use crate::receipts::Account;

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

/// Rows with a text beside them go into one insert, those without into another.
struct Rows<const N: usize> {
    plain: Vec<[i64; N]>,
    with_text: Vec<([i64; N], String)>,
}

impl<const N: usize> Default for Rows<N> {
    fn default() -> Self {
        Self { plain: Vec::new(), with_text: Vec::new() }
    }
}

impl<const N: usize> Rows<N> {
    fn push(&mut self, row: [i64; N], text: Option<String>) {
        match text {
            None => self.plain.push(row),
            Some(text) => self.with_text.push((row, text)),
        }
    }

    /// Writes them in key order, which keeps the pages of the table together.
    async fn write(
        mut self,
        tx: &mut Tx,
        plain: &'static BulkInsert,
        extra: &'static BulkInsert,
    ) -> Result<(), StoreError> {
        self.plain.sort_unstable();
        self.with_text.sort_unstable();
        plain.run(tx, &self.plain, &[]).await?;
        let (rows, texts): (Vec<_>, Vec<_>) = self.with_text.into_iter().unzip();
        extra.run(tx, &rows, &texts).await
    }
}

/// What a batch books on one series in one hour.
struct Sum {
    project: i64,
    difference: Difference,
    /// The time of its last event.
    latest: Timestamp,
}

/// What a batch comes to, before it is written.
#[derive(Default)]
struct Work {
    tallies: Vec<Tally>,
    events: Rows<10>,
    corrections: Rows<13>,
    /// Sums by hour and series.
    deltas: FxHashMap<(i64, i64), Sum>,
    holdings: Holdings,
    conflicts: Vec<(usize, QuarantineEntry)>,
    /// Ids and times that are new to the ledger.
    added: Vec<(EventId, Timestamp)>,
}

impl Work {
    /// Adds what is booked on an event of `time` to every sum that it counts to.
    fn sum(
        &mut self,
        tally: usize,
        time: Timestamp,
        numbers: SeriesNumbers,
        resource: Option<&Named>,
        difference: &Difference,
    ) {
        let new = || Sum { project: numbers.project, difference: Difference::default(), latest: time };
        let sum = self.deltas.entry((time.hour(), numbers.series)).or_insert_with(new);
        sum.latest = sum.latest.max(time);
        let sums = &mut sum.difference;
        sums.requests += difference.requests;
        sums.input += difference.input;
        sums.cached_input += difference.cached_input;
        sums.output += difference.output;
        sums.cost = sums.cost.saturating_add(difference.cost);
        self.tallies[tally].spend += Nanos(difference.cost);
        self.holdings.add(numbers.project, time, resource, difference);
    }

    fn accept(&mut self, tally: usize, event: &LedgerEvent, numbers: SeriesNumbers, rating: i64) {
        let usage = &event.usage;
        let row = [
            event.time.0,
            event.id.0,
            numbers.series,
            usage.input.cast_signed(),
            usage.cached_input.cast_signed(),
            usage.cache_write.cast_signed(),
            usage.output.cast_signed(),
            usage.reasoning.cast_signed(),
            event.cost.0,
            rating,
        ];
        self.events.push(row, Extra::text_of(event));
        let resource = Named::of(event.resource.as_deref());
        self.sum(tally, event.time, numbers, resource.as_ref(), &Difference::whole(usage, event.cost));
        self.added.push((event.id, event.time));
        self.tallies[tally].accepted += 1;
    }

    fn amend(&mut self, tally: usize, entries: Vec<Correction>) {
        self.tallies[tally].amended += 1;
        for Correction { row, extra, numbers, resource, difference } in entries {
            self.sum(tally, Timestamp(row[0]), numbers, resource.as_ref(), &difference);
            self.corrections.push(row, extra);
        }
    }

    fn conflict(&mut self, tally: usize, arrival: &Arrival, detail: String) {
        let raw = &arrival.raw[..arrival.raw.len().min(RAW_LIMIT)];
        let entry = QuarantineEntry {
            position: arrival.position,
            reason: "conflict",
            detail,
            raw: raw.to_vec(),
            raw_bytes: arrival.raw.len() as u64,
            spot: None,
        };
        self.conflicts.push((tally, entry));
    }

    /// What is booked on each project and month.
    fn booked(&self) -> watch::Booked {
        let mut booked = watch::Booked::new();
        for ((hour, _), Sum { project, difference, .. }) in &self.deltas {
            *booked.entry((*project, month_of(*hour))).or_default() += Nanos(difference.cost);
        }
        booked
    }

    fn delta_rows(&self) -> Vec<[i64; 9]> {
        let mut rows: Vec<_> = self
            .deltas
            .iter()
            .map(|((hour, series), Sum { project, difference: sums, .. })| {
                [
                    *hour,
                    month_of(*hour).yyyymm(),
                    *project,
                    *series,
                    sums.requests,
                    sums.input,
                    sums.cached_input,
                    sums.output,
                    sums.cost,
                ]
            })
            .collect();
        rows.sort_unstable();
        rows
    }
}

impl Ledger {
    pub(super) async fn try_commit(&mut self, parcels: &[Parcel], now: Timestamp) -> Result<Outcome, StoreError> {
        let mut tx = self.store.begin().await?;
        let version = tx.count_up("ledger_version").await?;
        self.catch_up(&mut tx, version).await?;
        self.watch.refresh(&mut tx).await?;
        let mut work = Work { tallies: vec![Tally::default(); parcels.len()], ..Work::default() };
        self.recent.cover(&mut tx, &days(parcels)).await?;
        self.classify(&mut tx, parcels, &mut work).await?;
        record_span(&mut tx, version, span(parcels)).await?;
        let (spends, alerts) = self.write(&mut tx, parcels, &mut work, now).await?;
        let bytes = std::mem::take(&mut work.holdings).write(&mut tx).await?;
        write_receipts(&mut tx, parcels, &work, now).await?;
        tx.commit().await?;
        self.version = version;
        self.note_use(&work);
        self.recent.add(work.added.drain(..));
        let conflicts = work.conflicts.into_iter().map(|(parcel, entry)| (parcel, entry.into())).collect();
        Ok(Outcome { tallies: work.tallies, conflicts, spends, bytes: self.watch.project_bytes(bytes), alerts })
    }

    /// Notes when keys were used last.
    fn note_use(&mut self, work: &Work) {
        for ((_, series), sum) in &work.deltas {
            if let Some(key) = self.interned.numbered(*series).and_then(|series| series.key.as_ref()) {
                self.last_used.saw(key, sum.latest);
            }
        }
    }

    /// Learns what others wrote since the last commit of this writer.
    async fn catch_up(&mut self, tx: &mut Tx, version: i64) -> Result<(), StoreError> {
        if version == self.version + 1 {
            return Ok(());
        }
        self.watch.forget_totals();
        let spans: Vec<(i64, i64)> = in_tx!(tx, db => {
            sqlx::query_as("SELECT min_ts, max_ts FROM ledger_batch WHERE version > $1 AND version < $2")
                .bind(self.version)
                .bind(version)
                .fetch_all(db)
                .await
        })?;
        let missed = version - self.version - 1;
        if i64::try_from(spans.len()).is_ok_and(|known| known == missed) {
            for span in spans {
                self.recent.reload(tx, span).await?;
            }
        } else {
            // Older entries are pruned: start afresh.
            self.recent.clear();
        }
        Ok(())
    }

    /// Finds out of every event whether it is new, a duplicate, an amendment or a contradiction.
    async fn classify(&mut self, tx: &mut Tx, parcels: &[Parcel], work: &mut Work) -> Result<(), StoreError> {
        let mut found = HashMap::new();
        for arrival in arrivals(parcels) {
            if let Some(time) = self.recent.find(arrival.event.id, arrival.event.time) {
                found.insert(arrival.event.id, time);
            }
        }
        self.interned.learn(tx, arrivals(parcels).map(|arrival| &arrival.event.series)).await?;
        let mut kept = classify::load(tx, &mut self.interned, &found).await?;
        let mut fresh: ById<(&LedgerEvent, SeriesNumbers)> = ById::default();
        let mut last: Option<(&Arc<Series>, SeriesNumbers)> = None;
        let mut last_rating: Option<(&Arc<Rating>, i64)> = None;
        for (tally, parcel) in parcels.iter().enumerate() {
            for arrival in &parcel.events {
                let event = &arrival.event;
                let numbers = match last {
                    Some((series, numbers)) if Arc::ptr_eq(series, &event.series) => numbers,
                    _ => self.interned.series(tx, &event.series).await?,
                };
                last = Some((&event.series, numbers));
                let rating = match last_rating {
                    Some((rating, number)) if Arc::ptr_eq(rating, &event.rating) => number,
                    _ => self.interned.rating(tx, &event.rating).await?,
                };
                last_rating = Some((&event.rating, rating));
                if !kept.contains_key(&event.id.0) {
                    let Some((first, numbers)) = fresh.get(&event.id.0) else {
                        fresh.insert(event.id.0, (event, numbers));
                        work.accept(tally, event, numbers, rating);
                        continue;
                    };
                    kept.insert(event.id.0, Booked::fresh(first, *numbers));
                }
                let Some(booked) = kept.get_mut(&event.id.0) else { continue };
                match booked.judge(event, numbers, rating) {
                    Verdict::Duplicate => work.tallies[tally].duplicates += 1,
                    Verdict::Amended(entries) => work.amend(tally, entries),
                    Verdict::Conflict(detail) => work.conflict(tally, arrival, detail),
                }
            }
        }
        Ok(())
    }

    async fn write(
        &mut self,
        tx: &mut Tx,
        parcels: &[Parcel],
        work: &mut Work,
        now: Timestamp,
    ) -> Result<(Vec<ProjectSpend>, Vec<Alert>), StoreError> {
        let booked = work.booked();
        if let Tx::Postgres(transaction) = tx {
            let mut months: Vec<_> = booked.keys().map(|(_, month)| *month).collect();
            months.sort_unstable();
            months.dedup();
            for month in months {
                if self.partitions.insert(month) {
                    postgres::ensure_partition(transaction, month).await?;
                }
            }
        }
        // Before the deltas are written: totals that are read from the store must not have the batch in them yet.
        let reached = self.watch.book(tx, self.store.id_hasher(), &booked, now).await?;
        let deltas = work.delta_rows();
        std::mem::take(&mut work.events).write(tx, &EVENTS, &EVENTS_EXTRA).await?;
        std::mem::take(&mut work.corrections).write(tx, &CORRECTIONS, &CORRECTIONS_EXTRA).await?;
        DELTAS.run(tx, &deltas, &[]).await?;
        self.write_quarantine(tx, parcels, work, now).await?;
        for parcel in parcels {
            if let Some(position) = &parcel.position {
                tx.set_position(&parcel.source, position, now).await?;
            }
        }
        Ok(reached)
    }

    async fn write_quarantine(
        &self,
        tx: &mut Tx,
        parcels: &[Parcel],
        work: &mut Work,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let read = parcels.iter().enumerate().flat_map(|(tally, p)| p.quarantine.iter().map(move |e| (tally, e)));
        let conflicts = work.conflicts.iter().map(|(tally, entry)| (*tally, entry));
        for (tally, entry) in read.chain(conflicts) {
            let source = &parcels[tally].source;
            let (run, spot) = (&parcels[tally].run, entry.spot.unwrap_or_default());
            let place = [&entry.position.to_le_bytes()[..], &spot.to_le_bytes()].concat();
            let id = self.store.id_hasher().hash(&[source.as_bytes(), run.as_bytes(), &place, &entry.raw]);
            tx.insert_quarantine(id, source, entry, now).await?;
            work.tallies[tally].quarantined += 1;
        }
        Ok(())
    }
}

/// Keeps what requests with an idempotency key are answered.
async fn write_receipts(tx: &mut Tx, parcels: &[Parcel], work: &Work, now: Timestamp) -> Result<(), StoreError> {
    for (number, parcel) in parcels.iter().enumerate() {
        let Some(receipt) = &parcel.receipt else { continue };
        let own = work.conflicts.iter().filter(|(tally, _)| *tally == number);
        let conflicts: Vec<Conflict> = own.map(|(_, entry)| entry.clone().into()).collect();
        let mut account = Account::of_parcel(parcel);
        account.book(&work.tallies[number], &conflicts);
        tx.write_receipt(receipt, &account, now).await?;
    }
    Ok(())
}

/// The UTC month of an hour since 1970.
const fn month_of(hour: i64) -> Month {
    Month::of_day(hour.div_euclid(24))
}

/// The UTC days of a batch's events.
fn days(parcels: &[Parcel]) -> BTreeSet<i64> {
    let mut days = BTreeSet::new();
    let mut last = None;
    for day in parcels.iter().flat_map(|parcel| &parcel.events).map(|arrival| arrival.event.time.day()) {
        // Nearly always the day of the one before.
        if last != Some(day) {
            days.insert(day);
            last = Some(day);
        }
    }
    days
}

fn arrivals(parcels: &[Parcel]) -> impl Iterator<Item = &Arrival> {
    parcels.iter().flat_map(|parcel| &parcel.events)
}

/// First and last time of a batch's events.
fn span(parcels: &[Parcel]) -> Option<(Timestamp, Timestamp)> {
    let times = || arrivals(parcels).map(|arrival| arrival.event.time);
    Some((times().min()?, times().max()?))
}

/// Tells other writers which times this commit touched; a commit without events touched an empty span.
async fn record_span(tx: &mut Tx, version: i64, span: Option<(Timestamp, Timestamp)>) -> Result<(), StoreError> {
    let (first, last) = span.unwrap_or((Timestamp(0), Timestamp(-1)));
    in_tx!(tx, db => {
        sqlx::query("INSERT INTO ledger_batch (version, min_ts, max_ts) VALUES ($1, $2, $3)")
            .bind(version).bind(first.0).bind(last.0).execute(db).await.map(drop)
    })?;
    Ok(())
}
