//! Histories of every shape, and what must hold for all of them.

use proptest::prelude::*;

use super::*;
use crate::time::{DAY, MINUTE};

const CENT: i64 = 10_000_000;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Monday, 14 days and 14 hours before the month's end.
fn now() -> Timestamp {
    at("2026-11-16T10:00:00Z")
}

/// So many hours before now, each at what `cents` says of its distance from now, which is 1 for the last.
fn hours(count: i64, cents: impl Fn(i64) -> i64) -> Vec<(i64, Nanos)> {
    (1..=count).map(|ago| (now().hour() - ago, Nanos(cents(ago) * CENT))).collect()
}

fn cents(count: i64) -> Nanos {
    Nanos(count * CENT)
}

#[test]
fn a_steady_history_goes_on() {
    let habit = Habit::new(now(), None, hours(HABIT_HOURS, |_| 100));
    let forecast = habit.forecast(cents(5_000));
    let end = cents(5_000 + 100 * (14 * 24 + 14));
    assert_eq!((forecast.point, forecast.low, forecast.high), (end, end, end));
    assert_eq!(habit.burn(), Burn { now: cents(100), usual: cents(100) });
    assert_eq!(habit.burn().factor(), Some(1000));
    let in_a_day = Some(now().plus(DAY));
    assert_eq!(habit.run_out(cents(2400)), RunOut { at_burn: in_a_day, by_habit: in_a_day });
    let after_the_month = habit.run_out(cents(100 * 24 * 15));
    assert_eq!((after_the_month, after_the_month.earliest()), (RunOut::default(), None), "R26: budgets begin anew");
}

#[test]
fn a_week_is_met_again_hour_by_hour() {
    // Nothing at weekends: days since 1970 began on a Thursday.
    let weekday = |hour: i64| !matches!(hour.div_euclid(24).rem_euclid(7), 2 | 3);
    let spend = hours(HABIT_HOURS, |ago| if weekday(now().hour() - ago) { 10 } else { 0 });
    let habit = Habit::new(now(), Some(0), spend);
    let working_hours = (0..14 * 24 + 14).filter(|ahead| weekday(now().hour() + ahead)).count() as i64;
    let forecast = habit.forecast(Nanos::ZERO);
    assert_eq!(
        (forecast.point, forecast.low, forecast.high),
        (cents(working_hours * 10), forecast.point, forecast.point)
    );
    // Until Friday's end there are 4 days and 14 hours: what is left after them is spent on Monday.
    let left = cents(10 * (4 * 24 + 14) + 20);
    assert_eq!(habit.run_out(left).by_habit, Some(at("2026-11-23T02:00:00Z")));
}

/// The week, counted from 0 for the last one, that ended `ago` hours ago or later.
fn weeks_ago(ago: i64) -> usize {
    ((ago - 1) / 168) as usize
}

#[test]
fn growth_raises_the_range_above_the_last_week() {
    let habit = |weeks: [i64; 4]| Habit::new(now(), None, hours(HABIT_HOURS, move |ago| weeks[weeks_ago(ago)]));
    let left = 14 * 24 + 14;
    // Up and down is no trend. 4, 3, 2 and 1 of ten parts.
    let forecast = habit([400, 300, 100, 200]).forecast(Nanos::ZERO);
    assert_eq!(forecast.point, cents(290 * left));
    assert_eq!((forecast.low, forecast.high), (cents(100 * left), cents(500 * left)));
    let falling = habit([100, 200, 400, 300]).forecast(Nanos::ZERO);
    assert_eq!((falling.low, falling.point), (Nanos::ZERO, cents(210 * left)));
}

#[test]
fn what_grew_each_week_goes_on_growing() {
    let habit = |weeks: [i64; 4]| Habit::new(now(), None, hours(HABIT_HOURS, move |ago| weeks[weeks_ago(ago)]));
    let left = 14 * 24 + 14;
    // A tenth a week: two weeks and 14 hours to come.
    let growing = habit([1331, 1210, 1100, 1000]);
    let forecast = growing.forecast(Nanos::ZERO);
    let point = Nanos(168 * 14_641_000_000 + 168 * 16_105_100_000 + 14 * 17_715_610_000);
    assert_eq!(forecast.point, point);
    assert_eq!((forecast.low, forecast.high), (cents(1331 * left), point + point - cents(1331 * left)));
    let in_a_week = now().plus(7 * DAY);
    assert_eq!(growing.run_out(Nanos(168 * 14_641_000_000)).by_habit, Some(in_a_week));
    let shrinking = habit([1000, 1100, 1210, 1331]).forecast(Nanos::ZERO);
    assert!(shrinking.point < cents(950 * left), "{shrinking:?}");
    assert_eq!(shrinking.high, cents(1000 * left), "where it ends now");
    // Three weeks are enough, two are not.
    let known = |weeks: i64| Habit::new(now(), None, hours(weeks * 168, |ago| [1331, 1210, 1100][weeks_ago(ago)]));
    assert_eq!(known(3).forecast(Nanos::ZERO).point, point);
    assert!(known(2).forecast(Nanos::ZERO).point < cents(1331 * left));
}

#[test]
fn a_spike_moves_the_burn_at_once_and_the_forecast_little() {
    let steady = Habit::new(now(), None, hours(HABIT_HOURS, |_| 100));
    let spiky = Habit::new(now(), None, hours(HABIT_HOURS, |ago| if ago == 1 { 700 } else { 100 }));
    assert_eq!((spiky.burn(), spiky.burn().factor()), (Burn { now: cents(700), usual: cents(100) }, Some(7000)));
    let more = spiky.forecast(Nanos::ZERO).point - steady.forecast(Nanos::ZERO).point;
    // The hour comes back twice before the month's end, with four of ten parts.
    assert_eq!(more, cents(2 * 600 * 4 / 10));
    let run_out = spiky.run_out(cents(1400));
    assert_eq!(run_out.at_burn, Some(now().plus(2 * HOUR)));
    assert_eq!(run_out.earliest(), run_out.at_burn);
    assert!(run_out.by_habit > run_out.at_burn);
}

#[test]
fn nothing_known_forecasts_what_is_spent() {
    let habit = Habit::new(now(), None, []);
    assert!(habit.is_empty());
    let spent = cents(7);
    assert_eq!(habit.forecast(spent), Forecast { spent, point: spent, low: spent, high: spent });
    assert_eq!((habit.burn(), habit.burn().factor()), (Burn::default(), None));
    assert_eq!(habit.run_out(cents(1)), RunOut::default());
    assert_eq!(habit.run_out(Nanos::ZERO).earliest(), Some(now()), "what is used up is used up now");
}

#[test]
fn a_day_is_met_again_where_there_is_no_week() {
    // 12 dear hours and 12 cheap ones.
    let habit = Habit::new(now(), None, hours(24, |ago| if ago <= 12 { 30 } else { 10 }));
    assert_eq!(habit.known_hours(), 24);
    let day = 12 * 40;
    // The hours after now are those that were 24 hours before: the cheap ones come first.
    assert_eq!(habit.forecast(Nanos::ZERO).point, cents(14 * day + 12 * 10 + 2 * 30));
    assert_eq!(habit.burn(), Burn { now: cents(30), usual: cents(10) });
}

#[test]
fn a_first_hour_is_taken_for_the_next_ones() {
    let spend = [(now().hour(), cents(60))];
    let half_past = Habit::new(now().plus(30 * MINUTE), None, spend);
    assert_eq!(half_past.known_hours(), 0);
    assert_eq!(half_past.burn(), Burn { now: cents(60), usual: Nanos::ZERO });
    let forecast = half_past.forecast(cents(60));
    assert_eq!(forecast.point, cents(60 + 30 + 60 * (14 * 24 + 13)));
    assert_eq!(half_past.run_out(cents(60)).at_burn, Some(now().plus(90 * MINUTE)));
}

#[test]
fn the_present_hour_counts_as_far_as_it_went() {
    let mut spend = hours(HABIT_HOURS, |_| 100);
    spend.push((now().hour(), cents(25)));
    let habit = Habit::new(now().plus(15 * MINUTE), None, spend);
    assert_eq!(habit.burn(), Burn { now: cents(100), usual: cents(100) });
    assert_eq!(habit.forecast(Nanos::ZERO).point, cents(75 + 100 * (14 * 24 + 13)));
}

fn history() -> impl Strategy<Value = (Timestamp, i64, Vec<(i64, Nanos)>)> {
    let span = at("2026-10-01T00:00:00Z").0..at("2026-12-31T23:59:59Z").0;
    (span, 0_i64..700, prop::collection::vec((0_i64..700, prop_oneof![Just(0), 0..1000_i64, 0..i64::MAX]), 0..80))
        .prop_map(|(now, known, spend)| {
            let now = Timestamp(now);
            let spend = spend.into_iter().map(|(ago, amount)| (now.hour() - ago % (known + 1), Nanos(amount)));
            (now, now.hour() - known, spend.collect())
        })
}

proptest! {
    #[test]
    fn the_range_contains_the_point((now, since, spend) in history(), spent in 0..i64::MAX) {
        let forecast = Habit::new(now, Some(since), spend).forecast(Nanos(spent));
        prop_assert!(forecast.spent <= forecast.low && forecast.low <= forecast.point && forecast.point <= forecast.high, "{forecast:?}");
    }

    #[test]
    fn more_spend_of_late_never_lowers_the_forecast((now, since, mut spend) in history(), ago in 0_i64..=168, more in 0..1_000_000_000_i64) {
        // Longer ago it may be what a trend begins with.
        let ago = ago % (now.hour() - since + 1);
        let before = Habit::new(now, Some(since), spend.clone());
        spend.push((now.hour() - ago, Nanos(more)));
        let after = Habit::new(now, Some(since), spend);
        prop_assert!(after.forecast(Nanos(more)).point >= before.forecast(Nanos::ZERO).point);
        prop_assert!(after.burn().now >= before.burn().now);
        let left = Nanos(1_000_000);
        // None is never.
        let when = |habit: &Habit| habit.run_out(left).by_habit.unwrap_or(Timestamp(i64::MAX));
        prop_assert!(when(&after) <= when(&before));
    }

    #[test]
    fn a_run_out_is_in_the_rest_of_the_month((now, since, spend) in history(), left in 0..i64::MAX) {
        let run_out = Habit::new(now, Some(since), spend).run_out(Nanos(left));
        for at in [run_out.at_burn, run_out.by_habit].into_iter().flatten() {
            prop_assert!(now <= at && at < now.month().end());
        }
    }

    #[test]
    fn without_burn_nothing_runs_out((now, since, _) in history(), left in 1..i64::MAX) {
        prop_assert_eq!(Habit::new(now, Some(since), []).run_out(Nanos(left)), RunOut::default());
    }
}
