//! Why a key was let through or not at a time that is past, and what holds for a project (R38).

use anyhow::{Context as _, Result};
use insta::{assert_snapshot, with_settings};
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::people::FILTERS;
use crate::support::{Mete, event, now};

/// The rule of that name.
fn rule<'a>(explained: &'a Value, name: &str) -> Option<&'a Value> {
    explained["rules"].as_array().into_iter().flatten().find(|rule| rule["rule"] == name)
}

/// What a rule says of something.
fn said<'a>(explained: &'a Value, name: &str, field: &str) -> Result<&'a Value> {
    Ok(&rule(explained, name).with_context(|| format!("no rule {name} in {explained}"))?[field])
}

/// A key that has spent $4 of Support's $10.
fn spent(mete: &Mete<'_>) -> Result<()> {
    mete.json(["limits", "set", "--project", "Support", "--budget", "10"])?;
    let key = mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
    let api_key = format!("\"api_key\":{},\"model\"", key["id"]);
    mete.ingest(&[&event("e1", &now().to_string(), "Support", "4").replace("\"model\"", &api_key)])?;
    Ok(())
}

each_engine! {
    async fn r38_what_is_past_is_told_by_the_audit_log_and_the_ledger(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let before_the_key = now().to_string();
        mete.json(["key", "create", "--project", "Support", "--name", "other"])?;
        spent(&mete)?;
        let then = now().to_string();
        let later = event("e2", &now().to_string(), "Support", "5");
        mete.ingest(&[&event("e1", &then, "Support", "4"), &later])?;
        mete.json(["limits", "set", "--project", "Support", "--budget", "3", "--models", "o3"])?;
        mete.json(["limits", "set", "--org", "Acme", "--budget", "8"])?;
        mete.json(["block", "add", "--key", "ci", "--reason", "leaked"])?;
        let blocked = now().to_string();
        mete.json(["key", "edit", "ci", "--permissions", "read-only"])?;
        mete.json(["key", "disable", "ci"])?;

        let present = mete.json(["explain", "ci"])?;
        assert_eq!((said(&present, "key_status", "status")?, &present["status"]), (&json!("disabled"), &json!(401)));
        let past = mete.json(["explain", "ci", "--at", &then, "--model", "gpt-4o"])?;
        assert_eq!((&past["decision"], &past["at"], &past["told_by"]), (&json!("allow"), &json!(then), &json!("store")));
        assert_eq!(said(&past, "key_status", "status")?, "active");
        assert_eq!(said(&past, "permission", "permissions")?, "all");
        assert_eq!((said(&past, "model", "project_models")?, rule(&past, "manual_block")), (&Value::Null, None));
        let budget = |name| Ok::<_, anyhow::Error>((said(&past, name, "budget")?, said(&past, name, "spend")?));
        assert_eq!(budget("project_budget")?, (&json!("10"), &json!("4")));
        assert_eq!(budget("organization_budget")?, (&Value::Null, &json!("4")));
        assert_eq!((&past["spent_by"]["total"], &past["spent_by"]["rows"][0]["name"]), (&json!("4"), &json!("ci")));
        assert_eq!(said(&past, "file_quota", "verdict")?, "not_known");
        assert!(past["not_known"].as_array().is_some_and(|words| words.len() == 3), "{past}");
        let between = mete.json(["explain", "ci", "--at", &blocked])?;
        assert_eq!((&between["code"], said(&between, "manual_block", "reason")?), (&json!("access_blocked"), &json!("leaked")));
        assert_eq!(said(&between, "project_budget", "spend")?, "9");

        let early = mete.json(["explain", "ci", "--at", &before_the_key])?;
        assert_eq!((&early["status"], &early["key_id"]), (&json!(401), &Value::Null));
        assert_eq!(mete.refused(["explain", "ci", "--at", "7d"])?.code, "invalid");
        assert_eq!(mete.refused(["explain", "ci", "--at", "2100-01-01"])?.code, "invalid");

        // With the project all its keys were disabled: who was disabled before is not written down, but of ci.
        mete.json(["project", "archive", "Support", "--confirm", "Support"])?;
        let again = mete.json(["explain", "ci", "--at", &then])?;
        assert_eq!((said(&again, "key_status", "verdict")?, &again["decision"]), (&json!("ok"), &json!("allow")));
        let other = mete.json(["explain", "other", "--at", &then])?;
        assert_eq!(said(&other, "key_status", "verdict")?, "not_known");
        assert_eq!(said(&other, "project_status", "status")?, "active");
        assert!(other["not_known"].to_string().contains("whether the key could be used"), "{other}");
        Ok(())
    }

    async fn r38_a_project_is_explained_with_all_who_spent_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        spent(&mete)?;
        let project = mete.json(["explain", "--project", "Support"])?;
        assert_eq!((&project["decision"], &project["key_id"]), (&json!("allow"), &Value::Null));
        assert!(rule(&project, "key_status").is_none() && rule(&project, "permission").is_none(), "{project}");
        for kind in ["rows", "models", "members"] {
            let first = &project["spent_by"][kind][0];
            assert_eq!((&first["spend"], &first["share_per_mille"]), (&json!("4"), &json!(1000)), "{kind}");
        }
        let budgets = project["budgets"].as_array().context("no budgets")?;
        for budget in budgets {
            let figures = [&budget["spend"], &budget["ledger"], &budget["difference"]];
            assert_eq!(figures, [&json!("4"), &json!("4"), &json!("0")], "{budget}");
        }
        assert_eq!((budgets.len(), &budgets[0]["under_way"]), (2, &Value::Null));
        assert!(project["ages"]["newest_event_at"].is_string(), "{project}");
        let of_project = mete.text(["explain", "--project", "Support"])?;
        let of_past = mete.text(["explain", "ci", "--at", &now().to_string()])?;
        with_settings!({filters => FILTERS, omit_expression => true}, {
            assert_snapshot!("explain_project", of_project);
            assert_snapshot!("explain_past", of_past);
        });
        assert_eq!(mete.status(["explain", "ci", "--project", "Support"])?, Some(2), "a key or a project");
        assert_eq!(mete.status(["explain"])?, Some(2));
        assert_eq!(mete.refused(["explain", "--project", "Nowhere"])?.code, "not_found");
        Ok(())
    }

    async fn r6_what_was_spent_is_told_to_those_who_may_see_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        spent(&mete)?;
        mete.json(["key", "create", "--project", "Support", "--name", "kims", "--member", "kim@acme.test"])?;
        let kim = mete.json(["explain", "kims", "--at", &now().to_string(), "--as", "kim@acme.test"])?;
        assert_eq!((&kim["decision"], &kim["spent_by"]), (&json!("allow"), &Value::Null));
        assert!(!kim.to_string().contains("\"4\""), "{kim}");
        let daemon = mete.refused(["explain", "kims", "--daemon", "http://127.0.0.1:1", "--as", "kim@acme.test"])?;
        assert_eq!(daemon.code, "not_permitted");
        let nobody = mete.refused(["explain", "kims", "--daemon", "/nowhere/meted.sock"])?;
        assert_eq!(nobody.code, "io");
        assert!(nobody.message.contains("/nowhere/meted.sock"), "{}", nobody.message);
        Ok(())
    }
}
