//! What models cost: lists, one model, comparisons (R35).

use anyhow::{Context as _, Result};
use insta::assert_snapshot;
use mete_tests::{Engine, TestStore};
use serde_json::{Value, json};

use crate::support::{Mete, fields};

/// A contract that begins with a month, a model of one's own, and one with tiers.
const OWN: [&str; 22] = [
    "[[model]]",
    r#"match = "gpt-4o-mini""#,
    r#"provider = "azure""#,
    r#"from = "2026-11-01""#,
    r#"input = "0.135""#,
    r#"cached_input = "0.0675""#,
    r#"output = "0.54""#,
    "[[model]]",
    r#"match = "gpt-4o-mini""#,
    r#"input = "0.2""#,
    r#"output = "0.2""#,
    "[[model]]",
    r#"match = "house-*""#,
    r#"input = "3""#,
    r#"output = "15""#,
    r#"image = "0.042""#,
    "[[model.tier]]",
    "above = 200000",
    r#"input = "6""#,
    "[[model]]",
    r#"match = "house-2""#,
    r#"input = "0.000001""#,
];

const AT: [&str; 2] = ["--at", "2026-11-23T10:15:30Z"];

struct Stage {
    store: TestStore,
    own: String,
}

impl Stage {
    /// There is no store: prices are in files.
    fn new() -> Result<Self> {
        let store = TestStore::new(Engine::Sqlite)?;
        let own = Mete::on(&store).file("own.toml", &OWN)?.display().to_string();
        Ok(Self { store, own })
    }

    fn mete(&self) -> Mete<'_> {
        Mete::on(&self.store)
    }

    fn json(&self, args: &[&str]) -> Result<Value> {
        self.run(args, &["--json"])?.parse().context("no JSON")
    }

    fn text(&self, args: &[&str]) -> Result<String> {
        Ok(self.run(args, &[])?.replace(&self.own, "own.toml"))
    }

    fn run(&self, args: &[&str], more: &[&str]) -> Result<String> {
        let run = self.mete().run(["prices"].iter().chain(args).chain(more).chain(&["--prices", &self.own]))?;
        anyhow::ensure!(run.status.success() && run.stderr.is_empty(), "{args:?}: {run:?}");
        Ok(run.stdout)
    }
}

#[test]
fn r35_models_are_listed_with_prices_and_where_they_come_from() -> Result<()> {
    let stage = Stage::new()?;
    let listed = stage.json(&["list", "--model", "gpt-4o-mini", AT[0], AT[1]])?;
    assert_eq!(fields(&listed), ["at", "catalogue", "rows"]);
    let find = |provider: &str| {
        let rows = listed["rows"].as_array().into_iter().flatten();
        rows.filter(|row| row["model"] == "gpt-4o-mini" && row["provider"] == *provider).collect::<Vec<_>>()
    };
    let [azure] = &find("azure")[..] else { anyhow::bail!("{listed}") };
    assert_eq!(fields(azure), ["model", "prices", "provider", "source", "tiers", "version"]);
    assert_eq!((&azure["source"], &azure["prices"]["input"]), (&json!("override"), &json!("0.135")));
    let [openai] = &find("openai")[..] else { anyhow::bail!("{listed}") };
    assert_eq!((&openai["source"], &openai["prices"]["input"]), (&json!("override"), &json!("0.2")));
    assert_eq!(openai["prices"]["search"], Value::Null);
    // Before the contract; and without any of one's own.
    let before = stage.json(&["list", "--provider", "azure", "--model", "gpt-4o-mini", "--at", "2026-10-31"])?;
    assert_eq!(before["rows"][0]["prices"]["input"], "0.2");
    let bundled = stage.mete().json(["prices", "list", "--provider", "openai", "--model", "gpt-4o-mini"])?;
    assert_eq!(bundled["rows"][0]["source"], "catalogue");
    assert_eq!(bundled["rows"][0]["prices"]["input"], "0.15");
    assert_eq!(bundled["rows"][0]["version"], bundled["catalogue"]);

    // Thousands of rows.
    let all = stage.json(&["list"])?;
    assert!(all["rows"].as_array().is_some_and(|rows| rows.len() > 2_000));
    assert_snapshot!("prices_list", stage.text(&["list", "--model", "house*", AT[0], AT[1]])?);
    assert_snapshot!("prices_list_of_nothing", stage.text(&["list", "--model", "nosuch", AT[0], AT[1]])?);
    Ok(())
}

#[test]
fn r35_a_model_is_shown_with_its_tiers_dates_and_overrides() -> Result<()> {
    let stage = Stage::new()?;
    let azure = stage.json(&["show", "gpt-4o-mini", "--provider", "azure", AT[0], AT[1]])?;
    assert_eq!(
        fields(&azure),
        [
            "at",
            "batch",
            "catalogue",
            "changes",
            "example",
            "hours",
            "model",
            "overrides",
            "prices",
            "provider",
            "source",
            "tier",
            "tiers",
            "version"
        ]
    );
    // 10,000 at 0.135 and 1,000 at 0.54 a million
    assert_eq!(azure["example"], json!({"input": 10_000, "output": 1_000, "cost": "0.00189"}));
    assert_eq!(azure["catalogue"]["prices"]["input"], "0.15");
    let overrides: Vec<_> = azure["overrides"].as_array().into_iter().flatten().collect();
    assert_eq!(
        overrides.iter().map(|it| (it["line"].clone(), it["state"].clone())).collect::<Vec<_>>(),
        [(json!(2), json!("in_force")), (json!(9), json!("hidden"))]
    );
    let house = stage.json(&["show", "house-1"])?;
    assert_eq!((&house["tiers"][0]["above"], &house["tiers"][0]["prices"]["input"]), (&json!(200_000), &json!("6")));
    assert_eq!(stage.json(&["show", "gpt-5", "--tier", "flex"])?["prices"]["input"], "0.625");
    assert_eq!(stage.json(&["show", "gpt-5", "--batch"])?["prices"]["input"], "0.625");
    assert_eq!(stage.mete().refused(["prices", "show", "nosuch"])?.code, "not_found");

    for (name, args) in [
        ("prices_show", &["show", "gpt-4o-mini", "--provider", "azure"][..]),
        ("prices_show_tiers", &["show", "house-1"]),
        ("prices_show_hours", &["show", "deepseek-chat"]),
        ("prices_show_dates", &["show", "o3"]),
        ("prices_show_unpriced", &["show", "gemma-3", "--provider", "google", "--batch", "--tier", "flex"]),
    ] {
        assert_snapshot!(name, stage.text(&[args, &AT].concat())?);
    }
    Ok(())
}

#[test]
fn r35_prices_are_compared_with_the_catalogue_a_file_and_a_date() -> Result<()> {
    let stage = Stage::new()?;
    let default = stage.json(&["diff", "--provider", "azure", "--model", "gpt-4o-mini"])?;
    assert_eq!(fields(&default), ["compared", "from", "rows", "to"]);
    assert_eq!((&default["from"]["prices"], &default["to"]["prices"]), (&json!("catalogue"), &json!("overrides")));
    let of_azure = |row: &&Value| row["provider"] == "azure";
    let row = default["rows"].as_array().into_iter().flatten().find(of_azure).context("azure is missing")?;
    assert_eq!(fields(row), ["changes", "from_version", "model", "provider", "to_version"]);
    assert_eq!(
        row["changes"][0],
        json!({"unit": "input", "above": 0, "from": "0.15", "to": "0.135", "percent": "-10"})
    );

    let other = stage.mete().file("other.toml", &OWN[7..16])?.display().to_string();
    let files = stage.json(&["diff", "--to", &other])?;
    assert_eq!(files["to"]["prices"], *other);
    let models: Vec<_> = files["rows"].as_array().into_iter().flatten().map(|row| &row["model"]).collect();
    assert_eq!(models, ["gpt-4o-mini", "house-*", "house-2"]);
    assert_eq!(stage.json(&["diff", "--from", &other, "--to", &other])?["rows"], json!([]));

    let dates = ["diff", "--from", "2026-10-31", "--to", "2026-11-01", "--model", "gpt-4o-mini"];
    let over_time = stage.json(&dates)?;
    assert_eq!(over_time["rows"][0]["changes"][0]["percent"], "-32.5");
    assert_snapshot!("prices_diff", stage.text(&dates)?);
    assert_eq!(stage.mete().refused(["prices", "diff", "--to", "nosuch.toml"])?.code, "io");
    let wrong = stage.mete().file("wrong.toml", &["[[model]]"])?.display().to_string();
    assert_eq!(stage.mete().refused(["prices", "diff", "--to", &wrong])?.code, "invalid");
    Ok(())
}
