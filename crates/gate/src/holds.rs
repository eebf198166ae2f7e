//! Money that is set aside for requests under way (R40).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use mete_core::event::EventId;
use mete_core::{Nanos, Timestamp};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::held::{Held, Sums};

/// Holds that there are at once at most: a few hundred bytes each.
const MAX_HOLDS: usize = 1_000_000;

/// The id of a hold. It stands where it is kept, unless it is longer than those that Mete makes.
pub type HoldId = SmallVec<[u8; 32]>;

/// What is set aside for one request.
#[derive(Clone, Debug)]
pub struct Deposit {
    /// The project's id.
    pub project: Bytes,
    pub cost: Nanos,
    pub taken_at: Timestamp,
    pub expires_at: Timestamp,
    /// The id that its usage event will have, if that is known.
    pub event: Option<EventId>,
    /// The sums that it is part of: those of all that the request is paid from.
    pub sums: Sums,
    /// Whether it is this gate's own hold, not what another life may hold.
    pub is_own: bool,
}

/// All deposits, and the sums that they are part of. Who has this mutably is the one writer of those sums.
#[derive(Debug, Default)]
pub struct Holds {
    by_id: FxHashMap<HoldId, Deposit>,
    /// The ids of those whose event's id is known.
    by_event: FxHashMap<EventId, Vec<HoldId>>,
    /// The sums of the gate's own, by project.
    own: FxHashMap<Bytes, Nanos>,
    /// When each expires, the first first. Those of holds that ended before stay here until then, or until they are
    /// more than the others: what is taken is added at the end, and nothing is looked for when it ends.
    ends: VecDeque<(Timestamp, HoldId)>,
}

/// So many ends of holds that are gone may be kept whatever the number of the others.
const SPARE_ENDS: usize = 1024;

impl Holds {
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// What the gate's own holds of a project come to.
    pub fn own(&self, project: &[u8]) -> Nanos {
        self.own.get(project).copied().unwrap_or_default()
    }

    /// What the gate's own holds come to, by project, and when the last of each expires.
    pub fn by_project(&self) -> FxHashMap<&Bytes, (Nanos, Timestamp)> {
        let mut sums: FxHashMap<&Bytes, (Nanos, Timestamp)> = FxHashMap::default();
        for deposit in self.by_id.values().filter(|deposit| deposit.is_own) {
            let (sum, end) = sums.entry(&deposit.project).or_default();
            (*sum, *end) = (*sum + deposit.cost, deposit.expires_at.max(*end));
        }
        sums
    }

    pub fn get(&self, id: &str) -> Option<&Deposit> {
        self.by_id.get(id.as_bytes())
    }

    /// Whether there is one of a project that was taken for this event.
    pub fn has(&self, project: &[u8], event: EventId) -> bool {
        let ids = self.by_event.get(&event).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id)).any(|deposit| deposit.project == project)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Deposit> {
        self.by_id.values()
    }

    /// How many there are, and what they come to.
    pub fn sum(&self) -> (usize, Nanos) {
        (self.by_id.len(), self.by_id.values().map(|deposit| deposit.cost).sum())
    }

    /// Whether one more of this cost can be kept exactly.
    pub fn has_room(&self, cost: Nanos, sums: &[Arc<Held>]) -> bool {
        self.by_id.len() < MAX_HOLDS && sums.iter().all(|sum| sum.get().0.checked_add(cost.0).is_some())
    }

    /// Adds one for which there is room. The id is a new one.
    pub fn add(&mut self, id: HoldId, deposit: Deposit) {
        for sum in &deposit.sums {
            sum.set(sum.get() + deposit.cost);
        }
        if deposit.is_own {
            match self.own.get_mut(&deposit.project) {
                Some(sum) => *sum += deposit.cost,
                None => {
                    self.own.insert(deposit.project.clone(), deposit.cost);
                }
            }
        }
        if let Some(event) = deposit.event {
            self.by_event.entry(event).or_default().push(id.clone());
        }
        self.note_end(deposit.expires_at, id.clone());
        self.by_id.insert(id, deposit);
    }

    fn note_end(&mut self, end: Timestamp, id: HoldId) {
        if self.ends.len() > 2 * self.by_id.len() + SPARE_ENDS {
            let by_id = &self.by_id;
            self.ends.retain(|(end, id)| by_id.get(id).is_some_and(|deposit| deposit.expires_at == *end));
        }
        // All live equally long, so that the newest ends last, unless a clock went back or a lease was taken over.
        let place = match self.ends.back() {
            Some((last, _)) if *last > end => self.ends.partition_point(|(other, _)| *other <= end),
            _ => self.ends.len(),
        };
        self.ends.insert(place, (end, id));
    }

    /// Ends one.
    pub fn end(&mut self, id: &[u8]) -> Option<Deposit> {
        let (id, deposit) = self.by_id.remove_entry(id)?;
        for sum in &deposit.sums {
            sum.set(sum.get() - deposit.cost);
        }
        if deposit.is_own
            && let Some(sum) = self.own.get_mut(&deposit.project)
        {
            *sum = *sum - deposit.cost;
            if *sum == Nanos::ZERO {
                self.own.remove(&deposit.project);
            }
        }
        if let Some(event) = deposit.event
            && let Some(ids) = self.by_event.get_mut(&event)
        {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_event.remove(&event);
            }
        }
        Some(deposit)
    }

    /// Ends all whose time is over at `now`, and tells how many.
    pub fn expire(&mut self, now: Timestamp) -> u64 {
        let mut expired = 0;
        while let Some((_, id)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            // It may have ended before, or live longer.
            if self.by_id.get(&id).is_some_and(|deposit| deposit.expires_at <= now) && self.end(&id).is_some() {
                expired += 1;
            }
        }
        expired
    }

    /// Has one expire later, never sooner, and tells what it is then.
    pub fn extend(&mut self, id: &str, until: Timestamp) -> Option<&Deposit> {
        let deposit = self.by_id.get_mut(id.as_bytes())?;
        if until > deposit.expires_at {
            deposit.expires_at = until;
            self.note_end(until, HoldId::from_slice(id.as_bytes()));
        }
        self.by_id.get(id.as_bytes())
    }

    /// Ends those of a project that an event names, or whose event it is: the sum that was held for it, if any was.
    ///
    /// Several have the same event only where a gateway asked more than once about one request. The ledger counts it
    /// once (R31), so that all of them end.
    pub fn settle(&mut self, project: &str, named: Option<&str>, event: EventId) -> Option<Nanos> {
        let by_event = self.by_event.get(&event).cloned().unwrap_or_default();
        let mut held = None;
        for id in named.map(str::as_bytes).into_iter().chain(by_event.iter().map(|id| &**id)) {
            // Whoever writes another project's usage must not free what this one holds.
            if self.by_id.get(id).is_some_and(|deposit| deposit.project == project)
                && let Some(deposit) = self.end(id)
            {
                held = Some(held.unwrap_or(Nanos::ZERO) + deposit.cost);
            }
        }
        held
    }
}
