//! `mete quarantine`.

mod forget;
mod list;
mod retry;
mod show;

use clap::{Args, Subcommand};
use mete_core::Timestamp;
use mete_store::{QuarantineFilter, QuarantineRow, Store};
use serde::Serialize;

pub use retry::again;

use crate::context::Context;
use crate::error::CliError;

/// What to do with the quarantine.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// Count what could not be counted, by reason and source
    #[command(after_help = "Example:\n  mete quarantine summary")]
    Summary,
    /// List what could not be counted, newest first
    List(list::ListArgs),
    /// Show an entry: what is wrong, where in its text, and what to do about it
    Show(show::ShowArgs),
    /// Read entries again, once what was wrong is mended
    Retry(retry::RetryArgs),
    /// Remove entries that will never be counted
    Forget(forget::ForgetArgs),
}

/// Which entries.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct WhichArgs {
    /// Entries, by the ids that lists show
    #[arg(value_name = "ENTRY", allow_negative_numbers = true, conflicts_with_all = ["reason", "source", "all"])]
    entries: Vec<i64>,
    /// Those that are there for this reason
    #[arg(long, value_name = "REASON", conflicts_with = "all")]
    reason: Option<String>,
    /// Those from this source
    #[arg(long, value_name = "SOURCE", conflicts_with = "all")]
    source: Option<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl WhichArgs {
    /// The ids of those that were meant.
    async fn ids(&self, store: &Store) -> Result<Vec<i64>, CliError> {
        if self.entries.is_empty() {
            let filter =
                QuarantineFilter { reason: self.reason.clone(), source: self.source.clone(), ..Default::default() };
            return Ok(store.quarantine_ids(&filter).await?);
        }
        let found: Vec<i64> = store.quarantine_entries(&self.entries).await?.iter().map(|row| row.id).collect();
        match self.entries.iter().find(|id| !found.contains(id)) {
            Some(id) => Err(CliError::NoEntry(*id)),
            None => Ok(found),
        }
    }
}

/// An entry as scripts get it. The id is text, because its 63 bits are more than many JSON readers keep of a number.
#[derive(Serialize)]
struct Entry {
    id: String,
    at: Timestamp,
    source: String,
    position: u64,
    reason: String,
    detail: String,
    raw: String,
    raw_bytes: u64,
    /// The first byte of the raw text that is wrong, where that is known.
    spot: Option<u32>,
    tries: u64,
}

impl From<QuarantineRow> for Entry {
    fn from(row: QuarantineRow) -> Self {
        let raw = row.text().into_owned();
        let QuarantineRow { id, at, source, position, reason, detail, raw: _, raw_bytes, spot, tries } = row;
        Self { id: id.to_string(), at, source, position, reason, detail, raw, raw_bytes, spot, tries }
    }
}

/// Carries it out (R34): the operator's alone, because nobody knows whose entries are.
pub async fn run(command: QuarantineCommand, context: &Context) -> Result<(), CliError> {
    match command {
        QuarantineCommand::Summary => list::summary(context).await,
        QuarantineCommand::List(args) => list::run(args, context).await,
        QuarantineCommand::Show(args) => show::run(&args, context).await,
        QuarantineCommand::Retry(args) => retry::run(args, context).await,
        QuarantineCommand::Forget(args) => forget::run(&args, context).await,
    }
}
