//! `mete prices list`.

use std::sync::Arc;

use clap::Args;
use mete_core::Timestamp;
use mete_core::when::When;
use mete_prices::{Filter, Listed, Tariff, Unit};
use serde::Serialize;

use super::words::{origin, price, provider};
use crate::args::PricesFile;
use crate::error::CliError;
use crate::output::{Output, Table, count, left, right, several, time};

/// Which models, and when.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete prices list --provider openai --model 'gpt-5*'\n\n\
    Prices are dollars per million tokens; what an override matches is listed as it is written.")]
pub struct ListArgs {
    /// Of this provider only
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Only models with this in their name; with *, which is any text, the whole name
    #[arg(long, value_name = "PATTERN")]
    model: Option<String>,
    /// At this instant or day, or so long ago [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    #[command(flatten)]
    file: PricesFile,
}

#[derive(Serialize)]
struct List {
    at: Timestamp,
    /// The version of the bundled catalogue.
    catalogue: Arc<str>,
    rows: Vec<Listed>,
}

/// Units that have a column.
const COLUMNS: [Unit; 5] = [Unit::Input, Unit::CachedInput, Unit::CacheWrite, Unit::CacheWrite1h, Unit::Output];

/// Lists them.
pub fn run(args: &ListArgs, now: Timestamp, output: Output) -> Result<(), CliError> {
    let catalogue = args.file.catalogue()?;
    let at = args.at.map_or(now, |at| at.before(now));
    let rows = catalogue.list(&Filter::new(args.provider.as_deref(), args.model.as_deref()), at)?;
    let list = List { at, catalogue: Arc::clone(catalogue.version()), rows };
    output.show(&list, || {
        let models = several(list.rows.len() as u64, "model");
        format!("{}\n{models} at {}, dollars per million tokens\n", table(&list.rows), time(list.at))
    })
}

fn table(rows: &[Listed]) -> String {
    let mut table = Table::new(&[
        left("MODEL"),
        left("PROVIDER"),
        right("INPUT"),
        right("CACHED"),
        right("WRITE"),
        right("WRITE 1H"),
        right("OUTPUT"),
        left("FROM"),
        left("ALSO"),
    ]);
    for row in rows {
        let [input, cached, write, write_1h, output] = COLUMNS.map(|unit| price(row.tariff.prices.get(unit)));
        table.row([
            row.model.clone(),
            provider(row.provider.as_deref()),
            input,
            cached,
            write,
            write_1h,
            output,
            origin(row.source, &row.version),
            also(&row.tariff),
        ]);
    }
    table.render("no model has such a name or provider")
}

/// What has no column: other units, and that long contexts cost something else.
fn also(tariff: &Tariff) -> String {
    let others = Unit::ALL.into_iter().filter(|unit| !COLUMNS.contains(unit) && tariff.prices.stands_out(*unit));
    let mut notes: Vec<String> =
        others.map(|unit| format!("{} {}", unit.name(), price(tariff.prices.get(unit)))).collect();
    notes.extend(tariff.tiers.first().map(|tier| format!("other prices above {}", count(tier.above))));
    notes.join(", ")
}
