//! The table of R37: of any two reasons the first is given, with what its row says.

use mete_core::Nanos;
use mete_core::Timestamp;
use mete_core::decision::Decision;
use mete_core::directory::KeyStatus;
use mete_core::parts::PartKind;
use mete_core::rates::{RateLimit, Rates};
use mete_gate::{Gate, Request};
use mete_store::GateSnapshot;

use crate::support::{
    at, block, budget, models, organization, part, part_spend, project, restricted, snapshot, spend, store, upload,
};

/// A row: what is wrong, and the status, type and code of its refusal.
type Row = (&'static str, fn(&mut GateSnapshot), u16, &'static str, Option<&'static str>);

const BAD: &str = "invalid_request_error";
const QUOTA: &str = "insufficient_quota";

const TABLE: [Row; 13] = [
    ("key disabled", |s| s.keys[0].status = KeyStatus::Disabled, 401, BAD, Some("invalid_api_key")),
    ("project archived", |s| s.projects[0].archived = true, 401, BAD, Some("not_authorized_invalid_project")),
    ("permission missing", |s| s.keys[0].permissions = restricted(&["files=read"]), 403, BAD, None),
    ("model not in the list", |s| s.projects[0].models = models(&["gpt-4o"]), 403, BAD, Some("model_not_found")),
    ("manual block", |s| s.overrides.push(block("key_Bot", None)), 429, QUOTA, Some("access_blocked")),
    ("organization budget", |s| limit_organization(s, 1), 429, QUOTA, Some("organization_spend_limit_exceeded")),
    ("budget above it", |s| limit_organization(s, 0), 429, QUOTA, Some("organization_spend_limit_exceeded")),
    ("project budget", |s| s.projects[0].limits = budget(10), 429, QUOTA, Some("project_spend_limit_exceeded")),
    ("model budget", |s| limit_part(s, PartKind::Model, "o3"), 429, QUOTA, Some("model_spend_limit_exceeded")),
    ("member budget", |s| limit_part(s, PartKind::Member, "user-1"), 429, QUOTA, Some("member_spend_limit_exceeded")),
    ("key budget", |s| limit_part(s, PartKind::Key, "key_Bot"), 429, QUOTA, Some("key_spend_limit_exceeded")),
    ("file quota", |s| s.file_quota = 1_000, 413, BAD, Some("file_storage_quota_exceeded")),
    (
        "rate limit",
        |s| s.rate_limits.push(("org-Acme".into(), none_a_minute())),
        429,
        "requests",
        Some("rate_limit_exceeded"),
    ),
];

fn limit_organization(snapshot: &mut GateSnapshot, number: usize) {
    snapshot.organizations[number].limits = budget(10);
}

fn limit_part(snapshot: &mut GateSnapshot, kind: PartKind, id: &str) {
    let keys: &[&str] = if kind == PartKind::Model { &[] } else { &["key_Bot"] };
    snapshot.parts.push(part("Bot", (kind, id), Nanos::from_dollars(10), keys));
}

fn none_a_minute() -> RateLimit {
    RateLimit { model: "o3".into(), rates: Rates { max_requests_per_1_minute: Some(0), ..Rates::default() } }
}

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// The project Bot of Lab, below Acme, with $11 spent by its key and with its model, and 1000 bytes stored; nothing is
/// limited.
fn directory() -> GateSnapshot {
    let none = mete_core::limits::Limits::default();
    let organizations = vec![organization("Acme", None, none), organization("Lab", Some("Acme"), none)];
    GateSnapshot { file_quota: u64::MAX, ..snapshot(1, organizations, vec![project("Bot", "Lab", none)]) }
}

fn gate(wrong: &[&Row]) -> Gate {
    let mut snapshot = directory();
    wrong.iter().for_each(|row| row.1(&mut snapshot));
    let gate = Gate::new(snapshot);
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(11));
    let parts = [(PartKind::Model, "o3"), (PartKind::Member, "user-1"), (PartKind::Key, "key_Bot")];
    gate.set_part_spend(&parts.map(|part| part_spend("Bot", part, Nanos::from_dollars(11), 1)));
    store(&gate, "Bot", 1_000);
    gate
}

fn assert_row(gate: &Gate, (what, _, status, kind, code): &Row, beside: &str) {
    let request = Request { model: Some("o3"), ..upload(1) };
    let explained = gate.explain_id(now(), "key_Bot", &request);
    let Decision::Refuse(refusal) = gate.decide(now(), Some("sk-Bot"), &request) else { panic!("{what}: allowed") };
    assert_eq!((refusal.status(), refusal.kind(), refusal.code()), (*status, *kind, *code), "{what} beside {beside}");
    assert_eq!(explained.refusal(), Some(&refusal), "the explanation of {what} beside {beside}");
    assert_eq!(refusal.forbids_retry(), *kind == QUOTA, "{what}");
    let error = &refusal.body()["error"];
    let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "message", "param", "type"], "{what}");
    assert_eq!((&error["type"], error["code"].as_str()), (&(*kind).into(), *code), "{what}");
}

#[test]
fn r37_of_every_two_reasons_the_first_of_the_table_is_given() {
    let request = Request { model: Some("o3"), ..upload(1) };
    assert_eq!(gate(&[]).decide(now(), Some("sk-Bot"), &request), Decision::Allow);
    for (place, first) in TABLE.iter().enumerate() {
        assert_row(&gate(&[first]), first, "nothing");
        for second in &TABLE[place + 1..] {
            assert_row(&gate(&[first, second]), first, second.0);
            assert_row(&gate(&[second, first]), first, second.0);
        }
        // A key that nobody knows is told nothing of all that.
        let Decision::Refuse(unknown) = gate(&[first]).decide(now(), Some("sk-nobody"), &request) else { panic!() };
        assert_eq!((unknown.status(), unknown.code()), (401, Some("invalid_api_key")));
    }
}

/// Which of the two organizations refuses is told by name: the lower one comes first.
#[test]
fn r37_a_sub_organization_is_told_before_the_one_above() {
    let both = gate(&[&TABLE[6], &TABLE[5]]);
    let Decision::Refuse(refusal) = both.decide(now(), Some("sk-Bot"), &Request::default()) else { panic!() };
    assert!(refusal.message().contains("'Lab'"), "{}", refusal.message());
}
