//! `mete quarantine retry`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mete_core::{Clock, Nanos};
use mete_ingest::formats::Format;
use mete_ingest::reader::Settings;
use mete_ingest::retry::{Retried, Retry};
use mete_store::Store;
use mete_tui::Retrying;
use meted::config::Config;
use serde::Serialize;

use super::WhichArgs;
use crate::commands::ingest::{formats, home, layout};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{count, facts, money};
use crate::places;

/// Which entries, and how they are read.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete quarantine retry --reason unattributed --project Support\n  \
    mete quarantine retry --source access.json --mapping nginx.toml")]
pub struct RetryArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// The daemon's configuration, whose sources say how their lines are read [default: /etc/mete/meted.toml, if it is
    /// there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Organization of records that do not name one, whatever their source says
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Project of records that name neither key nor project, whatever their source says
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Format of every line, whatever its source says
    #[arg(long, value_name = "NAME", value_parser = formats())]
    format: Option<Format>,
    /// Mapping of a format of your own, for every line, whatever its source says
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    mapping: Option<PathBuf>,
    /// Prices of your own [default: those of the configuration, else mete/prices.toml in the XDG configuration directory]
    #[arg(long, value_name = "FILE", env = "METE_PRICES")]
    prices: Option<PathBuf>,
}

/// What became of the entries.
#[derive(Serialize)]
struct Report {
    tried: u64,
    left: u64,
    stayed: u64,
    cut: u64,
    accepted: u64,
    duplicates: u64,
    amended: u64,
    spend: Nanos,
}

impl Report {
    fn of(retried: &Retried) -> Self {
        let Retried { left, stayed, cut, gone: _, tally } = *retried;
        let (accepted, duplicates, amended, spend) = (tally.accepted, tally.duplicates, tally.amended, tally.spend);
        Self { tried: left + stayed, left, stayed, cut, accepted, duplicates, amended, spend }
    }

    fn describe(&self) -> String {
        facts(&[
            ("Tried", count(self.tried)),
            ("Left", count(self.left)),
            ("Stayed", count(self.stayed)),
            ("Cut", count(self.cut)),
            ("Accepted", count(self.accepted)),
            ("Duplicates", count(self.duplicates)),
            ("Amended", count(self.amended)),
            ("Spend", money(self.spend)),
        ])
    }
}

/// Reads them again.
pub async fn run(args: RetryArgs, context: &Context) -> Result<(), CliError> {
    let config = places::daemon_config(args.config.as_deref())?;
    let store = context.store().await?.clone();
    let ids = args.which.ids(&store).await?;
    let given = home(&context.view().await?, args.org.as_deref(), args.project.as_deref()).await?;
    let own = args.prices.as_deref().filter(|path| !path.as_os_str().is_empty());
    let configured = config.as_ref().and_then(|config| config.prices.overrides.as_deref());
    let catalogue = Arc::new(places::catalogue(own.or(configured))?);
    let layout = layout(args.format, args.mapping.as_deref())?;
    let settings = move |source: &str| {
        let mut settings = configured_for(config.as_ref(), source);
        // A project that is given belongs to an organization, which the source's would contradict.
        if given.organization.is_some() || given.project.is_some() {
            settings.home = given.clone();
        }
        Settings { format: layout.clone().or(settings.format), ..settings }
    };
    let mut retry = Retry::new(store, context.clock(), catalogue, settings).await?;
    let report = Report::of(&retry.run(&ids).await?);
    context.output.show(&report, || report.describe())?;
    if report.stayed > 0 {
        context.output.note("What stayed has the reason that it has now: see 'mete quarantine list'.");
    }
    if report.cut > 0 {
        context.output.note("Of what was cut the text is not all there: it cannot be read again.");
    }
    Ok(())
}

/// How a source's lines are read, by the configuration.
fn configured_for(config: Option<&Config>, source: &str) -> Settings {
    let sources = config.map(|config| &config.sources).into_iter().flatten();
    sources.filter(|it| it.name() == source).map(|it| it.settings()).next().unwrap_or_default()
}

/// What reads entries again for the terminal interface: as their sources are configured, in the usual places.
pub fn again(store: &Store, clock: &Arc<dyn Clock>) -> Retrying {
    let (store, clock) = (store.clone(), Arc::clone(clock));
    Retrying::new(move |ids| {
        let reading = read_again(store.clone(), Arc::clone(&clock), ids);
        Box::pin(async move { reading.await.map_err(|error| error.to_string()) })
    })
}

async fn read_again(store: Store, clock: Arc<dyn Clock>, ids: Vec<i64>) -> Result<String, CliError> {
    let config = places::daemon_config(None)?;
    let configured = config.as_ref().and_then(|config| config.prices.overrides.as_deref());
    let catalogue = Arc::new(places::catalogue(configured)?);
    let settings = move |source: &str| configured_for(config.as_ref(), source);
    let mut retry = Retry::new(store, clock, catalogue, settings).await?;
    let report = Report::of(&retry.run(&ids).await?);
    Ok(format!("{} read again: {} left, {} stayed", count(report.tried), count(report.left), count(report.stayed)))
}
