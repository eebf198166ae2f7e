//! Members, candidates, invites, service accounts.

use mete_core::Timestamp;
use mete_core::directory::{Organization, Project};
use mete_core::people::{Invite, Member, ServiceAccount};
use mete_core::rights::Action;
use mete_store::InviteFilter;

use super::View;
use crate::ControlError;
use crate::boxed;

impl View<'_> {
    /// Everybody in an organization, service accounts of either kind too (R14): its owners' to see.
    ///
    /// # Errors
    /// When the actor may not see them, or the store cannot be read.
    #[boxed]
    pub async fn organization_members(&self, organization: &Organization) -> Result<Vec<Member>, ControlError> {
        self.require_in_organization(Action::ListEverything, organization)?;
        Ok(self.store.organization_members(&organization.id).await?)
    }

    /// Everybody in a project, in their roles.
    ///
    /// # Errors
    /// When the project does not exist for the actor, or the store cannot be read.
    #[boxed]
    pub async fn project_members(&self, project: &Project) -> Result<Vec<Member>, ControlError> {
        self.require_project(project)?;
        let mut members = self.store.project_members(&project.id).await?;
        // A grant is between a person and the organization's owners.
        if !self.owns(&project.organization_id) {
            members.iter_mut().for_each(|member| member.usage_grant = false);
        }
        Ok(members)
    }

    /// Those who can be added to a project (R10).
    ///
    /// # Errors
    /// When the actor may not add anybody, or the store cannot be read.
    #[boxed]
    pub async fn candidates(&self, project: &Project) -> Result<Vec<Member>, ControlError> {
        if !self.sight.may(Action::ManageProjectMembers, project) {
            return Err(self.denied(Action::ManageProjectMembers));
        }
        Ok(self.store.candidates(&project.id).await?)
    }

    /// An organization's invites: its owners' to see.
    ///
    /// # Errors
    /// When the actor may not see them, or the store cannot be read.
    #[boxed]
    pub async fn invites(&self, organization: &Organization, now: Timestamp) -> Result<Vec<Invite>, ControlError> {
        self.require_in_organization(Action::ManageMembers, organization)?;
        let filter = InviteFilter { organization_id: Some(organization.id.clone()), ..InviteFilter::default() };
        Ok(self.store.invites(&filter, now).await?)
    }

    /// All invites: for those who need no role.
    ///
    /// # Errors
    /// When the actor is a person, or the store cannot be read.
    #[boxed]
    pub async fn all_invites(&self, now: Timestamp) -> Result<Vec<Invite>, ControlError> {
        if !self.sight.is_everything() {
            return Err(self.denied(Action::ManageMembers));
        }
        Ok(self.store.invites(&InviteFilter::default(), now).await?)
    }

    /// The service accounts of a project, or of all projects of an organization that the actor sees.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn service_accounts(
        &self,
        organization: Option<&Organization>,
        project: Option<&Project>,
    ) -> Result<Vec<ServiceAccount>, ControlError> {
        let organization_id = organization.map(|organization| organization.id.as_str());
        let found = self.store.service_accounts(organization_id, project.map(|project| project.id.as_str())).await?;
        if self.sight.is_everything() {
            return Ok(found);
        }
        let seen = self.projects_for(Action::SeeProject, organization_id).await?;
        Ok(found.into_iter().filter(|account| seen.iter().any(|project| project.id == account.project_id)).collect())
    }
}
