//! `mete spend`.

mod backtest;
mod forecast;

use clap::{Args, ValueEnum};
use mete_core::{Month, Nanos};
use mete_store::{SpendBy, SpendRow};
use serde::Serialize;

use super::lookup::Within;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, left, money, right};

/// Whose spend, when, by what.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete spend --project Support --month 2026-11 --by model")]
pub struct SpendArgs {
    #[command(flatten)]
    within: Within,
    /// The UTC month [default: the present one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// What one row is
    #[arg(long, value_enum, default_value = "project")]
    by: By,
    /// What each budget of the present month will come to, and when it runs out
    #[arg(long, conflicts_with_all = ["month", "by"])]
    forecast: bool,
    /// How well the month, one that is over, would have been foreseen on each of its days
    #[arg(long, conflicts_with_all = ["forecast", "by"], requires = "month")]
    backtest: bool,
}

/// What one row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Projects, the largest first
    Project,
    /// API keys
    Key,
    /// Models
    Model,
    /// People and service accounts
    Member,
    /// Endpoint groups
    Endpoint,
    /// UTC days in their order
    Day,
    /// UTC hours in their order
    Hour,
}

impl By {
    const fn spend_by(self) -> SpendBy {
        match self {
            Self::Project => SpendBy::Project,
            Self::Key => SpendBy::Key,
            Self::Model => SpendBy::Model,
            Self::Member => SpendBy::Member,
            Self::Endpoint => SpendBy::Endpoint,
            Self::Day => SpendBy::Day,
            Self::Hour => SpendBy::Hour,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Project => "PROJECT",
            Self::Key => "KEY",
            Self::Model => "MODEL",
            Self::Member => "MEMBER",
            Self::Endpoint => "ENDPOINT",
            Self::Day => "DAY",
            Self::Hour => "HOUR",
        }
    }

    /// Whether a row's name says less than its id.
    const fn has_ids(self) -> bool {
        matches!(self, Self::Project | Self::Key | Self::Member)
    }
}

#[derive(Serialize)]
struct Spend {
    month: Month,
    total: Nanos,
    rows: Vec<SpendRow>,
}

/// Shows what was spent (R33), where the actor may see it (R6).
pub async fn run(args: SpendArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let (organization, project) = args.within.find(&view).await?;
    if args.forecast {
        return forecast::run((organization.as_ref(), project.as_ref()), &view, context).await;
    }
    let month = context.month(args.month);
    if args.backtest {
        return backtest::run((organization.as_ref(), project.as_ref()), month, &view, context).await;
    }
    let rows = view.spend((organization.as_ref(), project.as_ref()), (month, args.by.spend_by())).await?;
    let spend = Spend { month, total: rows.iter().map(|row| row.spend).sum(), rows };
    context.output.show(&spend, || {
        let table = if args.by.has_ids() { with_ids(args.by, &spend.rows) } else { by_label(args.by, &spend.rows) };
        format!("{}: {}\n\n{table}", month.name(), money(spend.total))
    })
}

const NOTHING: &str = "nothing was spent";

fn with_ids(by: By, rows: &[SpendRow]) -> String {
    let columns = [left(by.title()), left("ID"), right("SPEND"), right("REQUESTS"), right("INPUT"), right("OUTPUT")];
    let mut table = Table::new(&columns);
    for row in rows {
        let [spend, requests, input, output] = figures(row);
        table.row([name(row), row.id.clone(), spend, requests, input, output]);
    }
    table.render(NOTHING)
}

fn by_label(by: By, rows: &[SpendRow]) -> String {
    let columns = [left(by.title()), right("SPEND"), right("REQUESTS"), right("INPUT"), right("OUTPUT")];
    let mut table = Table::new(&columns);
    for row in rows {
        let [spend, requests, input, output] = figures(row);
        table.row([name(row), spend, requests, input, output]);
    }
    table.render(NOTHING)
}

fn figures(row: &SpendRow) -> [String; 4] {
    [money(row.spend), count(row.requests), count(row.input_tokens), count(row.output_tokens)]
}

/// Usage that names none is a row as well.
fn name(row: &SpendRow) -> String {
    if row.name.is_empty() { "(not said)".to_owned() } else { row.name.clone() }
}
