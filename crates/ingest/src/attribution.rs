//! Whose an event is: key → project → organization, else what the source says (R29, R34).

use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::Equivalent;
use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Series};
use mete_store::{Store, StoreError};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::record::{KeyRef, Record};

/// The longest model name that is kept, in bytes.
const MAX_MODEL: usize = 256;

/// How many series are remembered by what their records said; more than that is somebody inventing names.
const MANY_SERIES: usize = 200_000;

struct Key {
    id: Arc<str>,
    project: Arc<str>,
    organization: Arc<str>,
    owner: Arc<str>,
}

struct Project {
    id: Arc<str>,
    organization: Arc<str>,
}

/// Keys, projects and organizations by everything that a record may call them, at one instant.
pub struct Directory {
    /// The change feed's position that it holds at least.
    pub change_seq: i64,
    keys: HashMap<Arc<str>, Arc<Key>>,
    by_hash: HashMap<KeyHash, Arc<Key>>,
    projects: HashMap<String, Arc<Project>>,
    /// Active projects by lower-case name; several organizations may have one.
    by_name: HashMap<String, Vec<Arc<Project>>>,
    /// An organization's default project, by the organization's id or lower-case name.
    defaults: HashMap<String, Arc<Project>>,
}

impl Directory {
    /// Reads it from the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        // Before the rest: a change that falls between is read twice rather than missed.
        let change_seq = store.versions().await?.change_seq;
        let mut directory = Self {
            change_seq,
            keys: HashMap::new(),
            by_hash: HashMap::new(),
            projects: HashMap::new(),
            by_name: HashMap::new(),
            defaults: HashMap::new(),
        };
        for record in store.project_records().await? {
            let project = Arc::new(Project {
                id: record.id.as_str().into(),
                organization: record.organization_id.as_str().into(),
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
        }
        for record in store.key_records().await? {
            let key = Arc::new(Key {
                id: record.id.into(),
                project: record.project_id.into(),
                organization: record.organization_id.into(),
                owner: record.owner_id.into(),
            });
            directory.by_hash.insert(record.hash, Arc::clone(&key));
            directory.keys.insert(Arc::clone(&key.id), key);
        }
        Ok(directory)
    }

    fn key(&self, key: &KeyRef<'_>) -> Option<&Arc<Key>> {
        match key {
            KeyRef::Id(id) => self.keys.get(&**id),
            KeyRef::Hash(hash) => self.by_hash.get(hash),
        }
    }

    /// The project with this id, or the only active one with this name, in `organization` where that is known.
    fn project(&self, id_or_name: &str, organization: Option<&str>) -> Result<&Arc<Project>, Unattributed> {
        if let Some(project) = self.projects.get(id_or_name) {
            return Ok(project);
        }
        let unknown = || Unattributed::UnknownProject(id_or_name.to_owned());
        let named = self.by_name.get(&id_or_name.to_lowercase()).ok_or_else(unknown)?;
        let mut fitting = named
            .iter()
            .filter(|project| organization.is_none_or(|organization| *project.organization == *organization));
        match (fitting.next(), fitting.next()) {
            (Some(project), None) => Ok(project),
            (Some(_), Some(_)) => Err(Unattributed::AmbiguousProject(id_or_name.to_owned())),
            (None, _) => Err(unknown()),
        }
    }

    fn default_project(&self, organization: &str) -> Result<&Arc<Project>, Unattributed> {
        self.defaults
            .get(organization)
            .or_else(|| self.defaults.get(&organization.to_lowercase()))
            .ok_or_else(|| Unattributed::UnknownOrganization(organization.to_owned()))
    }
}

/// Why it is not known whose an event is (R34).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unattributed {
    /// The record names a key that there is not.
    #[error("there is no key {0}: create it, or mend what the log says")]
    UnknownKey(String),
    /// The record names a project that there is not.
    #[error("there is no project {0:?}: create it, or mend what the log says")]
    UnknownProject(String),
    /// The record names a project of which there are several.
    #[error("several organizations have a project {0:?}: let the log or the source name the organization too")]
    AmbiguousProject(String),
    /// The record names an organization that there is not.
    #[error("there is no organization {0:?}: create it, or mend what the log says")]
    UnknownOrganization(String),
    /// The record's key belongs to another project than the one it names.
    #[error("the key {key} belongs to the project {project}, the record says {said:?}")]
    Contradiction {
        /// The key's id.
        key: String,
        /// The project that it belongs to.
        project: String,
        /// What the record says.
        said: String,
    },
    /// Neither the record nor its source says.
    #[error("neither the record nor its source says whose it is: give the source an organization or project")]
    Nobody,
    /// The model's name is too long or has control characters.
    #[error("the model's name is longer than {MAX_MODEL} bytes or has control characters")]
    BadModel,
}

impl Unattributed {
    /// A stable word for the quarantine.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownKey(_) => "unknown_key",
            Self::UnknownProject(_) | Self::AmbiguousProject(_) => "unknown_project",
            Self::UnknownOrganization(_) => "unknown_organization",
            Self::Contradiction { .. } => "contradiction",
            Self::Nobody => "unattributed",
            Self::BadModel => "bad_field",
        }
    }

    /// Whether a newer directory may know better.
    #[must_use]
    pub const fn may_be_news(&self) -> bool {
        matches!(self, Self::UnknownKey(_) | Self::UnknownProject(_) | Self::UnknownOrganization(_))
    }
}

/// Where records belong that do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Id or name of an organization.
    pub organization: Option<String>,
    /// Id or name of a project.
    pub project: Option<String>,
}

/// What a record says of whose it is.
#[derive(PartialEq, Eq, Hash)]
struct Said {
    key_id: Option<String>,
    key_hash: Option<KeyHash>,
    project: Option<String>,
    organization: Option<String>,
    member: Option<String>,
    model: String,
    endpoint: EndpointGroup,
}

/// The same, borrowed from a record: hashes alike, so that a lookup copies nothing.
#[derive(PartialEq, Eq, Hash)]
struct Saying<'a> {
    key_id: Option<&'a str>,
    key_hash: Option<KeyHash>,
    project: Option<&'a str>,
    organization: Option<&'a str>,
    member: Option<&'a str>,
    model: &'a str,
    endpoint: EndpointGroup,
}

impl<'a> Saying<'a> {
    fn of(record: &'a Record<'_>) -> Self {
        let (key_id, key_hash) = match &record.key {
            None => (None, None),
            Some(KeyRef::Id(id)) => (Some(&**id), None),
            Some(KeyRef::Hash(hash)) => (None, Some(*hash)),
        };
        Self {
            key_id,
            key_hash,
            project: project_said(record),
            organization: record.organization.as_deref(),
            member: record.member.as_deref(),
            model: record.model.as_deref().unwrap_or_default(),
            endpoint: record.endpoint,
        }
    }

    fn kept(&self) -> Said {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Said {
            key_id: owned(self.key_id),
            key_hash: self.key_hash,
            project: owned(self.project),
            organization: owned(self.organization),
            member: owned(self.member),
            model: self.model.to_owned(),
            endpoint: self.endpoint,
        }
    }
}

impl Equivalent<Said> for Saying<'_> {
    fn equivalent(&self, said: &Said) -> bool {
        self.key_id == said.key_id.as_deref()
            && self.key_hash == said.key_hash
            && self.project == said.project.as_deref()
            && self.organization == said.organization.as_deref()
            && self.member == said.member.as_deref()
            && self.model == said.model
            && self.endpoint == said.endpoint
    }
}

/// Finds out whose records are, remembering what it found.
pub struct Attributor {
    directory: Arc<Directory>,
    home: Home,
    known: hashbrown::HashMap<Said, Arc<Series>, FxBuildHasher>,
    /// One shared copy of each name.
    names: FxHashMap<Box<str>, Arc<str>>,
}

impl Attributor {
    /// With a directory, and where records belong that do not say it.
    #[must_use]
    pub fn new(directory: Arc<Directory>, home: Home) -> Self {
        Self { directory, home, known: hashbrown::HashMap::default(), names: FxHashMap::default() }
    }

    /// Whether the source's own organization and project are there.
    ///
    /// # Errors
    /// Says which is not.
    pub fn check_home(&self) -> Result<(), Unattributed> {
        let organization = self.home.organization.as_deref();
        let organization = organization.map(|name| self.directory.default_project(name)).transpose()?;
        let within = organization.map(|project| &*project.organization);
        if let Some(project) = &self.home.project {
            self.directory.project(project, within)?;
        }
        Ok(())
    }

    /// Goes on with a newer directory.
    pub fn replace_directory(&mut self, directory: Arc<Directory>) {
        self.directory = directory;
        self.known.clear();
    }

    /// The position in the change feed of the directory in use.
    #[must_use]
    pub fn change_seq(&self) -> i64 {
        self.directory.change_seq
    }

    /// Whose a record is.
    ///
    /// # Errors
    /// Says why it is not known.
    pub fn attribute(&mut self, record: &Record<'_>) -> Result<Arc<Series>, Unattributed> {
        let saying = Saying::of(record);
        if let Some(series) = self.known.get(&saying) {
            return Ok(Arc::clone(series));
        }
        let model = record.model.as_deref().unwrap_or_default();
        if model.len() > MAX_MODEL || model.chars().any(char::is_control) {
            return Err(Unattributed::BadModel);
        }
        let series = self.find(record, model)?;
        if self.known.len() >= MANY_SERIES {
            self.known.clear();
        }
        self.known.insert(saying.kept(), Arc::clone(&series));
        Ok(series)
    }

    fn find(&mut self, record: &Record<'_>, model: &str) -> Result<Arc<Series>, Unattributed> {
        let directory = Arc::clone(&self.directory);
        if let Some(reference) = &record.key {
            let key = directory.key(reference).ok_or_else(|| Unattributed::UnknownKey(shown(reference)))?;
            // The key decides (R29); a record that names another known project contradicts itself.
            if let Some(said) = project_said(record)
                && let Ok(project) = directory.project(said, Some(&key.organization))
                && project.id != key.project
            {
                return Err(Unattributed::Contradiction {
                    key: key.id.to_string(),
                    project: key.project.to_string(),
                    said: said.to_owned(),
                });
            }
            let owner = Some(Arc::clone(&key.owner));
            return Ok(self.series(&key.organization, &key.project, Some(Arc::clone(&key.id)), owner, model, record));
        }
        let project = self.project_of(&directory, record)?;
        let member = record.member.as_deref().map(|member| self.name(member));
        Ok(self.series(&project.organization, &project.id, None, member, model, record))
    }

    fn project_of<'d>(&self, directory: &'d Directory, record: &Record<'_>) -> Result<&'d Arc<Project>, Unattributed> {
        let organization = match record.organization.as_deref().or(self.home.organization.as_deref()) {
            Some(organization) => Some(directory.default_project(organization)?),
            None => None,
        };
        let within = organization.map(|default| &*default.organization);
        match (project_said(record), &record.organization, &self.home.project, organization) {
            (Some(project), ..) => directory.project(project, within),
            (None, Some(_), _, Some(default)) => Ok(default),
            (None, None, Some(home), _) => directory.project(home, within),
            (None, _, _, Some(default)) => Ok(default),
            (None, _, _, None) => Err(Unattributed::Nobody),
        }
    }

    fn series(
        &mut self,
        organization: &Arc<str>,
        project: &Arc<str>,
        key: Option<Arc<str>>,
        member: Option<Arc<str>>,
        model: &str,
        record: &Record<'_>,
    ) -> Arc<Series> {
        let model = self.name(model);
        Arc::new(Series::new(Arc::clone(organization), Arc::clone(project), key, member, model, record.endpoint))
    }

    /// One shared copy of a name.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        if self.names.len() >= MANY_SERIES {
            self.names.clear();
        }
        let shared: Arc<str> = name.into();
        self.names.insert(name.into(), Arc::clone(&shared));
        shared
    }
}

/// The project that a record names. Who has no projects has teams in their place.
fn project_said<'a>(record: &'a Record<'_>) -> Option<&'a str> {
    record.project.as_deref().or(record.team.as_deref())
}

fn shown(key: &KeyRef<'_>) -> String {
    match key {
        KeyRef::Id(id) => format!("{id:?}"),
        KeyRef::Hash(hash) => format!("with the SHA-256 {}", hash.to_hex()),
    }
}
