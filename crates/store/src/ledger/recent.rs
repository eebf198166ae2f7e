//! Which event ids are in the ledger, and where: the memory that recognises a copy, also one that carries another time
//! (R31).
//!
//! Hours are loaded from the store when a batch first comes within a day of them, and kept. Hours that were not used
//! lately leave when there are too many ids; those within a day of the batch at hand always stay, so recognition is
//! exact whatever the volume: about eight bytes an event of 24 hours.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use mete_core::time::{DAY, HOUR, MINUTE};

use super::id_index::{IdIndex, MOST_PLACES, Place, TOGETHER};
use super::kept::Candidates;
use super::segment::{self, EventRow, ID, TS};
use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// For how long around its time an id is the same event (R31), in microseconds.
pub(super) const SAME: i64 = DAY;

/// How many ids are kept before hours that were not used lately leave.
const MANY: u64 = 2_000_000;

/// How many segments are read at once.
const AT_ONCE: i64 = 16;

/// Where events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Home {
    /// In the segment with this number.
    Segment(i64),
    /// Each in a row of its own, all of this minute since 1970.
    Minute(i64),
}

/// What another writer committed, as far as it is not in segments.
#[derive(sqlx::FromRow)]
pub(super) struct OtherCommit {
    min_ts: i64,
    max_ts: i64,
    row_events: i64,
    /// JSON: what it booked on each project and month.
    pub(super) booked: Option<String>,
}

struct Known {
    home: Home,
    /// The first and the last hour of its events.
    hours: (i64, i64),
    ids: u64,
    /// Whether an hour of it is still loaded; if not, its ids are to be swept out.
    lives: bool,
}

/// The ids of the hours at hand.
#[derive(Default)]
pub(super) struct RecentIds {
    index: IdIndex,
    places: Vec<Option<Known>>,
    free: Vec<Place>,
    homes: HashMap<Home, Place>,
    /// The hours that are loaded, with the batch that used each of them last.
    hours: BTreeMap<i64, u64>,
    batch: u64,
    living: u64,
    dead: u64,
}

impl RecentIds {
    /// Loads what is missing of the hours within [`SAME`] of `hours`, those of a batch.
    pub(super) async fn cover(&mut self, tx: &mut Tx, hours: &BTreeSet<i64>) -> Result<(), StoreError> {
        const REACH: i64 = SAME / HOUR;
        self.batch += 1;
        let around: BTreeSet<i64> = hours.iter().flat_map(|hour| hour - REACH..=hour + REACH).collect();
        let mut missing = around.iter().copied().filter(|hour| !self.hours.contains_key(hour)).peekable();
        let mut spans = Vec::new();
        while let Some(first) = missing.next() {
            let mut last = first;
            while missing.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            spans.push(first..=last);
        }
        for span in spans {
            self.load(tx, span.start() * HOUR..=(span.end() + 1) * HOUR - 1).await?;
            self.hours.extend(span.map(|hour| (hour, 0)));
        }
        for hour in around {
            self.hours.insert(hour, self.batch);
        }
        self.shrink();
        Ok(())
    }

    /// In which homes these events may be kept. Their hours must be covered.
    pub(super) fn candidates(&self, ids: &[i64]) -> Candidates {
        let mut candidates = Candidates::new();
        for ids in ids.chunks(TOGETHER) {
            self.index.warm(ids);
            for id in ids {
                self.index.find(*id, |place| {
                    if let Some(Some(known)) = self.places.get(place as usize) {
                        candidates.entry(known.home).or_default().insert(*id);
                    }
                });
            }
        }
        candidates
    }

    /// Remembers a segment that was committed.
    pub(super) fn add_segment(&mut self, number: i64, rows: &[EventRow]) {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
        let span = (first.numbers[TS], last.numbers[TS]);
        self.add(Home::Segment(number), span, rows.iter().map(|row| row.numbers[ID]));
    }

    /// Remembers events that were committed as rows.
    pub(super) fn add_rows(&mut self, rows: impl Iterator<Item = (i64, i64)>) {
        for (time, id) in rows {
            self.add(Home::Minute(time.div_euclid(MINUTE)), (time, time), std::iter::once(id));
        }
    }

    fn add(&mut self, home: Home, (from, to): (i64, i64), ids: impl Iterator<Item = i64>) {
        let place = self.place(home, (from.div_euclid(HOUR), to.div_euclid(HOUR)));
        let ids: Vec<i64> = ids.collect();
        let mut count = 0;
        for ids in ids.chunks(TOGETHER) {
            self.index.warm(ids);
            count += ids.iter().filter(|id| self.index.insert(**id, place)).count() as u64;
        }
        self.living += count;
        if let Some(Some(known)) = self.places.get_mut(place as usize) {
            known.ids += count;
        }
    }

    fn place(&mut self, home: Home, hours: (i64, i64)) -> Place {
        if let Some(place) = self.homes.get(&home).copied() {
            self.revive(place);
            return place;
        }
        let known = Some(Known { home, hours, ids: 0, lives: true });
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.places.push(None);
                (self.places.len() - 1) as Place
            }
        };
        self.places[place as usize] = known;
        self.homes.insert(home, place);
        place
    }

    /// Reads what lies between two times and is not known yet.
    async fn load(&mut self, tx: &mut Tx, span: RangeInclusive<i64>) -> Result<(), StoreError> {
        self.load_rows(tx, &span, &mut |_| {}).await?;
        let segments: Vec<(i64, i64, i64)> = in_tx!(tx, db => {
            sqlx::query_as("SELECT num, min_ts, max_ts FROM segment WHERE max_ts >= $1 AND min_ts <= $2")
                .bind(*span.start())
                .bind(*span.end())
                .fetch_all(db)
                .await
        })?;
        for (number, from, to) in segments {
            self.learn_segment(tx, number, (from, to)).await?;
        }
        Ok(())
    }

    /// Reads the rows between two times, calling `each` with every id.
    async fn load_rows(
        &mut self,
        tx: &mut Tx,
        span: &RangeInclusive<i64>,
        each: &mut impl FnMut(i64),
    ) -> Result<(), StoreError> {
        let rows: Vec<(i64, i64)> = in_tx!(tx, db => {
            sqlx::query_as("SELECT ts, id FROM event WHERE ts BETWEEN $1 AND $2")
                .bind(*span.start())
                .bind(*span.end())
                .fetch_all(db)
                .await
        })?;
        rows.iter().for_each(|(_, id)| each(*id));
        self.add_rows(rows.into_iter());
        Ok(())
    }

    async fn learn_segment(&mut self, tx: &mut Tx, number: i64, span: (i64, i64)) -> Result<(), StoreError> {
        let known = self.homes.get(&Home::Segment(number)).and_then(|place| self.places[*place as usize].as_ref());
        if known.is_some_and(|known| known.lives) {
            return Ok(());
        }
        let Some(body) = body(tx, number).await? else { return Ok(()) };
        self.add(Home::Segment(number), span, segment::ids(&body)?);
        Ok(())
    }

    /// A place whose ids were to be swept out is used again.
    fn revive(&mut self, place: Place) {
        if let Some(Some(known)) = self.places.get_mut(place as usize)
            && !known.lives
        {
            known.lives = true;
            self.dead -= known.ids;
            self.living += known.ids;
        }
    }

    /// Remembers what other writers committed after the commit `after`, up to `to`, and calls `each` with every id in it.
    pub(super) async fn learn_commits(
        &mut self,
        tx: &mut Tx,
        (after, to): (i64, i64),
        commits: &[OtherCommit],
        mut each: impl FnMut(i64),
    ) -> Result<(), StoreError> {
        for OtherCommit { min_ts, max_ts, .. } in commits.iter().filter(|commit| commit.row_events > 0) {
            // Only hours that are loaded: the others are read when they are needed.
            let hours = self.hours.range(min_ts.div_euclid(HOUR)..=max_ts.div_euclid(HOUR));
            for hour in hours.map(|hour| *hour.0).collect::<Vec<_>>() {
                let span = (hour * HOUR).max(*min_ts)..=((hour + 1) * HOUR - 1).min(*max_ts);
                self.load_rows(tx, &span, &mut each).await?;
            }
        }
        let mut last = i64::MIN;
        loop {
            let segments: Vec<(i64, i64, i64, Vec<u8>)> = in_tx!(tx, db => {
                sqlx::query_as(
                    "SELECT num, min_ts, max_ts, body FROM segment WHERE version > $1 AND version <= $2 AND num > $3 \
                     ORDER BY num LIMIT $4",
                )
                .bind(after)
                .bind(to)
                .bind(last)
                .bind(AT_ONCE)
                .fetch_all(db)
                .await
            })?;
            let Some(end) = segments.last() else { return Ok(()) };
            last = end.0;
            for (number, from, to, body) in segments {
                segment::ids(&body)?.for_each(&mut each);
                if !self.homes.contains_key(&Home::Segment(number)) {
                    self.add(Home::Segment(number), (from, to), segment::ids(&body)?);
                }
            }
        }
    }

    fn shrink(&mut self) {
        while self.living > MANY || self.places.len() - self.free.len() > MOST_PLACES / 2 {
            let oldest = self.hours.values().copied().min().filter(|batch| *batch < self.batch);
            let Some(oldest) = oldest else { break };
            self.hours.retain(|_, batch| *batch != oldest);
            self.bury();
        }
        if self.dead > self.living / 8 + MANY / 8 {
            self.sweep();
        }
    }

    /// Marks the homes of which no hour is loaded any more.
    fn bury(&mut self) {
        for known in self.places.iter_mut().flatten().filter(|known| known.lives) {
            if self.hours.range(known.hours.0..=known.hours.1).next().is_none() {
                known.lives = false;
                self.living -= known.ids;
                self.dead += known.ids;
            }
        }
    }

    /// Takes the ids of buried homes out.
    fn sweep(&mut self) {
        let lives =
            |place: Place| self.places.get(place as usize).is_some_and(|known| known.as_ref().is_some_and(|k| k.lives));
        self.index.retain(lives);
        for (place, entry) in (0..).zip(&mut self.places) {
            if let Some(known) = entry.take_if(|known| !known.lives) {
                self.homes.remove(&known.home);
                self.free.push(place);
            }
        }
        self.dead = 0;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The body of a segment; none where it was dropped with its month.
pub(super) async fn body(tx: &mut Tx, number: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>,)> = in_tx!(tx, db => {
        sqlx::query_as("SELECT body FROM segment WHERE num = $1").bind(number).fetch_optional(db).await
    })?;
    Ok(row.map(|row| row.0))
}
