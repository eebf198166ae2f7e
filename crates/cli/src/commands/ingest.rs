//! `mete ingest`: files and pipes into the store, once, to their end.

mod bar;
mod booked;
mod dry;
mod excerpt;
mod input;
mod tables;
mod words;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mete_control::View;
use mete_core::Nanos;
use mete_ingest::attribution::Home;
use mete_ingest::formats::{Format, Layout, Mapping};
use mete_store::Tally;
use serde::Serialize;

use super::{Outcome, lookup};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{count, facts, money};
use crate::places;
use dry::Extent;
use input::Input;
use work::{Finished, Stop, Work};

/// What to count.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete ingest usage.jsonl\n  mete ingest --project Support logs/*.jsonl.gz\n  \
    mete ingest --dry-run --explain --lines 3 usage.jsonl\n  mete ingest --mapping nginx.toml access.json")]
pub struct IngestArgs {
    /// Files or named pipes, compressed ones (gzip, zstd) too; - is standard input
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    files: Vec<PathBuf>,
    /// Organization of records that do not name one
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Project of records that name neither key nor project
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Format of every line [default: found out line by line]
    #[arg(long, value_name = "NAME", value_parser = formats())]
    format: Option<Format>,
    /// Mapping of a format of your own; see config/mappings and docs/formats.md
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    mapping: Option<PathBuf>,
    /// Prices of your own [default: mete/prices.toml in the XDG configuration directory, if it is there]
    #[arg(long, value_name = "FILE", env = "METE_PRICES")]
    prices: Option<PathBuf>,
    /// Tables that say whose records are: the `[[attribute]]` of a file such as meted.toml
    #[arg(long, value_name = "FILE")]
    tables: Option<PathBuf>,
    /// Tell what would be counted, and count nothing
    #[arg(long)]
    dry_run: bool,
    /// Show field by field how the first lines of each file are understood, and count nothing; the rest is read only
    /// with --dry-run
    #[arg(long)]
    explain: bool,
    /// How many lines --explain shows of each file
    #[arg(long, value_name = "N", requires = "explain", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    lines: u64,
}

impl IngestArgs {
    /// How far a run goes that counts nothing; `None` for one that counts.
    const fn rehearsal(&self) -> Option<Extent> {
        if !self.dry_run && !self.explain {
            return None;
        }
        Some(Extent { explained: if self.explain { self.lines } else { 0 }, whole: self.dry_run })
    }
}

/// Takes the name of a format.
pub fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}

/// What became of all lines. An interrupted run tells of those that were read.
#[derive(Serialize)]
struct Report {
    lines: u64,
    accepted: u64,
    duplicates: u64,
    amended: u64,
    quarantined: u64,
    ignored: u64,
    spend: Nanos,
}

impl Report {
    fn of(finished: &Finished) -> Self {
        let Tally { accepted, duplicates, amended, quarantined, spend, late: _, early: _ } = finished.tally;
        let (lines, ignored) = (finished.lines, finished.ignored);
        Self { lines, accepted, duplicates, amended, quarantined, ignored, spend }
    }

    fn describe(&self) -> String {
        facts(&[
            ("Lines", count(self.lines)),
            ("Accepted", count(self.accepted)),
            ("Duplicates", count(self.duplicates)),
            ("Amended", count(self.amended)),
            ("Quarantined", count(self.quarantined)),
            ("Ignored", count(self.ignored)),
            ("Spend", money(self.spend)),
        ])
    }
}

/// Counts usage logs.
pub async fn run(args: IngestArgs, context: &Context) -> Result<Outcome, CliError> {
    let stop = Stop::default();
    // All or none: whoever misspells one of ten files would not know which were counted.
    let inputs = args.files.iter().map(|path| Input::open(path, &stop)).collect::<Result<Vec<_>, _>>()?;
    let rehearsal = args.rehearsal();
    let store = match rehearsal {
        None => context.store().await?.clone(),
        Some(_) => context.store_as_it_is().await?.clone(),
    };
    let home = Home {
        rules: args.tables.as_deref().map(tables::read).transpose()?.unwrap_or_default(),
        ..home(&context.view().await?, args.org.as_deref(), args.project.as_deref()).await?
    };
    let catalogue = places::catalogue(args.prices.as_deref().filter(|path| !path.as_os_str().is_empty()))?;
    if inputs.iter().any(Input::is_terminal) {
        context.output.note("Reading usage logs from the terminal; end them with Ctrl-D.");
    }
    let format = layout(args.format, args.mapping.as_deref())?;
    let work = Work { store, clock: context.clock(), catalogue: catalogue.into(), home, format };
    if let Some(extent) = rehearsal {
        return rehearse(work, inputs, extent, (&stop, context)).await;
    }
    let Some(finished) = stop.unless_pressed_twice(work.run(inputs)).await? else {
        context.output.note("Stopped at once. What was committed before is counted; run it again to count the rest.");
        return Ok(Outcome::Interrupted);
    };
    let finished = finished?;
    report(&Report::of(&finished), context)?;
    if stop.is_wanted() {
        context.output.note("Interrupted. Run it again to count the rest: what is counted already is recognised.");
        return Ok(Outcome::Interrupted);
    }
    finished.outcome.map(|()| Outcome::Done)
}

/// How every line is written, if it is said.
pub fn layout(format: Option<Format>, mapping: Option<&Path>) -> Result<Option<Layout>, CliError> {
    let Some(path) = mapping else { return Ok(format.map(Layout::from)) };
    let text = std::fs::read_to_string(path).map_err(|source| CliError::Read { path: path.into(), source })?;
    let mapping = Mapping::parse(&text).map_err(|source| CliError::Mapping { path: path.into(), source })?;
    Ok(Some(Layout::Custom(Arc::new(mapping))))
}

/// Reads without counting.
async fn rehearse(
    work: Work,
    inputs: Vec<Input>,
    extent: Extent,
    (stop, context): (&Stop, &Context),
) -> Result<Outcome, CliError> {
    let Some(rehearsed) = stop.unless_pressed_twice(work.rehearse(inputs, extent)).await? else {
        return Ok(Outcome::Interrupted);
    };
    let (rehearsal, outcome) = rehearsed?;
    context.output.show(&rehearsal, || {
        let explained = rehearsal.explained.as_deref().map(words::describe).unwrap_or_default();
        explained + &if extent.whole { rehearsal.describe() } else { String::new() }
    })?;
    context.output.note("Nothing was counted: this was a dry run.");
    if stop.is_wanted() {
        return Ok(Outcome::Interrupted);
    }
    outcome.map(|()| Outcome::Done)
}

fn report(report: &Report, context: &Context) -> Result<(), CliError> {
    context.output.show(report, || report.describe())?;
    if report.quarantined > 0 {
        let quarantined = count(report.quarantined);
        context.output.note(&format!("{quarantined} could not be counted: see why with 'mete quarantine list'."));
    }
    Ok(())
}

/// Where records belong that do not say it: by id, which nobody can rename meanwhile.
pub async fn home(view: &View<'_>, organization: Option<&str>, project: Option<&str>) -> Result<Home, CliError> {
    let organization = lookup::organization(view, organization).await?;
    let project = lookup::project(view, organization.as_ref(), project).await?;
    Ok(Home { organization: organization.map(|it| it.id), project: project.map(|it| it.id), rules: Vec::new() })
}
