//! `mete quarantine list` and `mete quarantine summary`.

use clap::Args;
use mete_core::when::When;
use mete_store::{QuarantineCount, QuarantineFilter, Setting};
use serde::Serialize;

use super::Entry;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, left, right, time};

/// Characters of the raw text that people see of an entry; scripts get all that is kept.
const SHOWN: usize = 60;

/// Which entries, and how many.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete quarantine list --reason no_price --since 24h --limit 10")]
pub struct ListArgs {
    /// Those that are there for this reason only
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Those from this source only
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Those that came since: an instant, a day, or a span before now like 30m, 2h or 7d
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// The most entries to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

#[derive(Serialize)]
struct Listed {
    /// All there are of those that were asked for, listed or not.
    total: u64,
    rows: Vec<Entry>,
}

#[derive(Serialize)]
struct Summary {
    /// All there are now.
    total: u64,
    /// Bytes of raw text that are kept.
    bytes: u64,
    /// The most that are kept.
    most_bytes: i64,
    rows: Vec<QuarantineCount>,
}

/// Lists it.
pub async fn run(args: ListArgs, context: &Context) -> Result<(), CliError> {
    let since = args.since.map(|since| since.before(context.now()));
    let filter = QuarantineFilter { reason: args.reason, source: args.source, since };
    let store = context.store().await?;
    let rows = store.quarantine_list(&filter, args.limit.into()).await?.into_iter().map(Entry::from).collect();
    let is_all = filter == QuarantineFilter::default();
    let total = if is_all { store.count_quarantine().await? } else { store.count_quarantine_of(&filter).await? };
    let listed = Listed { total, rows };
    context.output.show(&listed, || listed.describe(if is_all { "the quarantine is empty" } else { "none are there" }))
}

/// Counts it, by reason and source.
pub async fn summary(context: &Context) -> Result<(), CliError> {
    let store = context.store().await?;
    let rows = store.quarantine_counts().await?;
    let summary = Summary {
        total: rows.iter().map(|row| row.there).sum(),
        bytes: store.quarantine_kept().await?,
        most_bytes: store.setting(Setting::QuarantineBytes).await?,
        rows,
    };
    context.output.show(&summary, || summary.describe())
}

impl Listed {
    fn describe(&self, empty: &str) -> String {
        let columns = [
            left("ID"),
            left("AT"),
            left("SOURCE"),
            right("POSITION"),
            left("REASON"),
            left("DETAIL"),
            right("BYTES"),
            left("TEXT"),
        ];
        let mut table = Table::new(&columns);
        for entry in &self.rows {
            table.row([
                entry.id.clone(),
                time(entry.at),
                entry.source.clone(),
                entry.position.to_string(),
                entry.reason.clone(),
                entry.detail.clone(),
                count(entry.raw_bytes),
                cut(&entry.raw),
            ]);
        }
        let more = self.total.saturating_sub(self.rows.len() as u64);
        let table = table.render(empty);
        if more == 0 { table } else { format!("{table}and {} more: see them with --limit\n", count(more)) }
    }
}

impl Summary {
    fn describe(&self) -> String {
        let columns = [
            left("REASON"),
            left("SOURCE"),
            right("THERE"),
            right("SEEN"),
            right("RETRIED"),
            right("FORGOTTEN"),
            right("DROPPED"),
        ];
        let mut table = Table::new(&columns);
        for row in &self.rows {
            let numbers = [row.there, row.seen, row.retried, row.forgotten, row.dropped].map(count);
            let [there, seen, retried, forgotten, dropped] = numbers;
            table.row([row.reason.clone(), row.source.clone(), there, seen, retried, forgotten, dropped]);
        }
        let table = table.render("nothing ever was in the quarantine");
        let (total, bytes, most) = (count(self.total), count(self.bytes), count(self.most_bytes.cast_unsigned()));
        format!("There now: {total}, with {bytes} of at most {most} bytes of text\n\n{table}")
    }
}

fn cut(raw: &str) -> String {
    match raw.char_indices().nth(SHOWN) {
        None => raw.to_owned(),
        Some((end, _)) => format!("{}…", &raw[..end]),
    }
}
