//! Which event ids are in the ledger, by UTC day: the memory that recognises a copy that carries another time (R31).
//!
//! A day is loaded from the store when a batch first comes near it, and kept. About 29 bytes an id. Days that were not
//! used lately leave when there are too many ids; the days around the batch at hand always stay, so recognition is
//! exact whatever the volume.

use std::collections::BTreeSet;
use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use mete_core::time::DAY;
use mete_core::{EventId, Timestamp};

use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// How many ids are kept before days that were not used lately leave.
const MANY: usize = 4_000_000;

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

#[derive(Default)]
struct Day {
    times: ById<i64>,
    used: u64,
}

/// The ids of the days at hand.
#[derive(Default)]
pub(super) struct RecentIds {
    days: HashMap<i64, Day>,
    clock: u64,
}

impl RecentIds {
    /// Loads `days` and one on either side of each, where they are missing.
    pub(super) async fn cover(&mut self, tx: &mut Tx, days: &BTreeSet<i64>) -> Result<(), StoreError> {
        self.clock += 1;
        let around: BTreeSet<i64> = days.iter().flat_map(|day| day - 1..=day + 1).collect();
        for day in around {
            if !self.days.contains_key(&day) {
                let times = load(tx, day * DAY, (day + 1) * DAY).await?;
                self.days.insert(day, Day { times, used: 0 });
            }
            if let Some(entry) = self.days.get_mut(&day) {
                entry.used = self.clock;
            }
        }
        self.shrink();
        Ok(())
    }

    fn shrink(&mut self) {
        let mut ids: usize = self.days.values().map(|day| day.times.len()).sum();
        while ids > MANY {
            let oldest = self.days.iter().filter(|(_, day)| day.used < self.clock).min_by_key(|(_, day)| day.used);
            let Some(oldest) = oldest.map(|(number, _)| *number) else { return };
            ids -= self.days.remove(&oldest).map_or(0, |day| day.times.len());
        }
    }

    /// The time at which the event is booked, if it is in the ledger on the day of `time` or one beside it: that is at
    /// least 24 hours either way. The days must be covered.
    pub(super) fn find(&self, id: EventId, time: Timestamp) -> Option<Timestamp> {
        let day = time.day();
        [day, day - 1, day + 1]
            .into_iter()
            .find_map(|day| self.days.get(&day)?.times.get(&id.0).copied().map(Timestamp))
    }

    /// Remembers events that were committed.
    pub(super) fn add(&mut self, events: impl Iterator<Item = (EventId, Timestamp)>) {
        for (id, time) in events {
            if let Some(day) = self.days.get_mut(&time.day()) {
                day.times.insert(id.0, time.0);
            }
        }
    }

    /// Reads again what others may have written between two times.
    pub(super) async fn reload(&mut self, tx: &mut Tx, (from, to): (i64, i64)) -> Result<(), StoreError> {
        for (number, day) in &mut self.days {
            let (start, end) = ((number * DAY).max(from), ((number + 1) * DAY).min(to.saturating_add(1)));
            if start < end {
                day.times.extend(load(tx, start, end).await?);
            }
        }
        Ok(())
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.days.clear();
    }
}

async fn load(tx: &mut Tx, from: i64, to: i64) -> Result<ById<i64>, StoreError> {
    let rows: Vec<(i64, i64)> = in_tx!(tx, db => {
        sqlx::query_as("SELECT id, ts FROM event WHERE ts >= $1 AND ts < $2").bind(from).bind(to).fetch_all(db).await
    })?;
    Ok(rows.into_iter().collect())
}
