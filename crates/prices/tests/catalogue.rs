//! Prices of the bundled catalogue: by hand, and against genai-prices itself.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use genai_prices::{Calculator, PriceRequest, Usage as Counts, UsageKey};
use mete_core::{Nanos, Timestamp, Usage};
use mete_prices::{Catalogue, NoPrice, Pricer, Query, Unit};
use proptest::prelude::*;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn pricer() -> Pricer {
    Pricer::new(Arc::new(Catalogue::bundled()))
}

fn query<'a>(model: &'a str, time: &str, usage: &'a Usage) -> Query<'a> {
    Query { model, provider: None, tier: None, batch: false, time: at(time), usage }
}

fn nanos(dollars: &str) -> Nanos {
    dollars.parse().unwrap()
}

const NOW: &str = "2026-11-23T10:15:30Z";

#[test]
fn r35_costs_computed_by_hand() {
    let mut pricer = pricer();
    let mut cost = |model: &str, usage: Usage| pricer.price(&query(model, NOW, &usage)).unwrap().cost;

    // (1200 - 1024) * 0.15 + 1024 * 0.075 + 310 * 0.6 = 26.4 + 76.8 + 186 millionths
    let usage = Usage { input: 1200, cached_input: 1024, output: 310, ..Usage::default() };
    assert_eq!(cost("gpt-4o-mini", usage), nanos("0.0002892"));
    // 25 * 3 + 5000 * 0.3 + 400 * 3.75 + 600 * 6 + 120 * 15 = 8475 millionths, and 2 searches at 0.01
    let usage = Usage {
        input: 6025,
        cached_input: 5000,
        cache_write: 1000,
        cache_write_1h: 600,
        output: 120,
        searches: 2,
        ..Usage::default()
    };
    assert_eq!(cost("claude-sonnet-4-5-20250929", usage), nanos("0.028475"));
    // reasoning is output: 20 * 1.25 + 300 * 10 millionths
    let usage = Usage { input: 20, output: 300, reasoning: 256, ..Usage::default() };
    assert_eq!(cost("gpt-5", usage), nanos("0.003025"));
    assert_eq!(cost("text-embedding-3-small", Usage { input: 8000, ..Usage::default() }), nanos("0.00016"));
    // one token at 0.02 per million is 20 nano-dollars; nothing is rounded up to a cent
    assert_eq!(cost("text-embedding-3-small", Usage { input: 1, ..Usage::default() }), Nanos(20));
    // 90 seconds at 0.36 an hour
    assert_eq!(cost("whisper-1", Usage { milliseconds: 90_000, ..Usage::default() }), nanos("0.009"));
    // 1000 audio tokens at 32 and 200 text tokens at 4, 500 audio tokens out at 64
    let usage = Usage { input: 1200, audio_input: 1000, output: 500, audio_output: 500, ..Usage::default() };
    assert_eq!(cost("gpt-realtime", usage), nanos("0.0648"));
}

#[test]
fn r35_long_contexts_change_the_price_of_the_whole_request() {
    let mut pricer = pricer();
    let mut cost = |input: u64| {
        let usage = Usage { input, output: 1000, ..Usage::default() };
        pricer.price(&query("claude-sonnet-4-5", NOW, &usage)).unwrap().cost
    };
    assert_eq!(cost(200_000), nanos("0.615")); // 200,000 * 3 + 1,000 * 15 millionths
    assert_eq!(cost(200_001), nanos("1.222506")); // 200,001 * 6 + 1,000 * 22.5 millionths
    assert_eq!(cost(40_000_000), nanos("240.0225")); // beyond what is searched for steps
}

#[test]
fn r35_prices_hold_from_their_dates_and_hours_on() {
    let mut pricer = pricer();
    let million = Usage { input: 1_000_000, ..Usage::default() };
    let mut cost = |model: &str, time: &str| pricer.price(&query(model, time, &million)).unwrap().cost;
    assert_eq!(cost("o3", "2025-06-09T23:59:59.999999Z"), nanos("10"));
    assert_eq!(cost("o3", "2025-06-10T00:00:00Z"), nanos("2"));
    assert_eq!(cost("deepseek-chat", "2026-11-23T00:29:59.999999Z"), nanos("0.135"));
    assert_eq!(cost("deepseek-chat", "2026-11-23T00:30:00Z"), nanos("0.27"));
    assert_eq!(cost("deepseek-chat", "2026-11-23T16:29:59.999999Z"), nanos("0.27"));
    assert_eq!(cost("deepseek-chat", "2026-11-23T16:30:00Z"), nanos("0.135"));
}

#[test]
fn r35_tiers_and_batches_have_their_prices() {
    let mut pricer = pricer();
    let usage = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
    let mut cost = |tier: Option<&str>, batch: bool| {
        pricer.price(&Query { tier, batch, ..query("gpt-5", NOW, &usage) }).unwrap().cost
    };
    for standard in [None, Some("default"), Some("standard"), Some("auto"), Some("no-such-tier")] {
        assert_eq!(cost(standard, false), nanos("11.25"), "{standard:?}");
    }
    assert_eq!(cost(Some("flex"), false), nanos("5.625"));
    assert_eq!(cost(Some("priority"), false), nanos("22.5"));
    assert_eq!(cost(Some("default"), true), nanos("5.625"));
    assert_eq!(cost(Some("batch"), false), nanos("5.625"));
}

#[test]
fn without_a_provider_the_maker_of_the_model_is_taken() {
    let mut pricer = pricer();
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let mut cost = |model: &str, provider: Option<&str>| {
        pricer.price(&Query { provider, ..query(model, NOW, &usage) }).map(|price| price.cost)
    };
    for (model, maker) in [
        ("gpt-4o-mini", "openai"),
        ("gpt-5", "openai"),
        ("o3", "openai"),
        ("text-embedding-3-large", "openai"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("claude-opus-4-5", "anthropic"),
        ("gemini-2.5-flash", "google"),
        ("mistral-large-2512", "mistral"),
        ("deepseek-chat", "deepseek"),
        ("command-r", "cohere"),
        ("embed-v4.0", "cohere"),
        ("sonar-pro", "perplexity"),
    ] {
        let made = cost(model, Some(maker)).unwrap();
        assert!(made > Nanos::ZERO);
        assert_eq!(cost(model, None), Ok(made), "{model}");
        assert_eq!(cost(model, Some("our-private-gateway")), Ok(made), "{model}");
        assert_eq!(cost(&format!("{maker}/{model}"), None), Ok(made), "{model}");
        assert_eq!(cost(&format!("{maker}/{model}"), Some(maker)), Ok(made), "{model}");
    }
    assert_eq!(cost("gpt-4o-mini", Some("azure")), cost("gpt-4o-mini", None));
    assert!(cost("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some("bedrock")).is_ok());
    // a provider that the catalogue knows is believed: what it does not sell has no price
    assert!(cost("claude-sonnet-4-5", Some("openai")).is_err());
}

#[test]
fn r34_what_has_no_price_is_never_free() {
    let mut pricer = pricer();
    let tokens = Usage { input: 10, output: 5, ..Usage::default() };
    let unknown = pricer.price(&query("some-internal-model", NOW, &tokens)).unwrap_err();
    assert_eq!(unknown, NoPrice::UnknownModel { model: "some-internal-model".into(), provider: None });
    assert!(unknown.to_string().contains("some-internal-model") && unknown.to_string().contains("prices.toml"));
    let of_provider = Query { provider: Some("openai"), ..query("claude-sonnet-4-5", NOW, &tokens) };
    assert!(matches!(pricer.price(&of_provider), Err(NoPrice::UnknownModel { .. })));
    assert_eq!(pricer.price(&query("", NOW, &tokens)), Err(NoPrice::NoModel));

    for (model, usage, unit) in [
        ("gpt-image-1", Usage { images: 2, ..Usage::default() }, Unit::Images),
        ("gpt-4o-mini", Usage { milliseconds: 5, ..Usage::default() }, Unit::Milliseconds),
        ("text-embedding-3-small", Usage { input: 5, output: 1, ..Usage::default() }, Unit::Output),
        ("text-embedding-3-small", Usage { input: 5, searches: 1, ..Usage::default() }, Unit::Searches),
        ("omni-moderation-latest", tokens, Unit::Input),
        ("gemma-3", tokens, Unit::Input),
    ] {
        let provider = match model {
            "omni-moderation-latest" => Some("openai"),
            "gemma-3" => Some("google"),
            _ => None,
        };
        let refused = pricer.price(&Query { provider, ..query(model, NOW, &usage) });
        assert_eq!(refused, Err(NoPrice::UnpricedUnit { model: model.into(), unit }), "{model}");
    }
}

#[test]
fn nothing_billable_costs_nothing_and_needs_no_model() {
    let usage = Usage { bytes: 1_048_576, ..Usage::default() };
    let price = pricer().price(&query("", NOW, &usage)).unwrap();
    assert_eq!(price.cost, Nanos::ZERO);
    assert_eq!(&*price.version, Catalogue::bundled().version().as_ref());
}

#[test]
fn r34_contradictions_are_refused() {
    let usage = Usage { input: 1, cached_input: 2, ..Usage::default() };
    assert!(matches!(pricer().price(&query("gpt-5", NOW, &usage)), Err(NoPrice::BadUsage(_))));
}

#[test]
fn times_at_the_ends_of_the_calendar_have_prices_too() {
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    for time in [Timestamp(i64::MIN), at("0001-01-01T00:00:00Z"), at("9999-12-31T23:59:59Z"), Timestamp(i64::MAX)] {
        let price = pricer().price(&Query { time, ..query("gpt-4o-mini", NOW, &usage) });
        assert_eq!(price.unwrap().cost, nanos("0.15"));
    }
}

#[test]
fn the_version_is_that_of_the_catalogue_in_the_lock_file() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
    let version = lock.split_once("name = \"genai-prices\"\nversion = \"").unwrap().1.split('"').next().unwrap();
    assert_eq!(&**Catalogue::bundled().version(), format!("genai-prices {version}"));
}

/// Every model of the catalogue, with its provider.
static MODELS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let providers = Calculator::bundled().providers();
    providers.flat_map(|provider| provider.models().map(move |model| (provider.id(), model.id()))).collect()
});

/// What genai-prices says by itself, in dollars.
fn by_genai_prices(query: &Query<'_>) -> Option<f64> {
    let usage = query.usage;
    let counts: Counts = [
        (UsageKey::INPUT_TOKENS, usage.input),
        (UsageKey::CACHE_READ_TOKENS, usage.cached_input),
        (UsageKey::CACHE_WRITE_TOKENS, usage.cache_write),
        (UsageKey::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h),
        (UsageKey::OUTPUT_TOKENS, usage.output),
        (UsageKey::OUTPUT_REASONING_TOKENS, usage.reasoning),
        (UsageKey::WEB_SEARCHES, usage.searches),
    ]
    .into_iter()
    .map(|(key, count)| (key, count as f64))
    .collect();
    let time = SystemTime::UNIX_EPOCH + Duration::from_micros(query.time.0.unsigned_abs());
    let mut request =
        PriceRequest::new(query.model, &counts).with_provider_id(query.provider.unwrap()).with_timestamp(time);
    if let Some(tier) = query.tier {
        request = request.with_price_context("service_tier", tier);
    }
    if query.batch {
        request = request.with_price_context("processing", "batch");
    }
    Calculator::bundled().calculate(&request).ok().map(|price| price.total_price)
}

fn check_against_genai_prices(pricer: &mut Pricer, query: &Query<'_>) -> Result<(), TestCaseError> {
    let Some(dollars) = by_genai_prices(query) else { return Ok(()) };
    match pricer.price(query) {
        Ok(price) => {
            let direct = (dollars * 1e9).round() as i64;
            prop_assert!((price.cost.0 - direct).abs() <= 1, "{query:?}: {} is not {direct}", price.cost.0);
        }
        Err(NoPrice::UnpricedUnit { unit, .. }) => {
            let usage = match unit {
                Unit::Input | Unit::CachedInput | Unit::CacheWrite | Unit::CacheWrite1h => {
                    Usage { output: 0, reasoning: 0, searches: 0, ..*query.usage }
                }
                Unit::Output | Unit::Reasoning => {
                    Usage { output: query.usage.output, reasoning: query.usage.reasoning, ..Usage::default() }
                }
                _ => Usage { searches: query.usage.searches, ..Usage::default() },
            };
            let nothing = by_genai_prices(&Query { usage: &Usage::default(), ..*query }).unwrap();
            let of_unit = by_genai_prices(&Query { usage: &usage, ..*query }).unwrap();
            prop_assert!(of_unit <= nothing, "{query:?}: {unit} is said to have no price");
        }
        Err(other) => prop_assert!(false, "{query:?}: {other}"),
    }
    Ok(())
}

prop_compose! {
    fn any_usage()(
        input in prop_oneof![0_u64..5_000, 0_u64..600_000, 0_u64..20_000_000],
        shares in any::<[u8; 3]>(),
        output in 0_u64..200_000,
        reasoning in any::<u8>(),
        searches in prop_oneof![Just(0_u64), 0_u64..5],
    ) -> Usage {
        let of = |whole: u64, share: u8| whole * u64::from(share) / 255;
        let cached_input = of(input, shares[0]);
        let cache_write = of(input - cached_input, shares[1]);
        Usage {
            input,
            cached_input,
            cache_write,
            cache_write_1h: of(cache_write, shares[2]),
            output,
            reasoning: of(output, reasoning),
            searches,
            ..Usage::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn r30_integer_rates_say_what_genai_prices_says(
        model in 0_usize..1_000_000,
        seconds in 1_704_067_200_i64..1_830_297_600, // 2024 to 2027
        tier in prop_oneof![3 => Just(None), 1 => Just(Some("flex")), 1 => Just(Some("priority"))],
        batch in proptest::bool::weighted(0.2),
        usages in proptest::collection::vec(any_usage(), 8),
    ) {
        let (provider, model) = MODELS[model % MODELS.len()];
        let mut pricer = pricer();
        for usage in &usages {
            let time = Timestamp(seconds * 1_000_000);
            let query = Query { model, provider: Some(provider), tier, batch, time, usage };
            check_against_genai_prices(&mut pricer, &query)?;
        }
    }
}

#[test]
fn cached_tokens_are_text_before_they_are_audio() {
    let mut pricer = pricer();
    // text 200 at 0.1, of which 100 cached at 0.025; audio 1000 at 0.7
    let usage = Usage { input: 1200, audio_input: 1000, cached_input: 100, ..Usage::default() };
    let query = Query { provider: Some("google"), ..query("gemini-2.0-flash", NOW, &usage) };
    assert_eq!(pricer.price(&query).unwrap().cost, nanos("0.0007125"));
    // 300 cached: 200 text and 100 audio, at 0.175
    let usage = Usage { cached_input: 300, ..usage };
    assert_eq!(pricer.price(&Query { usage: &usage, ..query }).unwrap().cost, nanos("0.0006525"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn r34_audio_is_priced_or_has_no_price_but_never_confuses_the_catalogue(
        model in 0_usize..1_000_000,
        usage in any_usage(),
        shares in any::<[u8; 2]>(),
        milliseconds in prop_oneof![Just(0_u64), 0_u64..10_000_000],
    ) {
        let (provider, model) = MODELS[model % MODELS.len()];
        let usage = Usage {
            audio_input: usage.input * u64::from(shares[0]) / 255,
            audio_output: usage.output * u64::from(shares[1]) / 255,
            milliseconds,
            ..usage
        };
        let answer = pricer().price(&Query { provider: Some(provider), ..query(model, NOW, &usage) });
        match answer {
            Ok(price) => prop_assert!(price.cost > Nanos::ZERO || usage == Usage::default(), "{usage:?}"),
            Err(NoPrice::UnpricedUnit { .. } | NoPrice::UnknownModel { .. }) => {}
            Err(other) => prop_assert!(false, "{model} {usage:?}: {other}"),
        }
    }
}

#[test]
fn rates_are_found_again_after_they_were_forgotten() {
    let mut pricer = pricer();
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    for number in 0..10_000 {
        assert!(pricer.price(&query(&format!("model-{number}"), NOW, &usage)).is_err());
        if number % 1000 == 0 {
            assert_eq!(pricer.price(&query("gpt-4o-mini", NOW, &usage)).unwrap().cost, nanos("0.15"));
        }
    }
}

#[test]
fn no_step_between_contexts_is_overlooked() {
    // Prices change at round numbers of tokens: 1,000 is finer than any of them.
    let mut pricer = pricer();
    for model in ["claude-sonnet-4-5", "gpt-6-sol", "gemini-2.5-pro", "gpt-5.4"] {
        let mut found = MODELS.iter().filter(|(_, id)| id.ends_with(model)).peekable();
        assert!(found.peek().is_some(), "{model}");
        for (provider, id) in found {
            for input in (0..2_000_000).step_by(1000).flat_map(|input| [input, input + 1]) {
                let usage = Usage { input, output: 1_000_000, ..Usage::default() };
                let query = Query { provider: Some(provider), ..query(id, NOW, &usage) };
                check_against_genai_prices(&mut pricer, &query).unwrap();
            }
        }
    }
}

#[test]
fn no_hour_of_day_is_overlooked() {
    let mut pricer = pricer();
    let usage = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
    for (provider, model) in MODELS.iter().filter(|(provider, _)| *provider == "deepseek") {
        for day in ["2024-03-01", "2025-03-01", "2025-10-01", "2026-02-28", "2026-11-23"] {
            let start = at(&format!("{day}T00:00:00Z"));
            for minute in 0..1440 {
                let time = start.plus(minute * mete_core::time::MINUTE);
                let query = Query { provider: Some(provider), time, ..query(model, NOW, &usage) };
                check_against_genai_prices(&mut pricer, &query).unwrap();
            }
        }
    }
}
