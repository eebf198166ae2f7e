//! What exists for an actor (R6).

use std::collections::HashMap;

use mete_core::actor::{Actor, Who};
use mete_core::directory::{Organization, OrganizationRole, Project};
use mete_core::people::ProjectRole;
use mete_core::rights::{Action, Answer, Standing};
use mete_store::{Store, StoreError};

use crate::boxed;
use crate::rights::standing_by;

/// All that an actor is, read once: answers what they may see without asking the store again.
#[derive(Clone, Debug)]
pub struct Sight {
    /// `None` for those who need no role (R45).
    person: Option<Person>,
}

#[derive(Clone, Debug)]
struct Person {
    user_id: String,
    organizations: HashMap<String, (OrganizationRole, bool)>,
    projects: HashMap<String, ProjectRole>,
}

impl Sight {
    /// The sight of `actor` as of now.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn of(store: &Store, actor: &Actor) -> Result<Self, StoreError> {
        let Some(user_id) = actor.user_id() else { return Ok(Self { person: None }) };
        let memberships = store.memberships(user_id).await?;
        let within = |organization: &str| match &actor.who {
            Who::AdminKey { organization_id, .. } => organization_id == organization,
            _ => true,
        };
        let organizations = memberships
            .organizations
            .into_iter()
            .filter(|(id, ..)| within(id))
            .map(|(id, role, grant)| (id, (role, grant)));
        Ok(Self {
            person: Some(Person {
                user_id: user_id.to_owned(),
                organizations: organizations.collect(),
                projects: memberships.projects.into_iter().collect(),
            }),
        })
    }

    /// Whether nothing is hidden.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.person.is_none()
    }

    /// The person's id; `None` for those who need no role.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.person.as_ref().map(|person| person.user_id.as_str())
    }

    /// The organizations that the person is in; `None` for all.
    #[must_use]
    pub fn organization_ids(&self) -> Option<Vec<&str>> {
        let mut ids: Vec<&str> = self.person.as_ref()?.organizations.keys().map(String::as_str).collect();
        ids.sort_unstable();
        Some(ids)
    }

    /// What the actor is to an organization.
    #[must_use]
    pub fn in_organization(&self, organization_id: &str) -> Standing {
        let Some(person) = &self.person else { return Standing::OrganizationOwner };
        standing_by(person.organizations.get(organization_id).map(|(role, _)| *role), None)
    }

    /// What the actor is to a project.
    #[must_use]
    pub fn in_project(&self, project: &Project) -> Standing {
        let Some(person) = &self.person else { return Standing::OrganizationOwner };
        let role = person.organizations.get(&project.organization_id).map(|(role, _)| *role);
        standing_by(role, Some((project, person.projects.get(&project.id).copied())))
    }

    /// Whether the actor may do `action` in a project.
    #[must_use]
    pub fn may(&self, action: Action, project: &Project) -> bool {
        action.is_open_to(self.in_project(project), self.has_usage_grant(&project.organization_id))
    }

    /// Whether the actor may do `action` in an organization.
    #[must_use]
    pub fn may_in_organization(&self, action: Action, organization_id: &str) -> bool {
        action.is_open_to(self.in_organization(organization_id), self.has_usage_grant(organization_id))
    }

    /// Whether a project exists for the actor.
    #[must_use]
    pub fn sees_project(&self, project: &Project) -> bool {
        Action::SeeProject.answer(self.in_project(project)) != Answer::Hidden
    }

    /// Whether an organization exists for the actor: one that they are in, or a sub-organization of one that they own,
    /// for it is on that one's bill (R3).
    #[must_use]
    pub fn sees_organization(&self, organization: &Organization) -> bool {
        self.in_organization(&organization.id) != Standing::Outsider || self.pays_for(organization)
    }

    /// Whether the actor owns the organization above.
    #[must_use]
    pub fn pays_for(&self, organization: &Organization) -> bool {
        let owns = |parent: &str| self.in_organization(parent) == Standing::OrganizationOwner;
        organization.parent_id.as_deref().is_some_and(owns)
    }

    fn has_usage_grant(&self, organization_id: &str) -> bool {
        let Some(person) = &self.person else { return true };
        person.organizations.get(organization_id).is_some_and(|(_, grant)| *grant)
    }
}
