//! When a view asks the store, and which answers it still wants.

use mete_core::Timestamp;
use mete_core::time::{MINUTE, SECOND};

use crate::data::QueryFailed;
use mete_store::Versions;

/// A failed asking is tried again after so long, in microseconds.
pub const RETRY_AFTER: i64 = 2 * SECOND;
/// After an answer that took its time, so many times as long until it is asked again for what has changed meanwhile: a
/// large store is not asked without a break while usage comes in.
const REST: i64 = 8;
/// That rest, in microseconds, at most: what is shown is not to grow stale.
const MOST_REST: i64 = 2 * SECOND;
/// The same where nothing has changed and only time has passed.
const LONG_REST: i64 = 600;
/// And the most of that, in microseconds: a store that was slow once is not left alone for long.
const MOST_LONG_REST: i64 = MINUTE;

/// The state of one view's askings. At most one is under way; whatever is wanted meanwhile is asked once it is over.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    generation: u64,
    under_way: Option<u64>,
    again: bool,
    seen: Option<Versions>,
    answered_at: Option<Timestamp>,
    failure: Option<(QueryFailed, Timestamp)>,
    begun_at: Option<Timestamp>,
    /// How long the last answer took, in microseconds.
    took: i64,
}

impl Asking {
    /// Begins an asking and returns its generation, or notes that one is to follow. `versions` is what the store's
    /// versions were last known to be.
    pub fn begin(&mut self, versions: Option<Versions>) -> Option<u64> {
        if self.under_way.is_some() {
            self.again = true;
            return None;
        }
        self.generation += 1;
        self.under_way = Some(self.generation);
        self.again = false;
        self.seen = versions;
        self.under_way
    }

    /// Takes note of when the asking under way began.
    pub const fn begun(&mut self, now: Timestamp) {
        self.begun_at = Some(now);
    }

    /// Makes whatever is under way or known worthless: something else is wanted now.
    pub fn invalidate(&mut self) {
        self.generation += 1;
        self.answered_at = None;
        self.failure = None;
    }

    /// Makes whatever is under way worthless, but not what is known: it is shown until something else comes.
    pub const fn supersede(&mut self) {
        self.generation += 1;
    }

    /// Takes note of an answer. Returns whether it is still wanted.
    pub fn end(&mut self, generation: u64, failure: Option<QueryFailed>, now: Timestamp) -> bool {
        if self.under_way == Some(generation) {
            self.under_way = None;
            self.took = self.begun_at.take().map_or(0, |at| now.since(at).max(0));
        }
        if generation != self.generation {
            return false;
        }
        match failure {
            Some(failure) => self.failure = Some((failure, now)),
            None => {
                self.answered_at = Some(now);
                self.failure = None;
            }
        }
        true
    }

    /// Takes note of an answer that is not taken now: the same is asked again later.
    pub fn put_off(&mut self, generation: u64) {
        if self.under_way == Some(generation) {
            self.under_way = None;
            self.again = true;
        }
    }

    /// Whether it is time to ask: something has changed since the last asking, one was put off, or a failed one is due.
    #[must_use]
    pub fn is_due(&self, versions: Option<Versions>, now: Timestamp) -> bool {
        let retry = self.failure.as_ref().is_some_and(|(_, at)| now.since(*at) >= RETRY_AFTER);
        let moved = self.failure.is_none() && self.seen != versions;
        self.under_way.is_none()
            && (self.again || retry || (moved && self.has_rested((self.took * REST).min(MOST_REST), now)))
    }

    fn has_rested(&self, rest: i64, now: Timestamp) -> bool {
        self.answered_at.is_none_or(|at| now.since(at) >= rest)
    }

    /// Whether the last good answer is so old, in microseconds, and nothing is being asked. One that took its time is left
    /// to grow older.
    #[must_use]
    pub fn is_older_than(&self, age: i64, now: Timestamp) -> bool {
        self.under_way.is_none()
            && self.answered_at.is_some()
            && self.has_rested(age.max((self.took * LONG_REST).min(MOST_LONG_REST)), now)
    }

    /// Whether nothing has changed since what is known was asked for.
    #[must_use]
    pub fn is_current(&self, versions: Option<Versions>) -> bool {
        self.answered_at.is_some() && self.seen == versions
    }

    /// When the last good answer came.
    #[must_use]
    pub const fn answered_at(&self) -> Option<Timestamp> {
        self.answered_at
    }

    /// Why the last asking failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&QueryFailed> {
        self.failure.as_ref().map(|(failure, _)| failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    #[test]
    fn only_one_asking_is_under_way_and_the_next_waits_for_it() {
        let mut asking = Asking::default();
        let first = asking.begin(None).unwrap();
        assert_eq!(asking.begin(None), None);
        assert!(!asking.is_due(None, NOW));
        assert!(asking.end(first, None, NOW));
        assert!(asking.is_due(None, NOW), "the second was put off");
        assert_eq!(asking.begin(None), Some(first + 1));
    }

    #[test]
    fn an_answer_to_what_is_no_longer_wanted_is_dropped() {
        let mut asking = Asking::default();
        let first = asking.begin(None).unwrap();
        asking.invalidate();
        assert_eq!(asking.begin(None), None);
        assert!(!asking.end(first, None, NOW));
        assert_eq!(asking.answered_at(), None);
        let second = asking.begin(None).unwrap();
        assert!(!asking.end(first, None, NOW));
        assert!(asking.end(second, None, NOW));
    }

    #[test]
    fn what_is_superseded_is_dropped_and_what_is_known_stays() {
        let mut asking = Asking::default();
        let first = asking.begin(None).unwrap();
        asking.end(first, None, NOW);
        let second = asking.begin(None).unwrap();
        asking.supersede();
        assert_eq!((asking.begin(None), asking.answered_at()), (None, Some(NOW)));
        assert!(!asking.end(second, None, NOW) && asking.is_due(None, NOW));
    }

    #[test]
    fn an_answer_that_took_its_time_is_not_asked_for_again_at_once() {
        let moved = Some(Versions { change_seq: 1, ledger_version: 1 });
        let mut asking = Asking::default();
        let first = asking.begin(None).unwrap();
        asking.begun(NOW);
        let answered = NOW.plus(SECOND / 10);
        asking.end(first, None, answered);
        assert!(!asking.is_due(moved, answered.plus(SECOND * 8 / 10 - 1)));
        assert!(asking.is_due(moved, answered.plus(SECOND * 8 / 10)));
        assert!(!asking.is_older_than(10 * SECOND, answered.plus(59 * SECOND)));
        assert!(asking.is_older_than(10 * SECOND, answered.plus(60 * SECOND)));
        let slow = asking.begin(moved).unwrap();
        asking.begun(answered);
        let answered = answered.plus(5 * SECOND);
        asking.end(slow, None, answered);
        assert!(asking.is_due(None, answered.plus(MOST_REST)));
        assert!(asking.is_older_than(10 * SECOND, answered.plus(MINUTE)), "however slow it was");
    }

    #[test]
    fn a_failure_keeps_what_is_known_and_is_tried_again_after_a_while() {
        let mut asking = Asking::default();
        let first = asking.begin(None).unwrap();
        asking.end(first, None, NOW);
        let second = asking.begin(None).unwrap();
        asking.end(second, Some(QueryFailed("gone".to_owned())), NOW);
        assert_eq!(asking.answered_at(), Some(NOW));
        let moved = Some(Versions { change_seq: 1, ledger_version: 1 });
        assert!(!asking.is_due(moved, NOW.plus(RETRY_AFTER - 1)));
        assert!(asking.is_due(None, NOW.plus(RETRY_AFTER)));
    }
}
