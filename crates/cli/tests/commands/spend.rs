//! Spend by everything that it can be shown by, and the proof that it is right.

use std::process::Command;

use anyhow::{Result, ensure};
use mete_tests::{TestStore, each_engine, postgres};
use serde_json::{Value, json};

use crate::cast::{MEMBER, OUTSIDER, OWNER, PROJECT_OWNER, READER, UNKNOWN, column, stage};
use crate::support::{Mete, event, fields, now};

/// Two projects in October 2025, two days, one event in November.
fn fill(mete: &Mete<'_>) -> Result<()> {
    mete.json(["project", "create", "Batch", "--org", "Acme"])?;
    let counted = mete.ingest(&[
        &event("e1", "2025-10-01T00:00:00Z", "Support", "0.000000001"),
        &event("e2", "2025-10-31T23:59:59.999999Z", "Support", "12.345678"),
        &event("e3", "2025-10-31T23:00:00Z", "Batch", "100"),
        &event("e4", "2025-11-01T00:00:00Z", "Batch", "5").replace("m-1", "m-2"),
    ])?;
    assert_eq!((&counted["accepted"], &counted["spend"]), (&json!(4), &json!("117.345678001")));
    Ok(())
}

fn names_and_amounts(spend: &Value) -> Vec<(&str, &str)> {
    let rows = spend["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(|row| Some((row["name"].as_str()?, row["spend"].as_str()?))).collect()
}

each_engine! {
    async fn r33_spend_is_seen_by_everything(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        fill(&mete)?;
        let october = |by| mete.json(["spend", "--month", "2025-10", "--by", by]);
        let by_project = mete.json(["spend", "--month", "2025-10"])?;
        assert_eq!(fields(&by_project), ["month", "rows", "total"]);
        assert_eq!((&by_project["month"], &by_project["total"]), (&json!("2025-10"), &json!("112.345678001")));
        assert_eq!(names_and_amounts(&by_project), [("Batch", "100"), ("Support", "12.345678001")]);
        assert_eq!(
            fields(&by_project["rows"][0]),
            ["cached_input_tokens", "id", "input_tokens", "name", "output_tokens", "requests", "spend"]
        );
        assert_eq!((&by_project["rows"][1]["requests"], &by_project["rows"][1]["input_tokens"]), (&json!(2), &json!(20)));
        for (by, rows) in [
            ("project", vec![("Batch", "100"), ("Support", "12.345678001")]),
            ("model", vec![("m-1", "112.345678001")]),
            ("key", vec![("", "112.345678001")]),
            ("member", vec![("", "112.345678001")]),
            ("endpoint", vec![("responses", "112.345678001")]),
            ("day", vec![("2025-10-01", "0.000000001"), ("2025-10-31", "112.345678")]),
            ("hour", vec![("2025-10-01T00", "0.000000001"), ("2025-10-31T23", "112.345678")]),
        ] {
            let spend = october(by)?;
            assert_eq!(names_and_amounts(&spend), rows, "{by}");
            assert_eq!(spend["total"], "112.345678001", "{by}");
        }
        let support = mete.json(["spend", "--month", "2025-10", "--project", "Support", "--org", "Acme"])?;
        assert_eq!(support["total"], "12.345678001");
        assert_eq!(mete.json(["spend", "--month", "2025-11", "--by", "model"])?["rows"][0]["id"], "m-2");
        let nothing = mete.json(["spend", "--month", "2025-12"])?;
        assert_eq!((&nothing["total"], &nothing["rows"]), (&json!("0"), &json!([])));
        assert_eq!(mete.refused(["spend", "--project", "Nothing"])?.code, "not_found");
        Ok(())
    }

    /// R6, R8: sums are of what the actor may see, and of nothing else.
    async fn r6_spend_is_summed_over_what_may_be_seen(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        mete.json(["org", "create", "Labs", "--owner", "lab@acme.test", "--parent", "Acme"])?;
        let labs = column(&mete.json(["project", "list", "--org", "Labs"])?, "id").concat();
        let spent = [("e1", "Support", "5"), ("e2", "Search", "7"), ("e3", "Secret", "11"), ("e4", &*labs, "2")];
        let lines = spent.map(|(id, project, cost)| event(id, &now().to_string(), project, cost));
        mete.ingest(&lines.each_ref().map(String::as_str))?;
        let total = |who| Ok::<_, anyhow::Error>(mete.json_as(who, ["spend"])?["total"].take());
        for (who, seen) in [(OWNER, "14"), (PROJECT_OWNER, "5"), (OUTSIDER, "11"), ("lab@acme.test", "2")] {
            assert_eq!(total(who)?, seen, "{who}");
        }
        assert_eq!(mete.json(["spend"])?["total"], "25");
        for who in [MEMBER, READER] {
            assert_eq!(mete.refused_as(who, ["spend"])?.0, "not_permitted", "{who}");
        }
        for (who, args, code) in [
            (MEMBER, ["spend", "--project", "Support"], "not_permitted"),
            (MEMBER, ["spend", "--project", "Search"], "not_found"),
            (PROJECT_OWNER, ["spend", "--project", "Search"], "not_found"),
            (OWNER, ["spend", "--org", "Globex"], "not_found"),
            (OUTSIDER, ["spend", "--project", "Support"], "not_found"),
            (UNKNOWN, ["spend", "--org", "Acme"], "not_found"),
        ] {
            assert_eq!(mete.refused_as(who, args)?.0, code, "{who} {args:?}");
        }
        assert_eq!(mete.json_as(PROJECT_OWNER, ["spend", "--org", "Acme"])?["total"], "5");
        mete.json_as(OWNER, ["member", "grant-usage", READER, "--org", "Acme"])?;
        assert_eq!(total(READER)?, "14", "R8: the whole organization's");
        mete.json_as(OWNER, ["member", "revoke-usage", READER, "--org", "Acme"])?;
        assert_eq!(mete.refused_as(READER, ["spend"])?.0, "not_permitted");
        Ok(())
    }

    async fn r31_verify_proves_the_sums(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let empty = mete.json(["verify"])?;
        assert_eq!((&empty["ok"], &empty["events"]), (&json!(true), &json!(0)));
        fill(&mete)?;
        let verified = mete.json(["verify"])?;
        assert_eq!(fields(&verified), ["byte_differences", "differences", "events", "months", "ok", "sealed_months", "total"]);
        assert_eq!((&verified["ok"], &verified["differences"]), (&json!(true), &json!([])));
        assert_eq!((&verified["events"], &verified["months"]), (&json!(4), &json!(2)));
        assert_eq!(verified["total"], "117.345678001");
        Ok(())
    }
}

/// Changes something behind Mete's back, in the engine that has a client of its own here.
fn tamper(store: &TestStore, sql: &str) -> Result<()> {
    let output = Command::new(postgres::programs()?.join("psql"))
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", store.url(), "--command", sql])
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

/// R28: what the file quota is held against is proven as well.
#[test]
fn r31_verify_finds_stored_bytes_that_are_wrong() -> Result<()> {
    let store = TestStore::new(mete_tests::Engine::Postgres)?;
    let mete = Mete::with_support(&store)?;
    let stored = event("e1", &now().to_string(), "Support", "0").replace("\"model\"", "\"bytes\":900,\"model\"");
    mete.ingest(&[&stored])?;
    assert_eq!(mete.json(["verify"])?["byte_differences"], json!([]));
    tamper(&store, "UPDATE project_bytes SET bytes = bytes + 1")?;
    let run = mete.run(["verify", "--json"])?;
    assert_eq!(run.status.code(), Some(1));
    let verified: Value = serde_json::from_str(&run.stdout)?;
    assert_eq!((&verified["ok"], &verified["differences"]), (&json!(false), &json!([])));
    let difference = &verified["byte_differences"][0];
    assert_eq!(fields(difference), ["events", "project_id", "shown"]);
    assert_eq!((&difference["events"], &difference["shown"]), (&json!(900), &json!(901)));
    let told = mete.run(["verify"])?.stdout;
    assert!(told.contains("DIFFERENCES") && told.contains("SHOWN BYTES") && !told.contains("SUM BY"), "{told}");
    Ok(())
}

/// A sum changed behind Mete's back.
#[test]
fn r31_verify_finds_a_sum_that_is_wrong() -> Result<()> {
    let store = TestStore::new(mete_tests::Engine::Postgres)?;
    let mete = Mete::with_support(&store)?;
    fill(&mete)?;
    tamper(&store, "UPDATE spend_day SET cost = cost + 1 WHERE cost = 100000000000")?;
    let run = mete.run(["verify", "--json"])?;
    assert_eq!(run.status.code(), Some(1));
    let verified: Value = serde_json::from_str(&run.stdout)?;
    assert_eq!(verified["ok"], false);
    let differences = verified["differences"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(differences.len(), 1, "{verified}");
    let difference = &differences[0];
    assert_eq!(
        fields(difference),
        ["event_requests", "events", "month", "project_id", "rollup", "shown", "shown_requests"]
    );
    assert_eq!((&difference["events"], &difference["shown"]), (&json!("100"), &json!("100.000000001")));
    assert_eq!((&difference["rollup"], &difference["month"]), (&json!("day"), &json!("2025-10")));
    let told = mete.run(["verify"])?;
    assert_eq!(told.status.code(), Some(1));
    assert!(told.stdout.contains("DIFFERENCES") && told.stdout.contains("$100.000000001"), "{told:?}");
    Ok(())
}

each_engine! {
    async fn r26_a_forecast_tells_of_each_budget(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["limits", "set", "--project", "Support", "--budget", "100"])?;
        let spent = mete.json(["spend", "--forecast"])?;
        assert_eq!(fields(&spent), ["at", "month", "rows"]);
        let row = &spent["rows"][0];
        assert_eq!(
            fields(row),
            ["budget", "burn", "factor_per_mille", "high", "id", "low", "name", "point", "runs_out", "scope", "spent"]
        );
        assert_eq!((&row["scope"], &row["name"], &row["budget"]), (&json!("project"), &json!("Support"), &json!("100")));
        assert_eq!((&row["spent"], &row["point"]), (&json!("0"), &json!("0")));
        assert_eq!(row["runs_out"], json!({"at_burn": null, "by_habit": null}));
        assert_eq!(row["burn"], json!({"now": "0", "usual": "0"}));
        mete.ingest(&[&event("now", &now().to_string(), "Support", "250")])?;
        let over = mete.json(["spend", "--forecast", "--project", "Support"])?;
        let row = &over["rows"][0];
        assert_eq!((&row["spent"], &row["runs_out"]["at_burn"]), (&json!("250"), &over["at"]));
        let text = mete.text(["spend", "--forecast"])?;
        assert!(text.contains("RUNS OUT") && text.contains("Support") && text.contains("$250.00"), "{text}");
        for also in [["--month", "2025-10"], ["--by", "day"]] {
            assert_eq!(mete.status(["spend", "--forecast", also[0], also[1]])?, Some(2));
        }
        Ok(())
    }
}

each_engine! {
    async fn a_month_is_held_against_its_forecasts(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let days: Vec<String> = (1..=30)
            .map(|day| event(&format!("s{day}"), &format!("2025-09-{day:02}T12:00:00Z"), "Support", "1"))
            .chain((1..=31).map(|day| event(&format!("o{day}"), &format!("2025-10-{day:02}T12:00:00Z"), "Support", "1")))
            .collect();
        mete.ingest(&days.iter().map(String::as_str).collect::<Vec<_>>())?;
        let told = mete.json(["spend", "--backtest", "--month", "2025-10"])?;
        assert_eq!((&told["actual"], told["trials"].as_array().map(Vec::len)), (&json!("31"), Some(30)));
        assert_eq!((&told["by_habit"]["worst_per_mille"], &told["within_range_per_mille"]), (&json!(0), &json!(1000)));
        // September had a day less.
        assert_eq!(told["as_before"]["worst_per_mille"], json!(32));
        let text = mete.text(["spend", "--backtest", "--month", "2025-10"])?;
        ensure!(text.contains("2025-10-02   $1.00    $31.00  $31.00"), "{text}");
        assert_eq!(mete.json(["spend", "--backtest", "--month", "2025-08"])?, json!({ "month": "2025-08" }));
        let month = &now().month().to_string();
        assert_eq!(mete.refused(["spend", "--backtest", "--month", month])?.code, "invalid");
        Ok(())
    }
}
