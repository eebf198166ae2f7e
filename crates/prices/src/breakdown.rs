//! How a price comes about, for whoever wants to check it.

use std::fmt;

use mete_core::Usage;

use crate::card::{Attos, Card, Unit};

/// Decimal places of an atto-dollar.
const PLACES: usize = 18;

/// An amount of dollars, exact: before it is rounded to nano-dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact(Attos);

impl Exact {
    /// This much for each of so many.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }
}

impl fmt::Display for Exact {
    /// Dollars with as many places as it takes, as in `0.0000768`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>width$}", self.0.unsigned_abs(), width = PLACES + 1);
        let (whole, fraction) = digits.split_at(digits.len() - PLACES);
        let fraction = fraction.trim_end_matches('0');
        let (sign, point) = (if self.0 < 0 { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
        f.pad(&format!("{sign}{whole}{point}{fraction}"))
    }
}

/// So many of one unit, at one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of what.
    pub unit: Unit,
    /// How many; tokens that have a price of their own are not among the others.
    pub count: u64,
    /// What one costs; `None` where it has no price.
    pub rate: Option<Exact>,
}

/// The parts of which a price is the sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// What was used.
    pub parts: Vec<Part>,
    /// For the request itself; `None` where that costs nothing.
    pub request: Option<Exact>,
    /// Per cent of the sum that are charged: less than 100 for batches under an override.
    pub percent: u8,
    /// Whether the catalogue calculated the price as a whole, so that the parts do not add up to it: audio tokens lie
    /// inside others, and audio by the second has minimum lengths.
    pub as_a_whole: bool,
}

impl Breakdown {
    pub(crate) fn new(card: &Card, usage: &Usage, percent: u8, as_a_whole: bool) -> Self {
        let used = card.parts(usage).into_iter().filter(|(count, ..)| *count != 0);
        Self {
            parts: used.map(|(count, rate, unit)| Part { unit, count, rate: rate.map(Exact) }).collect(),
            request: (card.request != 0).then_some(Exact(card.request)),
            percent,
            as_a_whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_to_the_last_digit() {
        for (attos, shown) in [
            (0, "0"),
            (1, "0.000000000000000001"),
            (75_000_000_000, "0.000000075"),
            (76_800_000_000_000, "0.0000768"),
            (1_000_000_000_000_000_000, "1"),
            (-12_500_000_000_000_000_000, "-12.5"),
        ] {
            assert_eq!(Exact(attos).to_string(), shown);
        }
        assert_eq!(Exact(150_000_000_000).times(1_000_000).to_string(), "0.15");
    }

    #[test]
    fn parts_are_what_was_used_and_not_inside_one_another() {
        let card = Card { input: Some(2), cached_input: Some(1), ..Card::default() };
        let usage = Usage { input: 10, cached_input: 4, output: 3, ..Usage::default() };
        let part = |unit, count, rate: Option<Attos>| Part { unit, count, rate: rate.map(Exact) };
        let breakdown = Breakdown::new(&card, &usage, 100, false);
        let expected =
            [part(Unit::Input, 6, Some(2)), part(Unit::CachedInput, 4, Some(1)), part(Unit::Output, 3, None)];
        assert_eq!((breakdown.parts.as_slice(), breakdown.request), (expected.as_slice(), None));
    }
}
