//! Rates as exact integers, and what a usage costs at them.

use std::fmt;

use mete_core::{Nanos, Usage};
use serde::{Serialize, Serializer};

/// Atto-dollars (10^-18 USD): a price of 10^-12 dollars per million tokens is one per token.
pub(crate) type Attos = i128;

/// Atto-dollars in one nano-dollar.
const ATTOS_PER_NANO: i128 = 1_000_000_000;

/// Half a nano-dollar, in atto-dollars.
const HALF_NANO: i64 = 500_000_000;

/// Up to here a sum of money in atto-dollars can be rounded in 64 bits.
const SMALL: i64 = i64::MAX - HALF_NANO;

/// A thing that has a price of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named like the count of `Usage` that it prices")]
pub enum Unit {
    Input,
    CachedInput,
    CacheWrite,
    CacheWrite1h,
    AudioInput,
    Output,
    Reasoning,
    AudioOutput,
    Images,
    Milliseconds,
    Searches,
    /// The request itself, whatever it uses.
    Requests,
}

impl Unit {
    /// All of them, in the order in which prices are told.
    pub const ALL: [Self; 12] = [
        Self::Input,
        Self::CachedInput,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::AudioInput,
        Self::Output,
        Self::Reasoning,
        Self::AudioOutput,
        Self::Images,
        Self::Milliseconds,
        Self::Searches,
        Self::Requests,
    ];

    /// The name of its price, where `prices.toml` has one the name there.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CachedInput => "cached_input",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::AudioInput => "audio_input",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioOutput => "audio_output",
            Self::Images => "image",
            Self::Milliseconds => "second",
            Self::Searches => "search",
            Self::Requests => "request",
        }
    }

    /// What it is a kind of, and mostly has the price of.
    #[must_use]
    pub const fn whole(self) -> Option<Self> {
        match self {
            Self::CachedInput | Self::CacheWrite | Self::AudioInput => Some(Self::Input),
            Self::CacheWrite1h => Some(Self::CacheWrite),
            Self::Reasoning | Self::AudioOutput => Some(Self::Output),
            _ => None,
        }
    }

    /// How many of it a price is told for: a million tokens, a second, one of anything else.
    pub(crate) const fn block(self) -> i128 {
        match self {
            Self::Images | Self::Searches | Self::Requests => 1,
            Self::Milliseconds => 1_000,
            _ => 1_000_000,
        }
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Input => "input tokens",
            Self::CachedInput => "cached input tokens",
            Self::CacheWrite => "cache writes",
            Self::CacheWrite1h => "one-hour cache writes",
            Self::AudioInput => "audio input tokens",
            Self::Output => "output tokens",
            Self::Reasoning => "reasoning tokens",
            Self::AudioOutput => "audio output tokens",
            Self::Images => "images",
            Self::Milliseconds => "seconds",
            Self::Searches => "searches",
            Self::Requests => "requests",
        })
    }
}

/// Atto-dollars for each one of a unit; `None` where there is no price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Card {
    /// For the request itself.
    pub request: Attos,
    /// Input tokens that are neither read from nor written to a cache.
    pub input: Option<Attos>,
    pub cached_input: Option<Attos>,
    /// Cache writes for less than an hour.
    pub cache_write: Option<Attos>,
    pub cache_write_1h: Option<Attos>,
    /// Output tokens that are no reasoning.
    pub output: Option<Attos>,
    pub reasoning: Option<Attos>,
    pub image: Option<Attos>,
    pub millisecond: Option<Attos>,
    pub search: Option<Attos>,
}

impl Card {
    /// What `usage`, which has no [`Usage::problem`], costs.
    ///
    /// # Errors
    ///
    /// The first unit that was used and has no price.
    pub fn cost(&self, usage: &Usage) -> Result<Attos, Unit> {
        let mut sum = self.request;
        for (count, rate, unit) in self.parts(usage) {
            if count != 0 {
                sum += i128::from(count) * rate.ok_or(unit)?;
            }
        }
        Ok(sum)
    }

    /// The counts of `usage`, which has no [`Usage::problem`], none of them inside another, with what each costs.
    pub fn parts(&self, usage: &Usage) -> [(u64, Option<Attos>, Unit); 9] {
        [
            (usage.input - usage.cached_input - usage.cache_write, self.input, Unit::Input),
            (usage.cached_input, self.cached_input, Unit::CachedInput),
            (usage.cache_write - usage.cache_write_1h, self.cache_write, Unit::CacheWrite),
            (usage.cache_write_1h, self.cache_write_1h, Unit::CacheWrite1h),
            (usage.output - usage.reasoning, self.output, Unit::Output),
            (usage.reasoning, self.reasoning, Unit::Reasoning),
            (usage.images, self.image, Unit::Images),
            (usage.milliseconds, self.millisecond, Unit::Milliseconds),
            (usage.searches, self.search, Unit::Searches),
        ]
    }
}

/// Cards by the length of the context: a longer one changes the price of the whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ladder {
    /// Holds up to the first step.
    pub base: Card,
    /// Ascending.
    pub steps: Vec<Step>,
}

/// A step of a [`Ladder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The card holds for requests with more input tokens than this.
    pub above: u64,
    pub card: Card,
}

impl Ladder {
    /// The card for a request with this many input tokens.
    pub fn at(&self, input: u64) -> &Card {
        self.steps.iter().rev().find(|step| input > step.above).map_or(&self.base, |step| &step.card)
    }
}

/// The one rounding, half up, of `percent` per cent of `attos`; `None` if that does not fit.
pub(crate) fn round(attos: Attos, percent: u8) -> Option<Nanos> {
    // What nearly every request costs fits into a machine word, in which dividing is many times faster.
    if percent == 100
        && let Ok(attos @ 0..=SMALL) = i64::try_from(attos)
    {
        return Some(Nanos((attos + HALF_NANO) / ATTOS_PER_NANO as i64));
    }
    let whole = ATTOS_PER_NANO * 100;
    let nanos = attos.checked_mul(i128::from(percent))?.checked_add(whole / 2)?.div_euclid(whole);
    i64::try_from(nanos).ok().map(Nanos)
}

/// `percent` per cent of `attos`, which are not negative, rounded up; `None` if that does not fit.
pub(crate) fn round_up(attos: Attos, percent: u8) -> Option<Nanos> {
    let whole = ATTOS_PER_NANO * 100;
    let nanos = attos.checked_mul(i128::from(percent))?.checked_add(whole - 1)?.div_euclid(whole);
    i64::try_from(nanos).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        Card { input: Some(100), cached_input: Some(10), output: Some(1000), ..Card::default() }
    }

    #[test]
    fn parts_are_priced_apart_from_their_whole() {
        let usage = Usage { input: 10, cached_input: 4, output: 3, ..Usage::default() };
        assert_eq!(card().cost(&usage), Ok(6 * 100 + 4 * 10 + 3 * 1000));
    }

    #[test]
    fn r34_a_used_unit_without_a_price_is_named() {
        for (usage, unit) in [
            (Usage { input: 2, cache_write: 1, ..Usage::default() }, Unit::CacheWrite),
            (Usage { input: 2, cache_write: 2, cache_write_1h: 2, ..Usage::default() }, Unit::CacheWrite1h),
            (Usage { output: 2, reasoning: 1, ..Usage::default() }, Unit::Reasoning),
            (Usage { images: 1, ..Usage::default() }, Unit::Images),
            (Usage { milliseconds: 1, ..Usage::default() }, Unit::Milliseconds),
            (Usage { searches: 1, ..Usage::default() }, Unit::Searches),
        ] {
            assert_eq!(card().cost(&usage), Err(unit));
        }
    }

    #[test]
    fn a_step_begins_above_its_border() {
        let ladder = Ladder { base: Card::default(), steps: vec![Step { above: 200_000, card: card() }] };
        assert_eq!(ladder.at(200_000), &Card::default());
        assert_eq!(ladder.at(200_001), &card());
    }

    #[test]
    fn r30_rounding_is_half_up_and_once() {
        assert_eq!(round(499_999_999, 100), Some(Nanos(0)));
        assert_eq!(round(500_000_000, 100), Some(Nanos(1)));
        assert_eq!(round(999_999_999, 50), Some(Nanos(0)));
        assert_eq!(round(1_000_000_000, 50), Some(Nanos(1)));
        assert_eq!(round(i128::from(i64::MAX) * ATTOS_PER_NANO, 100), Some(Nanos::MAX));
        assert_eq!(round((i128::from(i64::MAX) + 1) * ATTOS_PER_NANO, 100), None);
        assert_eq!(round(i128::MAX, 100), None);
        // Where 64 bits end, and where money is owed back.
        for (attos, nanos) in [
            (i128::from(SMALL), 9_223_372_036),
            (i128::from(SMALL) + 1, 9_223_372_036),
            (-500_000_000, 0),
            (-500_000_001, -1),
        ] {
            assert_eq!(round(attos, 100), Some(Nanos(nanos)), "{attos}");
        }
    }
}
