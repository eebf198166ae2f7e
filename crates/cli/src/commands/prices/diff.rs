//! `mete prices diff`.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueHint};
use mete_core::Timestamp;
use mete_core::when::When;
use mete_prices::{Catalogue, Diff, Filter, RateChange, Side, diff};
use serde::Serialize;

use super::words::{price, provider};
use crate::args::PricesFile;
use crate::error::CliError;
use crate::output::{Output, Table, count, left, right, several, time};
use crate::places;

/// What to compare with what.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete prices diff\n  mete prices diff --to new-prices.toml\n  \
    mete prices diff --from 2026-10-01 --to 2026-12-01 --provider openai\n\n\
    Without --from and --to: the catalogue with your prices of now. A FILE is taken over the catalogue, a TIME is of\n\
    your prices. 'catalogue' is the catalogue alone, 'overrides' your prices of now.")]
pub struct DiffArgs {
    /// The prices before [default: the catalogue; with another --to, your prices of now]
    #[arg(long, value_name = "FILE|TIME|catalogue|overrides", value_hint = ValueHint::FilePath)]
    from: Option<Which>,
    /// The prices after [default: your prices of now]
    #[arg(long, value_name = "FILE|TIME|catalogue|overrides", value_hint = ValueHint::FilePath)]
    to: Option<Which>,
    /// Of this provider only
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Only models with this in their name; with *, which is any text, the whole name
    #[arg(long, value_name = "PATTERN")]
    model: Option<String>,
    #[command(flatten)]
    file: PricesFile,
}

/// Prices as they were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    /// Those that Mete brings along.
    Catalogue,
    /// The operator's, of now.
    Overrides,
    /// The operator's at another time.
    At(When),
    /// Another file of them.
    File(PathBuf),
}

impl FromStr for Which {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "catalogue" => Self::Catalogue,
            "overrides" => Self::Overrides,
            _ => text.parse().map_or_else(|_| Self::File(text.into()), Self::At),
        })
    }
}

/// One side of the comparison.
#[derive(Serialize)]
struct Prices {
    /// `catalogue`, `overrides`, or the file.
    prices: String,
    at: Timestamp,
    #[serde(skip)]
    catalogue: Catalogue,
}

impl Prices {
    const fn side(&self) -> Side<'_> {
        Side { catalogue: &self.catalogue, time: self.at }
    }
}

#[derive(Serialize)]
struct Compared {
    from: Prices,
    to: Prices,
    #[serde(flatten)]
    diff: Diff,
}

/// Compares them.
pub fn run(args: &DiffArgs, now: Timestamp, output: Output) -> Result<(), CliError> {
    let (from, to) = sides(args.from.as_ref(), args.to.as_ref());
    let (from, to) = (load(from, &args.file, now)?, load(to, &args.file, now)?);
    let filter = Filter::new(args.provider.as_deref(), args.model.as_deref());
    let diff = diff(from.side(), to.side(), &filter)?;
    let compared = Compared { from, to, diff };
    output.show(&compared, || describe(&compared))
}

/// What is not named is what is in use; where that is compared already, the catalogue.
fn sides<'a>(from: Option<&'a Which>, to: Option<&'a Which>) -> (&'a Which, &'a Which) {
    let to = to.unwrap_or(&Which::Overrides);
    let default = if *to == Which::Overrides { &Which::Catalogue } else { &Which::Overrides };
    (from.unwrap_or(default), to)
}

fn load(which: &Which, file: &PricesFile, now: Timestamp) -> Result<Prices, CliError> {
    let of = |prices: &str, at, catalogue| Prices { prices: prices.to_owned(), at, catalogue };
    Ok(match which {
        Which::Catalogue => of("catalogue", now, Catalogue::bundled()),
        Which::Overrides => of("overrides", now, file.catalogue()?),
        Which::At(when) => of("overrides", when.before(now), file.catalogue()?),
        Which::File(path) => of(&path.to_string_lossy(), now, places::catalogue(Some(path as &Path))?),
    })
}

fn describe(compared: &Compared) -> String {
    let Compared { from, to, diff } = compared;
    let mut table = Table::new(&[
        left("MODEL"),
        left("PROVIDER"),
        left("OF"),
        left("INPUT TOKENS"),
        right("BEFORE"),
        right("AFTER"),
        right("CHANGE"),
    ]);
    for row in &diff.rows {
        for change in &row.changes {
            let context = if change.above == 0 { String::new() } else { format!("above {}", count(change.above)) };
            table.row([
                row.model.clone(),
                provider(row.provider.as_deref()),
                change.unit.to_string(),
                context,
                price(change.from),
                price(change.to),
                rise(change),
            ]);
        }
    }
    let rendered = table.render("no price differs");
    let models = several(diff.compared as u64, "model");
    let side = |prices: &Prices| format!("{} at {}", prices.prices, time(prices.at));
    format!("{rendered}\n{} of {models} differ: from {} to {}\n", count(diff.rows.len() as u64), side(from), side(to))
}

fn rise(change: &RateChange) -> String {
    match change.percent {
        Some(percent) if percent.0 > 0 => format!("+{percent}%"),
        Some(percent) => format!("{percent}%"),
        None if change.from.is_none() => "new".to_owned(),
        None if change.to.is_none() => "gone".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_what_is_in_use() {
        let which = |text: &str| -> Which { text.parse().unwrap() };
        let (own, catalogue, file, day) =
            (which("overrides"), which("catalogue"), which("new.toml"), which("2026-12-01"));
        assert!(matches!((&file, &day), (Which::File(_), Which::At(_))));
        assert_eq!(sides(None, None), (&catalogue, &own));
        assert_eq!(sides(None, Some(&own)), (&catalogue, &own));
        assert_eq!(sides(None, Some(&file)), (&own, &file));
        assert_eq!(sides(Some(&day), None), (&day, &own));
        assert_eq!(sides(Some(&file), Some(&catalogue)), (&file, &catalogue));
    }
}
