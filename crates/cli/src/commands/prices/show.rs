//! `mete prices show`.

use std::sync::Arc;

use clap::Args;
use mete_core::when::When;
use mete_core::{Nanos, Timestamp, Usage};
use mete_prices::{Catalogue, Detail, Origin, OverrideState, Pricer, Query, Tariff, Unit};
use serde::Serialize;

use super::words::{main_prices, origin, per, price, provider};
use crate::args::PricesFile;
use crate::error::CliError;
use crate::output::{Output, Table, count, facts, left, money, right, time, unseen};

/// Tokens of the request that is priced as an example.
const EXAMPLE: Usage = Usage { input: 10_000, output: 1_000, ..NOTHING };
const NOTHING: Usage = Usage {
    input: 0,
    cached_input: 0,
    cache_write: 0,
    cache_write_1h: 0,
    output: 0,
    reasoning: 0,
    audio_input: 0,
    audio_output: 0,
    images: 0,
    milliseconds: 0,
    searches: 0,
    bytes: 0,
};

/// Which model, under which circumstances.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete prices show gpt-4o-mini\n  \
    mete prices show claude-sonnet-4-5 --provider anthropic --batch --at 2026-06-01")]
pub struct ShowArgs {
    /// The model, as events name it
    #[arg(value_name = "MODEL")]
    model: String,
    /// Of this provider [default: the maker of the model]
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// In this service tier, like flex or priority; one without prices of its own has the standard ones
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// Of batch requests
    #[arg(long)]
    batch: bool,
    /// At this instant or day, or so long ago [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    #[command(flatten)]
    file: PricesFile,
}

#[derive(Serialize)]
struct Shown<'a> {
    model: &'a str,
    /// As it was asked for.
    provider: Option<&'a str>,
    tier: Option<&'a str>,
    batch: bool,
    at: Timestamp,
    #[serde(flatten)]
    detail: Detail,
    /// `None` if neither input nor output has a price.
    example: Option<Example>,
}

/// What a request would cost.
#[derive(Serialize)]
struct Example {
    input: u64,
    output: u64,
    cost: Nanos,
}

/// Shows it.
pub fn run(args: &ShowArgs, now: Timestamp, output: Output) -> Result<(), CliError> {
    let catalogue = Arc::new(args.file.catalogue()?);
    let query = Query {
        model: &args.model,
        provider: args.provider.as_deref(),
        tier: args.tier.as_deref(),
        batch: args.batch,
        time: args.at.map_or(now, |at| at.before(now)),
        usage: &EXAMPLE,
    };
    let detail = catalogue.detail(&query)?;
    let shown = Shown {
        model: query.model,
        provider: query.provider,
        tier: query.tier,
        batch: query.batch,
        at: query.time,
        detail,
        example: example(&catalogue, &query),
    };
    output.show(&shown, || describe(&shown))
}

/// What the example costs, or its input alone if output has no price, as with embeddings.
fn example(catalogue: &Arc<Catalogue>, query: &Query<'_>) -> Option<Example> {
    let mut pricer = Pricer::new(Arc::clone(catalogue));
    [EXAMPLE, Usage { output: 0, ..EXAMPLE }].into_iter().find_map(|usage| {
        let price = pricer.price(&Query { usage: &usage, ..*query }).ok()?;
        Some(Example { input: usage.input, output: usage.output, cost: price.cost })
    })
}

fn describe(shown: &Shown<'_>) -> String {
    let detail = &shown.detail;
    let mut text = head(shown);
    let mut add = |title: &str, table: String| text.push_str(&format!("\n{title}\n{table}"));
    add("Prices", prices(&detail.tariff));
    if !detail.hours.is_empty() {
        add("In the course of the day (UTC)", hours(detail));
    }
    if let Some(catalogue) = detail.catalogue.as_ref().filter(|_| detail.source == Origin::Override) {
        add("Hidden in the catalogue", prices(&catalogue.tariff));
    }
    if !detail.overrides.is_empty() {
        add("Overrides about it", overrides(detail));
    }
    if !detail.changes.is_empty() {
        add("Changes", changes(detail));
    }
    text
}

fn head(shown: &Shown<'_>) -> String {
    let detail = &shown.detail;
    let known = detail.catalogue.as_ref().map(|it| format!("{} of {}", it.model, it.provider));
    let mut lines = vec![("Model", shown.model.to_owned())];
    lines.extend(shown.provider.map(|provider| ("Provider", provider.to_owned())));
    lines.extend(shown.tier.map(|tier| ("Service tier", tier.to_owned())));
    if shown.batch {
        lines.push(("Batch", "yes".to_owned()));
    }
    lines.push(("At", time(shown.at)));
    lines.push(("Price from", detail.version.to_string()));
    lines.push(("In the catalogue", known.unwrap_or_else(unseen)));
    let example = shown.example.as_ref().map(|example| {
        let tokens = format!("{} input tokens", count(example.input));
        let output = if example.output == 0 { String::new() } else { format!(" and {} output", count(example.output)) };
        format!("{tokens}{output} cost {}", money(example.cost))
    });
    lines.push(("Example", example.unwrap_or_else(unseen)));
    facts(&lines)
}

/// Every price that does not follow from another.
fn prices(tariff: &Tariff) -> String {
    let mut table = Table::new(&[left("OF"), right("PRICE"), left("PER"), left("INPUT TOKENS")]);
    let borders = tariff.tiers.iter().map(|tier| tier.above);
    for unit in Unit::ALL {
        let mut last = None;
        for above in [0].into_iter().chain(borders.clone()) {
            let prices = tariff.at(above + 1);
            let rate = prices.get(unit);
            if rate.is_none() || !prices.stands_out(unit) || rate == last {
                continue;
            }
            last = rate;
            let context = if above == 0 { String::new() } else { format!("above {}", count(above)) };
            table.row([unit.to_string(), price(rate), per(unit).to_owned(), context]);
        }
    }
    table.render("nothing has a price: events with this model go to the quarantine")
}

fn hours(detail: &Detail) -> String {
    let mut table = Table::new(&[left("FROM"), left("TO"), right("INPUT"), right("CACHED"), right("OUTPUT")]);
    for part in &detail.hours {
        let [input, cached, output] = main_prices(&part.tariff);
        table.row([part.from.clone(), part.to.clone(), input, cached, output]);
    }
    table.render("the same all day")
}

fn overrides(detail: &Detail) -> String {
    let mut table =
        Table::new(&[right("LINE"), left("MATCH"), left("PROVIDER"), left("FROM"), left("STATE"), left("VERSION")]);
    for entry in &detail.overrides {
        let state = match entry.state {
            OverrideState::InForce => "in force",
            OverrideState::Hidden => "hidden",
            OverrideState::Later => "later",
        };
        table.row([
            entry.line.to_string(),
            entry.matches.clone(),
            provider(entry.provider.as_deref()),
            entry.from.map_or_else(|| "ever".to_owned(), day),
            state.to_owned(),
            entry.version.to_string(),
        ]);
    }
    table.render("none")
}

fn changes(detail: &Detail) -> String {
    let mut table = Table::new(&[left("FROM"), right("INPUT"), right("CACHED"), right("OUTPUT"), left("PRICE FROM")]);
    for change in &detail.changes {
        let [input, cached, output] =
            change.tariff.as_ref().map_or_else(|| [unseen(), unseen(), unseen()], main_prices);
        let version = change.version.as_deref().unwrap_or_default();
        let from = change.source.map_or_else(|| "no price".to_owned(), |source| origin(source, version));
        table.row([change.from.map_or_else(|| "ever".to_owned(), day), input, cached, output, from]);
    }
    table.render("none")
}

/// The UTC day of an instant that is a midnight.
fn day(midnight: Timestamp) -> String {
    mete_core::time::day_label(midnight.day())
}
