//! Blocks and releases placed by hand (R41).

use anyhow::{Context as _, Result};
use mete_core::Timestamp;
use mete_core::time::HOUR;
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, event, fields, is_id, now};

const BLOCK: [&str; 12] = [
    "id",
    "kind",
    "lifted_at",
    "lifted_by",
    "organization_id",
    "placed_at",
    "placed_by",
    "project_id",
    "reason",
    "scope_id",
    "scope_kind",
    "until",
];

fn id_of(value: &Value) -> Result<&str> {
    value["id"].as_str().context("no id")
}

fn count(listed: &Value) -> usize {
    listed["rows"].as_array().map(Vec::len).unwrap_or_default()
}

each_engine! {
    async fn r41_a_project_that_is_blocked_by_hand_is_listed_as_such(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        let support = |listed: Value| -> Result<Value> {
            let rows = listed["rows"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["name"] == "Support").context("no such project")
        };
        let on_key = mete.json(["block", "add", "--key", "ci", "--reason", "leaked"])?;
        assert_eq!(support(mete.json(["project", "list"])?)?["manual_blocks"], json!([on_key]));
        assert!(!mete.text(["project", "list"])?.contains("release"), "a key is not the project");
        mete.json(["block", "release", "--project", "Support", "--reason", "launch day", "--until", "1h"])?;
        assert!(mete.text(["project", "list"])?.contains("release"));
        let stop = mete.json(["block", "add", "--project", "Support", "--reason", "runaway"])?;
        let shown = mete.text(["project", "list"])?;
        assert!(shown.lines().any(|line| line.starts_with("Support") && line.ends_with("block")), "{shown}");
        mete.json(["block", "lift", id_of(&stop)?])?;
        let blocks = support(mete.json(["project", "list"])?)?["manual_blocks"].clone();
        assert_eq!(blocks.as_array().map(Vec::len), Some(2), "{blocks}");
        assert_eq!(mete.json(["project", "show", "Support"])?["manual_blocks"], blocks);
        Ok(())
    }

    async fn r41_a_block_refuses_until_it_is_lifted(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let key = mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        let placed = mete.json(["block", "add", "--key", "ci", "--reason", "leaked in a log"])?;
        assert_eq!(fields(&placed), BLOCK);
        assert!(is_id(&placed["id"], "block_"));
        assert_eq!(
            (&placed["kind"], &placed["scope_kind"], &placed["scope_id"], &placed["until"]),
            (&json!("block"), &json!("key"), &key["id"], &Value::Null)
        );
        let explained = mete.json(["explain", "ci"])?;
        assert_eq!((&explained["status"], &explained["code"]), (&json!(429), &json!("access_blocked")));
        assert!(explained["message"].as_str().is_some_and(|told| told.contains("leaked in a log")), "{explained}");
        assert_eq!(mete.json(["block", "list"])?["rows"], json!([placed]));
        assert!(mete.text(["block", "list"])?.contains("holds until lifted"));
        assert_eq!(mete.refused(["block", "add", "--key", "ci", "--reason", "again"])?.code, "conflict");

        let offered = mete.text(["complete", "fish", "--", "mete", "block", "lift", ""])?;
        assert!(offered.starts_with(id_of(&placed)?) && offered.lines().count() == 1, "{offered}");
        let lifted = mete.json(["block", "lift", id_of(&placed)?])?;
        assert!(mete.text(["complete", "fish", "--", "mete", "block", "lift", ""])?.is_empty());
        assert!(lifted["lifted_at"].is_string() && lifted["lifted_by"].is_string(), "{lifted}");
        assert_eq!(mete.json(["explain", "ci"])?["decision"], "allow");
        assert_eq!(mete.refused(["block", "lift", id_of(&placed)?])?.code, "conflict");
        assert_eq!(mete.json(["block", "list"])?["rows"], json!([]));
        assert_eq!(mete.json(["block", "list", "--all", "--project", "Support"])?["rows"], json!([lifted]));
        assert_eq!(mete.refused(["block", "lift", "block_0"])?.code, "not_found");
        Ok(())
    }

    async fn r41_a_release_lets_an_exhausted_project_go_on(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        mete.json(["limits", "set", "--project", "Support", "--budget", "1"])?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "2")])?;
        assert_eq!(mete.json(["explain", "ci"])?["code"], "project_spend_limit_exceeded");
        let before = now();
        let placed =
            mete.json(["block", "release", "--project", "Support", "--reason", "launch day", "--until", "2h"])?;
        assert_eq!((&placed["kind"], &placed["scope_kind"]), (&json!("release"), &json!("project")));
        let until: Timestamp = placed["until"].as_str().context("no end")?.parse()?;
        assert!((before.plus(2 * HOUR)..=now().plus(2 * HOUR)).contains(&until), "{placed}");
        assert_eq!(mete.json(["explain", "ci"])?["decision"], "allow");
        // A block on the same project is another thing.
        mete.json(["block", "add", "--project", "Support", "--reason", "after all"])?;
        assert_eq!(mete.json(["explain", "ci"])?["code"], "access_blocked");
        let told = mete.text(["block", "list"])?;
        assert!(told.contains("holds until 2") && told.contains("launch day") && told.contains("after all"), "{told}");
        Ok(())
    }

    async fn r41_an_end_is_an_instant_a_day_or_a_span(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        for (until, kept) in
            [("2126-12-01T10:00:00+01:00", "2126-12-01T09:00:00Z"), ("2126-12-01", "2126-12-01T00:00:00Z")]
        {
            let placed = mete.json(["block", "add", "--project", "Support", "--reason", "x", "--until", until])?;
            assert_eq!(placed["until"], kept);
            mete.json(["block", "lift", id_of(&placed)?])?;
        }
        let add = |reason, until| {
            mete.refused(["block", "add", "--project", "Support", "--reason", reason, "--until", until])
        };
        assert_eq!(add("x", "2020-01-01")?.code, "invalid");
        assert_eq!(add("x", "0")?.code, "invalid");
        for reason in ["", "  ", "a\u{1b}[2J"] {
            assert_eq!(add(reason, "2h")?.code, "invalid", "{reason:?}");
        }
        for until in ["soon", "-2h", "2", ""] {
            let typed = format!("--until={until}");
            assert_eq!(
                mete.status(["block", "add", "--project", "Support", "--reason", "x", &typed])?,
                Some(2),
                "{until:?}"
            );
        }
        assert_eq!(mete.status(["block", "add", "--project", "Support"])?, Some(2));
        assert_eq!(mete.status(["block", "add", "--reason", "x"])?, Some(2));
        assert_eq!(count(&mete.json(["block", "list", "--all"])?), 2);
        Ok(())
    }

    async fn r6_blocks_are_placed_and_seen_by_those_who_may(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci", "--as", "max@acme.test"])?;
        let on_key = mete.json(["block", "add", "--key", "ci", "--reason", "x", "--as", "olga@acme.test"])?;
        assert_eq!(on_key["placed_by"], "olga@acme.test");
        let on_project =
            mete.json(["block", "add", "--project", "Support", "--reason", "x", "--as", "dana@acme.test"])?;
        for (who, seen) in [
            ("dana@acme.test", 2),
            ("olga@acme.test", 2),
            ("max@acme.test", 2),
            ("rita@acme.test", 0),
            ("xena@globex.test", 0),
        ] {
            assert_eq!(count(&mete.json(["block", "list", "--as", who])?), seen, "{who}");
        }
        let (key_block, project_block) = (id_of(&on_key)?, id_of(&on_project)?);
        for (id, who, code) in [
            // A project's block is a budget of nothing: an owner of the organization sets that.
            (project_block, "olga@acme.test", "not_permitted"),
            (key_block, "max@acme.test", "not_permitted"),
            (key_block, "rita@acme.test", "not_found"),
            (project_block, "xena@globex.test", "not_found"),
        ] {
            let refused = mete.refused(["block", "lift", id, "--as", who])?;
            assert_eq!(refused.code, code, "{who}: {refused:?}");
        }
        for (who, code) in
            [("olga@acme.test", "not_permitted"), ("max@acme.test", "not_permitted"), ("rita@acme.test", "not_found")]
        {
            let refused = mete.refused(["block", "release", "--project", "Support", "--reason", "x", "--as", who])?;
            assert_eq!(refused.code, code, "{who}: {refused:?}");
        }
        assert!(mete.json(["block", "lift", key_block, "--as", "olga@acme.test"])?["lifted_at"].is_string());
        Ok(())
    }
}
