//! Keys, administration keys, blocks by hand.

use mete_core::directory::{AdminKey, ApiKey, Organization, Project};
use mete_core::manual_block::{ManualBlock, ManualBlockScope};
use mete_core::rights::{Action, Standing};
use mete_store::{KeyFilter, ManualBlockFilter, only};

use super::View;
use crate::ControlError;
use crate::boxed;
use crate::lookup::{sees_key, visible_keys};

impl View<'_> {
    /// The key with this id, this secret or its hash, or the only one with this name or redacted form.
    ///
    /// # Errors
    /// When there is none for the actor, or several.
    #[boxed]
    pub async fn key(&self, asked: &str) -> Result<ApiKey, ControlError> {
        Ok(only(visible_keys(self.store, &self.sight, asked).await?, "key", asked)?)
    }

    /// The keys that the actor sees, oldest first: all of projects whose keys they manage, their own of others.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn keys(&self, wanted: &KeyFilter) -> Result<Vec<ApiKey>, ControlError> {
        let Some(within) = self.sight.organization_ids() else { return Ok(self.store.keys(wanted).await?) };
        let mut listed = Vec::new();
        for id in within {
            if wanted.organization_id.as_ref().is_some_and(|only| only != id) {
                continue;
            }
            let of_organization = KeyFilter { organization_id: Some(id.to_owned()), ..wanted.clone() };
            if self.owns(id) {
                listed.extend(self.store.keys(&of_organization).await?);
            } else {
                listed.extend(self.keys_of_member(&of_organization).await?);
            }
        }
        listed.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(listed)
    }

    /// The keys that a person who does not own the organization sees in it: one question for each project that they
    /// own, and one for their own keys.
    async fn keys_of_member(&self, wanted: &KeyFilter) -> Result<Vec<ApiKey>, ControlError> {
        let projects = self.projects_for(Action::SeeProject, wanted.organization_id.as_deref()).await?;
        let (managed, others): (Vec<_>, Vec<_>) =
            projects.into_iter().partition(|project| self.sight.may(Action::ManageOthersKeys, project));
        let mut listed = Vec::new();
        for project in managed {
            if wanted.project_id.as_ref().is_none_or(|only| *only == project.id) {
                let of_project = KeyFilter { project_id: Some(project.id), ..wanted.clone() };
                listed.extend(self.store.keys(&of_project).await?);
            }
        }
        let user_id = self.sight.user_id().unwrap_or_default();
        if wanted.owner_id.as_ref().is_none_or(|only| only == user_id) {
            let own = KeyFilter { owner_id: Some(user_id.to_owned()), ..wanted.clone() };
            let elsewhere = |key: &ApiKey| others.iter().any(|project| project.id == key.project_id);
            listed.extend(self.store.keys(&own).await?.into_iter().filter(elsewhere));
        }
        Ok(listed)
    }

    /// The administration keys of an organization, oldest first: its owners see all, others their own.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
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
    #[boxed]
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

    pub(super) async fn sees_key_of(&self, project: &Project, key_id: &str) -> Result<bool, ControlError> {
        let keys = self.store.keys_named(key_id).await?;
        Ok(keys.iter().any(|key| sees_key(&self.sight, project, key)))
    }
}
