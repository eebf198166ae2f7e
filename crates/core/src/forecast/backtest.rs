//! How well a month would have been foreseen: forecasts from what was known on each of its days, held against what the
//! month came to, beside two ways that need no habit.
//!
//! - *In proportion*: spent / the part of the month that is gone.
//! - *As the month before*: what that came to, or what is spent where that is more.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Forecast, HABIT_HOURS, Habit};
use crate::money::Nanos;
use crate::time::{HOUR, Month, Timestamp};

/// What would have been said at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// When: a day's first instant.
    pub at: Timestamp,
    /// By habit.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// In proportion to the time that is gone.
    pub in_proportion: Nanos,
    /// As the month before.
    pub as_before: Nanos,
}

/// How far off one way was, over all trials, in per mille of what the month came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Error {
    /// The mean of the errors.
    pub mean_per_mille: u32,
    /// Half of the errors are at most this.
    pub median_per_mille: u32,
    /// The largest one.
    pub worst_per_mille: u32,
}

/// How well a month would have been foreseen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backtest {
    /// What it came to.
    pub actual: Nanos,
    /// A trial for each of its days but the first.
    pub trials: Vec<Trial>,
    /// By habit.
    pub by_habit: Error,
    /// In proportion to the time that is gone.
    pub in_proportion: Error,
    /// As the month before.
    pub as_before: Error,
    /// How many trials in a thousand had what it came to in their range.
    pub within_range_per_mille: u32,
}

impl Backtest {
    /// Of a month that is over, from the spend of all hours from the month before it to its end. `None` where nothing was
    /// spent in it: there is nothing to be wrong about.
    #[must_use]
    pub fn of(month: Month, hours: &BTreeMap<i64, Nanos>) -> Option<Self> {
        let spent = |from: Timestamp, to: Timestamp| hours.range(from.hour()..to.hour()).map(|(_, spend)| *spend).sum();
        let actual: Nanos = spent(month.start(), month.end());
        if actual <= Nanos::ZERO {
            return None;
        }
        let before: Nanos = spent(month.previous().start(), month.start());
        let known = hours.iter().find(|(_, spend)| **spend != Nanos::ZERO).map(|(hour, _)| *hour);
        let (first, last) = month.days();
        let trials = (first + 1..=last).map(|day| {
            let at = Timestamp(day * 24 * HOUR);
            let past = hours.range(at.hour() - HABIT_HOURS..at.hour()).map(|(hour, spend)| (*hour, *spend));
            // Hours without spend since the first one with any are known to have had none.
            let since = known.map(|hour| hour.min(at.hour()));
            let spent = spent(month.start(), at);
            let part = (i128::from(at.since(month.start())), i128::from(month.end().since(month.start())));
            let in_proportion = i64::try_from(i128::from(spent.0) * part.1 / part.0).unwrap_or(i64::MAX);
            Trial {
                at,
                forecast: Habit::new(at, since, past).forecast(spent),
                in_proportion: Nanos(in_proportion),
                as_before: before.max(spent),
            }
        });
        let trials: Vec<Trial> = trials.collect();
        let within = trials.iter().filter(|trial| (trial.forecast.low..=trial.forecast.high).contains(&actual)).count();
        Some(Self {
            actual,
            by_habit: Error::over(actual, trials.iter().map(|trial| trial.forecast.point)),
            in_proportion: Error::over(actual, trials.iter().map(|trial| trial.in_proportion)),
            as_before: Error::over(actual, trials.iter().map(|trial| trial.as_before)),
            within_range_per_mille: (within * 1000 / trials.len().max(1)) as u32,
            trials,
        })
    }
}

impl Error {
    fn over(actual: Nanos, said: impl Iterator<Item = Nanos>) -> Self {
        let off = |said: Nanos| if said < actual { actual - said } else { said - actual };
        let mut errors: Vec<u32> = said.map(|said| off(said).per_mille_of(actual)).collect();
        errors.sort_unstable();
        let mean = errors.iter().map(|error| u64::from(*error)).sum::<u64>() / errors.len().max(1) as u64;
        Self {
            mean_per_mille: u32::try_from(mean).unwrap_or(u32::MAX),
            median_per_mille: errors.get(errors.len() / 2).copied().unwrap_or_default(),
            worst_per_mille: errors.last().copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn october() -> Month {
        Month::from_yyyymm(202510).unwrap()
    }

    /// A dollar an hour, from the month before on.
    fn steady() -> BTreeMap<i64, Nanos> {
        let hours = october().previous().start().hour()..october().end().hour();
        hours.map(|hour| (hour, Nanos::from_dollars(1))).collect()
    }

    #[test]
    fn what_is_steady_is_foreseen_to_the_nano_dollar() {
        let backtest = Backtest::of(october(), &steady()).unwrap();
        assert_eq!((backtest.actual, backtest.trials.len()), (Nanos::from_dollars(31 * 24), 30));
        assert_eq!(backtest.by_habit, Error::default());
        assert_eq!(backtest.in_proportion, Error::default());
        assert_eq!(backtest.within_range_per_mille, 1000);
        // September has 30 days: 720 for 744, until the last day, of which 720 are spent.
        assert_eq!(backtest.as_before.worst_per_mille, 32);
    }

    /// All of a month's spend on its last day, and none before: every way is wrong by all of it.
    #[test]
    fn what_never_was_is_foreseen_by_nobody() {
        let hours = BTreeMap::from([(october().end().hour() - 1, Nanos::from_dollars(10))]);
        let backtest = Backtest::of(october(), &hours).unwrap();
        for error in [backtest.by_habit, backtest.in_proportion, backtest.as_before] {
            assert_eq!((error.mean_per_mille, error.worst_per_mille), (1000, 1000));
        }
        assert_eq!(backtest.within_range_per_mille, 0);
    }

    #[test]
    fn a_month_without_spend_tells_nothing() {
        assert_eq!(Backtest::of(october(), &BTreeMap::new()), None);
    }

    /// Later hours are not known at a trial.
    #[test]
    fn a_trial_knows_nothing_of_what_came_after() {
        let mut other = steady();
        let day = october().start().hour() + 10 * 24;
        for (hour, spend) in &mut other {
            if *hour >= day {
                *spend = Nanos::from_dollars(100);
            }
        }
        let said = |hours: &BTreeMap<i64, Nanos>| Backtest::of(october(), hours).unwrap().trials[9].forecast;
        assert_eq!(said(&steady()), said(&other));
    }
}
