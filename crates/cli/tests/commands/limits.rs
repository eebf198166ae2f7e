//! Limits, what they refuse, and the alerts that they raise.

use anyhow::Result;
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::cast::{MEMBER, OUTSIDER, OWNER, PROJECT_OWNER, READER, column, stage};
use crate::support::{Mete, event, fields, now};

const SHOWN: [&str; 12] = [
    "blocked_since",
    "budget",
    "models",
    "month",
    "organization_id",
    "part_budgets",
    "rate_limits",
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

    /// R23: the models and the rates of each.
    async fn r23_models_and_rates_are_limits_too(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let none = mete.json(["limits", "show", "--project", "Support"])?;
        assert_eq!((&none["models"], &none["rate_limits"]), (&Value::Null, &json!([])));
        let rates = ["--rate", "gpt-4o:requests_per_minute=500", "--rate", "ft:gpt-4o:acme:tokens_per_day=9"];
        let [first, gpt, second, tuned] = rates;
        let of_support = |rest: &[&str]| {
            let args = ["limits", "set", "--project", "Support", "--json"].into_iter().chain(rest.iter().copied());
            mete.run(args)?.json()
        };
        let set = of_support(&["--models", "gpt-4o,ft:gpt-4o:acme,gpt-4o", first, gpt, second, tuned])?;
        assert_eq!(set["models"], json!(["ft:gpt-4o:acme", "gpt-4o"]));
        assert_eq!(set["rate_limits"].as_array().map(Vec::len), Some(2));
        assert_eq!(set["rate_limits"][1]["model"], "gpt-4o");
        assert_eq!(set["rate_limits"][1]["max_requests_per_1_minute"], 500);
        let told = mete.text(["limits", "show", "--project", "Support"])?;
        assert!(told.contains("gpt-4o: requests_per_minute=500") && told.contains("ft:gpt-4o:acme, gpt-4o"), "{told}");

        let taken = of_support(&["--models", "all", "--rate", "gpt-4o:requests_per_minute=none"])?;
        assert_eq!((&taken["models"], &taken["rate_limits"][0]["model"]), (&Value::Null, &json!("ft:gpt-4o:acme")));
        for bad in [["--rate", "gpt-4o:500"], ["--rate", "gpt-4o:cats=5"], ["--rate", "gpt-4o:tokens_per_minute=-1"]] {
            assert_eq!(mete.status(["limits", "set", "--project", "Support", bad[0], bad[1]])?, Some(2), "{bad:?}");
        }
        for bad in ["", "gpt-4o,", "a\u{1b}[2J"] {
            assert_eq!(mete.refused(["limits", "set", "--project", "Support", "--models", bad])?.code, "invalid", "{bad:?}");
        }
        Ok(())
    }

    /// Models, members and keys within a project have budgets of their own, and are refused by them.
    async fn r24_r26_parts_of_a_project_have_budgets(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let key = mete.json(["key", "create", "--project", "Support", "--member", "ann@acme.test", "--name", "ci"])?;
        let key_id = key["key"]["id"].as_str().or(key["id"].as_str()).unwrap_or_default().to_owned();
        mete.json(["limits", "set", "--project", "Support", "--budget", "50"])?;
        let of_key = |budget: &str| {
            mete.json(["limits", "set", "--project", "Support", "--key", "ci", "--budget", budget])
        };
        let set = of_key("5")?;
        assert_eq!(set["part_budgets"], json!([{"kind": "key", "id": key_id, "name": "ci", "budget": "5", "spend": "0"}]));
        mete.json(["limits", "set", "--project", "Support", "--member", "ann@acme.test", "--budget", "40"])?;
        mete.json(["limits", "set", "--project", "Support", "--model", "m-1", "--budget", "45"])?;
        let line = event("e1", &now().to_string(), "Support", "5").replacen('{', &format!(r#"{{"api_key":"{key_id}","#), 1);
        mete.ingest(&[&line])?;
        let told = mete.text(["limits", "show", "--project", "Support"])?;
        for part in ["Key budget", "ci (key_", "$5.00 (100.0% spent)", "Member budget", "ann@acme.test", "Model budget"] {
            assert!(told.contains(part), "{part:?} is not in {told}");
        }
        let explained = mete.json(["explain", "ci"])?;
        assert_eq!((&explained["decision"], &explained["code"]), (&json!("refuse"), &json!("key_spend_limit_exceeded")));
        // R27: both the commit that exhausts a budget and whoever lowers one below the spend raise an alert.
        let raised = of_key("4")?;
        assert_eq!((&raised["alerts"][0]["amount"], &raised["alerts"][0]["part"]["name"]), (&json!("4"), &json!("ci")));
        let alerts = mete.json(["alerts", "list", "--project", "Support"])?;
        let part = json!({"kind": "key", "id": key_id, "name": "ci"});
        for (row, amount) in alerts["rows"].as_array().into_iter().flatten().zip(["4", "5"]) {
            assert_eq!((&row["part"], &row["amount"], &row["scope_name"]), (&part, &json!(amount), &json!("Support")));
        }
        assert_eq!(alerts["rows"].as_array().map(Vec::len), Some(2));
        assert!(mete.text(["alerts", "list"])?.contains("ci in Support"));
        let told = mete.text(["limits", "set", "--project", "Support", "--key", "ci", "--budget", "3"])?;
        assert!(told.contains("Alert: the budget of the key ci is exhausted: $5.00 of $3.00"), "{told}");
        of_key("6")?;
        assert_eq!(mete.json(["explain", "ci"])?["decision"], "allow");
        let above = mete.refused(["limits", "set", "--project", "Support", "--key", "ci", "--budget", "51"])?;
        assert!(above.code == "invalid" && above.message.contains("$51 is above $50"), "{above:?}");
        let below = mete.refused(["limits", "set", "--project", "Support", "--budget", "41"])?;
        assert!(below.code == "conflict" && below.message.contains("model \"m-1\""), "{below:?}");
        let lowered = mete.text(["limits", "set", "--project", "Support", "--budget", "41", "--lower-parts"])?;
        assert!(lowered.contains("Lowered along  model \"m-1\""), "{lowered}");
        let gone = of_key("none")?;
        assert_eq!(gone["part_budgets"].as_array().map(Vec::len), Some(2));
        for [scope, of, option, value, what, amount] in [
            ["--org", "Acme", "--key", "ci", "--budget", "1"],
            ["--project", "Support", "--key", "ci", "--threshold", "1"],
            ["--project", "Support", "--model", "m-1", "--models", "all"],
        ] {
            let status = mete.status(["limits", "set", scope, of, option, value, what, amount])?;
            assert_eq!(status, Some(2), "{scope} {option} {what}");
        }
        Ok(())
    }

    /// R24, downwards: refused with the names of those in the way, or lowered along.
    async fn r24_projects_are_lowered_along_when_asked(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Search", "--org", "Acme"])?;
        mete.json(["limits", "set", "--project", "Support", "--budget", "60", "--models", "gpt-4o,o3"])?;
        mete.json(["limits", "set", "--project", "Search", "--budget", "10", "--rate", "gpt-4o:requests_per_day=9"])?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "55")])?;
        let lower = ["limits", "set", "--org", "Acme", "--budget", "50", "--models", "gpt-4o"];
        let refused = mete.refused(lower)?;
        assert!(refused.code == "conflict" && refused.message.contains("\"Support\""), "{refused:?}");
        assert!(!refused.message.contains("Search"), "{refused:?}");
        let lowered = mete.run(lower.into_iter().chain(["--lower-projects", "--json"]))?.json()?;
        assert_eq!((&lowered["lowered_projects"], &lowered["budget"]), (&json!(["Support"]), &json!("50")));
        let exhausted: Vec<_> = lowered["alerts"].as_array().into_iter().flatten().map(|alert| &alert["scope_kind"]).collect();
        assert_eq!(exhausted, ["project", "organization"]);
        let support = mete.json(["limits", "show", "--project", "Support"])?;
        assert_eq!((&support["budget"], &support["models"]), (&json!("50"), &json!(["gpt-4o"])));
        assert_eq!(mete.json(["limits", "show", "--project", "Search"])?["budget"], "10");
        let rate = ["limits", "set", "--org", "Acme", "--rate", "gpt-4o:requests_per_day=8", "--lower-projects"];
        assert!(mete.text(rate)?.contains("Lowered along  Search"));
        let above = mete.refused(["limits", "set", "--project", "Search", "--rate", "gpt-4o:requests_per_day=9"])?;
        assert_eq!(above.code, "invalid", "{above:?}");
        let no_project_below = ["limits", "set", "--project", "Search", "--budget", "1", "--lower-projects"];
        assert_eq!(mete.status(no_project_below)?, Some(2));
        assert_eq!(mete.status(["limits", "set", "--org", "Acme", "--lower-projects"])?, Some(2));
        Ok(())
    }

    async fn r6_limits_are_set_by_owners_of_the_organization(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "5")])?;
        let set = ["limits", "set", "--project", "Support", "--budget", "100"];
        for (who, code) in
            [(PROJECT_OWNER, "not_permitted"), (MEMBER, "not_permitted"), (READER, "not_found"), (OUTSIDER, "not_found")]
        {
            assert_eq!(mete.refused_as(who, set)?.0, code, "{who}");
        }
        assert_eq!(mete.refused_as(MEMBER, ["limits", "set", "--org", "Acme", "--budget", "1"])?.0, "not_permitted");
        assert_eq!(mete.json_as(OWNER, set)?["spend"], "5");
        let show = ["limits", "show", "--project", "Support"];
        for (who, spend) in [(OWNER, json!("5")), (PROJECT_OWNER, json!("5")), (MEMBER, Value::Null)] {
            let shown = mete.json_as(who, show)?;
            assert_eq!((&shown["budget"], &shown["spend"]), (&json!("100"), &spend), "{who}");
        }
        let told = mete.run(show.into_iter().chain(["--as", MEMBER]))?.stdout;
        assert!(told.contains('—') && !told.contains("spent") && !told.contains("$5"), "{told}");
        for who in [READER, OUTSIDER] {
            assert_eq!(mete.refused_as(who, show)?, ("not_found".to_owned(), "there is no project \"Support\"".to_owned()));
        }
        Ok(())
    }

    /// R27: those who may not see what was spent learn nothing from the alerts.
    async fn r6_alerts_are_listed_to_those_who_see_the_spend(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "5"), &event("e2", &now().to_string(), "Search", "5")])?;
        for project in ["Support", "Search"] {
            mete.json(["limits", "set", "--project", project, "--threshold", "4"])?;
        }
        mete.json(["limits", "set", "--org", "Acme", "--threshold", "9"])?;
        for (who, mut seen) in [
            (OWNER, vec!["Acme", "Search", "Support"]),
            (PROJECT_OWNER, vec!["Support"]),
            (MEMBER, vec![]),
            (READER, vec![]),
            (OUTSIDER, vec![]),
        ] {
            let mut listed = column(&mete.json_as(who, ["alerts", "list"])?, "scope_name");
            listed.sort();
            seen.sort_unstable();
            assert_eq!(listed, seen, "{who}");
        }
        assert_eq!(mete.refused_as(READER, ["alerts", "list", "--project", "Support"])?.0, "not_found");
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
                "ages", "at", "budgets", "code", "decision", "degraded", "key_id", "message", "month", "not_known",
                "project_id", "rules", "since", "spent_by", "status", "told_by", "type",
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
                "acknowledged_at", "acknowledged_by", "amount", "at", "id", "kind", "month", "organization_id", "part",
                "scope_id", "scope_kind", "scope_name", "spend",
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

    async fn r27_alerts_are_acknowledged_all_or_none(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "5")])?;
        mete.json(["limits", "set", "--project", "Support", "--budget", "4", "--threshold", "3"])?;
        let ids = column(&mete.json(["alerts", "list", "--open"])?, "id");
        let [exhausted, threshold] = [&*ids[0], &*ids[1]];
        let offered = mete.text(["complete", "fish", "--", "mete", "alerts", "acknowledge", ""])?;
        assert!(offered.contains(&format!("{threshold}\tthreshold $3 of Support, ")), "{offered}");
        let nothing = mete.refused(["alerts", "acknowledge", exhausted, "alert_none"])?;
        assert_eq!((&*nothing.code, mete.json(["alerts", "list", "--open"])?["rows"].as_array().map(Vec::len)), ("not_found", Some(2)));
        let acknowledged = mete.json(["alerts", "acknowledge", exhausted, threshold])?;
        assert_eq!(column(&acknowledged, "id"), ids);
        let row = &acknowledged["rows"][0];
        assert!(row["acknowledged_at"].is_string() && row["acknowledged_by"].is_string(), "{row}");
        assert_eq!(mete.json(["alerts", "list"])?, acknowledged);
        assert_eq!(mete.json(["alerts", "acknowledge", threshold])?["rows"][0], acknowledged["rows"][1], "no change");
        assert_eq!(mete.json(["alerts", "list", "--open"])?["rows"], json!([]));
        assert!(mete.text(["complete", "fish", "--", "mete", "alerts", "acknowledge", ""])?.is_empty());
        assert_eq!(mete.status(["alerts", "acknowledge"])?, Some(2));
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
