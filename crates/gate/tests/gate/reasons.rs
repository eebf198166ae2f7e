//! Which reason is given, and how it is explained (R37, R38).

use crate::support::{at, budget, key, organization, project, refusal, snapshot, spend};
use mete_core::decision::{Decision, Refusal};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_core::{Nanos, Timestamp};
use mete_gate::{Gate, Rule, Verdict};
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

/// Everything that can be wrong with Bot's key is wrong, and one after another is put right.
#[test]
fn r37_the_first_reason_of_the_table_is_given() {
    let mut wrong = directory();
    wrong.keys[0].status = KeyStatus::Revoked;
    wrong.projects[0].archived = true;
    let gate = Gate::new(wrong.clone());
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(11));
    let told = |snapshot: &GateSnapshot| {
        gate.replace_directory(snapshot.clone());
        refusal(&gate, "Bot", now())
    };
    assert_eq!(told(&wrong), Some(Refusal::KeyRevoked));
    wrong.keys[0].status = KeyStatus::Disabled;
    assert_eq!(told(&wrong), Some(Refusal::KeyDisabled));
    wrong.keys[0].status = KeyStatus::Active;
    assert_eq!(told(&wrong), Some(Refusal::ProjectArchived { project: "Bot".to_owned() }));
    wrong.projects[0].archived = false;
    assert!(matches!(told(&wrong), Some(Refusal::OrganizationBudget(figures)) if figures.scope == "Lab"));
    wrong.organizations[1].limits = Limits::default();
    assert!(matches!(told(&wrong), Some(Refusal::OrganizationBudget(figures)) if figures.scope == "Acme"));
    wrong.organizations[0].limits = Limits::default();
    assert!(matches!(told(&wrong), Some(Refusal::ProjectBudget(figures)) if figures.scope == "Bot"));
    wrong.projects[0].limits = Limits::default();
    assert_eq!(told(&wrong), None);
}

#[test]
fn r37_no_key_and_unknown_keys_are_refused() {
    let gate = Gate::new(directory());
    assert_eq!(gate.decide(now(), None), Decision::Refuse(Refusal::NoKey));
    for secret in ["", "sk-bot", "sk-Bot ", "key_Bot"] {
        assert_eq!(gate.decide(now(), Some(secret)), Decision::Refuse(Refusal::UnknownKey), "{secret:?}");
    }
    assert_eq!(gate.decide_hash(now(), KeyHash::of("sk-Bot")), Decision::Allow);
    let caller = gate.admit(now(), Some("sk-Bot")).unwrap();
    assert_eq!((&caller.key_id[..], &caller.project_id[..]), (&b"key_Bot"[..], &b"proj_Bot"[..]));
}

/// What a snapshot points to and does not hold must never let a key through without its limits.
#[test]
fn keys_without_their_project_or_organization_are_refused() {
    let mut torn = directory();
    torn.keys.push(key("missing"));
    torn.projects.push(project("stray", "nowhere", Limits::default()));
    torn.keys.push(key("stray"));
    torn.organizations.push(organization("orphan", Some("nowhere"), Limits::default()));
    torn.projects.push(project("orphaned", "orphan", Limits::default()));
    torn.keys.push(key("orphaned"));
    let gate = Gate::new(torn);
    for name in ["missing", "stray", "orphaned"] {
        assert_eq!(refusal(&gate, name, now()), Some(Refusal::UnknownKey), "{name}");
    }
    assert_eq!(refusal(&gate, "Bot", now()), None);
}

#[test]
fn r38_explain_gives_each_rule_with_its_figures() {
    let gate = Gate::new(directory());
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(4));
    let allowed = gate.explain(now(), KeyHash::of("sk-Bot"));
    assert_eq!(allowed, gate.explain_id(now(), "key_Bot"));
    assert_eq!(allowed.decision, Decision::Allow);
    assert!(allowed.rules.iter().all(|report| report.verdict == Verdict::Ok));
    assert_eq!(allowed.rules.len(), 6);

    let mut tight = directory();
    tight.organizations[0].limits =
        Limits { budget: Some(Nanos::from_dollars(4)), threshold: Some(Nanos::from_dollars(3)) };
    gate.replace_directory(tight);
    let shown = serde_json::to_value(gate.explain_id(now(), "key_Bot")).unwrap();
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
                {"rule": "key_status", "status": "active", "verdict": "ok"},
                {"rule": "project_status", "id": "proj_Bot", "name": "Bot", "status": "active", "verdict": "ok"},
                {"rule": "organization_budget", "id": "org-Lab", "name": "Lab", "spend": "4", "budget": "10",
                 "threshold": null, "until": until, "verdict": "ok"},
                {"rule": "parent_budget", "id": "org-Acme", "name": "Acme", "spend": "4", "budget": "4",
                 "threshold": "3", "until": until, "verdict": "refused"},
                {"rule": "project_budget", "id": "proj_Bot", "name": "Bot", "spend": "4", "budget": "10",
                 "threshold": null, "until": until, "verdict": "not_asked"},
            ],
        })
    );
}

#[test]
fn r38_an_unknown_key_is_explained_too() {
    let gate = Gate::new(directory());
    let explanation = gate.explain_id(now(), "key_nobody");
    assert_eq!(explanation.refusal(), Some(&Refusal::UnknownKey));
    assert_eq!((&explanation.key_id, explanation.rules.len()), (&None, 1));
    assert_eq!((&explanation.rules[0].rule, explanation.rules[0].verdict), (&Rule::KeyKnown, Verdict::Refused));
    let shown = serde_json::to_value(explanation).unwrap();
    assert_eq!((&shown["decision"], &shown["status"], &shown["key_id"]), (&json!("refuse"), &json!(401), &json!(null)));
}
