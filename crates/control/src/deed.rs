//! What is done or tried, as the audit log names it.

use mete_core::Timestamp;
use mete_core::actor::Actor;
use mete_core::audit::{AuditOutcome, AuditRecord};
use mete_core::directory::{MAX_NAME, Organization, Project, check_description, check_name};
use mete_core::secret::without_secrets;
use serde_json::Value;

/// Something that is done or tried: an action on a target.
#[derive(Clone, Debug)]
pub struct Deed {
    /// As in `project.created` (R44).
    pub action: &'static str,
    /// In which organization; empty for the deployment.
    pub organization_id: String,
    /// In which project; empty if in none.
    pub project_id: String,
    /// On what: its id, empty if it is not made yet.
    pub target_id: String,
    /// On what: its name.
    pub target_name: String,
    /// Why, where a reason is given.
    pub reason: String,
}

impl Deed {
    /// On an organization.
    pub fn on_organization(action: &'static str, organization: &Organization) -> Self {
        Self {
            action,
            organization_id: organization.id.clone(),
            project_id: String::new(),
            target_id: organization.id.clone(),
            target_name: organization.name.clone(),
            reason: String::new(),
        }
    }

    /// On a project.
    pub fn on_project(action: &'static str, project: &Project) -> Self {
        Self {
            action,
            organization_id: project.organization_id.clone(),
            project_id: project.id.clone(),
            target_id: project.id.clone(),
            target_name: project.name.clone(),
            reason: String::new(),
        }
    }

    /// On the deployment.
    pub fn on_deployment(action: &'static str) -> Self {
        Self {
            action,
            organization_id: String::new(),
            project_id: String::new(),
            target_id: String::new(),
            target_name: String::new(),
            reason: String::new(),
        }
    }

    /// The same on another target in the same organization and project. What somebody typed was not checked yet: it may
    /// hold a secret, or be of a size and kind that no name has. That is left out.
    pub fn target(mut self, id: &str, name: &str) -> Self {
        self.target_id = without_secrets(id).into_owned();
        self.target_name = as_name(&without_secrets(name));
        self
    }

    /// The same with the reason that was given.
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = without_secrets(reason).into_owned();
        self
    }

    /// What the audit log gets.
    pub fn record(&self, actor: &Actor, at: Timestamp, outcome: AuditOutcome, change: Value) -> AuditRecord {
        AuditRecord {
            organization_id: self.organization_id.clone(),
            at,
            actor_kind: actor.kind().to_owned(),
            actor_id: actor.id().to_owned(),
            actor_name: actor.name().to_owned(),
            os_user: actor.origin.os_user.clone(),
            host: actor.origin.host.clone(),
            action: self.action.to_owned(),
            outcome,
            project_id: self.project_id.clone(),
            target_id: self.target_id.clone(),
            target_name: self.target_name.clone(),
            reason: self.reason.clone(),
            change,
        }
    }
}

/// A name as it is; of what is none, as much as a name may have.
fn as_name(text: &str) -> String {
    if check_name(text).is_ok() {
        return text.to_owned();
    }
    let safe = |c: char| if check_description(&format!("-{c}-")).is_ok() { c } else { char::REPLACEMENT_CHARACTER };
    text.chars().take(MAX_NAME).map(safe).collect()
}
