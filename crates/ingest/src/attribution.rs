//! Whose an event is: key → project → organization, else what tables and the source say (R29, R34).
//!
//! [`Directory`] knows what there is, [`Rule`]s are the configuration's tables, `search` has the order in which they are
//! asked.

mod directories;
mod directory;
mod error;
mod ground;
mod keys;
mod rule;
mod search;

use std::sync::Arc;

use mete_core::Series;
use rustc_hash::FxHashMap;

pub use directories::Directories;
pub use directory::Directory;
pub use error::Unattributed;
pub use ground::Ground;
pub use rule::{Rule, When};

use crate::record::Record;
use search::Search;

/// The longest model name that is kept, in bytes.
const MAX_MODEL: usize = 256;

/// How many names are remembered; more than that is somebody inventing names.
const MANY_NAMES: usize = 200_000;

/// Where records belong whose own words do not say it.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Id or name of an organization.
    pub organization: Option<String>,
    /// Id or name of a project.
    pub project: Option<String>,
    /// Tables, the first that fits first.
    pub rules: Vec<Rule>,
}

/// Whose an event is, and why.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// Whom and what it counts for.
    pub series: Arc<Series>,
    /// What decided it.
    pub ground: Ground,
}

/// Finds out whose records are.
pub struct Attributor {
    directories: Arc<Directories>,
    home: Home,
    /// One shared copy of each name.
    names: FxHashMap<Box<str>, Arc<str>>,
}

impl Attributor {
    /// By the current directory of these, and where records belong that do not say it.
    #[must_use]
    pub fn new(directories: Arc<Directories>, home: Home) -> Self {
        Self { directories, home, names: FxHashMap::default() }
    }

    /// What the source and its rules name and is not there.
    #[must_use]
    pub fn missing(&self) -> Vec<Unattributed> {
        let Home { organization, project, rules } = &self.home;
        let directory = self.directory();
        let near = organization.as_deref();
        let own = directory.check(near, project.as_deref(), None);
        let of_rules = rules
            .iter()
            .map(|rule| directory.check(rule.org.as_deref().or(near), rule.project.as_deref(), rule.key().as_ref()));
        let mut missing: Vec<_> = std::iter::once(own).chain(of_rules).filter_map(Result::err).collect();
        missing.dedup();
        missing
    }

    /// The directory in use. Not to be kept: it may be large.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.directories.current()
    }

    /// The tables in use.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.home.rules
    }

    /// Whose a record is.
    ///
    /// # Errors
    /// Says why it is not known.
    pub fn attribute(&mut self, record: &Record<'_>) -> Result<Attribution, Unattributed> {
        let model = record.model.as_deref().unwrap_or_default();
        if model.len() > MAX_MODEL || model.chars().any(char::is_control) {
            return Err(Unattributed::BadModel);
        }
        let directory = self.directory();
        let whose = Search { directory: &directory, home: &self.home, record }.whose()?;
        let member = match whose.key {
            Some(key) => Some(Arc::clone(&key.owner)),
            None => self.member(record).map(|member| self.name(&member)),
        };
        let series = Series::new(
            Arc::clone(whose.organization),
            Arc::clone(whose.project),
            whose.key.map(|key| Arc::clone(&key.id)),
            member,
            self.name(model),
            record.endpoint,
        );
        Ok(Attribution { series: Arc::new(series), ground: whose.ground })
    }

    /// Whom the record names, else the first rule that fits and says.
    fn member(&self, record: &Record<'_>) -> Option<String> {
        let ruled = || self.home.rules.iter().find(|rule| rule.member.is_some() && rule.fits(record));
        record.member.as_deref().or_else(|| ruled()?.member.as_deref()).map(str::to_owned)
    }

    /// One shared copy of a name.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        if self.names.len() >= MANY_NAMES {
            self.names.clear();
        }
        let shared: Arc<str> = name.into();
        self.names.insert(name.into(), Arc::clone(&shared));
        shared
    }
}
