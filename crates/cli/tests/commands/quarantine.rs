//! Working through what could not be counted (R34).

use anyhow::{Context as _, Result};
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, event, fields};

const TIME: &str = "2025-10-05T10:00:00Z";

/// The only entry that there is.
fn only(mete: &Mete<'_>) -> Result<Value> {
    let listed = mete.json(["quarantine", "list"])?;
    assert_eq!(listed["total"], 1, "{listed}");
    Ok(listed["rows"][0].clone())
}

/// What a retry says: tried, left, stayed, cut, accepted, duplicates.
fn retried(report: &Value) -> [u64; 6] {
    ["tried", "left", "stayed", "cut", "accepted", "duplicates"].map(|field| report[field].as_u64().unwrap_or(u64::MAX))
}

fn spent(mete: &Mete<'_>) -> Result<Value> {
    Ok(mete.json(["spend", "--month", "2025-10"])?["total"].clone())
}

each_engine! {
    async fn what_is_mended_is_counted_once_and_the_rest_stays(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let lines = [event("e1", TIME, "Later", "1"), event("e2", TIME, "Never", "2"), "{torn".to_owned()];
        mete.ingest(&lines.each_ref().map(String::as_str))?;
        let all = ["quarantine", "retry", "--all"];
        let report = mete.json(all)?;
        assert_eq!(
            fields(&report),
            ["accepted", "amended", "cut", "duplicates", "left", "spend", "stayed", "tried"]
        );
        assert_eq!(retried(&report), [3, 0, 3, 0, 0, 0]);
        mete.json(["project", "create", "Later", "--org", "Acme"])?;
        assert_eq!(retried(&mete.json(["quarantine", "retry", "--reason", "not_json"])?), [1, 0, 1, 0, 0, 0]);
        let report = mete.json(["quarantine", "retry", "--reason", "unknown_project"])?;
        assert_eq!((retried(&report), &report["spend"]), ([2, 1, 1, 0, 1, 0], &json!("1")));
        let rows = mete.json(["quarantine", "list", "--reason", "unknown_project"])?;
        assert_eq!((&rows["total"], &rows["rows"][0]["tries"]), (&json!(1), &json!(3)));
        assert!(rows["rows"][0]["detail"].as_str().is_some_and(|detail| detail.contains("Never")), "{rows}");
        // the log read once more: the one is known, the others are there
        let again = mete.ingest(&lines.each_ref().map(String::as_str))?;
        assert_eq!((&again["duplicates"], &again["accepted"]), (&json!(1), &json!(0)));
        let summary = mete.json(["quarantine", "summary"])?;
        assert_eq!(fields(&summary), ["bytes", "most_bytes", "rows", "total"]);
        assert_eq!(summary["total"], 2);
        let row = summary["rows"].as_array().and_then(|rows| rows.iter().find(|row| row["reason"] == "unknown_project"));
        let row = row.context("no such row")?;
        let counts = ["there", "seen", "retried", "forgotten", "dropped"].map(|field| row[field].as_u64());
        assert_eq!(counts, [1, 2, 1, 0, 0].map(Some));
        assert_eq!((spent(&mete)?, &mete.json(["verify"])?["ok"]), (json!("1"), &json!(true)));
        Ok(())
    }

    async fn a_retry_may_say_whose_lines_are_and_how_they_are_written(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let nobodys = |id: &str| event(id, TIME, "x", "1").replace(r#""project":"x","#, "");
        mete.ingest(&[&nobodys("e1")])?;
        let id = only(&mete)?["id"].as_str().map(str::to_owned).context("no id")?;
        assert_eq!(retried(&mete.json(["quarantine", "retry", &id])?), [1, 0, 1, 0, 0, 0]);
        let refused = mete.refused(["quarantine", "retry", &id, "--project", "Nothing"])?;
        assert_eq!(refused.code, "not_found");
        let report = mete.json(["quarantine", "retry", &id, "--project", "Support", "--format", "openai-chat"])?;
        assert_eq!((retried(&report), &only(&mete)?["tries"]), ([1, 0, 1, 0, 0, 0], &json!(3)));
        assert_eq!(retried(&mete.json(["quarantine", "retry", &id, "--project", "Support"])?), [1, 1, 0, 0, 1, 0]);
        assert_eq!(mete.refused(["quarantine", "retry", &id])?.code, "not_found");
        // by the settings of the source's own name in the daemon's configuration
        let log = mete.file("usage.jsonl", &[&nobodys("e2")])?;
        mete.json(["ingest", &log.to_string_lossy()])?;
        let source = |path: &str, project: &str| format!("[[source]]\nkind = 'file'\npath = '{path}'\nproject = '{project}'\n");
        let config = format!("[store]\nurl = 'sqlite:x'\n{}{}", source("/else", "Else"), source(&log.to_string_lossy(), "Support"));
        let config = mete.file("meted.toml", &[&config])?;
        let retry = ["quarantine", "retry", "--all", "--config", &config.to_string_lossy()];
        assert_eq!(retried(&mete.json(retry)?), [1, 1, 0, 0, 1, 0]);
        assert_eq!(mete.refused(["quarantine", "retry", "--all", "--config", "/nowhere.toml"])?.code, "invalid");
        assert_eq!(mete.json(["spend", "--month", "2025-10"])?["rows"][0]["name"], "Support");
        Ok(())
    }

    async fn what_was_read_with_a_mapping_is_read_again_with_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let fields = ["id = '/req'", "time = '/at'", "project = '/team'", "cost = '/usd'"];
        let mapping = [&["name = 'own'", "framing = 'logfmt'", "[fields]"][..], &fields].concat();
        let mapping = mete.file("own.toml", &mapping)?.to_string_lossy().into_owned();
        let log = mete.file("app.log", &["at=1759659330 req=r1 team=Later usd=0.5"])?;
        mete.json(["ingest", "--mapping", &mapping, &log.to_string_lossy()])?;
        assert_eq!(only(&mete)?["reason"], "unknown_project");
        mete.json(["project", "create", "Later", "--org", "Acme"])?;
        assert_eq!(retried(&mete.json(["quarantine", "retry", "--all"])?), [1, 0, 1, 0, 0, 0], "no format is like it");
        let retry = ["quarantine", "retry", "--all", "--mapping", &mapping];
        assert_eq!(mete.run(retry.into_iter().chain(["--format", "mete"]))?.status.code(), Some(2), "one or the other");
        let report = mete.json(retry)?;
        assert_eq!((retried(&report), &report["spend"]), ([1, 1, 0, 0, 1, 0], &json!("0.5")));
        mete.file("own.toml", &["name = 'own'", "foo = 1"])?;
        let run = mete.run(retry)?;
        assert!(!run.status.success() && run.stderr.contains("own.toml is wrong"), "{run:?}");
        Ok(())
    }

    async fn a_price_that_was_missing_is_mended(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.ingest(&[&event("e1", TIME, "Support", "1").replace(r#","cost":"1""#, "")])?;
        assert_eq!(only(&mete)?["reason"], "no_price");
        let prices = mete.file("prices.toml", &["[[model]]", "match = 'm-1'", "input = '1'", "output = '2'"])?;
        let report = mete.json(["quarantine", "retry", "--all", "--prices", &prices.to_string_lossy()])?;
        assert_eq!((retried(&report), &report["spend"]), ([1, 1, 0, 0, 1, 0], &json!("0.00002")));
        Ok(())
    }

    async fn r31_a_contradiction_stays_one(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Other", "--org", "Acme"])?;
        mete.ingest(&[&event("e1", TIME, "Support", "1"), &event("e1", TIME, "Other", "1")])?;
        for tries in 2..4 {
            assert_eq!(retried(&mete.json(["quarantine", "retry", "--all"])?), [1, 0, 1, 0, 0, 0]);
            let entry = only(&mete)?;
            assert_eq!((&entry["reason"], &entry["tries"]), (&json!("conflict"), &json!(tries)));
        }
        assert_eq!(spent(&mete)?, "1");
        Ok(())
    }

    async fn what_was_cut_is_not_read_again(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let long = event("e1", TIME, "Nothing", "1").replace("m-1", &"m".repeat(70_000));
        mete.ingest(&[&long])?;
        let run = mete.run(["quarantine", "retry", "--all"])?;
        assert!(run.status.success() && run.stderr.contains("cannot be read again"), "{run:?}");
        assert_eq!(retried(&mete.json(["quarantine", "retry", "--all"])?), [0, 0, 0, 1, 0, 0]);
        assert_eq!(only(&mete)?["tries"], 1);
        Ok(())
    }

    async fn an_entry_is_shown_with_what_is_wrong_and_what_to_do(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let secret = "sk-proj-0123456789abcdefghij";
        mete.ingest(&[&format!(r#"{{"key":"{secret}","say":"{}","torn"#, "\u{1b}[31m翻訳 ".repeat(20))])?;
        let entry = only(&mete)?;
        let id = entry["id"].as_str().context("no id")?;
        let shown = mete.json(["quarantine", "show", id])?;
        assert_eq!(
            fields(&shown),
            ["advice", "at", "detail", "id", "position", "raw", "raw_bytes", "reason", "source", "spot", "tries", "whole"]
        );
        let text = mete.text(["quarantine", "show", id])?;
        assert!(!text.contains(secret) && !text.contains('\u{1b}') && !shown.to_string().contains(secret), "{text}");
        for said in ["not_json", "usage.jsonl", "Position", shown["advice"].as_str().context("no advice")?] {
            assert!(text.contains(said), "{said}: {text}");
        }
        if !shown["spot"].is_null() {
            assert!(text.lines().any(|line| line.trim() == "^"), "{text}");
        }
        assert_eq!(mete.refused(["quarantine", "show", "-4711"])?.code, "not_found");
        Ok(())
    }

    async fn forgetting_asks_for_a_reason_and_leaves_the_count(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.ingest(&["{torn", "{also torn", &event("e1", TIME, "Nothing", "1")])?;
        let forget = ["quarantine", "forget", "--reason", "not_json"];
        assert_eq!(mete.run(forget)?.status.code(), Some(2), "without a reason");
        let refused = mete.run(forget.into_iter().chain(["--because", "torn by a full disk"]))?;
        assert!(refused.status.code() == Some(1) && refused.stderr.contains("--yes"), "{refused:?}");
        assert_eq!(mete.json(["quarantine", "list"])?["total"], 3);
        let done = mete.run(forget.into_iter().chain(["--because", "torn by a full disk", "-y", "--json"]))?;
        assert_eq!(done.json()?, json!({"forgotten": 2}));
        assert_eq!(only(&mete)?["reason"], "unknown_project");
        let summary = mete.json(["quarantine", "summary"])?;
        let torn = summary["rows"].as_array().and_then(|rows| rows.iter().find(|row| row["reason"] == "not_json"));
        assert_eq!(torn.map(|row| (row["there"].clone(), row["forgotten"].clone())), Some((json!(0), json!(2))));
        let log = mete.json(["audit", "list", "--action", "quarantine.forgotten"])?;
        assert_eq!(log["rows"][0]["reason"], "torn by a full disk", "{log}");
        Ok(())
    }

    async fn lists_are_restricted(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.ingest(&["{torn", &event("e1", TIME, "Nothing", "1")])?;
        let total = |args: &[&str]| -> Result<Value> {
            Ok(mete.run(["quarantine", "list", "--json"].iter().chain(args))?.json()?["total"].clone())
        };
        let source = store.path("usage.jsonl").to_string_lossy().into_owned();
        for (args, number) in [
            (["--reason", "not_json"], 1),
            (["--reason", "no_price"], 0),
            (["--source", &source], 2),
            (["--source", "stdin"], 0),
            (["--since", "1h"], 2),
            (["--since", "2999-01-01"], 0),
        ] {
            assert_eq!(total(&args)?, number, "{args:?}");
        }
        assert_eq!(mete.text(["quarantine", "list", "--reason", "no_price"])?, "none are there\n");
        for wrong in [&["quarantine", "retry"][..], &["quarantine", "retry", "--all", "1"], &["quarantine", "show"]] {
            assert_eq!(mete.run(wrong)?.status.code(), Some(2), "{wrong:?}");
        }
        Ok(())
    }

    async fn sources_say_what_came_and_how_far_behind_it_is(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        assert_eq!(mete.text(["sources"])?, "nothing came from any source in these days\n");
        let line = event("e1", TIME, "Support", "1.5");
        mete.ingest(&[&line, &line, "{torn"])?;
        let report = mete.json(["sources"])?;
        assert_eq!(fields(&report), ["files", "rows"]);
        let row = &report["rows"][0];
        assert_eq!(
            fields(row),
            [
                "accepted", "amended", "cost_differs", "day", "duplicates", "early", "ignored", "lag_seconds", "last_at",
                "last_event_at", "late", "lines", "quarantined", "source", "spend",
            ]
        );
        let counts = ["lines", "accepted", "duplicates", "amended", "late", "early", "quarantined"];
        assert_eq!(counts.map(|field| row[field].as_u64()), [3, 1, 1, 0, 2, 0, 1].map(Some));
        assert_eq!((&row["spend"], &row["last_event_at"]), (&json!("1.5"), &json!(TIME)));
        assert!(row["lag_seconds"].as_i64().is_some_and(|lag| lag > 86_400 * 365), "{row}");
        let text = mete.text(["sources", "--days", "1"])?;
        assert!(text.contains("usage.jsonl") && text.contains("$1.50"), "{text}");
        assert_eq!(mete.json(["sources", "--source", "stdin"])?["rows"], json!([]));
        Ok(())
    }
}
