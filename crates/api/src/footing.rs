//! What the gate's answers stand on: when the store was heard of last, and since when usage waits to be counted.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use mete_core::Timestamp;
use mete_core::time::SECOND;

/// No usage waits.
const NOTHING: i64 = i64::MAX;

/// From when on the gate's knowledge is too old, and what is done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// So old, in microseconds, is still good.
    pub most: i64,
    /// Whether questions are answered with 503 beyond that; otherwise they are decided as ever, and the answer says so.
    pub closes: bool,
}

impl Tolerance {
    /// Whatever its age, it is good.
    pub const ANY: Self = Self { most: i64::MAX, closes: false };
}

/// How good the gate's knowledge is. Shared by `Arc`: whoever hears of the store and of usage that waits tells it, and
/// every decision looks at it, without a lock.
#[derive(Debug)]
pub struct Footing {
    store_away: Tolerance,
    lag: Tolerance,
    /// When the store was read or written last.
    store_heard: AtomicI64,
    /// Since when usage waits, or [`NOTHING`].
    waiting_since: AtomicI64,
    began: Timestamp,
}

/// Why the gate's knowledge is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Neither was the change feed read nor did a commit succeed.
    StoreAway,
    /// Usage is there and not counted.
    IngestLags,
}

impl Cause {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::StoreAway, Self::IngestLags];

    /// Its name for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StoreAway => "store_away",
            Self::IngestLags => "ingest_lags",
        }
    }
}

/// Something that the gate should know, and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What it is.
    pub cause: Cause,
    /// For how long it lasts by now, in microseconds.
    pub age: i64,
    /// Whether nothing is decided because of it.
    pub closes: bool,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.age / SECOND;
        match self.cause {
            Cause::StoreAway => write!(f, "the store has not answered for {seconds} seconds"),
            Cause::IngestLags => write!(f, "usage has been waiting to be counted for {seconds} seconds"),
        }
    }
}

impl Default for Footing {
    /// One that is never in doubt.
    fn default() -> Self {
        Self::new(Tolerance::ANY, Tolerance::ANY, Timestamp(0))
    }
}

impl Footing {
    /// A store that was heard of at `now`, and no usage that waits; with what is tolerated of either.
    #[must_use]
    pub const fn new(store_away: Tolerance, lag: Tolerance, now: Timestamp) -> Self {
        Self { store_away, lag, store_heard: AtomicI64::new(now.0), waiting_since: AtomicI64::new(NOTHING), began: now }
    }

    /// When this process began.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// The store was read or written at `now`.
    pub fn store_answered(&self, now: Timestamp) {
        self.store_heard.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Since when usage waits, if any does.
    pub fn usage_waits(&self, since: Option<Timestamp>) {
        self.waiting_since.store(since.map_or(NOTHING, |since| since.0), Ordering::Relaxed);
    }

    /// When the store was read or written last.
    #[must_use]
    pub fn store_heard(&self) -> Timestamp {
        Timestamp(self.store_heard.load(Ordering::Relaxed))
    }

    /// Since when usage waits, if any does.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Timestamp> {
        let since = self.waiting_since.load(Ordering::Relaxed);
        (since != NOTHING).then_some(Timestamp(since))
    }

    /// Whether one cause puts the gate's knowledge in doubt at `now`.
    #[must_use]
    pub fn doubt_for(&self, cause: Cause, now: Timestamp) -> Option<Doubt> {
        let (since, tolerance) = match cause {
            Cause::StoreAway => (&self.store_heard, self.store_away),
            Cause::IngestLags => (&self.waiting_since, self.lag),
        };
        let age = now.0.saturating_sub(since.load(Ordering::Relaxed));
        (age > tolerance.most).then_some(Doubt { cause, age, closes: tolerance.closes })
    }

    /// What puts it in doubt: of two, the one that forbids to decide, else the older.
    #[must_use]
    pub fn doubt(&self, now: Timestamp) -> Option<Doubt> {
        let doubts = Cause::ALL.into_iter().filter_map(|cause| self.doubt_for(cause, now));
        doubts.max_by_key(|doubt| (doubt.closes, doubt.age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000 * SECOND);

    fn after(seconds: i64) -> Timestamp {
        START.plus(seconds * SECOND)
    }

    fn footing(store_closes: bool, lag_closes: bool) -> Footing {
        let tolerance = |seconds: i64, closes| Tolerance { most: seconds * SECOND, closes };
        Footing::new(tolerance(300, store_closes), tolerance(60, lag_closes), START)
    }

    #[test]
    fn a_store_is_away_when_nothing_was_heard_of_it_for_too_long() {
        let footing = footing(true, false);
        assert_eq!((footing.doubt(after(300)), footing.doubt(START)), (None, None));
        let doubt = footing.doubt(after(301)).unwrap();
        assert_eq!((doubt.cause, doubt.age, doubt.closes), (Cause::StoreAway, 301 * SECOND, true));
        assert_eq!(doubt.to_string(), "the store has not answered for 301 seconds");
        footing.store_answered(after(301));
        footing.store_answered(after(200));
        assert_eq!((footing.doubt(after(601)), footing.store_heard()), (None, after(301)));
        assert!(footing.doubt(after(602)).is_some());
    }

    #[test]
    fn usage_lags_when_it_waits_for_too_long() {
        let footing = footing(false, false);
        footing.usage_waits(Some(after(10)));
        assert_eq!(footing.doubt(after(70)), None);
        let doubt = footing.doubt(after(72)).unwrap();
        assert_eq!((doubt.cause, doubt.age, doubt.closes), (Cause::IngestLags, 62 * SECOND, false));
        footing.usage_waits(None);
        assert_eq!((footing.doubt(after(72)), footing.waiting_since()), (None, None));
    }

    #[test]
    fn of_two_doubts_the_one_that_closes_is_told_and_else_the_older() {
        for (store_closes, lag_closes, told) in [
            (true, false, Cause::StoreAway),
            (false, true, Cause::IngestLags),
            (false, false, Cause::StoreAway),
            (true, true, Cause::StoreAway),
        ] {
            let footing = footing(store_closes, lag_closes);
            footing.usage_waits(Some(after(100)));
            assert_eq!(footing.doubt(after(400)).map(|doubt| doubt.cause), Some(told));
        }
        assert_eq!(Footing::default().doubt(after(i64::MAX / SECOND / 2)), None);
    }
}
