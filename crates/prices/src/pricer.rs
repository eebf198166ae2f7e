//! Prices event after event, remembering the rates of each model and day.

use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};
use mete_core::{Nanos, Timestamp, Usage};
use rustc_hash::FxBuildHasher;

use crate::breakdown::Breakdown;
use crate::card::{Card, Ladder, Unit, round};
use crate::catalogue::{Catalogue, DayRates};
use crate::error::NoPrice;
use crate::probe::Source;

/// What is to be priced.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// As the event names it; empty if it names none.
    pub model: &'a str,
    /// As the event names it. One that the catalogue does not know (a gateway's name) counts as none; then the maker
    /// of the model is taken.
    pub provider: Option<&'a str>,
    /// The service tier: `flex`, `priority`, … One that the catalogue does not know for this model has the standard
    /// price, like `default`, `standard`, `auto` and none; `batch` is the same as `batch: true`.
    pub tier: Option<&'a str>,
    /// Whether it was a batch request.
    pub batch: bool,
    /// The event's time: prices have dates.
    pub time: Timestamp,
    /// What was used.
    pub usage: &'a Usage,
}

/// What an event costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Rounded once, half up.
    pub cost: Nanos,
    /// The version of the price (R35), as in `genai-prices 0.2.1` or `override 3f2a9c1e`.
    pub version: Arc<str>,
}

/// So many rates are remembered; then all are forgotten, since logs may name any number of models.
const MAX_REMEMBERED: usize = 4096;

/// Prices events (R29, R35). Each reader has its own: it remembers what it has found.
#[derive(Debug)]
pub struct Pricer {
    catalogue: Arc<Catalogue>,
    remembered: HashMap<Key, Result<Arc<DayRates>, NoPrice>, FxBuildHasher>,
}

impl Pricer {
    /// A pricer that remembers nothing yet.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue, remembered: HashMap::default() }
    }

    /// The price of what `query` says was used. Nothing billable costs nothing and needs no model.
    ///
    /// # Errors
    ///
    /// If there is no price for the model or for something that was used: it is never taken to be free (R34).
    pub fn price(&mut self, query: &Query<'_>) -> Result<Price, NoPrice> {
        let query = &query.normalized();
        if let Some(problem) = query.usage.problem() {
            return Err(NoPrice::BadUsage(problem));
        }
        if !query.usage.is_billable() {
            return Ok(Price { cost: Nanos::ZERO, version: self.catalogue.version().clone() });
        }
        let quote = self.quote(query)?;
        Ok(Price { cost: quote.cost(query)?, version: quote.version().clone() })
    }

    /// What holds for `query` on the UTC day of its time, whatever was used.
    ///
    /// # Errors
    ///
    /// If no model is named, or the prices do not know it.
    pub fn quote(&mut self, query: &Query<'_>) -> Result<Quote, NoPrice> {
        let query = &query.normalized();
        if query.model.is_empty() {
            return Err(NoPrice::NoModel);
        }
        let key = query.key();
        let found = match self.remembered.get(&key) {
            Some(found) => found.clone(),
            None => {
                if self.remembered.len() >= MAX_REMEMBERED {
                    self.remembered.clear();
                }
                let found = self.catalogue.rates(query).map(Arc::new);
                self.remembered.insert(Key::from(&key), found.clone());
                found
            }
        };
        Ok(Quote { of_day: found?, day: key.day })
    }

    /// The prices that it looks into.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

/// What usage costs on one UTC day under the same circumstances (model, provider, tier, batch or not): found once, asked
/// for every event that names them.
#[derive(Clone, Debug)]
pub struct Quote {
    of_day: Arc<DayRates>,
    day: i64,
}

impl Quote {
    /// Whether it holds at `time`.
    #[must_use]
    pub const fn holds_at(&self, time: Timestamp) -> bool {
        self.day == time.day()
    }

    /// The version of the price (R35).
    #[must_use]
    pub fn version(&self) -> &Arc<str> {
        &self.of_day.version
    }

    /// What was used costs, rounded once. `query` names the circumstances for which this was found; its usage
    /// has no [`Usage::problem`].
    ///
    /// # Errors
    ///
    /// If something was used that has no price, or the cost is too large.
    pub fn cost(&self, query: &Query<'_>) -> Result<Nanos, NoPrice> {
        let card = self.card(query);
        let cost = match &self.of_day.source {
            Some(source) if !query.is_linear() => query.direct(source, card)?,
            _ => round(card.cost(query.usage).map_err(|unit| query.unpriced(unit))?, self.of_day.percent),
        };
        cost.ok_or_else(|| NoPrice::TooLarge { model: query.model.to_owned() })
    }

    /// How that cost comes about.
    #[must_use]
    pub fn breakdown(&self, query: &Query<'_>) -> Breakdown {
        let whole = self.of_day.source.is_some() && !query.is_linear();
        Breakdown::new(self.card(query), query.usage, self.of_day.percent, whole)
    }

    pub(crate) fn ladders(&self) -> &[Ladder] {
        self.of_day.ladders()
    }

    /// Per cent of the rates that are charged.
    pub(crate) fn percent(&self) -> u8 {
        self.of_day.percent
    }

    fn card(&self, query: &Query<'_>) -> &Card {
        self.of_day.at(query.time).at(query.usage.input)
    }
}

impl<'a> Query<'a> {
    /// With the names of standard and batch processing taken out.
    pub(crate) fn normalized(self) -> Self {
        match self.tier {
            Some("" | "default" | "standard" | "auto" | "standard_only") => Self { tier: None, ..self },
            Some("batch") => Self { tier: None, batch: true, ..self },
            _ => self,
        }
    }

    /// Whether the catalogue's price is a sum of counts times rates: audio has tokens inside tokens, and minimum
    /// lengths.
    const fn is_linear(&self) -> bool {
        self.usage.audio_input == 0 && self.usage.audio_output == 0 && self.usage.milliseconds == 0
    }

    /// The catalogue's own calculation, after a check that everything used has a price; `None` if it is too large.
    fn direct(&self, source: &Source, card: &Card) -> Result<Option<Nanos>, NoPrice> {
        let refused = |error| self.refused(&error);
        let rest = Usage { milliseconds: 0, ..*self.usage };
        card.cost(&rest).map_err(|unit| self.unpriced(unit))?;
        if self.usage.milliseconds != 0 && !source.prices_seconds(self.time).map_err(refused)? {
            return Err(self.unpriced(Unit::Milliseconds));
        }
        source.direct(self.time, self.usage).map_err(refused)
    }

    fn key(&self) -> KeyRef<'a> {
        KeyRef { model: self.model, provider: self.provider, tier: self.tier, batch: self.batch, day: self.time.day() }
    }

    pub(crate) fn unknown(&self) -> NoPrice {
        NoPrice::UnknownModel { model: self.model.to_owned(), provider: self.provider.map(str::to_owned) }
    }

    fn unpriced(&self, unit: Unit) -> NoPrice {
        NoPrice::UnpricedUnit { model: self.model.to_owned(), unit }
    }

    pub(crate) fn refused(&self, error: &genai_prices::Error) -> NoPrice {
        NoPrice::refused(self.model, error)
    }
}

/// What rates are remembered by.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    model: Box<str>,
    provider: Option<Box<str>>,
    tier: Option<Box<str>>,
    batch: bool,
    day: i64,
}

/// A [`Key`] that is not owned; hashes like it.
#[derive(Debug, Hash)]
struct KeyRef<'a> {
    model: &'a str,
    provider: Option<&'a str>,
    tier: Option<&'a str>,
    batch: bool,
    day: i64,
}

impl From<&KeyRef<'_>> for Key {
    fn from(key: &KeyRef<'_>) -> Self {
        Self {
            model: key.model.into(),
            provider: key.provider.map(Into::into),
            tier: key.tier.map(Into::into),
            batch: key.batch,
            day: key.day,
        }
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.day == key.day
            && self.batch == key.batch
            && *self.model == *key.model
            && self.provider == key.provider.as_deref()
            && self.tier == key.tier.as_deref()
    }
}
