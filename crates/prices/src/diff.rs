//! In which prices two lists of them differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use mete_core::Timestamp;
use serde::Serialize;

use crate::card::Unit;
use crate::catalogue::Catalogue;
use crate::error::NoPrice;
use crate::list::{Filter, Listed, Name};
use crate::rate::{Percent, Rate};
use crate::tariff::Tariff;

/// Prices as they are at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The prices.
    pub catalogue: &'a Catalogue,
    /// When.
    pub time: Timestamp,
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// How many models were compared.
    pub compared: usize,
    /// Those that differ, by name and provider.
    pub rows: Vec<Difference>,
}

/// A model whose prices differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name; of an override what it matches, in lower case.
    pub model: String,
    /// Its provider; `None` if an override holds for any.
    pub provider: Option<String>,
    /// The version of the price before; `None` if there is none.
    pub from_version: Option<Arc<str>>,
    /// The version of the price after; `None` if there is none.
    pub to_version: Option<Arc<str>>,
    /// The prices that differ.
    pub changes: Vec<RateChange>,
}

/// A price that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateChange {
    /// The price of what.
    pub unit: Unit,
    /// For requests with more input tokens than this.
    pub above: u64,
    /// The price before; `None` if there is none.
    pub from: Option<Rate>,
    /// The price after; `None` if there is none.
    pub to: Option<Rate>,
    /// By how much it rises; `None` where there is nothing to rise from or to.
    pub percent: Option<Percent>,
}

/// Compares the prices of the models that `filter` takes. What costs the same under another version does not differ.
///
/// # Errors
///
/// If the catalogue cannot calculate.
pub fn diff(from: Side<'_>, to: Side<'_>, filter: &Filter) -> Result<Diff, NoPrice> {
    let both = |side: Side<'_>| side.catalogue.names(filter, side.time);
    let names: BTreeSet<Name> = both(from).into_iter().chain(both(to)).collect();
    let mut rows = Vec::new();
    for name in names.iter().filter(|name| !are_same(from, to, name)) {
        let priced = |side: Side<'_>| side.catalogue.listed(name, side.time);
        rows.extend(difference(name, priced(from)?, priced(to)?));
    }
    Ok(Diff { compared: names.len(), rows })
}

/// Whether both sides take the price from the catalogue, at the same time: then it need not be looked up.
fn are_same(from: Side<'_>, to: Side<'_>, name: &Name) -> bool {
    let is_bundled = |side: Side<'_>| {
        let found = side.catalogue.overrides.find(&name.model, name.provider.as_deref(), side.time);
        !name.own && found.is_none()
    };
    from.time == to.time && is_bundled(from) && is_bundled(to)
}

fn difference(name: &Name, from: Option<Listed>, to: Option<Listed>) -> Option<Difference> {
    let tariff = |listed: &Option<Listed>| listed.as_ref().map(|listed| listed.tariff.clone()).unwrap_or_default();
    let changes = changes(&tariff(&from), &tariff(&to));
    (!changes.is_empty()).then(|| Difference {
        model: name.model.clone(),
        provider: name.provider.clone(),
        from_version: from.map(|listed| listed.version),
        to_version: to.map(|listed| listed.version),
        changes,
    })
}

/// At every length of context at which they begin to hold. What follows from another price is left out.
fn changes(from: &Tariff, to: &Tariff) -> Vec<RateChange> {
    let borders: BTreeSet<u64> = from.tiers.iter().chain(&to.tiers).map(|tier| tier.above).collect();
    let mut changes = Vec::new();
    let mut told = [(None, None); Unit::ALL.len()];
    for above in [0].into_iter().chain(borders) {
        let (before, after) = (from.at(above + 1), to.at(above + 1));
        for unit in Unit::ALL {
            let pair = (before.get(unit), after.get(unit));
            // A tier that costs as what is below it is told with that.
            let is_told = std::mem::replace(&mut told[unit as usize], pair) == pair;
            let stands_out = before.stands_out(unit) || after.stands_out(unit);
            if pair.0 != pair.1 && stands_out && !is_told {
                let percent = pair.0.zip(pair.1).and_then(|(from, to)| from.change(to));
                changes.push(RateChange { unit, above, from: pair.0, to: pair.1, percent });
            }
        }
    }
    changes
}
