//! The operator's own prices (R35).

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

use std::sync::Arc;

use mete_core::{Nanos, Usage};
use mete_prices::{Catalogue, NoPrice, OverrideError, Price, Pricer, Query, Unit};

const NOW: &str = "2026-11-23T10:15:30Z";

fn pricer(toml: &str) -> Pricer {
    Pricer::new(Arc::new(Catalogue::with_overrides(toml).unwrap()))
}

fn price_at(pricer: &mut Pricer, model: &str, time: &str, usage: Usage) -> Result<Price, NoPrice> {
    let time = time.parse().unwrap();
    pricer.price(&Query { model, provider: None, tier: None, batch: false, time, usage: &usage })
}

fn cost(pricer: &mut Pricer, model: &str, usage: Usage) -> Nanos {
    price_at(pricer, model, NOW, usage).unwrap().cost
}

fn nanos(dollars: &str) -> Nanos {
    dollars.parse().unwrap()
}

fn input(input: u64) -> Usage {
    Usage { input, ..Usage::default() }
}

/// The shipped file, with its examples switched on.
fn shipped_examples() -> String {
    let file = include_str!("../../../config/prices.toml");
    let switch_on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    file.lines().map(switch_on).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_overrides_nothing() {
    let mut pricer = pricer(include_str!("../../../config/prices.toml"));
    assert_eq!(cost(&mut pricer, "gpt-4o-mini", input(1_000_000)), nanos("0.15"));
    assert!(price_at(&mut pricer, "some-internal-model", NOW, input(1)).is_err());
}

#[test]
fn the_examples_of_the_shipped_file_work() {
    let mut pricer = pricer(&shipped_examples());
    let both = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
    assert_eq!(cost(&mut pricer, "some-internal-model", both), nanos("2"));
    assert_eq!(cost(&mut pricer, "local/llama-4", both), Nanos::ZERO);
    assert_eq!(cost(&mut pricer, "omni-moderation-latest", both), Nanos::ZERO);
    assert_eq!(cost(&mut pricer, "gpt-image-1", Usage { images: 2, ..Usage::default() }), nanos("0.084"));
    // a millisecond costs 100 nano-dollars
    assert_eq!(cost(&mut pricer, "house-whisper", Usage { milliseconds: 1501, ..Usage::default() }), Nanos(150_100));
    let cached =
        Usage { input: 100, cached_input: 40, cache_write: 30, cache_write_1h: 10, searches: 1, ..Usage::default() };
    // 30 * 3 + 40 * 0.3 + 20 * 3.75 + 10 * 6 = 237 millionths, and a search
    assert_eq!(cost(&mut pricer, "House-Claude-9", cached), nanos("0.010237"));
    assert_eq!(cost(&mut pricer, "house-claude-9", input(200_000)), nanos("0.6"));
    assert_eq!(cost(&mut pricer, "house-claude-9", input(200_001)), nanos("1.200006"));
    // the contract is with one provider only
    assert_eq!(cost(&mut pricer, "gpt-4o-mini", input(1_000_000)), nanos("0.15"));
    let million = input(1_000_000);
    for (time, batch, expected) in [
        ("2026-10-31T23:59:59.999999Z", false, "0.15"),
        ("2026-11-01T00:00:00Z", false, "0.135"),
        ("2026-11-01T00:00:00Z", true, "0.0675"),
        ("2026-12-31T23:59:59.999999Z", false, "0.135"),
        ("2027-01-01T00:00:00Z", false, "0.12"),
    ] {
        let time = time.parse().unwrap();
        let query = Query { model: "gpt-4o-mini", provider: Some("Azure"), tier: None, batch, time, usage: &million };
        assert_eq!(pricer.price(&query).unwrap().cost, nanos(expected), "{time} {batch}");
    }
}

#[test]
fn the_entry_that_says_most_holds() {
    let mut pricer = pricer(
        r#"
        [[model]]
        match = "*"
        input = "1"
        [[model]]
        match = "gpt-*"
        input = "2"
        [[model]]
        match = "gpt-5"
        input = "3"
        [[model]]
        match = "gpt-5-*"
        input = "4"
        "#,
    );
    for (model, expected) in
        [("x", "1"), ("gpt-4", "2"), ("gpt-5", "3"), ("GPT-5", "3"), ("gpt-5-mini", "4"), ("gpt-50", "2"), ("é", "1")]
    {
        assert_eq!(cost(&mut pricer, model, input(1_000_000)), nanos(expected), "{model}");
    }
}

#[test]
fn versions_tell_one_override_from_another() {
    let version = |text: &str| price_at(&mut pricer(text), "m", NOW, input(1)).unwrap().version;
    let first = version("[[model]]\nmatch = \"m\"\ninput = \"1\"\n");
    assert!(first.starts_with("override ") && first.len() == "override ".len() + 8, "{first}");
    assert_eq!(first, version("# a comment changes nothing\n[[model]]\ninput = \"1\"\nmatch = \"m\"\n"));
    assert_ne!(first, version("[[model]]\nmatch = \"m\"\ninput = \"2\"\n"));
    assert_ne!(first, version("[[model]]\nmatch = \"m\"\ninput = \"1\"\n[[model.tier]]\nabove = 5\ninput = \"2\"\n"));
}

#[test]
fn r30_prices_are_exact_to_the_last_place() {
    let mut pricer = pricer("[[model]]\nmatch = \"m\"\ninput = \"0.000000000001\"\noutput = \"1000000\"\n");
    // 10^-12 dollars per million is 10^-18 a token: half a nano-dollar at 5 * 10^8 tokens
    assert_eq!(cost(&mut pricer, "m", input(499_999_999)), Nanos(0));
    assert_eq!(cost(&mut pricer, "m", input(500_000_000)), Nanos(1));
    let absurd = Usage { output: 1_000_000_000_000, ..Usage::default() };
    assert_eq!(price_at(&mut pricer, "m", NOW, absurd), Err(NoPrice::TooLarge { model: "m".into() }));
}

#[test]
fn r34_what_an_entry_does_not_price_is_not_free() {
    let mut pricer = pricer("[[model]]\nmatch = \"m\"\ninput = \"1\"\n");
    for (usage, unit) in [
        (Usage { output: 1, ..Usage::default() }, Unit::Output),
        (Usage { images: 1, ..Usage::default() }, Unit::Images),
        (Usage { milliseconds: 1, ..Usage::default() }, Unit::Milliseconds),
    ] {
        let refused = price_at(&mut pricer, "m", NOW, usage);
        assert_eq!(refused, Err(NoPrice::UnpricedUnit { model: "m".into(), unit }));
    }
}

#[test]
fn audio_tokens_have_the_price_of_what_they_are_in() {
    let mut pricer = pricer("[[model]]\nmatch = \"m\"\ninput = \"1\"\noutput = \"2\"\n");
    let usage = Usage { input: 10, audio_input: 10, output: 10, audio_output: 5, ..Usage::default() };
    assert_eq!(cost(&mut pricer, "m", usage), nanos("0.00003"));
}

#[test]
fn errors_say_where_and_what_would_be_right() {
    for (text, line, part) in [
        ("[[model]]\nmatch = \"m\"\ninput = \"cheap\"\n", 3, "no decimal number"),
        ("[[model]]\nmatch = \"m\"\ninput = \"-1\"\n", 3, "negative"),
        ("[[model]]\nmatch = \"m\"\ninput = \"1e-3\"\n", 3, "exponent"),
        ("[[model]]\nmatch = \"m\"\ninput = \"0.0000000000001\"\n", 3, "12 places"),
        ("[[model]]\nmatch = \"m\"\nimage = \"1000001\"\n", 3, "more than 1000000"),
        ("[[model]]\nmatch = \"m\"\n", 2, "no price"),
        ("[[model]]\nmatch = \"a*b\"\ninput = \"1\"\n", 2, "at most one *"),
        ("[[model]]\nmatch = \"\"\ninput = \"1\"\n", 2, "a model's name"),
        ("[[model]]\nmatch = \"m\"\nfrom = \"2026-02-30\"\ninput = \"1\"\n", 3, "no date"),
        ("[[model]]\nmatch = \"m\"\nfrom = \"2026-02\"\ninput = \"1\"\n", 3, "no date"),
        ("[[model]]\nmatch = \"m\"\ninput = \"1\"\nbatch = \"0%\"\n", 4, "100%"),
        ("[[model]]\nmatch = \"m\"\ninput = \"1\"\nbatch = \"50\"\n", 4, "100%"),
        ("[[model]]\nmatch = \"m\"\ninput = \"1\"\n\n[[model]]\nmatch = \"M\"\ninput = \"2\"\n", 6, "second entry"),
        (
            "[[model]]\nmatch = \"m\"\ninput = \"1\"\n[[model.tier]]\nabove = 5\n[[model.tier]]\nabove = 5\n",
            7,
            "ascending",
        ),
    ] {
        let error = Catalogue::with_overrides(text).unwrap_err();
        let OverrideError::Entry { line: found, problem, .. } = &error else { panic!("{text}: {error}") };
        assert_eq!(*found, line, "{text}: {error}");
        assert!(problem.contains(part), "{text}: {error}");
    }
    for text in [
        "[[model]]\nmatch = \"m\"\ninput = 0.15\n",
        "[[model]]\nmatch = \"m\"\ninptu = \"0.15\"\n",
        "[[model]]\ninput = \"0.15\"\n",
        "[[modle]]\n",
        "[[model",
    ] {
        let error = Catalogue::with_overrides(text).unwrap_err();
        assert!(matches!(&error, OverrideError::Toml(_)), "{error}");
        assert!(error.to_string().contains("line "), "{error}");
    }
}
