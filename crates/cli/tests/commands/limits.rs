//! Limits, what they refuse, and the alerts that they raise.

use anyhow::Result;
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, event, fields, now};

const SHOWN: [&str; 9] = [
    "blocked_since",
    "budget",
    "month",
    "organization_id",
    "scope_id",
    "scope_kind",
    "scope_name",
    "spend",
    "threshold",
];

each_engine! {
    async fn limits_are_set_one_by_one_and_taken_away(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let none = mete.json(["limits", "show", "--project", "Support"])?;
        assert_eq!(fields(&none), SHOWN);
        assert_eq!((&none["budget"], &none["threshold"], &none["spend"]), (&Value::Null, &Value::Null, &json!("0")));
        assert_eq!((&none["scope_kind"], &none["scope_name"]), (&json!("project"), &json!("Support")));

        let set = mete.json(["limits", "set", "--project", "Support", "--budget", "500.50"])?;
        assert_eq!((&set["budget"], &set["threshold"], &set["alerts"]), (&json!("500.5"), &Value::Null, &json!([])));
        mete.json(["limits", "set", "--project", "Support", "--threshold", "0.000000001"])?;
        let shown = mete.json(["limits", "show", "--project", "Support"])?;
        assert_eq!((&shown["budget"], &shown["threshold"]), (&json!("500.5"), &json!("0.000000001")));
        let taken = mete.json(["limits", "set", "--project", "Support", "--budget", "none"])?;
        assert_eq!((&taken["budget"], &taken["threshold"]), (&Value::Null, &json!("0.000000001")));

        let organization = mete.json(["limits", "set", "--org", "Acme", "--budget", "100", "--threshold", "80"])?;
        assert_eq!((&organization["scope_kind"], &organization["budget"]), (&json!("organization"), &json!("100")));
        assert_eq!(organization["scope_id"], organization["organization_id"]);
        Ok(())
    }

    /// R24, and R2 for the default project.
    async fn r24_a_project_is_never_above_its_organization(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["limits", "set", "--org", "Acme", "--budget", "100"])?;
        mete.json(["limits", "set", "--project", "Support", "--budget", "60"])?;
        let above = mete.refused(["limits", "set", "--project", "Support", "--budget", "100.01"])?;
        assert_eq!(above.code, "invalid", "{above:?}");
        let below = mete.refused(["limits", "set", "--org", "Acme", "--budget", "59"])?;
        assert!(below.code == "conflict" && below.message.contains("\"Support\""), "{below:?}");
        let negative = mete.refused(["limits", "set", "--org", "Acme", "--budget=-1"])?;
        assert_eq!(negative.code, "invalid", "{negative:?}");
        let project = mete.json(["project", "list"])?["rows"][0]["id"].as_str().unwrap_or_default().to_owned();
        assert_eq!(mete.refused(["limits", "set", "--project", &project, "--budget", "1"])?.code, "invalid");
        assert_eq!(mete.json(["limits", "show", "--project", "Support"])?["budget"], "60");
        assert_eq!(mete.refused(["limits", "show", "--project", "Nothing"])?.code, "not_found");
        assert_eq!(mete.refused(["limits", "show", "--org", "Nobody"])?.code, "not_found");
        Ok(())
    }

    /// R26, R27, R38: refused with its grounds, since when, by whom it was spent; released by a higher budget.
    async fn r38_an_exhausted_budget_is_explained_and_released(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let key = mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        let id = key["id"].as_str().unwrap_or_default();
        let allowed = mete.json(["explain", id])?;
        assert_eq!(
            fields(&allowed),
            [
                "at", "code", "decision", "key_id", "message", "month", "project_id", "rules", "since", "spent_by",
                "status", "type",
            ]
        );
        assert_eq!((&allowed["decision"], &allowed["status"], &allowed["code"]), (&json!("allow"), &json!(204), &Value::Null));

        mete.json(["limits", "set", "--project", "Support", "--budget", "1", "--threshold", "0.5"])?;
        let time = now().to_string();
        let line = event("e1", &time, "Support", "1.5").replace("\"model\"", &format!("\"api_key\":\"{id}\",\"model\""));
        assert_eq!(mete.ingest(&[&line])?["spend"], "1.5");

        let refused = mete.json(["explain", "ci"])?;
        assert_eq!((&refused["decision"], &refused["status"]), (&json!("refuse"), &json!(429)));
        assert_eq!((&refused["code"], &refused["type"]), (&json!("project_spend_limit_exceeded"), &json!("insufficient_quota")));
        assert!(refused["message"].as_str().is_some_and(|words| words.contains("$1.5 of $1 ")), "{refused}");
        assert!(refused["since"].is_string(), "{refused}");
        let spent_by = &refused["spent_by"];
        assert_eq!((&spent_by["scope_name"], &spent_by["total"]), (&json!("Support"), &json!("1.5")));
        assert_eq!((&spent_by["rows"][0]["id"], &spent_by["rows"][0]["name"]), (&key["id"], &json!("ci")));
        let shown = mete.json(["limits", "show", "--project", "Support"])?;
        assert_eq!((&shown["spend"], &shown["blocked_since"]), (&json!("1.5"), &refused["since"]));

        let alerts = mete.json(["alerts", "list"])?;
        assert_eq!(fields(&alerts), ["rows"]);
        let kinds: Vec<_> = alerts["rows"].as_array().into_iter().flatten().map(|row| row["kind"].clone()).collect();
        assert_eq!(kinds, ["exhausted", "threshold"]);
        let row = &alerts["rows"][0];
        assert_eq!(
            fields(row),
            [
                "acknowledged_at", "amount", "at", "id", "kind", "month", "organization_id", "scope_id", "scope_kind",
                "scope_name", "spend",
            ]
        );
        assert_eq!((&row["amount"], &row["spend"], &row["scope_name"]), (&json!("1"), &json!("1.5"), &json!("Support")));
        assert_eq!(mete.json(["alerts", "list", "--month", "2001-01"])?["rows"], json!([]));
        assert_eq!(mete.json(["alerts", "list", "--project", "Support"])?, alerts);

        mete.json(["limits", "set", "--project", "Support", "--budget", "2"])?;
        let released = mete.json(["explain", "ci"])?;
        assert_eq!((&released["decision"], &released["since"]), (&json!("allow"), &Value::Null));
        Ok(())
    }

    /// R25: where the organization's budget refuses, those who spent it may be in other projects.
    async fn r25_an_organizations_budget_names_spenders_of_all_its_projects(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Batch", "--org", "Acme"])?;
        mete.json(["key", "create", "--project", "Support", "--name", "quiet"])?;
        let heavy = mete.json(["key", "create", "--project", "Batch", "--name", "heavy"])?;
        let api_key = format!("\"api_key\":{},\"model\"", heavy["id"]);
        let line = event("e1", &now().to_string(), "Batch", "7").replace("\"model\"", &api_key);
        mete.ingest(&[&line])?;
        let set = mete.json(["limits", "set", "--org", "Acme", "--budget", "7"])?;
        assert_eq!((&set["alerts"][0]["kind"], &set["alerts"][0]["scope_name"]), (&json!("exhausted"), &json!("Acme")));
        assert!(set["blocked_since"].is_string(), "{set}");

        let refused = mete.json(["explain", "quiet"])?;
        assert_eq!(refused["code"], "organization_spend_limit_exceeded");
        assert_eq!(refused["since"], set["blocked_since"]);
        assert_eq!(refused["spent_by"]["scope_name"], "Acme");
        assert_eq!(refused["spent_by"]["rows"][0]["name"], "heavy");
        Ok(())
    }
}
