//! Manual blocks and releases (R41).

use crate::support::{
    CHAT, at, block, budget, code, organization, project, refusal, refusal_of, release, snapshot, spend, store, upload,
};
use mete_core::Nanos;
use mete_core::decision::{Blocked, Refusal};
use mete_core::directory::KeyStatus;
use mete_gate::{ByHand, Gate, Rule, Verdict};
use mete_store::{GateOverride, GateSnapshot};

const NOW: &str = "2026-11-23T12:00:00Z";
const LATER: &str = "2026-11-25T00:00:00Z";
const BEFORE_LATER: &str = "2026-11-24T23:59:59.999999Z";

/// The sub-organization Lab of Acme with the projects Bot and Cat; every budget is $10.
fn directory(overrides: Vec<GateOverride>) -> GateSnapshot {
    let organizations = vec![organization("Acme", None, budget(10)), organization("Lab", Some("Acme"), budget(10))];
    let projects = ["Bot", "Cat"].map(|name| project(name, "Lab", budget(10))).into();
    GateSnapshot { overrides, ..snapshot(1, organizations, projects) }
}

fn blocked(project: Option<&str>, scope_id: &str, until: Option<&str>) -> Option<Refusal> {
    let reason = format!("blocked {scope_id}");
    Some(Refusal::Blocked(Blocked { project: project.map(str::to_owned), reason, until: until.map(at) }))
}

#[test]
fn r41_a_block_refuses_its_key_or_its_project_and_nobody_else() {
    let gate = Gate::new(directory(vec![block("key_Bot", None)]));
    assert_eq!(refusal(&gate, "Bot", at(NOW)), blocked(None, "key_Bot", None));
    assert_eq!(refusal(&gate, "Cat", at(NOW)), None);
    gate.replace_directory(directory(vec![block("proj_Cat", None)]));
    assert_eq!(refusal(&gate, "Cat", at(NOW)), blocked(Some("Cat"), "proj_Cat", None));
    assert_eq!(refusal(&gate, "Bot", at(NOW)), None);
    let refused = refusal(&gate, "Cat", at(NOW)).unwrap();
    assert_eq!((refused.status(), refused.kind(), refused.code()), (429, "insufficient_quota", Some("access_blocked")));
    assert!(refused.forbids_retry());
    gate.replace_directory(directory(vec![]));
    assert_eq!(refusal(&gate, "Cat", at(NOW)), None, "lifted");
}

#[test]
fn r41_a_block_ends_at_its_very_instant() {
    let gate = Gate::new(directory(vec![block("key_Bot", Some(LATER))]));
    assert_eq!(refusal(&gate, "Bot", at(BEFORE_LATER)), blocked(None, "key_Bot", Some(LATER)));
    assert_eq!(refusal(&gate, "Bot", at(LATER)), None);
}

#[test]
fn r41_of_several_blocks_the_one_that_ends_last_is_told_and_the_keys_own_first() {
    let both = vec![block("key_Bot", Some(LATER)), block("key_Bot", Some(NOW)), block("proj_Bot", None)];
    let gate = Gate::new(directory(both));
    assert_eq!(refusal(&gate, "Bot", at("2026-11-23T11:00:00Z")), blocked(None, "key_Bot", Some(LATER)));
    assert_eq!(refusal(&gate, "Bot", at(LATER)), blocked(Some("Bot"), "proj_Bot", None));
    gate.replace_directory(directory(vec![block("key_Bot", None), block("key_Bot", Some(LATER))]));
    assert_eq!(refusal(&gate, "Bot", at(NOW)), blocked(None, "key_Bot", None));
}

#[test]
fn r41_a_release_stands_in_for_every_budget_until_it_ends() {
    for scope in ["key_Bot", "proj_Bot"] {
        let gate = Gate::new(directory(vec![release(scope, Some(LATER))]));
        spend(&gate, "Bot", "2026-11", Nanos::from_dollars(11));
        assert_eq!(code(&gate, "Bot", at(BEFORE_LATER)), "ok", "{scope}");
        assert_eq!(code(&gate, "Cat", at(BEFORE_LATER)), "organization_spend_limit_exceeded", "{scope}");
        assert_eq!(code(&gate, "Bot", at(LATER)), "organization_spend_limit_exceeded", "{scope}");
        let over = gate.explain_id(at(LATER), "key_Bot", &CHAT);
        assert!(!over.rules.iter().any(|report| matches!(report.rule, Rule::ManualRelease(_))), "{over:?}");
    }
}

#[test]
fn r41_a_release_releases_from_budgets_only() {
    let released = || directory(vec![release("key_Bot", None), release("proj_Bot", None)]);
    let gate = Gate::new(released());
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(11));
    store(&gate, "Bot", 1_000);
    assert_eq!(code(&gate, "Bot", at(NOW)), "ok");
    let full = refusal_of(&gate, "Bot", at(NOW), &upload(1)).unwrap();
    assert_eq!(full.code(), Some("file_storage_quota_exceeded"));
    let mut blocked = released();
    blocked.overrides.push(block("proj_Bot", None));
    gate.replace_directory(blocked.clone());
    assert_eq!(code(&gate, "Bot", at(NOW)), "access_blocked");
    blocked.keys[0].status = KeyStatus::Revoked;
    gate.replace_directory(blocked);
    assert_eq!(refusal(&gate, "Bot", at(NOW)), Some(Refusal::KeyRevoked));
}

#[test]
fn r41_blocks_and_releases_are_shown_with_their_reason_and_end() {
    let gate = Gate::new(directory(vec![release("proj_Bot", Some(LATER))]));
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(11));
    let shown = |gate: &Gate| -> Vec<(Rule, Verdict)> {
        let rules = gate.explain_id(at(NOW), "key_Bot", &CHAT).rules.into_iter();
        rules.map(|report| (report.rule, report.verdict)).collect()
    };
    let by_hand = |id: &str, what: &str| ByHand {
        id: id.into(),
        reason: format!("{what} {id}"),
        until: (what == "released").then(|| at(LATER)),
    };
    let rules = shown(&gate);
    assert!(rules.contains(&(Rule::ManualRelease(by_hand("proj_Bot", "released")), Verdict::Ok)), "{rules:?}");
    let budgets: Vec<Verdict> = rules
        .iter()
        .filter(|(rule, _)| {
            matches!(rule, Rule::OrganizationBudget(_) | Rule::ParentBudget(_) | Rule::ProjectBudget(_))
        })
        .map(|(_, verdict)| *verdict)
        .collect();
    assert_eq!(budgets, [Verdict::NotAsked; 3]);

    gate.replace_directory(directory(vec![block("key_Bot", None), release("proj_Bot", Some(LATER))]));
    let rules = shown(&gate);
    assert!(rules.contains(&(Rule::ManualBlock(by_hand("key_Bot", "blocked")), Verdict::Refused)), "{rules:?}");
    assert!(rules.contains(&(Rule::ManualRelease(by_hand("proj_Bot", "released")), Verdict::NotAsked)), "{rules:?}");
}
