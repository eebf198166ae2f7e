//! A small directory to decide on.

use mete_core::decision::{Decision, Refusal};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_core::{Month, Nanos, Timestamp};
use mete_gate::Gate;
use mete_store::{GateKey, GateOrganization, GateProject, GateSnapshot, ProjectSpend};

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
    }
}

/// The active key `key_PROJECT` of `proj_PROJECT`; its secret is `sk-PROJECT`.
pub fn key(project: &str) -> GateKey {
    GateKey {
        id: format!("key_{project}"),
        project_id: format!("proj_{project}"),
        hash: KeyHash::of(&format!("sk-{project}")),
        status: KeyStatus::Active,
    }
}

/// A snapshot with one key for each project.
pub fn snapshot(change_seq: i64, organizations: Vec<GateOrganization>, projects: Vec<GateProject>) -> GateSnapshot {
    let keys = projects.iter().map(|project| key(&project.name)).collect();
    GateSnapshot { organizations, projects, keys, change_seq }
}

/// Sets the total of `proj_NAME`.
pub fn spend(gate: &Gate, name: &str, in_month: &str, total: Nanos) {
    gate.set_spend(&[ProjectSpend { project_id: format!("proj_{name}").into(), month: month(in_month), spend: total }]);
}

/// The decision on the key of `proj_NAME`: `None` is to allow.
pub fn refusal(gate: &Gate, name: &str, now: Timestamp) -> Option<Refusal> {
    match gate.decide(now, Some(&format!("sk-{name}"))) {
        Decision::Allow => None,
        Decision::Refuse(refusal) => Some(refusal),
    }
}

/// The code of that decision; `ok` is to allow.
pub fn code(gate: &Gate, name: &str, now: Timestamp) -> &'static str {
    refusal(gate, name, now).map_or("ok", |refusal| refusal.code())
}
