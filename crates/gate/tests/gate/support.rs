//! A small directory to decide on.

use mete_core::decision::{Decision, Refusal};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::manual_block::ManualBlockKind;
use mete_core::parts::{Part, PartKind};
use mete_core::permissions::{Grant, PermissionKind, Permissions, Scopes};
use mete_core::secret::KeyHash;
use mete_core::{IdHasher, Month, Nanos, Timestamp};
use mete_gate::{Credential, Denied, Gate, Hold, Request, Wanted};
use mete_store::{
    GateKey, GateOrganization, GateOverride, GatePart, GateProject, GateSnapshot, PartSpend, ProjectBytes, ProjectSpend,
};
use rand::rngs::StdRng;

/// What most requests are.
pub const CHAT: Request<'_> =
    Request { method: Some("POST"), path: Some("/v1/chat/completions"), model: Some("gpt-4o"), bytes: None };

/// A file of so many bytes that comes in.
pub const fn upload(bytes: u64) -> Request<'static> {
    Request { method: Some("POST"), path: Some("/v1/files"), model: None, bytes: Some(bytes) }
}

/// A budget in whole dollars.
pub fn budget(dollars: i64) -> Limits {
    Limits { budget: Some(Nanos::from_dollars(dollars)), threshold: None }
}

/// The instant that a text names.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The month that a text names.
pub fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// An organization `org-NAME`.
pub fn organization(name: &str, parent: Option<&str>, limits: Limits) -> GateOrganization {
    GateOrganization {
        id: format!("org-{name}"),
        name: name.to_owned(),
        parent_id: parent.map(|parent| format!("org-{parent}")),
        limits,
        models: None,
    }
}

/// A project `proj_NAME` of `org-ORGANIZATION`.
pub fn project(name: &str, organization: &str, limits: Limits) -> GateProject {
    GateProject {
        id: format!("proj_{name}"),
        organization_id: format!("org-{organization}"),
        name: name.to_owned(),
        archived: false,
        limits,
        models: None,
    }
}

/// The active key `key_PROJECT` of `proj_PROJECT`; its secret is `sk-PROJECT`.
pub fn key(project: &str) -> GateKey {
    GateKey {
        id: format!("key_{project}"),
        project_id: format!("proj_{project}"),
        hash: KeyHash::of(&format!("sk-{project}")),
        status: KeyStatus::Active,
        expires_at: None,
        permissions: Permissions::ALL,
    }
}

/// The permissions of a restricted key with grants like `files=read`.
pub fn restricted(grants: &[&str]) -> Permissions {
    let mut scopes = Scopes::default();
    for grant in grants {
        let Grant { group, access } = grant.parse().unwrap();
        scopes.grant(group, access).unwrap();
    }
    Permissions { kind: PermissionKind::Restricted, scopes }
}

/// A list of models.
pub fn models(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// A block of a key or project, without an end or until an instant.
pub fn block(scope_id: &str, until: Option<&str>) -> GateOverride {
    let reason = format!("blocked {scope_id}");
    GateOverride { scope_id: scope_id.to_owned(), kind: ManualBlockKind::Block, reason, until: until.map(at) }
}

/// A release of a key or project, without an end or until an instant.
pub fn release(scope_id: &str, until: Option<&str>) -> GateOverride {
    let reason = format!("released {scope_id}");
    GateOverride { kind: ManualBlockKind::Release, reason, ..block(scope_id, until) }
}

/// A snapshot with one key for each project, and a file quota of 1000 bytes.
pub fn snapshot(change_seq: i64, organizations: Vec<GateOrganization>, projects: Vec<GateProject>) -> GateSnapshot {
    let keys = projects.iter().map(|project| key(&project.name)).collect();
    GateSnapshot {
        organizations,
        projects,
        keys,
        old_secrets: Vec::new(),
        overrides: Vec::new(),
        rate_limits: Vec::new(),
        parts: Vec::new(),
        file_quota: 1_000,
        change_seq,
    }
}

/// Sets the total of `proj_NAME`.
pub fn spend(gate: &Gate, name: &str, in_month: &str, total: Nanos) {
    gate.set_spend(&[ProjectSpend { project_id: format!("proj_{name}").into(), month: month(in_month), spend: total }]);
}

/// A budget of a part of `proj_PROJECT`, and the keys that always count to it.
pub fn part(project: &str, (kind, id): (PartKind, &str), budget: Nanos, keys: &[&str]) -> GatePart {
    GatePart {
        project_id: format!("proj_{project}"),
        part: Part { kind, id: id.to_owned() },
        name: format!("{id} by name"),
        budget,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
    }
}

/// The total of a part of `proj_PROJECT` in November, as of a version of the ledger.
pub fn part_spend(project: &str, (kind, id): (PartKind, &str), spend: Nanos, version: i64) -> PartSpend {
    let part = Part { kind, id: id.to_owned() };
    PartSpend { project_id: format!("proj_{project}").into(), part, month: month("2026-11"), spend, version }
}

/// Sets the bytes that `proj_NAME` stores.
pub fn store(gate: &Gate, name: &str, bytes: u64) {
    gate.set_bytes(&[ProjectBytes { project_id: format!("proj_{name}").into(), bytes }]);
}

/// The decision on a request with the key of `proj_NAME`: `None` is to allow.
pub fn refusal_of(gate: &Gate, name: &str, now: Timestamp, request: &Request<'_>) -> Option<Refusal> {
    match gate.decide(now, Some(&format!("sk-{name}")), request) {
        Decision::Allow => None,
        Decision::Refuse(refusal) => Some(refusal),
    }
}

/// That on [`CHAT`].
pub fn refusal(gate: &Gate, name: &str, now: Timestamp) -> Option<Refusal> {
    refusal_of(gate, name, now, &CHAT)
}

/// The code of that decision; `ok` is to allow, `permission` a refusal without a code.
pub fn code(gate: &Gate, name: &str, now: Timestamp) -> &'static str {
    code_of(refusal(gate, name, now).as_ref())
}

/// Hashes of events, as the gates of these tests know them.
pub fn ids() -> IdHasher {
    IdHasher::new((1, 2))
}

/// Asks for money with the key of `proj_NAME`; `None` is to allow without a hold.
pub fn take(
    gate: &Gate,
    name: &str,
    now: Timestamp,
    wanted: &Wanted<'_>,
    random: &mut StdRng,
) -> Result<Option<Hold>, Denied> {
    let secret = format!("sk-{name}");
    gate.authorize(now, Credential::Secret(Some(&secret)), &CHAT, wanted, random).outcome
}

/// The code of a decision, as above.
pub fn code_of(refusal: Option<&Refusal>) -> &'static str {
    refusal.map_or("ok", |refusal| refusal.code().unwrap_or("permission"))
}
