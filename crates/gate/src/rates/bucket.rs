//! How full one limit is.
//!
//! The generic cell rate algorithm, in whole numbers: what is used drains evenly, the limit in a period, so that a burst may
//! be as large as the limit, and nothing more than the limit and what drained meanwhile ever fits. The crates for it can
//! neither be looked into without taking, nor given back to, nor be charged after the fact, and count to 2^32; tokens need
//! all of that.

use mete_core::Timestamp;
use mete_core::decision::Standing;

/// A limit in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u64,
    /// Microseconds.
    pub period: i64,
}

/// What is used of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Units used and not drained yet, times the microseconds of the period: drains by the limit each microsecond.
    level: i128,
    at: Timestamp,
}

impl Quota {
    fn full(self) -> i128 {
        i128::from(self.limit) * i128::from(self.period)
    }

    /// Microseconds in which so much drains.
    fn time(self, level: i128) -> i64 {
        match i128::from(self.limit) {
            0 => self.period,
            limit => i64::try_from((level.max(0) + limit - 1) / limit).unwrap_or(i64::MAX),
        }
    }
}

impl Bucket {
    fn level(&self, quota: Quota, now: Timestamp) -> i128 {
        let passed = i128::from(now.since(self.at).max(0));
        (self.level - passed * i128::from(quota.limit)).max(0)
    }

    /// The most that can be in use at `now`, where it is known what was used by which instant from `begin` on: nothing that
    /// was let through ever passed the limit, so that it was full then at most.
    pub fn of_history(
        quota: Quota,
        (begin, now): (Timestamp, Timestamp),
        used: impl Iterator<Item = (Timestamp, u64)>,
    ) -> Self {
        let mut bucket = Self { level: quota.full(), at: begin };
        for (at, units) in used {
            bucket.add(quota, i64::try_from(units).unwrap_or(i64::MAX), at);
            bucket.level = bucket.level.min(quota.full());
        }
        bucket.add(quota, 0, now);
        bucket
    }

    /// Whether so many more fit; else in how many microseconds they do, and `None` if they never do.
    pub fn fits(&self, quota: Quota, units: u64, now: Timestamp) -> Result<(), Option<i64>> {
        let more = i128::from(units) * i128::from(quota.period);
        let over = self.level(quota, now) + more - quota.full();
        match over {
            ..=0 => Ok(()),
            _ if more > quota.full() => Err(None),
            over => Err(Some(quota.time(over))),
        }
    }

    /// Uses so many more, also beyond the limit; or gives back, as far as there is something.
    pub fn add(&mut self, quota: Quota, units: i64, now: Timestamp) {
        let level = self.level(quota, now) + i128::from(units) * i128::from(quota.period);
        *self = Self { level: level.max(0), at: now.max(self.at) };
    }

    /// How many are used, a part of one as a whole one.
    pub fn used(&self, quota: Quota, now: Timestamp) -> u64 {
        let period = i128::from(quota.period);
        u64::try_from((self.level(quota, now) + period - 1) / period).unwrap_or(u64::MAX)
    }

    pub fn standing(&self, quota: Quota, now: Timestamp) -> Standing {
        let remaining = quota.limit.saturating_sub(self.used(quota, now));
        Standing { limit: quota.limit, remaining, reset: quota.time(self.level(quota, now)) }
    }
}

#[cfg(test)]
mod tests {
    use mete_core::time::{MINUTE, SECOND};

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp(1_800_000_000_000_000 + micros)
    }

    const SIX: Quota = Quota { limit: 6, period: MINUTE };

    #[test]
    fn r23_a_burst_is_as_large_as_the_limit_and_the_rest_comes_evenly() {
        let mut bucket = Bucket::default();
        for _ in 0..6 {
            assert_eq!(bucket.fits(SIX, 1, at(0)), Ok(()));
            bucket.add(SIX, 1, at(0));
        }
        assert_eq!(bucket.fits(SIX, 1, at(0)), Err(Some(10 * SECOND)));
        assert_eq!(bucket.standing(SIX, at(0)), Standing { limit: 6, remaining: 0, reset: MINUTE });
        assert_eq!(bucket.fits(SIX, 1, at(10 * SECOND - 1)), Err(Some(1)));
        assert_eq!(bucket.fits(SIX, 1, at(10 * SECOND)), Ok(()));
        assert_eq!(bucket.standing(SIX, at(30 * SECOND)).remaining, 3);
        assert_eq!(bucket.fits(SIX, 7, at(MINUTE)), Err(None), "never");
        assert_eq!((bucket.used(SIX, at(MINUTE)), bucket.used(SIX, at(MINUTE - 1))), (0, 1));
    }

    #[test]
    fn what_is_charged_after_the_fact_may_pass_the_limit_and_what_is_given_back_never_makes_room_for_more() {
        let mut bucket = Bucket::default();
        bucket.add(SIX, 9, at(0));
        assert_eq!(bucket.fits(SIX, 1, at(0)), Err(Some(40 * SECOND)));
        bucket.add(SIX, -4, at(0));
        assert_eq!(bucket.used(SIX, at(0)), 5);
        bucket.add(SIX, -40, at(0));
        assert_eq!(bucket.standing(SIX, at(0)), Standing { limit: 6, remaining: 6, reset: 0 });
    }

    /// Whoever kept to the limit is never taken for having more room than there is, and whoever used less than half of it in
    /// each period not for much less.
    #[test]
    fn r23_what_is_rebuilt_from_hours_is_what_was_in_use_or_a_little_more() {
        let day = 24 * 60 * MINUTE;
        let quota = Quota { limit: 240, period: day };
        let rebuilt = |used: &[(i64, u64)]| {
            let used = used.iter().map(|(hour, units)| (at(hour * day / 24), *units));
            Bucket::of_history(quota, (at(0), at(2 * day)), used).used(quota, at(2 * day))
        };
        assert_eq!(rebuilt(&[]), 0, "two days drain what was full");
        assert_eq!(rebuilt(&[(48, 240)]), 240);
        assert_eq!(rebuilt(&[(36, 240)]), 120, "half a day ago");
        assert_eq!(rebuilt(&[(12, 240), (47, 30)]), 20, "what came long ago has drained");
        assert_eq!(rebuilt(&[(47, 100_000)]), 230, "no more than the limit: a day, and all is free");
        let always: Vec<_> = (1..=48).map(|hour| (hour, 10)).collect();
        assert_eq!(rebuilt(&always), 240, "used up long ago, and all that drained since");
        let half: Vec<_> = (1..=48).map(|hour| (hour, 5)).collect();
        assert_eq!(rebuilt(&half), 5);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let mut bucket = Bucket::default();
        bucket.add(SIX, 6, at(MINUTE));
        bucket.add(SIX, 0, at(0));
        assert_eq!(bucket.fits(SIX, 1, at(MINUTE)), Err(Some(10 * SECOND)));
    }

    #[test]
    fn nothing_fits_a_limit_of_nothing_and_the_largest_do_not_overflow() {
        let none = Quota { limit: 0, period: MINUTE };
        assert_eq!(Bucket::default().fits(none, 1, at(0)), Err(None));
        let largest = Quota { limit: i64::MAX as u64, period: 24 * 60 * MINUTE };
        let mut bucket = Bucket::default();
        bucket.add(largest, i64::MAX, at(0));
        assert_eq!(bucket.standing(largest, at(0)).remaining, 0);
        bucket.add(largest, i64::MAX, at(1));
        assert!(bucket.fits(largest, 1, at(1)).is_err());
    }
}
