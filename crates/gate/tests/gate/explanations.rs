//! How a decision is explained (R38).

use crate::support::{CHAT, at, budget, models, organization, project, restricted, snapshot, spend};
use mete_core::decision::{Decision, Refusal};
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_core::{Nanos, Timestamp};
use mete_gate::{Explanation, Gate, Request, Rule, Verdict};
use mete_store::GateSnapshot;
use serde_json::json;

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// The sub-organization Lab of Acme with the project Bot; every budget is $10.
fn directory() -> GateSnapshot {
    let organizations = vec![organization("Acme", None, budget(10)), organization("Lab", Some("Acme"), budget(10))];
    snapshot(1, organizations, vec![project("Bot", "Lab", budget(10))])
}

/// The rules that have this verdict, by name.
fn rules_that(explanation: &Explanation, verdict: Verdict) -> Vec<String> {
    let reports = explanation.rules.iter().filter(|report| report.verdict == verdict);
    reports.map(|report| serde_json::to_value(report).unwrap()["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn r38_explain_gives_each_rule_with_its_figures() {
    let gate = Gate::new(directory());
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(4));
    let request = Request { bytes: Some(7), ..CHAT };
    let allowed = gate.explain(now(), KeyHash::of("sk-Bot"), &request);
    assert_eq!(allowed, gate.explain_id(now(), "key_Bot", &request));
    assert_eq!(allowed.decision, Decision::Allow);
    assert!(allowed.rules.iter().all(|report| report.verdict == Verdict::Ok), "{allowed:?}");
    assert_eq!(allowed.rules.len(), 9);

    let mut tight = directory();
    tight.keys[0].permissions = restricted(&["chat_completions=write"]);
    tight.projects[0].models = models(&["gpt-4o"]);
    tight.organizations[0].limits =
        Limits { budget: Some(Nanos::from_dollars(4)), threshold: Some(Nanos::from_dollars(3)) };
    gate.replace_directory(tight);
    let shown = serde_json::to_value(gate.explain_id(now(), "key_Bot", &CHAT)).unwrap();
    let until = "2026-12-01T00:00:00Z";
    assert_eq!(
        shown,
        json!({
            "at": "2026-11-23T12:00:00Z",
            "month": "2026-11",
            "decision": "refuse",
            "status": 429,
            "type": "insufficient_quota",
            "code": "organization_spend_limit_exceeded",
            "message": "The monthly budget of the organization 'Acme' is exhausted: $4 of $4 are spent. \
                        It starts anew on 2026-12-01T00:00:00Z, or when an organization owner raises it.",
            "key_id": "key_Bot",
            "project_id": "proj_Bot",
            "rules": [
                {"rule": "key_known", "verdict": "ok"},
                {"rule": "key_status", "status": "active", "expires_at": null, "secret_valid_until": null,
                 "verdict": "ok"},
                {"rule": "project_status", "id": "proj_Bot", "name": "Bot", "status": "active", "verdict": "ok"},
                {"rule": "permission", "permissions": "restricted", "scopes": {"chat_completions": "write"},
                 "needed": "chat_completions.write", "verdict": "ok"},
                {"rule": "model", "model": "gpt-4o", "project_models": ["gpt-4o"], "organization_models": null,
                 "verdict": "ok"},
                {"rule": "organization_budget", "id": "org-Lab", "name": "Lab", "spend": "4", "budget": "10",
                 "threshold": null, "until": until, "verdict": "ok"},
                {"rule": "parent_budget", "id": "org-Acme", "name": "Acme", "spend": "4", "budget": "4",
                 "threshold": "3", "until": until, "verdict": "refused"},
                {"rule": "project_budget", "id": "proj_Bot", "name": "Bot", "spend": "4", "budget": "10",
                 "threshold": null, "until": until, "verdict": "not_asked"},
                {"rule": "file_quota", "id": "proj_Bot", "name": "Bot", "stored": 0, "upload": null, "quota": 1000,
                 "verdict": "not_asked"},
            ],
        })
    );
}

#[test]
fn r38_what_is_not_told_is_not_asked() {
    let mut narrow = directory();
    narrow.keys[0].permissions = restricted(&["files=read"]);
    narrow.organizations[1].models = models(&["o3"]);
    let gate = Gate::new(narrow);
    let explain = |request: &Request<'_>| gate.explain_id(now(), "key_Bot", request);
    let untold = explain(&Request::default());
    assert_eq!(untold.decision, Decision::Allow);
    assert_eq!(rules_that(&untold, Verdict::NotAsked), ["permission", "model", "file_quota"]);
    let model = explain(&Request { model: Some("gpt-4o"), ..Request::default() });
    assert_eq!(rules_that(&model, Verdict::Refused), ["model"]);
    let shown = serde_json::to_value(explain(&CHAT)).unwrap();
    assert_eq!(
        (&shown["status"], &shown["code"], &shown["type"]),
        (&json!(403), &json!(null), &json!("invalid_request_error"))
    );
    assert_eq!(rules_that(&explain(&CHAT), Verdict::Refused), ["permission"]);
}

#[test]
fn r38_an_unknown_key_is_explained_too() {
    let gate = Gate::new(directory());
    let explanation = gate.explain_id(now(), "key_nobody", &CHAT);
    assert_eq!(explanation.refusal(), Some(&Refusal::UnknownKey));
    assert_eq!((&explanation.key_id, explanation.rules.len()), (&None, 1));
    assert_eq!((&explanation.rules[0].rule, explanation.rules[0].verdict), (&Rule::KeyKnown, Verdict::Refused));
    let shown = serde_json::to_value(explanation).unwrap();
    assert_eq!((&shown["decision"], &shown["status"], &shown["key_id"]), (&json!("refuse"), &json!(401), &json!(null)));
}

#[test]
fn r38_a_project_is_explained_by_the_rules_of_all_its_keys() {
    let gate = Gate::new(directory());
    let explained = gate.explain_project(now(), "proj_Bot", &CHAT).unwrap();
    assert_eq!((&explained.decision, &explained.key_id), (&Decision::Allow, &None));
    assert_eq!(explained.project_id.as_deref(), Some("proj_Bot"));
    let asked = rules_that(&explained, Verdict::Ok);
    assert_eq!(asked, ["project_status", "model", "organization_budget", "parent_budget", "project_budget"]);
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(10));
    let refused = gate.explain_project(now(), "proj_Bot", &Request::default()).unwrap();
    assert_eq!(refused.refusal().and_then(Refusal::code), Some("organization_spend_limit_exceeded"));
    assert_eq!(gate.explain_project(now(), "proj_nobody", &CHAT), None);
    assert_eq!(gate.project_named("Bot").as_deref(), Some("proj_Bot"));
    assert_eq!((gate.project_named("proj_Bot").as_deref(), gate.project_named("Bat")), (Some("proj_Bot"), None));
}
