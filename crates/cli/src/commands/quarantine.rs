//! `mete quarantine`.

use clap::{Args, Subcommand};
use mete_core::Timestamp;
use mete_store::QuarantineRow;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, left, right, time};

/// Characters of the raw text that people see of an entry; scripts get all that is kept.
const SHOWN: usize = 60;

/// What to do with the quarantine.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List what could not be counted, newest first
    List(ListArgs),
}

/// How much of it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete quarantine list --limit 10")]
pub struct ListArgs {
    /// The most entries to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
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
}

impl From<QuarantineRow> for Entry {
    fn from(row: QuarantineRow) -> Self {
        let raw = row.text().into_owned();
        let QuarantineRow { id, at, source, position, reason, detail, raw_bytes, .. } = row;
        Self { id: id.to_string(), at, source, position, reason, detail, raw, raw_bytes }
    }
}

#[derive(Serialize)]
struct Listed {
    /// All there are, listed or not.
    total: u64,
    rows: Vec<Entry>,
}

/// Lists it (R34).
pub async fn run(command: QuarantineCommand, context: &Context) -> Result<(), CliError> {
    let QuarantineCommand::List(args) = command;
    let store = context.store().await?;
    let rows = store.quarantine(args.limit.into()).await?.into_iter().map(Entry::from).collect();
    let listed = Listed { total: store.count_quarantine().await?, rows };
    context.output.show(&listed, || {
        let columns = [
            left("AT"),
            left("SOURCE"),
            right("POSITION"),
            left("REASON"),
            left("DETAIL"),
            right("BYTES"),
            left("TEXT"),
        ];
        let mut table = Table::new(&columns);
        for entry in &listed.rows {
            table.row([
                time(entry.at),
                entry.source.clone(),
                entry.position.to_string(),
                entry.reason.clone(),
                entry.detail.clone(),
                count(entry.raw_bytes),
                cut(&entry.raw),
            ]);
        }
        let more = listed.total.saturating_sub(listed.rows.len() as u64);
        let table = table.render("the quarantine is empty");
        if more == 0 { table } else { format!("{table}and {} more: see them with --limit\n", count(more)) }
    })
}

fn cut(raw: &str) -> String {
    match raw.char_indices().nth(SHOWN) {
        None => raw.to_owned(),
        Some((end, _)) => format!("{}…", &raw[..end]),
    }
}
