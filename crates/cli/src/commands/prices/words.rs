//! Prices in words.

use mete_prices::{Origin, Rate, Tariff, Unit};

use crate::output::{dollars, unseen};

/// A price, or a dash where there is none.
pub fn price(rate: Option<Rate>) -> String {
    rate.map_or_else(unseen, |rate| dollars(&rate.to_string()))
}

/// Input, cached input and output, which say most about a model.
pub fn main_prices(tariff: &Tariff) -> [String; 3] {
    [Unit::Input, Unit::CachedInput, Unit::Output].map(|unit| price(tariff.prices.get(unit)))
}

/// A provider; any, where an override names none.
pub fn provider(provider: Option<&str>) -> String {
    provider.unwrap_or("(any)").to_owned()
}

/// Where a price comes from; the catalogue has one version at a time.
pub fn origin(origin: Origin, version: &str) -> String {
    match origin {
        Origin::Override => version.to_owned(),
        Origin::Catalogue => "catalogue".to_owned(),
    }
}

/// What one price is for.
pub const fn per(unit: Unit) -> &'static str {
    match unit {
        Unit::Images => "image",
        Unit::Milliseconds => "second",
        Unit::Searches => "search",
        Unit::Requests => "request",
        _ => "million",
    }
}
