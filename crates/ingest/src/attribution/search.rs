//! The order in which it is found out whose a record is.
//!
//! What the record itself says and Mete knows comes first; then the first rule that fits; then what the source says. A
//! rule stands in for whatever the record says that Mete does not know. Without one, that is for the quarantine.

use std::sync::Arc;

use super::Home;
use super::directory::{Directory, Project};
use super::error::Unattributed;
use super::ground::Ground;
use super::keys::Key;
use super::rule::Rule;
use crate::record::{KeyRef, Record};

/// Whose a record is.
pub(super) struct Whose<'d> {
    pub organization: &'d Arc<str>,
    pub project: &'d Arc<str>,
    pub key: Option<&'d Arc<Key>>,
    pub ground: Ground,
}

impl<'d> Whose<'d> {
    fn of_key(key: &'d Arc<Key>, ground: Ground) -> Self {
        Self { organization: &key.organization, project: &key.project, key: Some(key), ground }
    }

    fn of_project(project: &'d Arc<Project>, ground: Ground) -> Self {
        Self { organization: &project.organization, project: &project.id, key: None, ground }
    }
}

/// What is known where a record is looked up.
pub(super) struct Search<'d, 'r> {
    pub directory: &'d Directory,
    pub home: &'r Home,
    pub record: &'r Record<'r>,
}

impl<'d> Search<'d, '_> {
    pub(super) fn whose(&self) -> Result<Whose<'d>, Unattributed> {
        if let Some(named) = &self.record.key {
            match self.directory.key(named, self.near()) {
                Ok(key) => return self.of_known_key(key, named),
                Err(unknown) => return self.by_rule()?.ok_or(unknown),
            }
        }
        self.by_project()
    }

    /// The organization to which names are narrowed: the record's, else the source's, where there is one.
    fn near(&self) -> Option<&'d str> {
        self.within().ok().flatten().map(|default| &*default.organization)
    }

    /// The key decides (R29); a record that names another known project contradicts itself.
    fn of_known_key(&self, key: &'d Arc<Key>, named: &KeyRef<'_>) -> Result<Whose<'d>, Unattributed> {
        if let Some(said) = self.record.project.as_deref()
            && let Ok(project) = self.directory.project(said, Some(&key.organization))
            && project.id != key.project
        {
            return Err(Unattributed::Contradiction {
                key: key.id.to_string(),
                project: key.project.to_string(),
                said: said.to_owned(),
            });
        }
        Ok(Whose::of_key(key, Ground::of_key(named)))
    }

    /// By the project that the record names, else by a rule, else by its team or organization, else by its source.
    fn by_project(&self) -> Result<Whose<'d>, Unattributed> {
        let rule = self.by_rule();
        if let Ok(Some(whose)) = rule {
            return Ok(whose);
        }
        let within = self.within()?;
        let narrowed = within.map(|default| &*default.organization);
        if let Some(said) = self.record.project.as_deref() {
            return Ok(Whose::of_project(self.directory.project(said, narrowed)?, Ground::Project));
        }
        rule?;
        if let Some(said) = self.record.team.as_deref() {
            let project = self.directory.project(said, narrowed).map_err(|error| match error {
                Unattributed::UnknownProject(said) => Unattributed::UnknownTeam(said),
                other => other,
            })?;
            return Ok(Whose::of_project(project, Ground::Team));
        }
        match (&self.record.organization, &self.home.project, within) {
            (Some(_), _, Some(default)) => Ok(Whose::of_project(default, Ground::Organization)),
            (_, Some(project), _) => {
                Ok(Whose::of_project(self.directory.project(project, narrowed)?, Ground::SourceProject))
            }
            (_, None, Some(default)) => Ok(Whose::of_project(default, Ground::SourceOrganization)),
            (_, None, None) => Err(Unattributed::Nobody),
        }
    }

    /// The default project of the organization that the record names, or else its source.
    fn within(&self) -> Result<Option<&'d Arc<Project>>, Unattributed> {
        let said = self.record.organization.as_deref().or(self.home.organization.as_deref());
        said.map(|organization| self.directory.default_project(organization)).transpose()
    }

    /// By the first rule that fits and says where; `None` if there is none.
    fn by_rule(&self) -> Result<Option<Whose<'d>>, Unattributed> {
        let mut rules = self.home.rules.iter().enumerate();
        let Some((number, rule)) = rules.find(|(_, rule)| rule.says_where() && rule.fits(self.record)) else {
            return Ok(None);
        };
        self.apply(rule, Ground::Rule(number + 1)).map(Some)
    }

    /// Where `rule` puts the record. Organization and project that the record names stay, if Mete knows them.
    fn apply(&self, rule: &Rule, ground: Ground) -> Result<Whose<'d>, Unattributed> {
        let directory = self.directory;
        let known = self.record.organization.as_deref().and_then(|said| directory.default_project(said).ok());
        let within = match (known, rule.org.as_deref().or(self.home.organization.as_deref())) {
            (Some(known), _) => Some(known),
            (None, Some(org)) => Some(directory.default_project(org)?),
            (None, None) => None,
        };
        let narrowed = within.map(|default| &*default.organization);
        let said = self.record.project.as_deref().and_then(|said| directory.project(said, narrowed).ok());
        let key = rule.key().map(|key| directory.key(&key, narrowed)).transpose()?;
        match (said, key) {
            (Some(project), Some(key)) if project.id == key.project => return Ok(Whose::of_key(key, ground)),
            (Some(project), _) => return Ok(Whose::of_project(project, Ground::Project)),
            (None, Some(key)) => return Ok(Whose::of_key(key, ground)),
            (None, None) => {}
        }
        if let Some(project) = &rule.project {
            return Ok(Whose::of_project(directory.project(project, narrowed)?, ground));
        }
        if let Some(team) = self.record.team.as_deref().and_then(|team| directory.project(team, narrowed).ok()) {
            return Ok(Whose::of_project(team, Ground::Team));
        }
        within.map(|default| Whose::of_project(default, ground)).ok_or(Unattributed::Nobody)
    }
}
