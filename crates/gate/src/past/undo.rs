//! Takes changes of the directory back, the last one first.

use mete_core::Timestamp;
use mete_core::audit::{AuditOutcome, AuditRecord};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::manual_block::ManualBlock;
use mete_core::permissions::Permissions;
use mete_core::rates::Models;
use mete_store::{GateOverride, GateSnapshot};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A directory from which changes are taken back.
pub struct Undone<'a> {
    pub snapshot: GateSnapshot,
    project_id: &'a str,
    key_id: Option<&'a str>,
    /// Whether the project was there.
    pub is_there: bool,
    /// Whether it is known if the key could be used.
    pub knows_key: bool,
}

/// What the audit log says of a key.
#[derive(Deserialize)]
struct KeyFacts {
    status: KeyStatus,
    #[serde(flatten)]
    permissions: Permissions,
    expires_at: Option<Timestamp>,
}

impl<'a> Undone<'a> {
    pub const fn new(snapshot: GateSnapshot, project_id: &'a str, key_id: Option<&'a str>) -> Self {
        Self { snapshot, project_id, key_id, is_there: true, knows_key: true }
    }

    /// Takes one change back. Those of other projects and keys change nothing here, nor do attempts that were refused.
    pub fn undo(&mut self, record: &AuditRecord) {
        if record.outcome != AuditOutcome::Done {
            return;
        }
        let before = record.change["before"].as_object();
        match record.action.as_str() {
            "limits.updated" => {
                if let Some(before) = before {
                    self.limits(&record.target_id, before);
                }
            }
            "project.created" if record.target_id == self.project_id => self.is_there = false,
            "organization.created" if self.is_organization(&record.target_id) => self.is_there = false,
            "project.archived" if record.target_id == self.project_id => self.archived(),
            "api_key.created" if self.is_key(&record.target_id) => self.snapshot.keys.clear(),
            _ if self.is_key(&record.target_id) => self.key(&record.change["before"]),
            _ => self.disabled_along(&record.change["after"]["disabled_keys"]),
        }
    }

    /// The blocks and releases that held at `at`, of all that ever were on the project and its keys.
    pub fn place(&mut self, placed: Vec<ManualBlock>, at: Timestamp) {
        let was_there =
            |block: &ManualBlock| block.placed_at <= at && block.lifted_at.is_none_or(|lifted_at| lifted_at > at);
        let overrides = placed.into_iter().filter(was_there).map(|block| GateOverride {
            scope_id: block.scope_id,
            kind: block.kind,
            reason: block.reason,
            until: block.until,
        });
        self.snapshot.overrides = overrides.collect();
    }

    fn is_key(&self, id: &str) -> bool {
        self.key_id == Some(id)
    }

    fn is_organization(&self, id: &str) -> bool {
        let project = self.snapshot.projects.iter().find(|project| project.id == self.project_id);
        project.is_some_and(|project| project.organization_id == id)
    }

    fn limits(&mut self, scope_id: &str, before: &Map<String, Value>) {
        let organization = self.snapshot.organizations.iter_mut().find(|it| it.id == scope_id);
        if let Some(organization) = organization {
            set_limits((&mut organization.limits, &mut organization.models), before);
        }
        let project = self.snapshot.projects.iter_mut().find(|it| it.id == scope_id);
        if let Some(project) = project {
            set_limits((&mut project.limits, &mut project.models), before);
        }
    }

    fn archived(&mut self) {
        for project in self.snapshot.projects.iter_mut().filter(|project| project.id == self.project_id) {
            project.archived = false;
        }
        // All active keys were disabled with it: which of those that are disabled were active is written nowhere.
        self.knows_key = self.snapshot.keys.iter().all(|key| key.status != KeyStatus::Disabled);
    }

    fn key(&mut self, before: &Value) {
        let Some(facts) = read::<KeyFacts>(before) else { return };
        for key in &mut self.snapshot.keys {
            (key.status, key.permissions, key.expires_at) = (facts.status, facts.permissions, facts.expires_at);
            self.knows_key = true;
        }
    }

    /// Keys that were disabled because somebody left.
    fn disabled_along(&mut self, keys: &Value) {
        let is_listed = |id: &str| keys.as_array().is_some_and(|keys| keys.iter().any(|key| key == id));
        for key in self.snapshot.keys.iter_mut().filter(|key| is_listed(&key.id)) {
            key.status = KeyStatus::Active;
            self.knows_key = true;
        }
    }
}

/// Only what a change changed is in its entry.
fn set_limits((limits, models): (&mut Limits, &mut Models), before: &Map<String, Value>) {
    if let Some(budget) = before.get("budget").and_then(read) {
        limits.budget = budget;
    }
    if let Some(threshold) = before.get("threshold").and_then(read) {
        limits.threshold = threshold;
    }
    if let Some(list) = before.get("models").and_then(read) {
        *models = list;
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}
