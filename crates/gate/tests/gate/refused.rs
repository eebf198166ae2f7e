//! The list for gateways that cannot ask.

use mete_core::Nanos;
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_gate::Gate;
use mete_store::{GateKey, GateOldSecret, GateSnapshot};

use crate::support::{at, block, budget, key, models, organization, project, release, restricted, snapshot, spend};

const NOW: &str = "2026-11-23T12:00:00Z";
const LATER: &str = "2026-11-25T00:00:00Z";
const MONTH_END: &str = "2026-12-01T00:00:00Z";

/// Sub-organization Lab of Acme with a project for each reason, and Good, which is refused nothing.
fn directory() -> GateSnapshot {
    let organizations =
        vec![organization("Acme", None, budget(100)), organization("Lab", Some("Acme"), Limits::default())];
    let names = ["Good", "Disabled", "Expired", "Archived", "Blocked", "Spent", "Narrow", "Model", "Released"];
    let mut snapshot = snapshot(1, organizations, names.map(|name| project(name, "Lab", budget(10))).into());
    let change = |snapshot: &mut GateSnapshot, name: &str, change: &dyn Fn(&mut GateKey)| {
        snapshot.keys.iter_mut().filter(|key| key.project_id == format!("proj_{name}")).for_each(change);
    };
    change(&mut snapshot, "Disabled", &|key| key.status = KeyStatus::Disabled);
    change(&mut snapshot, "Expired", &|key| key.expires_at = Some(at(NOW)));
    change(&mut snapshot, "Narrow", &|key| key.permissions = restricted(&["files=read"]));
    snapshot.projects[3].archived = true;
    snapshot.projects[7].models = models(&["o3"]);
    snapshot.overrides = vec![block("proj_Blocked", Some(LATER)), release("key_Released", Some(LATER))];
    let valid_until = at(NOW);
    let hash = KeyHash::of("sk-old");
    snapshot.old_secrets = vec![GateOldSecret { key_id: "key_Good".into(), hash, valid_until }];
    snapshot
}

/// Code and end of each secret's refusal, by the secret.
fn listed(gate: &Gate, now: &str, secrets: &[&str]) -> Vec<(String, &'static str, Option<String>)> {
    let list = gate.refused(at(now));
    assert!(gate.is_current(&list, at(now)));
    assert!(list.keys.is_sorted_by_key(|key| key.hash.0));
    let secret_of = |hash: KeyHash| secrets.iter().find(|secret| KeyHash::of(secret) == hash).unwrap().to_string();
    let told = list.keys.iter().map(|key| (secret_of(key.hash), key.code, key.until.map(|until| until.to_string())));
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

const SECRETS: [&str; 10] = [
    "sk-Good",
    "sk-Disabled",
    "sk-Expired",
    "sk-Archived",
    "sk-Blocked",
    "sk-Spent",
    "sk-Narrow",
    "sk-Model",
    "sk-Released",
    "sk-old",
];

fn row(secret: &str, code: &'static str, until: Option<&str>) -> (String, &'static str, Option<String>) {
    (secret.to_owned(), code, until.map(str::to_owned))
}

#[test]
fn each_reason_that_holds_for_every_request_is_listed_and_no_other() {
    let gate = Gate::new(directory());
    for name in ["Spent", "Released"] {
        spend(&gate, name, "2026-11", Nanos::from_dollars(10));
    }
    let mut always = vec![
        row("sk-Archived", "not_authorized_invalid_project", None),
        row("sk-Blocked", "access_blocked", Some(LATER)),
        row("sk-Disabled", "invalid_api_key", None),
        row("sk-Expired", "invalid_api_key", None),
        row("sk-Spent", "project_spend_limit_exceeded", Some(MONTH_END)),
        row("sk-old", "invalid_api_key", None),
    ];
    assert_eq!(listed(&gate, NOW, &SECRETS), always);

    // A block has ended, and so has a release.
    always[1] = row("sk-Released", "project_spend_limit_exceeded", Some(MONTH_END));
    always.sort();
    assert_eq!(listed(&gate, LATER, &SECRETS), always);

    // A new month.
    always.retain(|(.., until)| until.is_none());
    assert_eq!(listed(&gate, MONTH_END, &SECRETS), always);
}

#[test]
fn r3_the_budget_of_the_organization_above_refuses_all() {
    let gate = Gate::new(directory());
    spend(&gate, "Good", "2026-11", Nanos::from_dollars(100));
    let told = listed(&gate, NOW, &SECRETS);
    let codes: Vec<_> = told.iter().filter(|row| row.1 == "organization_spend_limit_exceeded").collect();
    assert_eq!(codes.len(), 4, "Good, Spent, Narrow, Model: the others have an earlier reason or a release: {told:?}");
}

#[test]
fn a_list_is_current_until_somebody_is_refused_or_let_in() {
    let gate = Gate::new(directory());
    let list = gate.refused(at(NOW));
    spend(&gate, "Spent", "2026-11", Nanos::from_dollars(9));
    assert!(gate.is_current(&list, at(NOW)), "nobody's budget is used up");
    assert!(gate.is_current(&list, at("2026-11-24T23:59:59Z")));
    assert!(!gate.is_current(&list, at(LATER)), "the block and the release end");
    assert!(!gate.is_current(&list, at(MONTH_END)));
    spend(&gate, "Spent", "2026-11", Nanos::from_dollars(10));
    assert!(!gate.is_current(&list, at(NOW)));
    let list = gate.refused(at(NOW));
    spend(&gate, "Spent", "2026-11", Nanos::from_dollars(11));
    assert!(gate.is_current(&list, at(NOW)), "it is used up as before");
    gate.replace_directory(directory());
    assert!(!gate.is_current(&list, at(NOW)));
}

#[test]
fn a_key_that_expires_makes_a_list_old() {
    let mut directory = directory();
    directory.overrides.clear();
    directory.keys.push(GateKey {
        id: "key_short".into(),
        hash: KeyHash::of("sk-short"),
        expires_at: Some(at("2026-11-23T12:00:05Z")),
        ..key("Good")
    });
    let gate = Gate::new(directory);
    let list = gate.refused(at(NOW));
    assert!(gate.is_current(&list, at("2026-11-23T12:00:04Z")));
    assert!(!gate.is_current(&list, at("2026-11-23T12:00:05Z")));
    let list = gate.refused(at("2026-11-23T12:00:05Z"));
    assert!(list.keys.iter().any(|key| key.hash == KeyHash::of("sk-short")));
}
