//! Keys, projects and organizations by everything that a record may call them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use mete_core::secret::{KeyHash, redacted_parts};
use mete_store::{KeyRecord, Store, StoreError};

use super::error::Unattributed;
use crate::record::KeyRef;

/// What attribution knows of a key.
pub(super) struct Key {
    pub id: Arc<str>,
    pub project: Arc<str>,
    pub organization: Arc<str>,
    pub owner: Arc<str>,
}

/// What attribution knows of a project.
pub(super) struct Project {
    pub id: Arc<str>,
    pub organization: Arc<str>,
    name: Box<str>,
}

/// A key by what its redacted form shows of the secret.
struct Form {
    end: [u8; 4],
    start: Arc<str>,
    key: Arc<Key>,
}

/// Keys, projects and organizations by everything that a record may call them, at one instant.
#[derive(Default)]
pub struct Directory {
    /// The change feed's position that it holds at least.
    pub change_seq: i64,
    keys: HashMap<Arc<str>, Arc<Key>>,
    by_hash: HashMap<KeyHash, Arc<Key>>,
    /// Ascending by their ends.
    forms: Vec<Form>,
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
        let mut names = Names::default();
        store.key_records().await?.into_iter().for_each(|record| directory.add_key(record, &mut names));
        directory.forms.sort_unstable_by_key(|form| form.end);
        Ok(directory)
    }

    fn add_key(&mut self, record: KeyRecord, names: &mut Names) {
        let key = Arc::new(Key {
            id: record.id.into(),
            project: names.shared(record.project_id),
            organization: names.shared(record.organization_id),
            owner: names.shared(record.owner_id),
        });
        if let Some((start, end)) = redacted_parts(&record.redacted_value) {
            self.forms.push(Form { end, start: names.shared(start.to_owned()), key: Arc::clone(&key) });
        }
        self.by_hash.insert(record.hash, Arc::clone(&key));
        self.keys.insert(Arc::clone(&key.id), key);
    }

    /// The key that a record names; one in `organization` where only its ends are shown and that is known.
    pub(super) fn key(&self, key: &KeyRef<'_>, organization: Option<&str>) -> Result<&Arc<Key>, Unattributed> {
        let found = match key {
            KeyRef::Id(id) => self.keys.get(&**id),
            KeyRef::Hash(hash) => self.by_hash.get(hash),
            KeyRef::Redacted(form) => self.key_of_form(form, organization)?,
        };
        found.ok_or_else(|| Unattributed::UnknownKey(key.to_string()))
    }

    /// The only key that looks like `form`. Of the secret's beginning, others may show more or less than Mete does.
    fn key_of_form(&self, form: &str, organization: Option<&str>) -> Result<Option<&Arc<Key>>, Unattributed> {
        let Some((start, end)) = redacted_parts(form) else { return Ok(None) };
        let first = self.forms.partition_point(|form| form.end < end);
        let alike = self.forms[first..].iter().take_while(|form| form.end == end);
        let mut alike = alike.filter(|form| {
            (start.starts_with(&*form.start) || form.start.starts_with(start))
                && organization.is_none_or(|organization| *form.key.organization == *organization)
        });
        let (found, others) = (alike.next(), alike.count());
        if others > 0 {
            return Err(Unattributed::AmbiguousKey { form: form.to_owned(), count: others + 1 });
        }
        Ok(found.map(|form| &form.key))
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

/// One copy of each name that many keys have.
#[derive(Default)]
struct Names(HashMap<String, Arc<str>>);

impl Names {
    fn shared(&mut self, name: String) -> Arc<str> {
        match self.0.entry(name) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let shared = Arc::from(new.key().as_str());
                Arc::clone(new.insert(shared))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_keys_that_look_alike_none_is_taken() {
        let (mut directory, mut names) = (Directory::default(), Names::default());
        for (number, organization, redacted) in [
            (1, "org-1", "sk-proj-…aaaa"),
            (2, "org-1", "sk-proj-…bbbb"),
            (3, "org-2", "sk-proj-…bbbb"),
            (4, "org-1", ""),
        ] {
            let record = KeyRecord {
                id: format!("key_{number}"),
                organization_id: organization.to_owned(),
                project_id: "proj_1".to_owned(),
                owner_id: "user-1".to_owned(),
                hash: KeyHash([number; 32]),
                redacted_value: redacted.to_owned(),
            };
            directory.add_key(record, &mut names);
        }
        let find = |form: &str, organization| {
            directory.key(&KeyRef::Redacted(form.into()), organization).map(|key| key.id.to_string())
        };
        assert_eq!(find("sk-...aaaa", None), Ok("key_1".to_owned()));
        assert_eq!(find("sk-...bbbb", Some("org-2")), Ok("key_3".to_owned()));
        let alike = Unattributed::AmbiguousKey { form: "sk-...bbbb".to_owned(), count: 2 };
        assert_eq!(find("sk-...bbbb", None), Err(alike));
        assert!(matches!(find("sk-svcacct-...aaaa", None), Err(Unattributed::UnknownKey(_))));
        assert!(matches!(find("sk-...cccc", None), Err(Unattributed::UnknownKey(_))));
    }
}
