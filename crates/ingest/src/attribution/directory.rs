//! Keys, projects and organizations by everything that a record may call them.

use std::collections::HashMap;
use std::sync::Arc;

use mete_store::{KeySet, Store, StoreError};

use super::error::Unattributed;
use super::keys::{Key, Keys};
use crate::record::KeyRef;

/// What attribution knows of a project.
pub(super) struct Project {
    pub id: Arc<str>,
    pub organization: Arc<str>,
    name: Box<str>,
}

/// Keys, projects and organizations by everything that a record may call them, at one instant.
#[derive(Default)]
pub struct Directory {
    /// The change feed's position that it holds at least.
    pub change_seq: i64,
    /// Shared with the directory before, but for what changed.
    keys: Keys,
    projects: HashMap<String, Arc<Project>>,
    /// Active projects by lower-case name; several organizations may have one.
    by_name: HashMap<String, Vec<Arc<Project>>>,
    /// An organization's default project, by the organization's id or lower-case name.
    defaults: HashMap<String, Arc<Project>>,
    /// Names of organizations by their ids.
    organizations: HashMap<String, String>,
}

impl Directory {
    /// What is known before anything was read: nothing.
    pub(super) fn unread() -> Self {
        Self { change_seq: -1, ..Self::default() }
    }

    /// Whether this is nothing yet.
    pub(super) const fn is_unread(&self) -> bool {
        self.change_seq < 0
    }

    /// Reads it from the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        // Before the rest: a change that falls between is read twice rather than missed.
        let change_seq = store.versions().await?.change_seq;
        Self::read(store, change_seq, (Keys::default(), None)).await
    }

    /// The directory at `change_seq` of the feed, if no other keys changed since this one than those in `changed`; of those
    /// it reads all secrets, and none ever goes.
    pub(super) async fn changed(&self, store: &Store, change_seq: i64, changed: &KeySet) -> Result<Self, StoreError> {
        Self::read(store, change_seq, (self.keys.clone(), Some(changed))).await
    }

    /// Reads organizations and projects, and keys into those that are there.
    async fn read(
        store: &Store,
        change_seq: i64,
        (mut keys, changed): (Keys, Option<&KeySet>),
    ) -> Result<Self, StoreError> {
        let mut directory = Self { change_seq, ..Self::default() };
        for record in store.project_records().await? {
            let project = Arc::new(Project {
                id: record.id.as_str().into(),
                organization: record.organization_id.as_str().into(),
                name: record.name.as_str().into(),
            });
            if record.is_default {
                directory.defaults.insert(record.organization_id, Arc::clone(&project));
            } else if record.archived_at.is_none() {
                directory.by_name.entry(record.name.to_lowercase()).or_default().push(Arc::clone(&project));
            }
            directory.projects.insert(record.id, project);
        }
        for organization in store.organization_records().await? {
            let name = organization.name.to_lowercase();
            if let Some(project) = directory.defaults.get(&organization.id).cloned() {
                directory.defaults.entry(name).or_insert(project);
            }
            directory.organizations.insert(organization.id, organization.name);
        }
        store.each_key_record(changed, |record| keys.insert(&record)).await?;
        Ok(Self { keys, ..directory })
    }

    /// The key that a record names; one in `organization` where only its ends are shown and that is known.
    pub(super) fn key(&self, key: &KeyRef<'_>, organization: Option<&str>) -> Result<&Arc<Key>, Unattributed> {
        self.keys.get(key, organization)?.ok_or_else(|| Unattributed::UnknownKey(key.to_string()))
    }

    /// The project with this id, or the only active one with this name, in `organization` where that is known.
    pub(super) fn project(&self, said: &str, organization: Option<&str>) -> Result<&Arc<Project>, Unattributed> {
        if let Some(project) = self.projects.get(said) {
            return Ok(project);
        }
        let unknown = || Unattributed::UnknownProject(said.to_owned());
        let named = self.by_name.get(&said.to_lowercase()).ok_or_else(unknown)?;
        let mut fitting = named
            .iter()
            .filter(|project| organization.is_none_or(|organization| *project.organization == *organization));
        match (fitting.next(), fitting.next()) {
            (Some(project), None) => Ok(project),
            (Some(_), Some(_)) => Err(Unattributed::AmbiguousProject(said.to_owned())),
            (None, _) => Err(unknown()),
        }
    }

    /// The default project of the organization with this id or name.
    pub(super) fn default_project(&self, organization: &str) -> Result<&Arc<Project>, Unattributed> {
        self.defaults
            .get(organization)
            .or_else(|| self.defaults.get(&organization.to_lowercase()))
            .ok_or_else(|| Unattributed::UnknownOrganization(organization.to_owned()))
    }

    /// Whether an organization is there, and a project and key in it.
    pub(super) fn check(
        &self,
        organization: Option<&str>,
        project: Option<&str>,
        key: Option<&KeyRef<'_>>,
    ) -> Result<(), Unattributed> {
        let default = organization.map(|organization| self.default_project(organization)).transpose()?;
        let within = default.map(|default| &*default.organization);
        project.map(|project| self.project(project, within)).transpose()?;
        key.map(|key| self.key(key, within)).transpose()?;
        Ok(())
    }

    /// What the project with this id is called.
    #[must_use]
    pub fn project_name(&self, id: &str) -> Option<&str> {
        self.projects.get(id).map(|project| &*project.name)
    }

    /// What the organization with this id is called.
    #[must_use]
    pub fn organization_name(&self, id: &str) -> Option<&str> {
        self.organizations.get(id).map(String::as_str)
    }
}
