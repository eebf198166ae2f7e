//! The shape of `prices.toml`, and what is refused in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use mete_core::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::{ALWAYS, Override};
use crate::card::{Attos, Card, Ladder, Step};
use crate::decimal::parse_scaled;

/// What is wrong in a `prices.toml`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// Not TOML, an unknown field, or a value of the wrong type.
    #[error(
        "prices: {0}\nprices are decimal strings in dollars, like input = \"0.15\"; docs and examples are in config/prices.toml"
    )]
    Toml(String),
    /// A value that makes no sense.
    #[error("prices, line {line}, model {model:?}: {problem}")]
    Entry {
        /// Counted from 1.
        line: usize,
        /// The `match` of the entry.
        model: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "model")]
    models: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "match")]
    pattern: Spanned<String>,
    provider: Option<Spanned<String>>,
    from: Option<Spanned<String>>,
    batch: Option<Spanned<String>>,
    image: Option<Spanned<String>>,
    second: Option<Spanned<String>>,
    search: Option<Spanned<String>>,
    input: Option<Spanned<String>>,
    cached_input: Option<Spanned<String>>,
    cache_write: Option<Spanned<String>>,
    cache_write_1h: Option<Spanned<String>>,
    output: Option<Spanned<String>>,
    #[serde(default, rename = "tier")]
    tiers: Vec<Tier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    above: Spanned<u64>,
    input: Option<Spanned<String>>,
    cached_input: Option<Spanned<String>>,
    cache_write: Option<Spanned<String>>,
    cache_write_1h: Option<Spanned<String>>,
    output: Option<Spanned<String>>,
}

/// Per million tokens, so one of these in dollars is one atto-dollar per token at 12 places.
const TOKEN_PLACES: u32 = 12;
/// Dollars each.
const UNIT_PLACES: u32 = 18;
/// Dollars per second are atto-dollars per millisecond at 15 places.
const SECOND_PLACES: u32 = 15;
/// No price is as high, in dollars; keeps every product of a price and a count within 128 bits.
const MAX_DOLLARS: i128 = 1_000_000;

/// Every entry of a `prices.toml`.
pub(super) fn parse(text: &str) -> Result<Vec<Override>, OverrideError> {
    let file: File = toml::from_str(text).map_err(|error| OverrideError::Toml(error.to_string()))?;
    let mut seen = BTreeSet::new();
    file.models
        .iter()
        .map(|entry| {
            let context = Context { text, model: entry.pattern.get_ref() };
            let read = read(entry, &context)?;
            if !seen.insert((read.name.clone(), read.prefix, read.provider.clone(), read.from)) {
                return Err(context.error(
                    &entry.pattern,
                    "a second entry for the same model, provider and date: delete one, or give it another `from`",
                ));
            }
            Ok(read)
        })
        .collect()
}

/// Where an error is.
struct Context<'a> {
    text: &'a str,
    model: &'a str,
}

impl Context<'_> {
    fn error<T>(&self, at: &Spanned<T>, problem: impl Into<String>) -> OverrideError {
        OverrideError::Entry { line: self.line(at), model: self.model.to_owned(), problem: problem.into() }
    }

    /// Counted from 1.
    fn line<T>(&self, at: &Spanned<T>) -> usize {
        self.text.get(..at.span().start).unwrap_or_default().matches('\n').count() + 1
    }

    /// A price with at most `places` places after the point.
    fn price(&self, field: &str, text: Option<&Spanned<String>>, places: u32) -> Result<Option<Attos>, OverrideError> {
        let Some(text) = text else { return Ok(None) };
        let value = text.get_ref();
        let refuse = |problem: &str| {
            self.error(text, format!("{field} = {value:?} {problem}: write decimal dollars, like {field} = \"0.15\""))
        };
        let scaled = parse_scaled(value, places).map_err(|_| refuse("is no decimal number"))?;
        if value.contains(['e', 'E']) {
            return Err(refuse("has an exponent"));
        }
        let fraction = value.split_once('.').map_or("", |(_, fraction)| fraction.trim_end_matches('0'));
        if fraction.len() > places as usize {
            return Err(refuse(&format!("has more than {places} places after the point")));
        }
        if scaled < 0 {
            return Err(refuse("is negative"));
        }
        if scaled > MAX_DOLLARS * 10_i128.pow(places) {
            return Err(refuse(&format!("is more than {MAX_DOLLARS} dollars")));
        }
        Ok(Some(scaled))
    }
}

fn read(entry: &Entry, context: &Context<'_>) -> Result<Override, OverrideError> {
    let pattern = entry.pattern.get_ref().as_str();
    let (name, prefix) = pattern.strip_suffix('*').map_or((pattern, false), |name| (name, true));
    if name.contains('*') || (name.is_empty() && !prefix) {
        return Err(context.error(&entry.pattern, "match is a model's name, with at most one * at its end"));
    }
    let from = entry.from.as_ref().map(|from| date(from, context)).transpose()?;
    let ladder = ladder(entry, context)?;
    if ladder.base == Card::default() {
        return Err(context.error(&entry.pattern, "it has no price: give at least one, like input = \"0.15\""));
    }
    Ok(Override {
        name: name.to_lowercase(),
        prefix,
        provider: entry.provider.as_ref().map(|provider| provider.get_ref().to_lowercase()),
        from: from.unwrap_or(ALWAYS),
        line: context.line(&entry.pattern),
        version: version(entry),
        ladder,
        batch_percent: entry.batch.as_ref().map_or(Ok(100), |batch| percent(batch, context))?,
    })
}

/// Midnight UTC of a `YYYY-MM-DD`.
fn date(text: &Spanned<String>, context: &Context<'_>) -> Result<Timestamp, OverrideError> {
    let value = text.get_ref();
    Some(value)
        .filter(|value| value.len() == 10)
        .and_then(|value| format!("{value}T00:00:00Z").parse().ok())
        .ok_or_else(|| context.error(text, format!("from = {value:?} is no date: write it like \"2026-11-01\"")))
}

/// A whole percentage from 1 to 100.
fn percent(text: &Spanned<String>, context: &Context<'_>) -> Result<u8, OverrideError> {
    let value = text.get_ref();
    let digits = value.strip_suffix('%').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .filter(|percent| (1..=100).contains(percent))
        .ok_or_else(|| context.error(text, format!("batch = {value:?} is no share from \"1%\" to \"100%\"")))
}

fn ladder(entry: &Entry, context: &Context<'_>) -> Result<Ladder, OverrideError> {
    let plain = TokenPrices {
        input: context.price("input", entry.input.as_ref(), TOKEN_PLACES)?,
        cached_input: context.price("cached_input", entry.cached_input.as_ref(), TOKEN_PLACES)?,
        cache_write: context.price("cache_write", entry.cache_write.as_ref(), TOKEN_PLACES)?,
        cache_write_1h: context.price("cache_write_1h", entry.cache_write_1h.as_ref(), TOKEN_PLACES)?,
        output: context.price("output", entry.output.as_ref(), TOKEN_PLACES)?,
    };
    let units = Card {
        image: context.price("image", entry.image.as_ref(), UNIT_PLACES)?,
        millisecond: context.price("second", entry.second.as_ref(), SECOND_PLACES)?,
        search: context.price("search", entry.search.as_ref(), UNIT_PLACES)?,
        ..Card::default()
    };
    let mut steps: Vec<Step> = Vec::with_capacity(entry.tiers.len());
    for tier in &entry.tiers {
        let above = *tier.above.get_ref();
        if steps.last().is_some_and(|last| last.above >= above) {
            return Err(context.error(&tier.above, "tiers stand in ascending order of `above`, each once"));
        }
        let prices = TokenPrices {
            input: context.price("input", tier.input.as_ref(), TOKEN_PLACES)?.or(plain.input),
            cached_input: context
                .price("cached_input", tier.cached_input.as_ref(), TOKEN_PLACES)?
                .or(plain.cached_input),
            cache_write: context.price("cache_write", tier.cache_write.as_ref(), TOKEN_PLACES)?.or(plain.cache_write),
            cache_write_1h: context
                .price("cache_write_1h", tier.cache_write_1h.as_ref(), TOKEN_PLACES)?
                .or(plain.cache_write_1h),
            output: context.price("output", tier.output.as_ref(), TOKEN_PLACES)?.or(plain.output),
        };
        steps.push(Step { above, card: prices.card(&units) });
    }
    Ok(Ladder { base: plain.card(&units), steps })
}

/// Token prices as written.
struct TokenPrices {
    input: Option<Attos>,
    cached_input: Option<Attos>,
    cache_write: Option<Attos>,
    cache_write_1h: Option<Attos>,
    output: Option<Attos>,
}

impl TokenPrices {
    /// What is not written falls back to what it is a kind of.
    fn card(&self, units: &Card) -> Card {
        let cache_write = self.cache_write.or(self.input);
        Card {
            input: self.input,
            cached_input: self.cached_input.or(self.input),
            cache_write,
            cache_write_1h: self.cache_write_1h.or(cache_write),
            output: self.output,
            reasoning: self.output,
            ..units.clone()
        }
    }
}

/// `override` and a short hash of all that the entry says: another price is another version (R35).
fn version(entry: &Entry) -> Arc<str> {
    let mut text = String::new();
    let mut add = |name: &str, value: Option<&str>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}={value:?}");
    };
    add("match", Some(entry.pattern.get_ref()));
    for (name, field) in [
        ("provider", &entry.provider),
        ("from", &entry.from),
        ("batch", &entry.batch),
        ("image", &entry.image),
        ("second", &entry.second),
        ("search", &entry.search),
        ("input", &entry.input),
        ("cached_input", &entry.cached_input),
        ("cache_write", &entry.cache_write),
        ("cache_write_1h", &entry.cache_write_1h),
        ("output", &entry.output),
    ] {
        add(name, field.as_ref().map(|value| value.get_ref().as_str()));
    }
    for tier in &entry.tiers {
        add("above", Some(&tier.above.get_ref().to_string()));
        for field in [&tier.input, &tier.cached_input, &tier.cache_write, &tier.cache_write_1h, &tier.output] {
            add("tier", field.as_ref().map(|value| value.get_ref().as_str()));
        }
    }
    format!("override {}", hex::encode(&Sha256::digest(text.as_bytes())[..4])).into()
}
