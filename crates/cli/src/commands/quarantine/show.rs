//! `mete quarantine show`.

use clap::Args;
use mete_store::QuarantineRow;
use mete_tui::{advice, excerpt};
use serde::Serialize;

use super::Entry;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{count, facts, safe, time};

/// The most columns that a piece of raw text takes; a terminal has 80 at least.
const WIDTH: usize = 76;

/// Which entry.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete quarantine show 4611686018427387904")]
pub struct ShowArgs {
    /// Its id, as lists show it
    #[arg(value_name = "ENTRY", allow_negative_numbers = true)]
    entry: i64,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    /// Whether the raw text is all there, so that it can be read again.
    whole: bool,
    advice: &'static str,
}

/// Shows it: with what is wrong under the character.
pub async fn run(args: &ShowArgs, context: &Context) -> Result<(), CliError> {
    let found = context.store().await?.quarantine_entries(&[args.entry]).await?.pop();
    let row = found.ok_or(CliError::NoEntry(args.entry))?;
    let text = describe(&row);
    let shown = Shown { whole: row.is_whole(), advice: advice::of(&row.reason), entry: row.into() };
    context.output.show(&shown, || text)
}

fn describe(row: &QuarantineRow) -> String {
    let kept = match (row.raw.len(), row.is_whole()) {
        (_, true) => count(row.raw_bytes),
        (0, false) => format!("{}, none of them kept", count(row.raw_bytes)),
        (kept, false) => format!("{}, the first {} kept", count(row.raw_bytes), count(kept as u64)),
    };
    let facts = facts(&[
        ("Entry", row.id.to_string()),
        ("Reason", row.reason.clone()),
        ("Detail", row.detail.clone()),
        ("Source", row.source.clone()),
        ("Position", row.position.to_string()),
        ("Since", time(row.at)),
        ("Tries", count(row.tries)),
        ("Bytes", kept),
    ]);
    let mut text = facts;
    if !row.raw.is_empty() {
        text += "\n";
        let excerpt = excerpt::of(&row.raw, row.spot.map(|spot| spot as usize), (WIDTH, safe));
        text += &excerpt.line;
        text.push('\n');
        text.extend(excerpt.caret.map(|caret| format!("{}^\n", " ".repeat(caret))));
    }
    text + "\n" + advice::of(&row.reason) + "\n"
}
