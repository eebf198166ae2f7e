//! What a month will come to, and when a budget runs out: arithmetic on hours of spend, in whole nano-dollars (R30).
//!
//! A scope's **habit** is what it spent in the hours before the present one. It is cut into **periods** that end where the
//! present hour begins: the last four weeks; the last days where less than a week is known; the last hours where less than
//! a day is. Period 1 is the newest of `n`.
//!
//! - *Rest of the month* as period `i` would have it: its hours again and again until the month's end, of the present hour
//!   only the share that is left: `R(i)`. A week meets the same hours of the week again, so weekends and nights count.
//! - *Trend*: where at least three weeks are known and each was above the one before it, or each below, `R(i)` goes on so: an
//!   hour `k` weeks after the one that it is like is `1 + g` to the power of `k` times as much, `g` being the least of the
//!   changes from week to week. Ups and downs are no trend.
//! - *Forecast*: spent + the mean of all `R(i)`, in which period `i` weighs `n + 1 - i`.
//! - *Range*: along a trend, from what comes if it ends now to what comes if it doubles. Without one: spent + the least
//!   `R(i)`, to spent + the largest; where the last period was above the one before it, the range goes up by that difference
//!   once more, `R(1) - R(2)`; where it was below, down by it, never below what is spent.
//! - *Burn*: the last hour: the present hour so far, and of the hour before it the share that is less than an hour ago.
//! - *Usual burn*: the same of each period's same two hours, with the weights of the forecast.
//! - *Run-out at the burn*: now + what is left / burn. *By habit*: the hour in which the weighted mean of the periods' hours
//!   has used up what is left, in proportion within that hour. There is none after the month's end: budgets begin anew (R26).

pub mod backtest;

use serde::Serialize;

use crate::money::Nanos;
use crate::time::{HOUR, Timestamp};

/// Hours of a week.
const WEEK: usize = 7 * 24;

/// How many hours before the present one are looked at: four weeks.
pub const HABIT_HOURS: i64 = 4 * WEEK as i64;

/// What a month will come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Spent until now.
    pub spent: Nanos,
    /// At the month's end, by habit.
    pub point: Nanos,
    /// At the least, as habit varied.
    pub low: Nanos,
    /// At the most, as habit varied and grew.
    pub high: Nanos,
}

/// How fast money is spent now, and usually at this hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Burn {
    /// In the last hour.
    pub now: Nanos,
    /// In such an hour, by habit.
    pub usual: Nanos,
}

impl Burn {
    /// Now in per mille of what is usual: 6000 is six times the habit. `None` where nothing is usual.
    #[must_use]
    pub fn factor(&self) -> Option<u32> {
        (self.usual > Nanos::ZERO).then(|| self.now.per_mille_of(self.usual))
    }
}

/// When a budget runs out, if it does before its month ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunOut {
    /// If it goes on as in the last hour.
    pub at_burn: Option<Timestamp>,
    /// If it goes on as usual.
    pub by_habit: Option<Timestamp>,
}

impl RunOut {
    /// The earlier of the two.
    #[must_use]
    pub fn earliest(&self) -> Option<Timestamp> {
        [self.at_burn, self.by_habit].into_iter().flatten().min()
    }
}

/// What a scope spent hour by hour, until an instant.
#[derive(Clone, Debug)]
pub struct Habit {
    now: Timestamp,
    /// The whole hours before the present one of which is known what was spent, oldest first.
    hours: Vec<i64>,
    /// Spent in the present hour.
    present: i64,
}

impl Habit {
    /// From what was spent in hours since 1970, in any order. Hours that are not told of had no spend, from `since` on, the
    /// first hour of which anything is known: by default the first of those that are told of. What is after `now`, or
    /// longer ago than [`HABIT_HOURS`], does not matter.
    #[must_use]
    pub fn new(now: Timestamp, since: Option<i64>, spend: impl IntoIterator<Item = (i64, Nanos)>) -> Self {
        let first = now.hour() - HABIT_HOURS;
        let mut hours = vec![0_i64; HABIT_HOURS as usize + 1];
        let mut earliest = now.hour();
        for (hour, amount) in spend {
            let place = usize::try_from(hour - first).ok().and_then(|place| hours.get_mut(place));
            if let Some(spent) = place {
                *spent = spent.saturating_add(amount.0).max(0);
                earliest = earliest.min(hour);
            }
        }
        let present = hours.pop().unwrap_or_default();
        let unknown = (since.unwrap_or(earliest) - first).clamp(0, HABIT_HOURS) as usize;
        hours.drain(..unknown);
        Self { now, hours, present }
    }

    /// Whether nothing was ever spent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present == 0 && self.hours.iter().all(|hour| *hour == 0)
    }

    /// How many whole hours before the present one are known.
    #[must_use]
    pub const fn known_hours(&self) -> usize {
        self.hours.len()
    }

    /// What the present month will come to, of which `spent` is spent.
    #[must_use]
    pub fn forecast(&self, spent: Nanos) -> Forecast {
        let left = self.now.month().end().since(self.now).max(0);
        let (periods, trend) = (self.periods(), self.trend());
        let like = |ago, period, trend| self.rest_like((ago, period), trend, left);
        let rest: Vec<i128> = (1..).zip(&periods).map(|(ago, period)| like(ago, period, trend)).collect();
        let range = match periods.first() {
            Some(last) if trend != Trend::NONE => range_along(&rest, like(1, last, Trend::NONE)),
            _ => range_of(&rest),
        };
        let total = |rest: i128| spent + nanos(rest);
        let point = weighted(rest.iter().copied());
        Forecast { spent, point: total(point), low: total(range.0.max(0)), high: total(range.1) }
    }

    /// How fast money is spent.
    #[must_use]
    pub fn burn(&self) -> Burn {
        let before = self.hours.last().copied().unwrap_or_default();
        let usual = self.periods().into_iter().map(|period| {
            let first = period.start;
            // Of the hour before the oldest period nothing is known.
            let before = first.checked_sub(1).and_then(|place| self.hours.get(place)).copied();
            let same = self.hours.get(first).copied().unwrap_or_default();
            self.share_gone(same) + self.share_left(before.unwrap_or(same))
        });
        let usual = if self.hours.is_empty() { 0 } else { weighted(usual) };
        Burn { now: Nanos(self.present) + nanos(self.share_left(before)), usual: nanos(usual) }
    }

    /// What was spent a week ago in the hour that ended when it was this time; `None` where less than that is known.
    #[must_use]
    pub fn week_ago(&self) -> Option<Nanos> {
        let first = self.hours.len().checked_sub(WEEK)?;
        let before = *self.hours.get(first.checked_sub(1)?)?;
        let same = *self.hours.get(first)?;
        Some(nanos(self.share_gone(same) + self.share_left(before)))
    }

    /// When a budget of which so much is left runs out.
    #[must_use]
    pub fn run_out(&self, left: Nanos) -> RunOut {
        if left <= Nanos::ZERO {
            return RunOut { at_burn: Some(self.now), by_habit: Some(self.now) };
        }
        RunOut { at_burn: self.run_out_at(left, self.burn().now), by_habit: self.run_out_by_habit(left) }
    }

    fn run_out_at(&self, left: Nanos, burn: Nanos) -> Option<Timestamp> {
        if burn <= Nanos::ZERO {
            return None;
        }
        self.within_month(time_for(i128::from(left.0), i128::from(burn.0)))
    }

    fn run_out_by_habit(&self, left: Nanos) -> Option<Timestamp> {
        let mut left = i128::from(left.0);
        // The present hour counts as far as it is not over.
        let mut begin = self.now.hour() * HOUR;
        let end = self.now.month().end().0;
        let mut gone = i128::from(HOUR - self.left_of_hour());
        let (periods, trend) = (self.periods(), self.trend());
        for step in 0.. {
            if begin >= end {
                break;
            }
            let like = |(place, period): (usize, &std::ops::Range<usize>)| {
                let weeks = place + 1 + step / period.len().max(1);
                trend.after(i128::from(self.hour_like(period, step)), weeks)
            };
            let rate = weighted(periods.iter().enumerate().map(like));
            let of_hour = rate * (i128::from(HOUR) - gone) / i128::from(HOUR);
            if of_hour >= left {
                return self.within_month(i128::from(begin - self.now.0) + gone + time_for(left, rate));
            }
            left -= of_hour;
            gone = 0;
            begin += HOUR;
        }
        None
    }

    /// The instant `wait` microseconds from now, if the month does not end before.
    fn within_month(&self, wait: i128) -> Option<Timestamp> {
        let at = self.now.plus(i64::try_from(wait).ok()?);
        (at < self.now.month().end()).then_some(at)
    }

    /// The periods of the habit, newest first, as places in the hours; one of no place where no whole hour is known, which
    /// stands for the present hour.
    fn periods(&self) -> Vec<std::ops::Range<usize>> {
        let known = self.hours.len();
        let length = [WEEK, 24, 1].into_iter().find(|length| known >= *length);
        let Some(length) = length else { return vec![std::ops::Range::default()] };
        (1..=known / length).map(|number| known - number * length..known - (number - 1) * length).collect()
    }

    /// What the hour `step` hours after the present one would cost if it were as in `period`.
    fn hour_like(&self, period: &std::ops::Range<usize>, step: usize) -> i64 {
        let hours = self.hours.get(period.clone()).filter(|hours| !hours.is_empty());
        hours.map_or(self.present, |hours| hours[step % hours.len()])
    }

    /// What the next `left` microseconds would cost if they were as in the period that began `ago` periods ago, and the
    /// trend went on.
    fn rest_like(&self, (ago, period): (usize, &std::ops::Range<usize>), trend: Trend, left: i64) -> i128 {
        let after = left - self.left_of_hour();
        if after < 0 {
            return 0;
        }
        let (whole, length) = ((after / HOUR) as usize, period.len().max(1));
        let sum =
            |from: usize, to: usize| (from..=to).map(|step| i128::from(self.hour_like(period, step))).sum::<i128>();
        let round = |number: usize| {
            // Of the first hour of all there is only what is left.
            let amount = sum(usize::from(number == 0), (length - 1).min(whole - number * length));
            trend.after(amount, ago + number)
        };
        trend.after(self.share_left(self.hour_like(period, 0)), ago) + (0..=whole / length).map(round).sum::<i128>()
    }

    /// By how much each week was above the one before it, or below.
    fn trend(&self) -> Trend {
        let periods = self.periods();
        if periods.len() < 3 || periods.iter().any(|period| period.len() != WEEK) {
            return Trend::NONE;
        }
        let total = |period: &std::ops::Range<usize>| {
            self.hours.get(period.clone()).into_iter().flatten().map(|hour| i128::from(*hour)).sum::<i128>()
        };
        let totals: Vec<i128> = periods.iter().map(total).collect();
        let factors = totals.windows(2).map(|weeks| match weeks {
            [week, before] if *before > 0 => week * Trend::ONE / before,
            _ => Trend::ONE,
        });
        let (least, largest) =
            factors.fold((i128::MAX, 0), |(least, largest), factor| (factor.min(least), factor.max(largest)));
        match (least > Trend::ONE, largest < Trend::ONE) {
            (true, _) => Trend(least.min(Trend::MOST)),
            (_, true) => Trend(largest),
            _ => Trend::NONE,
        }
    }

    /// What is left of the present hour, in microseconds.
    const fn left_of_hour(&self) -> i64 {
        (self.now.hour() + 1) * HOUR - self.now.0
    }

    fn share_left(&self, amount: i64) -> i128 {
        i128::from(amount) * i128::from(self.left_of_hour()) / i128::from(HOUR)
    }

    fn share_gone(&self, amount: i64) -> i128 {
        i128::from(amount) - self.share_left(amount)
    }
}

/// The range of what is left without a trend: from the least to the largest, and further by what the last period was above
/// or below the one before.
fn range_of(rest: &[i128]) -> (i128, i128) {
    let growth = match rest {
        [last, before, ..] => last - before,
        _ => 0,
    };
    let (least, largest) = (rest.iter().min(), rest.iter().max());
    (least.copied().unwrap_or_default() + growth.min(0), largest.copied().unwrap_or_default() + growth.max(0))
}

/// The range along a trend: from where it `ends` now, so that all weeks are as the last one was, to where it doubles.
fn range_along(rest: &[i128], ends: i128) -> (i128, i128) {
    let all = || rest.iter().flat_map(|rest| [*rest, rest + rest - ends]).chain([ends]);
    (all().min().unwrap_or_default(), all().max().unwrap_or_default())
}

/// What a week comes to, of what the one before it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trend(i128);

impl Trend {
    /// As much as before.
    const ONE: i128 = 1_000_000;
    const NONE: Self = Self(Self::ONE);
    /// A project that began just now is not taken to grow for ever.
    const MOST: i128 = 2 * Self::ONE;

    /// An amount, so many weeks later.
    fn after(self, amount: i128, weeks: usize) -> i128 {
        if self == Self::NONE { amount } else { (0..weeks).fold(amount, |amount, _| amount * self.0 / Self::ONE) }
    }
}

/// The mean in which of `n` amounts the first weighs `n`, the last 1.
fn weighted(amounts: impl ExactSizeIterator<Item = i128>) -> i128 {
    let count = amounts.len() as i128;
    let sum: i128 = amounts.zip(0..).map(|(amount, place)| amount * (count - place)).sum();
    if count == 0 { 0 } else { sum / (count * (count + 1) / 2) }
}

/// How long it takes to spend `left` at a positive `rate` an hour, in microseconds, rounded up.
const fn time_for(left: i128, rate: i128) -> i128 {
    (left * HOUR as i128 + rate - 1) / rate
}

/// An amount; saturates.
fn nanos(amount: i128) -> Nanos {
    Nanos(i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests;
