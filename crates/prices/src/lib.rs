//! What a usage event costs, in whole nano-dollars (R30, R35).
//!
//! The way of a price: a [`Query`] is looked up in the operator's overrides first and in the genai-prices catalogue
//! second; either gives exact integer rates in atto-dollars per unit, counts are multiplied with those as integers, and
//! the sum is rounded once, half up, to nano-dollars. What has no price is an error and never $0 (R34).
//!
//! To look at prices there are [`Catalogue::list`], [`Catalogue::detail`] and [`diff()`].
//!
//! ```
//! use std::sync::Arc;
//! use mete_core::{Nanos, Timestamp, Usage};
//! use mete_prices::{Catalogue, Pricer, Query};
//!
//! let mut pricer = Pricer::new(Arc::new(Catalogue::bundled()));
//! let usage = Usage { input: 1_000, output: 100, ..Usage::default() };
//! let time: Timestamp = "2026-11-23T10:15:30Z".parse()?;
//! let price = pricer.price(&Query { model: "gpt-4o-mini", provider: None, tier: None, batch: false, time, usage: &usage })?;
//! // 1,000 input tokens at $0.15 and 100 output tokens at $0.60 per million
//! assert_eq!(price.cost, "0.00021".parse::<Nanos>()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod breakdown;
mod card;
mod catalogue;
mod ceiling;
pub mod decimal;
mod detail;
mod diff;
mod error;
mod list;
mod overrides;
mod pricer;
mod probe;
mod rate;
mod tariff;

pub use breakdown::{Breakdown, Exact, Part};
pub use card::Unit;
pub use catalogue::Catalogue;
pub use ceiling::Sizes;
pub use detail::{Change, Detail, OfCatalogue, OfHours, OfOverride, OverrideState};
pub use diff::{Diff, Difference, RateChange, Side, diff};
pub use error::NoPrice;
pub use list::{Filter, Listed, Origin};
pub use overrides::OverrideError;
pub use pricer::{Price, Pricer, Query, Quote};
pub use rate::{Percent, Rate};
pub use tariff::{Prices, Tariff, Tier};
