//! What a request can cost at most is never less than what it costs then (R40).
#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

use std::sync::Arc;

use mete_core::{Nanos, Timestamp, Usage};
use mete_prices::{Catalogue, NoPrice, Pricer, Query, Sizes};
use proptest::prelude::*;

const MODELS: [&str; 8] = [
    "gpt-4o",
    "gpt-4o-mini",
    "o3",
    "claude-sonnet-4-5",
    "claude-opus-4-1",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "deepseek-chat",
];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sizes(model: &str, input: u64, output: u64) -> Sizes<'_> {
    Sizes { model, provider: None, tier: None, input, output }
}

fn pricer(overrides: &str) -> Pricer {
    Pricer::new(Arc::new(Catalogue::with_overrides(overrides).unwrap()))
}

#[test]
fn r40_a_plain_request_costs_what_its_sizes_say_and_fractions_are_rounded_up() {
    let overrides = "[[model]]\nmatch = 'm'\ninput = '0.0001'\noutput = '2'\n";
    let mut pricer = pricer(overrides);
    let (from, until) = (at("2026-11-23T12:00:00Z"), at("2026-11-23T12:10:00Z"));
    // 1 input token is 0.1 nano-dollars, 1 output token 2000.
    assert_eq!(pricer.ceiling(&sizes("m", 1, 0), from, until).unwrap(), Nanos(1));
    assert_eq!(pricer.ceiling(&sizes("m", 10, 3), from, until).unwrap(), Nanos(6_001));
    assert_eq!(pricer.ceiling(&sizes("m", 0, 0), from, until).unwrap(), Nanos::ZERO);
    let unknown = pricer.ceiling(&sizes("nobody-has-this", 1, 1), from, until);
    assert!(matches!(unknown, Err(NoPrice::UnknownModel { .. })), "{unknown:?}");
}

#[test]
fn r40_a_price_that_rises_at_midnight_counts_for_requests_that_may_end_after_it() {
    let overrides = "[[model]]\nmatch = 'm'\ninput = '1'\noutput = '1'\n\
                     [[model]]\nmatch = 'm'\nfrom = '2026-11-24'\ninput = '2'\noutput = '2'\n";
    let mut pricer = pricer(overrides);
    let (noon, late, after) = (at("2026-11-23T12:00:00Z"), at("2026-11-23T23:55:00Z"), at("2026-11-24T00:05:00Z"));
    assert_eq!(pricer.ceiling(&sizes("m", 1_000, 0), noon, late).unwrap(), Nanos(1_000_000));
    assert_eq!(pricer.ceiling(&sizes("m", 1_000, 0), late, after).unwrap(), Nanos(2_000_000));
}

proptest! {
    #[test]
    fn r40_no_request_within_its_sizes_costs_more(
        model in 0..MODELS.len(),
        (input, output) in (0..600_000_u64, 0..100_000_u64),
        shares in prop::array::uniform5(0..=100_u64),
        minutes in 0..2_880_i64,
        later in 0..10_i64,
    ) {
        let model = MODELS[model];
        let mut pricer = Pricer::new(Arc::new(Catalogue::bundled()));
        let from = at("2026-11-23T00:00:00Z").plus(minutes * 60_000_000);
        let until = from.plus(10 * 60_000_000);
        let Ok(most) = pricer.ceiling(&sizes(model, input, output), from, until) else {
            return Err(TestCaseError::fail(format!("{model} has no price")));
        };
        let share = |of: u64, n: usize| of * shares[n] / 100;
        let used = share(input, 0);
        let cached_input = share(used, 1);
        let cache_write = share(used - cached_input, 2);
        let written = share(output, 3);
        let usage = Usage {
            input: used, cached_input, cache_write, output: written, reasoning: share(written, 4), ..Usage::default()
        };
        let time = from.plus(later * 60_000_000);
        // Where a kind of token has no price of its own, there is nothing to compare.
        if let Ok(price) = pricer.price(&Query { model, provider: None, tier: None, batch: false, time, usage: &usage }) {
            prop_assert!(price.cost <= most, "{model}: {usage:?} costs {} and at most {most}", price.cost);
        }
    }
}
