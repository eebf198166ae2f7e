//! One commit of the ledger.
//!
//! Writers of the same store take turns in one row, the ledger's version. On SQLite a writer has the whole store from
//! the start. On Postgres it first finds out what is new and appends its sums, and takes its turn only then, for the short
//! rest; if somebody else committed the same events meanwhile, it begins again, with its turn first. Nothing with a key is
//! written before the turn, so that no writer waits for another one but for the turn.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use mete_core::event::LedgerEvent;
use mete_core::{Month, Rating, Series, Timestamp};

use super::append::{append_rows, append_sums, write_segment};
use super::classify::{self, Booked, Verdict};
use super::intern::SeriesNumbers;
use super::kept::{AlreadyHashed, ById};
use super::recent::{OtherCommit, SAME};
use super::segment::{EventRow, ID, TS};
use super::work::{Packed, Work};
use super::{Arrival, Conflict, Ledger, Outcome, Parcel, Tally, watch};
use crate::Tx;
use crate::alerts::Alert;
use crate::db::{Db, in_tx};
use crate::error::StoreError;
use crate::part_budgets::PartSpend;
use crate::postgres;
use crate::quarantine::{Caught, QuarantineEntry};
use crate::receipts::Account;
use crate::sources::SourceDay;

/// When a writer takes its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before it looks at anything: nobody can come in between.
    First,
    /// When it knows what is new.
    Late,
}

/// How a try ended that did not fail.
pub(super) enum Tried {
    /// Everything is on disk.
    Done(Outcome),
    /// Somebody else committed some of the same events meanwhile: nothing of it happened.
    Raced,
}

impl Ledger {
    /// The turn with which a commit is tried first.
    pub(super) fn first_turn(&self) -> Turn {
        match &*self.store.db {
            Db::Sqlite { .. } => Turn::First,
            Db::Postgres(_) => Turn::Late,
        }
    }

    pub(super) async fn try_commit(
        &mut self,
        parcels: &[Parcel],
        now: Timestamp,
        turn: Turn,
    ) -> Result<Tried, StoreError> {
        self.prepare(parcels).await?;
        let mut tx = self.store.begin().await?;
        let begun = match turn {
            Turn::First => tx.count_up(VERSION).await? - 1,
            Turn::Late => counter(&mut tx, VERSION).await?,
        };
        self.catch_up(&mut tx, begun).await?;
        let closed = counter(&mut tx, "closed_through").await?;
        let tallies = parcels.iter().map(|parcel| Tally::of(&parcel.events, now)).collect();
        let mut work = Work { tallies, ..Work::default() };
        self.recent.cover(&mut tx, &hours(parcels)).await?;
        self.classify(&mut tx, parcels, closed, &mut work).await?;
        let packed = work.pack()?;
        append_sums(&mut tx, &work).await?;
        let mut version = begun + 1;
        if turn == Turn::Late {
            version = tx.count_up(VERSION).await?;
            let raced = version != begun + 1 && self.was_raced(&mut tx, version - 1, &packed).await?;
            if raced || counter(&mut tx, "closed_through").await? != closed {
                tx.rollback().await?;
                return Ok(Tried::Raced);
            }
        }
        append_rows(&mut tx, &packed.rows, &mut work).await?;
        let outcome = self.write(&mut tx, parcels, &mut work, (version, &packed, now)).await?;
        tx.commit().await?;
        self.version = version;
        self.note_use(&work);
        Ok(Tried::Done(outcome))
    }

    /// Makes what a batch needs and the store does not have, in a transaction of its own: numbers of series and ratings,
    /// and partitions.
    async fn prepare(&mut self, parcels: &[Parcel]) -> Result<(), StoreError> {
        let series = arrivals(parcels).map(|arrival| &arrival.event.series);
        let ratings = arrivals(parcels).map(|arrival| &arrival.event.rating);
        self.interned.learn(&self.store, series, ratings).await?;
        let Db::Postgres(pool) = &*self.store.db else { return Ok(()) };
        let months: BTreeSet<Month> = arrivals(parcels).map(|arrival| arrival.event.time.month()).collect();
        for month in months {
            if !self.partitions.contains(&month) {
                postgres::ensure_partition(pool, month).await?;
                self.partitions.insert(month);
            }
        }
        Ok(())
    }

    /// Notes when keys were used last.
    fn note_use(&mut self, work: &Work) {
        for ((_, series), sum) in &work.deltas {
            if let Some(key) = self.interned.numbered(*series).and_then(|series| series.key.as_ref()) {
                self.last_used.saw(key, sum.latest);
            }
        }
    }

    /// Learns what others committed up to `version` since the last commit of this writer.
    pub(super) async fn catch_up(&mut self, tx: &mut Tx, version: i64) -> Result<(), StoreError> {
        self.learn_commits(tx, version, |_| {}).await.map(drop)
    }

    /// Learns what others committed up to `version`, and whether any of it is new here as well.
    async fn was_raced(&mut self, tx: &mut Tx, version: i64, packed: &Packed) -> Result<bool, StoreError> {
        let mine: HashSet<i64, BuildHasherDefault<AlreadyHashed>> = packed.ids().collect();
        let mut meet = false;
        let known = self.learn_commits(tx, version, |id| meet |= mine.contains(&id)).await?;
        Ok(meet || !known)
    }

    /// Learns what others committed, calling `each` with every id in it; false where that is not known any more.
    async fn learn_commits(&mut self, tx: &mut Tx, version: i64, each: impl FnMut(i64)) -> Result<bool, StoreError> {
        if version <= self.version {
            return Ok(true);
        }
        let commits: Vec<OtherCommit> = in_tx!(tx, db => {
            sqlx::query_as(
                "SELECT min_ts, max_ts, row_events, booked FROM ledger_batch WHERE version > $1 AND version <= $2",
            )
            .bind(self.version)
            .bind(version)
            .fetch_all(db)
            .await
        })?;
        let known = i64::try_from(commits.len()).ok() == Some(version - self.version);
        if known {
            self.recent.learn_commits(tx, (self.version, version), &commits, each).await?;
            for commit in &commits {
                self.watch.learn(commit.booked.as_deref())?;
            }
        } else {
            // Older commits are pruned: start afresh.
            self.recent.clear();
            self.watch.forget_totals();
        }
        self.version = version;
        Ok(known)
    }

    /// Finds out of every event whether it is new, a duplicate, an amendment or a contradiction.
    async fn classify(
        &mut self,
        tx: &mut Tx,
        parcels: &[Parcel],
        closed: i64,
        work: &mut Work,
    ) -> Result<(), StoreError> {
        let ids: Vec<i64> = arrivals(parcels).map(|arrival| arrival.event.id.0).collect();
        work.events.reserve_exact(ids.len());
        let found = self.unpacked.find(tx, &self.recent.candidates(&ids)).await?;
        let mut kept = classify::load(tx, &mut self.interned, &found).await?;
        let mut fresh: ById<(&LedgerEvent, SeriesNumbers, i64)> = ById::default();
        let mut last: Option<(&Arc<Series>, SeriesNumbers)> = None;
        let mut last_rating: Option<(&Arc<Rating>, i64)> = None;
        for (tally, parcel) in parcels.iter().enumerate() {
            for arrival in &parcel.events {
                let event = &arrival.event;
                if event.time.month().yyyymm() <= closed {
                    work.refuse(tally, arrival, "closed_month", closed_month(event.time));
                    continue;
                }
                let numbers = match last {
                    Some((series, numbers)) if Arc::ptr_eq(series, &event.series) => numbers,
                    _ => self.interned.numbers(&event.series)?,
                };
                last = Some((&event.series, numbers));
                let rating = match last_rating {
                    Some((rating, number)) if Arc::ptr_eq(rating, &event.rating) => number,
                    _ => self.interned.rating(&event.rating)?,
                };
                last_rating = Some((&event.rating, rating));
                if let Some((first, numbers, rating)) = fresh.get(&event.id.0)
                    && is_near(first.time, event.time)
                    && !kept.get(&event.id.0).is_some_and(|events| events.iter().any(|kept| kept.is_near(event.time)))
                {
                    kept.entry(event.id.0).or_default().push(Booked::fresh(first, *numbers, *rating));
                }
                let booked = kept.get_mut(&event.id.0).into_iter().flatten().find(|kept| kept.is_near(event.time));
                let Some(booked) = booked else {
                    if let Some((first, numbers, rating)) = fresh.insert(event.id.0, (event, numbers, rating)) {
                        // Another event that has used the same id, more than a day apart.
                        kept.entry(event.id.0).or_default().push(Booked::fresh(first, numbers, rating));
                    }
                    work.accept(tally, event, numbers, rating);
                    continue;
                };
                let verdict = booked.judge(event, numbers, rating);
                if !matches!(verdict, Verdict::Conflict(_)) {
                    work.copies.push((tally, arrival.position));
                }
                match verdict {
                    Verdict::Duplicate => work.tallies[tally].duplicates += 1,
                    Verdict::Amended(entries) => work.amend(tally, entries),
                    Verdict::Conflict(detail) => work.refuse(tally, arrival, "conflict", detail),
                }
            }
        }
        Ok(())
    }

    /// Writes the short rest of a commit: what depends on what all others committed before.
    pub(super) async fn write(
        &mut self,
        tx: &mut Tx,
        parcels: &[Parcel],
        work: &mut Work,
        (version, packed, now): (i64, &Packed, Timestamp),
    ) -> Result<Outcome, StoreError> {
        let hasher = self.store.id_hasher();
        let booked = work.booked();
        self.watch.refresh(tx).await?;
        let (spends, mut alerts) = self.watch.book(tx, hasher, &booked, now).await?;
        let (parts, of_parts) = self.book_parts(tx, work, (version, now)).await?;
        alerts.extend(of_parts);
        let bytes = std::mem::take(&mut work.holdings).write(tx).await?;
        for segment in &packed.segments {
            let number = write_segment(tx, hasher, version, segment).await?;
            self.recent.add_segment(number, &segment.rows);
        }
        self.recent.add_rows(packed.rows.iter().map(|row| (row.numbers[TS], row.numbers[ID])));
        self.write_quarantine(tx, parcels, work, now).await?;
        for parcel in parcels {
            if let Some(position) = &parcel.position {
                tx.set_position(&parcel.source, position, now).await?;
            }
        }
        write_receipts(tx, parcels, work, now).await?;
        record_commit(tx, version, &packed.rows, &booked).await?;
        let conflicts = std::mem::take(&mut work.conflicts);
        let conflicts = conflicts.into_iter().map(|(parcel, entry)| (parcel, entry.into())).collect();
        let bytes = self.watch.project_bytes(bytes);
        let (tallies, copies) = (std::mem::take(&mut work.tallies), std::mem::take(&mut work.copies));
        Ok(Outcome { tallies, conflicts, copies, spends, parts, bytes, alerts })
    }

    /// Takes in what is booked on the parts of projects that have budgets, and tells their new totals and alerts.
    async fn book_parts(
        &mut self,
        tx: &mut Tx,
        work: &Work,
        at: (i64, Timestamp),
    ) -> Result<(Vec<PartSpend>, Vec<Alert>), StoreError> {
        if self.watch.parts.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut booked = Vec::new();
        for ((series, month), amount) in work.booked_by_series() {
            let (series, _) = self.interned.series_numbered(tx, series).await?;
            booked.push((series, month, amount));
        }
        self.watch.parts.book(tx, self.store.id_hasher(), &booked, at).await
    }

    async fn write_quarantine(
        &self,
        tx: &mut Tx,
        parcels: &[Parcel],
        work: &mut Work,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // First: what is read again and contradicts the ledger comes back as the same entry.
        let retried: Vec<i64> = parcels.iter().flat_map(|parcel| &parcel.retried).copied().collect();
        let tries = tx.resolve_quarantine(&retried).await?;
        let read = parcels.iter().enumerate().flat_map(|(tally, p)| p.quarantine.iter().map(move |e| (tally, e)));
        let conflicts = work.conflicts.iter().map(|(tally, entry)| (*tally, entry));
        let mut caught = Vec::new();
        let mut last: Option<&QuarantineEntry> = None;
        for (tally, entry) in read.chain(conflicts) {
            work.tallies[tally].quarantined += 1;
            if last.replace(entry).is_some_and(|last| entry.is_where(last)) {
                continue;
            }
            let Parcel { source, run, retried, .. } = &parcels[tally];
            let tried = retried.iter().filter_map(|id| tries.get(id)).max().copied().unwrap_or_default();
            caught.push(Caught::new(self.store.id_hasher(), (source, run), entry, tried));
        }
        tx.insert_quarantine(&caught, now).await?;
        let mut days: BTreeMap<&str, SourceDay> = BTreeMap::new();
        for (parcel, tally) in parcels.iter().zip(&work.tallies) {
            let day = SourceDay::of(parcel, tally, now);
            match days.entry(&parcel.source) {
                Entry::Vacant(place) => {
                    place.insert(day);
                }
                Entry::Occupied(mut sum) => sum.get_mut().add(&day),
            }
        }
        for day in days.values() {
            tx.add_source_day(day).await?;
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

/// The counter in whose row writers take turns.
pub(super) const VERSION: &str = "ledger_version";

/// Takes one's turn among the writers of the ledger for something that is no commit of events, such as sealing a month:
/// commits that are under way see that they were overtaken.
pub(crate) async fn take_turn(tx: &mut Tx) -> Result<(), StoreError> {
    let version = tx.count_up(VERSION).await?;
    record_commit(tx, version, &[], &watch::Booked::new()).await
}

/// A counter of `meta` as it is, without taking one's turn.
pub(super) async fn counter(tx: &mut Tx, name: &'static str) -> Result<i64, StoreError> {
    let (value,): (i64,) = in_tx!(tx, db => {
        sqlx::query_as("SELECT value FROM meta WHERE name = $1").bind(name).fetch_one(db).await
    })?;
    Ok(value)
}

const fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).unsigned_abs() <= SAME.unsigned_abs()
}

fn closed_month(time: Timestamp) -> String {
    let month = time.month();
    format!("the events of {month} are no longer kept, so that nobody can tell whether this one was counted already")
}

/// The UTC hours of a batch's events.
fn hours(parcels: &[Parcel]) -> BTreeSet<i64> {
    let mut hours = BTreeSet::new();
    let mut last = None;
    for hour in arrivals(parcels).map(|arrival| arrival.event.time.hour()) {
        // Nearly always the hour of the one before.
        if last != Some(hour) {
            hours.insert(hour);
            last = Some(hour);
        }
    }
    hours
}

fn arrivals(parcels: &[Parcel]) -> impl Iterator<Item = &Arrival> {
    parcels.iter().flat_map(|parcel| &parcel.events)
}

/// Tells other writers what this commit booked, and which times its rows span; without rows, an empty span.
async fn record_commit(tx: &mut Tx, version: i64, rows: &[EventRow], booked: &watch::Booked) -> Result<(), StoreError> {
    let (first, last) = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => (first.numbers[TS], last.numbers[TS]),
        _ => (0, -1),
    };
    let booked: Vec<(i64, i64, i64)> =
        booked.iter().map(|((project, month), amount)| (*project, month.yyyymm(), amount.0)).collect();
    let booked = serde_json::to_string(&booked).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    in_tx!(tx, db => {
        sqlx::query("INSERT INTO ledger_batch (version, min_ts, max_ts, row_events, booked) VALUES ($1, $2, $3, $4, $5)")
            .bind(version)
            .bind(first)
            .bind(last)
            .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
            .bind(booked)
            .execute(db)
            .await
            .map(drop)
    })?;
    Ok(())
}
