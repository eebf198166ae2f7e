//! All that one model costs, to be shown and compared.

use serde::{Serialize, Serializer};

use crate::card::{Card, Ladder, Unit};
use crate::rate::Rate;

/// The price of every unit, for requests of one length of context. JSON: an object with each [`Unit::name`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices([Option<Rate>; Unit::ALL.len()]);

impl Prices {
    /// `percent` per cent of what `card` says. Audio tokens cost what the tokens that they are in do.
    pub(crate) fn of(card: &Card, percent: u8) -> Self {
        Self(Unit::ALL.map(|unit| {
            let attos = match unit {
                Unit::Input | Unit::AudioInput => card.input,
                Unit::CachedInput => card.cached_input,
                Unit::CacheWrite => card.cache_write,
                Unit::CacheWrite1h => card.cache_write_1h,
                Unit::Output | Unit::AudioOutput => card.output,
                Unit::Reasoning => card.reasoning,
                Unit::Images => card.image,
                Unit::Milliseconds => card.millisecond,
                Unit::Searches => card.search,
                Unit::Requests => (card.request != 0).then_some(card.request),
            };
            attos.map(|attos| Rate::of(unit, attos, percent))
        }))
    }

    /// The same with another price for `unit`.
    pub(crate) fn with(mut self, unit: Unit, rate: Option<Rate>) -> Self {
        self.0[unit as usize] = rate;
        self
    }

    /// The price of `unit`; `None` where there is none, which is not the same as nothing to pay.
    #[must_use]
    pub const fn get(&self, unit: Unit) -> Option<Rate> {
        self.0[unit as usize]
    }

    /// Whether nothing has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether `unit` has a price that does not follow from that of what it is a kind of.
    #[must_use]
    pub fn stands_out(&self, unit: Unit) -> bool {
        self.get(unit) != unit.whole().and_then(|whole| self.get(whole))
    }
}

impl Serialize for Prices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Unit::ALL.map(|unit| (unit.name(), self.get(unit))))
    }
}

/// What a model costs at one instant, by the length of the context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tariff {
    /// Up to the first tier.
    pub prices: Prices,
    /// Ascending: a longer context changes the price of the whole request.
    pub tiers: Vec<Tier>,
}

/// Prices for long contexts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// They hold for requests with more input tokens than this.
    pub above: u64,
    /// The prices.
    pub prices: Prices,
}

impl Tariff {
    /// `percent` per cent of what `ladder` says.
    pub(crate) fn of(ladder: &Ladder, percent: u8) -> Self {
        let tier = |step: &crate::card::Step| Tier { above: step.above, prices: Prices::of(&step.card, percent) };
        Self { prices: Prices::of(&ladder.base, percent), tiers: ladder.steps.iter().map(tier).collect() }
    }

    /// The prices of a request with this many input tokens.
    #[must_use]
    pub fn at(&self, input: u64) -> &Prices {
        self.tiers.iter().rev().find(|tier| input > tier.above).map_or(&self.prices, |tier| &tier.prices)
    }
}
