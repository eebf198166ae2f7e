//! `mete export`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, BufWriter, IsTerminal};

use clap::{Args, ValueEnum};
use mete_control::View;
use mete_core::directory::{Organization, Project};
use mete_core::{Month, Timestamp, Usage};
use mete_prices::{Catalogue, Query};
use mete_report::export::{self, Export, ExportError};
use mete_store::Grain;

use super::lookup::Within;
use crate::context::Context;
use crate::error::CliError;

/// What to export, and as what.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete export --month 2026-11 --format parquet > usage-2026-11.parquet")]
pub struct ExportArgs {
    #[command(flatten)]
    within: Within,
    /// The UTC month, or the first of several [default: the present one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// The last of several months
    #[arg(long, value_name = "YYYY-MM", requires = "month")]
    until: Option<Month>,
    /// What one row stands for, of a key, member, model and endpoint group
    #[arg(long, value_enum, default_value = "day")]
    by: By,
    /// What the rows are written as
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
}

/// How long the time is that a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// A UTC hour
    Hour,
    /// A UTC day
    Day,
    /// A UTC month
    Month,
}

/// What the rows are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated, with a line of names
    Csv,
    /// One JSON object a line
    Json,
    /// Apache Parquet
    Parquet,
    /// CSV in the columns of the FinOps FOCUS specification
    Focus,
}

impl By {
    const fn grain(self) -> Grain {
        match self {
            Self::Hour => Grain::Hour,
            Self::Day => Grain::Day,
            Self::Month => Grain::Month,
        }
    }

    /// The buckets of a month, as its grain counts them.
    fn buckets(self, month: Month) -> std::ops::RangeInclusive<i64> {
        let (first, last) = month.days();
        match self {
            Self::Hour => first * 24..=last * 24 + 23,
            Self::Day => first..=last,
            Self::Month => month.yyyymm()..=month.yyyymm(),
        }
    }
}

impl Format {
    const fn of_export(self) -> export::Format {
        match self {
            Self::Csv => export::Format::Csv,
            Self::Json => export::Format::Json,
            Self::Parquet => export::Format::Parquet,
            Self::Focus => export::Format::Focus,
        }
    }
}

/// Writes usage row by row to standard output (R33), as far as the actor may see it (R6).
pub async fn run(args: ExportArgs, context: &Context) -> Result<(), CliError> {
    let format = args.format.of_export();
    if !format.is_text() && io::stdout().is_terminal() {
        return Err(CliError::BinaryToTerminal);
    }
    let view = context.view().await?;
    let (organization, project) = args.within.find(&view).await?;
    let first = context.month(args.month);
    let months = (first, args.until.unwrap_or(first));
    if months.1 < months.0 {
        return Err(CliError::MonthsBackwards(months.0, months.1));
    }
    let out = BufWriter::new(io::stdout());
    let export = Export::new((format, args.by.grain()), provider(context.now()), out);
    let written = match export {
        Ok(export) => write(export, &view, (organization.as_ref(), project.as_ref()), (months, args.by)).await,
        Err(error) => Err(error.into()),
    };
    match written {
        // A reader that has gone away (`mete export … | head`) is no error.
        Err(CliError::Export(error)) if error.is_broken_pipe() => Ok(()),
        written => written,
    }
}

async fn write(
    mut export: Export<BufWriter<io::Stdout>>,
    view: &View<'_>,
    within: (Option<&Organization>, Option<&Project>),
    ((first, last), by): ((Month, Month), By),
) -> Result<(), CliError> {
    let mut month = first;
    while month <= last {
        for bucket in by.buckets(month) {
            export.rows(&view.usage_rows(within, (by.grain(), bucket)).await?)?;
        }
        month = month.next();
    }
    let mut out = export.finish()?;
    io::Write::flush(&mut out).map_err(ExportError::from)?;
    Ok(())
}

/// Who offers a model, as the price catalogue has it; each model is looked up once.
fn provider(now: Timestamp) -> impl Fn(&str) -> String + Send {
    let catalogue = Catalogue::bundled();
    let known: RefCell<HashMap<String, String>> = RefCell::default();
    move |model| {
        if let Some(provider) = known.borrow().get(model) {
            return provider.clone();
        }
        let usage = Usage::default();
        let query = Query { model, provider: None, tier: None, batch: false, time: now, usage: &usage };
        let found = catalogue.detail(&query).ok().and_then(|detail| detail.catalogue);
        let provider = found.map_or_else(|| "unknown".to_owned(), |found| found.provider);
        known.borrow_mut().insert(model.to_owned(), provider.clone());
        provider
    }
}
