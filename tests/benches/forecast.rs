//! How far off forecasts are: histories of several kinds, each held against itself month by month, beside two ways that
//! need no habit (`mete_core::forecast::backtest`).

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use anyhow::Result;
use mete_core::forecast::backtest::{Backtest, Error};
use mete_core::{Month, Nanos};
use mete_tests::bench::{self, Size, Table};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Hours in a week, the first being that of Thursday, 1970-01-01.
const WEEK: i64 = 7 * 24;

/// What is usually spent in an hour, in nano-dollars.
const USUAL: f64 = 2e9;

/// A kind of history: what an hour costs, of the hour since 1970, the hours since the beginning, and chance.
type Kind = (&'static str, fn(i64, i64, &mut StdRng) -> f64);

const KINDS: [Kind; 7] = [
    ("steady", |_, _, chance| USUAL * noise(chance, 0.2)),
    ("weekly", |hour, _, chance| USUAL * office(hour) * noise(chance, 0.3)),
    ("growing, 5% a week", |hour, age, chance| {
        USUAL * office(hour) * 1.05_f64.powf(age as f64 / WEEK as f64) * noise(chance, 0.3)
    }),
    ("shrinking, 5% a week", |hour, age, chance| {
        USUAL * office(hour) * 0.95_f64.powf(age as f64 / WEEK as f64) * noise(chance, 0.3)
    }),
    ("spiky, 20 times in 1% of hours", |hour, _, chance| {
        let spike = if chance.random_bool(0.01) { 20.0 } else { 1.0 };
        USUAL * office(hour) * spike * noise(chance, 0.3)
    }),
    ("a batch on Sunday nights", |hour, _, chance| {
        // Hour 72 of a week is the first of a Sunday.
        let batch = if (72..76).contains(&(hour % WEEK)) { 150.0 } else { 0.2 };
        USUAL * batch * noise(chance, 0.2)
    }),
    ("few requests, a third of the hours", |hour, _, chance| {
        if chance.random_bool(1.0 / 3.0) { USUAL * office(hour) * noise(chance, 1.0) } else { 0.0 }
    }),
];

/// Ten to one between working hours and nights, four to one between working days and weekends.
fn office(hour: i64) -> f64 {
    let of_day = hour.rem_euclid(24);
    let day = (hour.div_euclid(24) + 3).rem_euclid(7);
    let by_hour = if (8..18).contains(&of_day) { 2.0 } else { 0.2 };
    by_hour * if day >= 5 { 0.25 } else { 1.0 }
}

/// Between nothing and twice as much, `width` of the way.
fn noise(chance: &mut StdRng, width: f64) -> f64 {
    1.0 + width * (2.0 * chance.random::<f64>() - 1.0)
}

fn main() -> Result<()> {
    bench::main("forecast", run)
}

/// Mean error and range over all months of a history.
#[derive(Default)]
struct Sum {
    months: u64,
    errors: [u64; 3],
    worst: [u32; 3],
    within: u64,
}

impl Sum {
    fn add(&mut self, backtest: &Backtest) {
        let ways: [Error; 3] = [backtest.by_habit, backtest.in_proportion, backtest.as_before];
        for (place, error) in ways.iter().enumerate() {
            self.errors[place] += u64::from(error.mean_per_mille);
            self.worst[place] = self.worst[place].max(error.worst_per_mille);
        }
        self.within += u64::from(backtest.within_range_per_mille);
        self.months += 1;
    }
}

fn run(size: Size) -> Result<()> {
    let months = size.number("METE_BENCH_MONTHS", 24, 2)?;
    let mut table = Table::new(&[
        "history",
        "by habit",
        "in proportion",
        "as before",
        "worst",
        "worst in prop.",
        "worst as before",
        "within range",
        "of in prop.",
    ]);
    for (number, (name, spend)) in KINDS.into_iter().enumerate() {
        let mut chance = StdRng::seed_from_u64(number as u64);
        let first = Month::from_yyyymm(202401).unwrap_or(Month::of_day(19_723));
        let sum = backtests(first, months, |hour, age| spend(hour, age, &mut chance));
        let mean = |place: usize| percent(sum.errors[place] / sum.months.max(1));
        let worst = |place: usize| percent(sum.worst[place].into());
        let ratio = sum.errors[0] as f64 / sum.errors[1].max(1) as f64;
        table.row([
            name.to_owned(),
            mean(0),
            mean(1),
            mean(2),
            worst(0),
            worst(1),
            worst(2),
            percent(sum.within / sum.months.max(1)),
            format!("{ratio:.2}"),
        ]);
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Error of what a month comes to, foreseen on each of its days; mean over {months} months\n\n{table}"
    )?;
    Ok(())
}

/// A history from `first` on, of which each month but the first is held against its forecasts.
fn backtests(first: Month, months: u64, mut spend: impl FnMut(i64, i64) -> f64) -> Sum {
    let mut hours = BTreeMap::new();
    let begin = first.start().hour();
    let mut sum = Sum::default();
    let mut month = first;
    for number in 0..=months {
        for hour in month.start().hour()..month.end().hour() {
            hours.insert(hour, Nanos(spend(hour, hour - begin) as i64));
        }
        if number > 0
            && let Some(backtest) = Backtest::of(month, &hours)
        {
            sum.add(&backtest);
        }
        month = month.next();
    }
    sum
}

fn percent(per_mille: u64) -> String {
    format!("{}.{}%", per_mille / 10, per_mille % 10)
}
