//! `mete spend --backtest`.

use mete_control::View;
use mete_core::directory::{Organization, Project};
use mete_core::forecast::backtest::{Backtest, Error};
use mete_core::time::day_label;
use mete_core::{Month, Nanos};
use mete_store::Span;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, left, money, percent, right};

#[derive(Serialize)]
struct Told {
    month: Month,
    /// `None` where nothing was spent.
    #[serde(flatten)]
    backtest: Option<Backtest>,
}

/// Shows how well a month that is over would have been foreseen, and two other ways beside it.
pub(super) async fn run(
    within: (Option<&Organization>, Option<&Project>),
    month: Month,
    view: &View<'_>,
    context: &Context,
) -> Result<(), CliError> {
    if context.now() < month.end() {
        return Err(CliError::MonthNotOver(month));
    }
    let span = Span::Hours(month.previous().start().hour(), month.end().hour() - 1);
    let hours = view.course(within, span).await?.into_iter().map(|point| (point.at, point.spend)).collect();
    let told = Told { month, backtest: Backtest::of(month, &hours) };
    context.output.show(&told, || match &told.backtest {
        None => format!("{}: nothing was spent\n", month.name()),
        Some(backtest) => {
            format!("{}: {}\n\n{}\n{}", month.name(), money(backtest.actual), days(backtest), errors(backtest))
        }
    })
}

/// Day by day what would have been said.
fn days(backtest: &Backtest) -> String {
    let columns = [
        left("ON"),
        right("SPENT"),
        right("FORECAST"),
        right("FROM"),
        right("TO"),
        right("IN PROPORTION"),
        right("AS BEFORE"),
    ];
    let mut table = Table::new(&columns);
    let cents = |amount: Nanos| money(Nanos(amount.0 - amount.0 % 10_000_000));
    for trial in &backtest.trials {
        let forecast = trial.forecast;
        let amounts =
            [forecast.spent, forecast.point, forecast.low, forecast.high, trial.in_proportion, trial.as_before];
        let [spent, point, low, high, in_proportion, before] = amounts.map(cents);
        table.row([day_label(trial.at.day()), spent, point, low, high, in_proportion, before]);
    }
    table.render("")
}

/// How far off each way was.
fn errors(backtest: &Backtest) -> String {
    let mut table = Table::new(&[left("WAY"), right("MEAN ERROR"), right("MEDIAN"), right("WORST")]);
    let ways: [(&str, Error); 3] = [
        ("by habit", backtest.by_habit),
        ("in proportion", backtest.in_proportion),
        ("as the month before", backtest.as_before),
    ];
    for (way, error) in ways {
        let [mean, median, worst] = [error.mean_per_mille, error.median_per_mille, error.worst_per_mille].map(percent);
        table.row([way.to_owned(), mean, median, worst]);
    }
    let within = percent(backtest.within_range_per_mille);
    format!("{}\nwithin the range from FROM to TO: {within} of the days\n", table.render(""))
}
