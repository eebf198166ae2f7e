//! Prices as they are listed, explained and compared.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

use std::sync::Arc;

use mete_core::time::DAY;
use mete_core::{Timestamp, Usage};
use mete_prices::{
    Catalogue, Detail, Filter, Listed, NoPrice, Origin, OverrideState, Pricer, Prices, Query, Side, Tariff, Unit, diff,
};

const NOW: &str = "2026-11-23T10:15:30Z";

const CONTRACT: &str = r#"
[[model]]
match = "gpt-4o-mini"
provider = "azure"
from = "2026-11-01"
input = "0.135"
cached_input = "0.0675"
output = "0.54"
batch = "50%"

[[model]]
match = "gpt-4o-mini"
provider = "azure"
from = "2027-01-01"
input = "0.12"
output = "0.48"

[[model]]
match = "gpt-*"
input = "9"
output = "9"

[[model]]
match = "House/*"
input = "0"
output = "0"
image = "0.042"

[[model.tier]]
above = 1000
input = "1"
"#;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn contract() -> Catalogue {
    Catalogue::with_overrides(CONTRACT).unwrap()
}

fn rates(rates: &Prices) -> Vec<String> {
    let told = |unit: Unit| rates.get(unit).map(|rate| format!("{}={rate}", unit.name()));
    Unit::ALL.into_iter().filter(|unit| rates.stands_out(*unit)).filter_map(told).collect()
}

fn list(catalogue: &Catalogue, provider: Option<&str>, model: Option<&str>) -> Vec<Listed> {
    catalogue.list(&Filter::new(provider, model), at(NOW)).unwrap()
}

fn detail(catalogue: &Catalogue, model: &str, provider: Option<&str>, time: &str) -> Result<Detail, NoPrice> {
    let usage = Usage::default();
    catalogue.detail(&Query { model, provider, tier: None, batch: false, time: at(time), usage: &usage })
}

#[test]
fn r35_every_model_of_the_catalogue_is_listed_with_its_prices() {
    let listed = list(&Catalogue::bundled(), None, None);
    assert!(listed.len() > 2_000, "{}", listed.len());
    assert!(listed.is_sorted_by_key(|row| (&row.model, &row.provider)));
    assert!(listed.iter().all(|row| row.source == Origin::Catalogue && row.provider.is_some()));

    let of = |provider: &str, model: &str| -> Tariff {
        let row = listed.iter().find(|row| row.provider.as_deref() == Some(provider) && row.model == model);
        row.unwrap().tariff.clone()
    };
    let mini = of("openai", "gpt-4o-mini");
    assert_eq!(rates(&mini.prices), ["input=0.15", "cached_input=0.075", "output=0.6", "search=0.01"]);
    assert!(mini.tiers.is_empty());
    let sonnet = of("anthropic", "claude-sonnet-4-5");
    let base = ["input=3", "cached_input=0.3", "cache_write=3.75", "cache_write_1h=6", "output=15", "search=0.01"];
    assert_eq!(rates(&sonnet.prices), base);
    let [long] = &sonnet.tiers[..] else { panic!("{sonnet:?}") };
    let above = ["input=6", "cached_input=0.6", "cache_write=7.5", "cache_write_1h=12", "output=22.5", "search=0.01"];
    assert_eq!((long.above, rates(&long.prices)), (200_000, above.map(str::to_owned).to_vec()));
    assert_eq!(rates(&of("openai", "gpt-realtime").prices)[2..4], ["audio_input=32", "output=16"]);
    assert_eq!(rates(&of("openai", "whisper-1").prices), ["second=0.0001"]);
    assert!(of("google", "gemma-3").prices.is_empty());
}

/// What is listed is what is charged: to the nano-dollar, for every model, at every length of context that it names.
#[test]
fn r35_what_is_listed_is_what_is_charged() {
    let catalogue = Arc::new(contract());
    let mut pricer = Pricer::new(Arc::clone(&catalogue));
    let mut checked = 0;
    for row in list(&catalogue, None, None).iter().filter(|row| row.provider.is_some() && !row.model.ends_with('*')) {
        let lengths = row.tariff.tiers.iter().flat_map(|tier| [tier.above, tier.above + 1]).chain([1_000_000]);
        for input in lengths.filter(|input| *input > 0) {
            let usage = Usage { input, ..Usage::default() };
            let query = Query {
                model: &row.model,
                provider: row.provider.as_deref(),
                tier: None,
                batch: false,
                time: at(NOW),
                usage: &usage,
            };
            let Ok(price) = pricer.price(&query) else {
                assert_eq!(row.tariff.at(input).get(Unit::Input), None, "{row:?}");
                continue;
            };
            let prices = row.tariff.at(input);
            let attos = |unit: Unit| prices.get(unit).map_or(0, |rate| scaled(&rate.to_string()));
            let cost = (attos(Unit::Input) * i128::from(input) + 500_000_000_000_000) / 1_000_000_000_000_000;
            let request = attos(Unit::Requests) / 1_000_000_000;
            assert_eq!((price.version, i128::from(price.cost.0)), (row.version.clone(), cost + request), "{row:?}");
            checked += 1;
        }
    }
    assert!(checked > 2_000, "{checked}");
}

/// Dollars in atto-dollars.
fn scaled(dollars: &str) -> i128 {
    mete_prices::decimal::parse_scaled(dollars, 18).unwrap()
}

#[test]
fn r35_overrides_are_listed_as_written_and_where_they_hold() {
    let listed = list(&contract(), None, None);
    let own: Vec<(&str, Option<&str>)> = listed
        .iter()
        .filter(|row| {
            row.model.ends_with('*') || (row.source == Origin::Override && row.provider.as_deref() == Some("azure"))
        })
        .map(|row| (row.model.as_str(), row.provider.as_deref()))
        .collect();
    assert!(own.contains(&("gpt-*", None)) && own.contains(&("house/*", None)), "{own:?}");
    let azure: Vec<&Listed> =
        listed.iter().filter(|row| row.model == "gpt-4o-mini" && row.provider.as_deref() == Some("azure")).collect();
    // The entry and the model of the catalogue that it prices are one row.
    assert_eq!(azure.len(), 1);
    assert!(azure.iter().all(|row| rates(&row.tariff.prices) == ["input=0.135", "cached_input=0.0675", "output=0.54"]));
    let house = listed.iter().find(|row| row.model == "house/*").unwrap();
    assert_eq!(rates(&house.tariff.prices), ["input=0", "output=0", "image=0.042"]);
    assert_eq!(rates(&house.tariff.at(1_001).clone()), ["input=1", "output=0", "image=0.042"]);
    let openai = listed.iter().find(|row| row.model == "gpt-5" && row.provider.as_deref() == Some("openai")).unwrap();
    assert_eq!(
        (openai.source, rates(&openai.tariff.prices)),
        (Origin::Override, vec!["input=9".into(), "output=9".into()])
    );
    // Before its date an entry is not there.
    let before = contract().list(&Filter::new(Some("azure"), Some("gpt-4o-mini")), at("2026-10-31T23:59:59Z")).unwrap();
    assert!(before.iter().all(|row| rates(&row.tariff.prices) == ["input=9", "output=9"]), "{before:?}");
}

#[test]
fn r35_a_price_is_explained_with_all_that_it_hides() {
    let shown = detail(&contract(), "GPT-4o-mini", Some("azure"), NOW).unwrap();
    assert_eq!((shown.source, &rates(&shown.tariff.prices)[0][..]), (Origin::Override, "input=0.135"));
    let states: Vec<_> = shown.overrides.iter().map(|it| (it.line, it.matches.as_str(), it.state)).collect();
    assert_eq!(
        states,
        [
            (12, "gpt-4o-mini", OverrideState::Later),
            (3, "gpt-4o-mini", OverrideState::InForce),
            (19, "gpt-*", OverrideState::Hidden)
        ]
    );
    let hidden = shown.catalogue.unwrap();
    assert_eq!((hidden.provider.as_str(), &rates(&hidden.tariff.prices)[0][..]), ("azure", "input=0.15"));
    let dates: Vec<_> = shown.changes.iter().map(|change| change.from.map(|from| from.to_string())).collect();
    assert_eq!(dates, [None, Some("2026-11-01T00:00:00Z".into()), Some("2027-01-01T00:00:00Z".into())]);

    let batch = Query {
        model: "gpt-4o-mini",
        provider: Some("azure"),
        tier: None,
        batch: true,
        time: at(NOW),
        usage: &Usage::default(),
    };
    let batch = contract().detail(&batch).unwrap();
    assert_eq!(rates(&batch.tariff.prices), ["input=0.0675", "cached_input=0.03375", "output=0.27"]);
}

#[test]
fn r35_dates_and_hours_of_the_catalogue_are_found() {
    let bundled = Catalogue::bundled();
    let o3 = detail(&bundled, "o3", None, NOW).unwrap();
    let inputs: Vec<_> = o3
        .changes
        .iter()
        .map(|change| {
            let input = change.tariff.as_ref().and_then(|tariff| tariff.prices.get(Unit::Input));
            (change.from.map(|from| from.to_string()), input.unwrap().to_string())
        })
        .collect();
    assert_eq!(inputs[..2], [(None, "10".into()), (Some("2025-06-10T00:00:00Z".into()), "2".into())]);
    assert!(o3.hours.is_empty());

    let deepseek = detail(&bundled, "deepseek-chat", None, NOW).unwrap();
    let hours: Vec<_> = deepseek
        .hours
        .iter()
        .map(|part| (part.from.as_str(), part.to.as_str(), part.tariff.prices.get(Unit::Input).unwrap().to_string()))
        .collect();
    let told = |from, to, input: &str| (from, to, input.to_owned());
    assert_eq!(
        hours,
        [told("00:00", "00:30", "0.135"), told("00:30", "16:30", "0.27"), told("16:30", "24:00", "0.135")]
    );
    let flex = Query {
        model: "gpt-5",
        provider: None,
        tier: Some("flex"),
        batch: false,
        time: at(NOW),
        usage: &Usage::default(),
    };
    assert_eq!(rates(&bundled.detail(&flex).unwrap().tariff.prices)[0], "input=0.625");
    assert!(matches!(detail(&bundled, "some-internal-model", None, NOW), Err(NoPrice::UnknownModel { .. })));
    // A model that is known and has no price is shown without one.
    assert!(detail(&bundled, "gemma-3", Some("google"), NOW).unwrap().tariff.prices.is_empty());
}

#[test]
fn r35_prices_change_on_the_dates_that_are_told_and_on_no_others() {
    let bundled = Catalogue::bundled();
    let changes = |provider: &str, model: &str| -> Vec<String> {
        let changes = detail(&bundled, model, Some(provider), NOW).unwrap().changes;
        changes.iter().filter_map(|change| Some(change.from?.to_string()[..10].to_owned())).collect()
    };
    assert_eq!(changes("openai", "gpt-4o-mini"), [""; 0]);
    assert_eq!(changes("openai", "o3"), ["2025-06-10"]);
    let mut seen = 0;
    for row in list(&bundled, Some("deepseek"), None) {
        let dates = changes("deepseek", &row.model);
        let filter = Filter::new(Some("deepseek"), Some(&row.model));
        let told = |time: Timestamp| -> Vec<Tariff> {
            let listed = bundled.list(&filter, time).unwrap();
            listed.into_iter().filter(|it| it.model == row.model).map(|it| it.tariff).collect()
        };
        // Every noon of the years that have dates.
        let mut before = told(at("2025-01-01T12:00:00Z"));
        for day in 1..1_000 {
            let noon = at("2025-01-01T12:00:00Z").plus(day * DAY);
            let now = told(noon);
            let date = noon.to_string()[..10].to_owned();
            assert_eq!(before != now, dates.contains(&date), "{} {date}", row.model);
            seen += usize::from(before != now);
            before = now;
        }
    }
    assert!(seen > 0);
}

#[test]
fn r35_two_lists_of_prices_are_compared() {
    let (bundled, contract) = (Catalogue::bundled(), contract());
    let now = |catalogue| Side { catalogue, time: at(NOW) };
    let azure = Filter::new(Some("azure"), Some("gpt-4o-mini"));
    let found = diff(now(&bundled), now(&contract), &azure).unwrap();
    assert!(found.compared >= found.rows.len() && !found.rows.is_empty(), "{found:?}");
    for row in &found.rows {
        let told: Vec<_> = row
            .changes
            .iter()
            .map(|it| {
                let text = |rate: Option<mete_prices::Rate>| rate.map(|rate| rate.to_string()).unwrap_or_default();
                let percent = it.percent.map(|percent| percent.to_string()).unwrap_or_default();
                format!("{} {} {} {percent}", it.unit.name(), text(it.from), text(it.to))
            })
            .collect();
        assert_eq!(told[..2], ["input 0.15 0.135 -10", "cached_input 0.075 0.0675 -10"], "{row:?}");
        assert!(told.contains(&"output 0.6 0.54 -10".to_owned()), "{told:?}");
    }
    // The same prices, and the same file twice, do not differ.
    assert!(diff(now(&bundled), now(&bundled), &Filter::default()).unwrap().rows.is_empty());
    assert!(diff(now(&contract), now(&contract), &Filter::default()).unwrap().rows.is_empty());
    // Everything that an override prices differs, and nothing else.
    let all = diff(now(&bundled), now(&contract), &Filter::default()).unwrap();
    assert!(
        all.rows.iter().all(|row| row.to_version.as_deref().is_some_and(|version| version.starts_with("override")))
    );
    let patterns: Vec<_> = all.rows.iter().filter(|row| row.model.ends_with('*')).collect();
    assert!(patterns.iter().all(|row| row.from_version.is_none() && row.changes.iter().all(|it| it.percent.is_none())));
    let patterns: Vec<_> = patterns.iter().map(|row| row.model.as_str()).collect();
    assert_eq!(patterns, ["gpt-*", "house/*"]);
}

#[test]
fn r35_prices_are_compared_over_time() {
    let bundled = Catalogue::bundled();
    let side = |time: &str| Side { catalogue: &bundled, time: at(time) };
    let o3 = Filter::new(Some("openai"), Some("o3"));
    let found = diff(side("2025-06-09T12:00:00Z"), side("2025-06-10T12:00:00Z"), &o3).unwrap();
    let [row] = &found.rows[..] else { panic!("{found:?}") };
    assert_eq!((row.model.as_str(), row.provider.as_deref()), ("o3", Some("openai")));
    let percents: Vec<_> = row.changes.iter().map(|it| (it.unit, it.percent.map(|percent| percent.0))).collect();
    assert!(percents.starts_with(&[(Unit::Input, Some(-8_000))]), "{percents:?}");
}
