//! Budgets of models, members and keys within a project (R25, R26).

use mete_core::decision::Refusal;
use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_core::secret::KeyHash;
use mete_core::{Nanos, Timestamp};
use mete_gate::{Credential, Denied, Gate, Hold, Remaining, Request, Rule, Terms, Verdict, Wanted};
use mete_store::{GateKey, GatePart, GateSnapshot, HoldLease};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::{
    CHAT, at, budget, code, code_of, ids, key, month, organization, part, part_spend, project, refusal, refusal_of,
    release, snapshot, spend, take,
};

const MODEL: (PartKind, &str) = (PartKind::Model, "gpt-4o");
const MEMBER: (PartKind, &str) = (PartKind::Member, "user-1");
const KEY: (PartKind, &str) = (PartKind::Key, "key_A");

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

fn dollars(amount: i64) -> Nanos {
    Nanos::from_dollars(amount)
}

/// Project A with $100, whose keys A and A2 are one member's, and project B, which has no such budgets.
fn directory(change_seq: i64, parts: Vec<GatePart>) -> GateSnapshot {
    let projects = vec![project("A", "Acme", budget(100)), project("B", "Acme", Limits::default())];
    let mut snapshot = snapshot(change_seq, vec![organization("Acme", None, Limits::default())], projects);
    snapshot.keys.push(GateKey { project_id: "proj_A".into(), ..key("A2") });
    GateSnapshot { parts, ..snapshot }
}

fn key_budget(amount: i64) -> GatePart {
    part("A", KEY, dollars(amount), &["key_A"])
}

fn member_budget(amount: i64) -> GatePart {
    part("A", MEMBER, dollars(amount), &["key_A", "key_A2"])
}

fn model_budget(amount: i64) -> GatePart {
    part("A", MODEL, dollars(amount), &[])
}

fn codes(gate: &Gate) -> [&'static str; 3] {
    ["A", "A2", "B"].map(|name| code(gate, name, now()))
}

#[test]
fn r26_a_key_over_its_own_budget_is_refused_and_nobody_else_until_it_is_raised() {
    let gate = Gate::new(directory(1, vec![key_budget(5)]));
    gate.set_part_spend(&[part_spend("A", KEY, dollars(5), 1)]);
    spend(&gate, "A", "2026-11", dollars(5));
    assert_eq!(codes(&gate), ["key_spend_limit_exceeded", "ok", "ok"]);
    let Some(Refusal::KeyBudget(figures)) = refusal(&gate, "A", now()) else { panic!("not the key's") };
    assert_eq!((figures.spend, figures.budget, figures.until), (dollars(5), dollars(5), month("2026-11").end()));
    assert_eq!(figures.scope, "key_A by name");
    gate.replace_directory(directory(2, vec![key_budget(6)]));
    assert_eq!(codes(&gate), ["ok"; 3], "raised");
    gate.replace_directory(directory(3, vec![key_budget(0)]));
    assert_eq!(codes(&gate)[0], "key_spend_limit_exceeded", "nothing may be spent");
    assert_eq!(code(&gate, "A", month("2026-12").start()), "key_spend_limit_exceeded");
    gate.replace_directory(directory(4, vec![]));
    assert_eq!(codes(&gate), ["ok"; 3], "taken away");
}

#[test]
fn r25_a_members_budget_is_that_of_all_their_keys_in_the_project_together() {
    let gate = Gate::new(directory(1, vec![member_budget(5)]));
    gate.set_part_spend(&[part_spend("A", MEMBER, dollars(5), 1)]);
    assert_eq!(codes(&gate), ["member_spend_limit_exceeded", "member_spend_limit_exceeded", "ok"]);
    assert_eq!(code(&gate, "A2", month("2026-12").start()), "ok", "a month has its own");
}

/// It is asked for the model exactly as it is told, as a list of models is (R23); who tells none is not asked.
#[test]
fn r25_a_models_budget_is_asked_where_the_model_is_told() {
    let gate = Gate::new(directory(1, vec![model_budget(5)]));
    gate.set_part_spend(&[part_spend("A", MODEL, dollars(7), 1)]);
    let of_model = |model| code_of(refusal_of(&gate, "A", now(), &Request { model, ..CHAT }).as_ref());
    assert_eq!(of_model(Some("gpt-4o")), "model_spend_limit_exceeded");
    assert_eq!(of_model(Some("gpt-4o-2024-08-06")), "ok");
    assert_eq!(of_model(None), "ok");
    assert_eq!(codes(&gate), ["model_spend_limit_exceeded", "model_spend_limit_exceeded", "ok"]);
}

#[test]
fn r41_a_release_stands_in_for_them_too() {
    let mut released = directory(1, vec![key_budget(0), member_budget(0), model_budget(0)]);
    released.overrides = vec![release("key_A", Some("2026-11-23T12:00:00.000001Z"))];
    let gate = Gate::new(released);
    assert_eq!(codes(&gate), ["ok", "model_spend_limit_exceeded", "ok"]);
    assert_eq!(code(&gate, "A", now().plus(1)), "model_spend_limit_exceeded");
}

/// Readers of the store and commits tell totals at once: the newest state of the ledger counts, whichever comes last.
#[test]
fn totals_of_an_older_state_of_the_ledger_are_passed_by() {
    let gate = Gate::new(directory(1, vec![]));
    gate.set_part_spend(&[part_spend("A", KEY, dollars(5), 8)]);
    gate.set_part_spend(&[part_spend("A", KEY, dollars(4), 7)]);
    gate.replace_directory(directory(2, vec![key_budget(5)]));
    assert_eq!(code(&gate, "A", now()), "key_spend_limit_exceeded", "known before the budget was");
    gate.set_part_spend(&[part_spend("A", KEY, dollars(4), 9)]);
    assert_eq!(code(&gate, "A", now()), "ok", "a correction takes away");
}

fn price(amount: i64) -> Wanted<'static> {
    Wanted { price: Some(dollars(amount)), request_id: None, ..Wanted::default() }
}

#[test]
fn r40_holds_take_from_them_and_the_answer_tells_what_they_leave() {
    let parts = vec![key_budget(5), member_budget(8), model_budget(20)];
    let gate = Gate::new(directory(1, parts)).with_terms(Terms::new(ids()));
    let mut random = StdRng::seed_from_u64(1);
    let credential = Credential::Secret(Some("sk-A"));
    let first = gate.authorize(now(), credential, &CHAT, &price(3), &mut random);
    let left = |project, model, member, key| Remaining {
        project: Some(dollars(project)),
        model: Some(dollars(model)),
        member: Some(dollars(member)),
        key,
        ..Remaining::default()
    };
    assert_eq!(first.remaining, left(97, 17, 5, Some(dollars(2))));
    let refused = take(&gate, "A", now(), &price(3), &mut random);
    assert!(matches!(refused, Err(Denied::Refused(Refusal::KeyBudget(figures))) if figures.held == dollars(3)));
    let other: Option<Hold> = take(&gate, "A2", now(), &price(5), &mut random).unwrap();
    assert!(other.is_some());
    let refused = take(&gate, "A2", now(), &price(1), &mut random);
    assert!(matches!(refused, Err(Denied::Refused(Refusal::MemberBudget(_)))));
    assert!(gate.release(now(), &first.outcome.unwrap().unwrap().id));
    let looked = gate.look(now(), Credential::Secret(Some("sk-A2")), &CHAT, &Wanted::default());
    assert_eq!(looked.remaining, left(95, 15, 3, None));
}

/// Nobody knows for which key an earlier life held money: it counts for each, until its time is over.
#[test]
fn r40_what_other_lives_leased_of_the_project_counts_for_each_of_its_parts() {
    let gate = Gate::new(directory(1, vec![key_budget(5), model_budget(50)])).with_terms(Terms::new(ids()));
    let ends_at = now().plus(1);
    gate.assume(&[HoldLease { daemon: "d".into(), project_id: "proj_A".into(), amount: dollars(20), ends_at }]);
    let looked = gate.look(now(), Credential::Secret(Some("sk-A")), &CHAT, &Wanted::default());
    assert_eq!((looked.remaining.key, looked.remaining.model), (Some(Nanos::ZERO), Some(dollars(30))));
    assert_eq!(codes(&gate), ["key_spend_limit_exceeded", "ok", "ok"]);
    assert_eq!(code(&gate, "A", ends_at), "ok");
}

/// Gateways that cannot ask are told of keys and members; which model a request names nobody knows before it is made.
#[test]
fn r37_the_list_of_refused_keys_has_those_whose_own_or_owners_budget_is_spent() {
    let gate = Gate::new(directory(1, vec![key_budget(5), member_budget(9), model_budget(1)]));
    let listed = |gate: &Gate| {
        let list = gate.refused(now());
        let mut told: Vec<_> = list.keys.iter().map(|key| (key.hash, key.code, key.until)).collect();
        told.sort_by_key(|(_, code, _)| *code);
        (list, told)
    };
    let (list, told) = listed(&gate);
    assert_eq!(told, []);
    gate.set_part_spend(&[part_spend("A", MODEL, dollars(5), 1)]);
    assert!(gate.is_current(&list, now()), "a model's budget refuses no key");
    gate.set_part_spend(&[part_spend("A", KEY, dollars(5), 2)]);
    assert!(!gate.is_current(&list, now()));
    let end = Some(month("2026-11").end());
    let key = |name: &str| KeyHash::of(&format!("sk-{name}"));
    assert_eq!(listed(&gate).1, [(key("A"), "key_spend_limit_exceeded", end)]);
    gate.set_part_spend(&[part_spend("A", MEMBER, dollars(9), 3)]);
    let mut keys: Vec<_> = listed(&gate).1.into_iter().map(|(hash, ..)| hash.0).collect();
    keys.sort_unstable();
    let mut expected = [key("A").0, key("A2").0];
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn r38_each_has_its_rule_with_figures_in_the_explanation() {
    let gate = Gate::new(directory(1, vec![key_budget(5), member_budget(9), model_budget(7)]));
    gate.set_part_spend(&[part_spend("A", MEMBER, dollars(9), 1), part_spend("A", MODEL, dollars(1), 1)]);
    let explained = gate.explain_id(now(), "key_A", &CHAT);
    let told: Vec<_> = explained
        .rules
        .iter()
        .filter_map(|report| match &report.rule {
            Rule::ModelBudget(figures) | Rule::MemberBudget(figures) | Rule::KeyBudget(figures) => {
                Some((figures.id.as_str(), figures.spend, figures.budget, report.verdict))
            }
            _ => None,
        })
        .collect();
    let expected = [
        ("gpt-4o", Some(dollars(1)), Some(dollars(7)), Verdict::Ok),
        ("user-1", Some(dollars(9)), Some(dollars(9)), Verdict::Refused),
        ("key_A", Some(Nanos::ZERO), Some(dollars(5)), Verdict::NotAsked),
    ];
    assert_eq!(told, expected);
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(json["code"], "member_spend_limit_exceeded");
    let other = gate.explain_id(now(), "key_B", &CHAT);
    assert!(other.rules.iter().all(|report| !matches!(report.rule, Rule::KeyBudget(_) | Rule::MemberBudget(_))));
}
