//! Keys, administration keys, blocks by hand.

use mete_core::directory::{AdminKey, ApiKey, Organization, Project};
use mete_core::manual_block::{ManualBlock, ManualBlockScope};
use mete_core::rights::{Action, Standing};
use mete_store::{KeyFilter, ManualBlockFilter, only};

use super::View;
use crate::ControlError;
use crate::lookup::{sees_key, visible_keys};

impl View<'_> {
    /// The key with this id, this secret or its hash, or the only one with this name or redacted form.
    ///
    /// # Errors
    /// When there is none for the actor, or several.
    pub async fn key(&self, asked: &str) -> Result<ApiKey, ControlError> {
        Ok(only(visible_keys(self.store, &self.sight, asked).await?, "key", asked)?)
    }

    /// The keys that the actor sees, oldest first: all of projects whose keys they manage, their own of others.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn keys(&self, wanted: &KeyFilter) -> Result<Vec<ApiKey>, ControlError> {
        let Some(user_id) = self.sight.user_id() else { return Ok(self.store.keys(wanted).await?) };
        let within = wanted.organization_id.as_deref();
        let mut listed = Vec::new();
        for project in self.projects_for(Action::SeeProject, within).await? {
            if wanted.project_id.as_ref().is_some_and(|id| *id != project.id) {
                continue;
            }
            let everybodys = self.sight.may(Action::ManageOthersKeys, &project);
            let owner_id = match (&wanted.owner_id, everybodys) {
                (wanted, true) => wanted.clone(),
                (Some(other), false) if other != user_id => continue,
                (_, false) => Some(user_id.to_owned()),
            };
            let filter = KeyFilter { organization_id: None, project_id: Some(project.id), owner_id };
            listed.extend(self.store.keys(&filter).await?);
        }
        listed.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(listed)
    }

    /// The administration keys of an organization, oldest first: its owners see all, others their own.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn admin_keys(&self, organization: Option<&Organization>) -> Result<Vec<AdminKey>, ControlError> {
        let found = self.store.admin_keys(organization.map(|organization| organization.id.as_str())).await?;
        let own = |key: &AdminKey| {
            let inside = self.sight.in_organization(&key.organization_id) != Standing::Outsider;
            inside && self.sight.user_id() == Some(key.owner_id.as_str())
        };
        Ok(found.into_iter().filter(|key| self.owns(&key.organization_id) || own(key)).collect())
    }

    /// Blocks and releases placed by hand, newest first: those on projects that the actor sees, and on keys that they
    /// see.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn manual_blocks(&self, wanted: &ManualBlockFilter) -> Result<Vec<ManualBlock>, ControlError> {
        let found = self.store.manual_blocks(wanted).await?;
        if self.sight.is_everything() {
            return Ok(found);
        }
        let projects = self.projects_for(Action::SeeProject, wanted.organization_id.as_deref()).await?;
        let mut seen = Vec::new();
        for block in found {
            let Some(project) = projects.iter().find(|project| project.id == block.project_id) else { continue };
            if block.scope_kind == ManualBlockScope::Project || self.sees_key_of(project, &block.scope_id).await? {
                seen.push(block);
            }
        }
        Ok(seen)
    }

    async fn sees_key_of(&self, project: &Project, key_id: &str) -> Result<bool, ControlError> {
        let keys = self.store.keys_named(key_id).await?;
        Ok(keys.iter().any(|key| sees_key(&self.sight, project, key)))
    }
}
