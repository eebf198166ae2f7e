//! Why an event is somebody's, in words.

use std::fmt;

use crate::record::KeyRef;

/// What decided whose an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The record names the key's id.
    KeyId,
    /// The record has the SHA-256 of the key's secret, or the secret, which is hashed at once.
    KeyHash,
    /// The record shows the ends of the key's secret, and no other key has them.
    KeyForm,
    /// The record names the project.
    Project,
    /// The record's team is the project's id or name.
    Team,
    /// The record names the organization only: its default project.
    Organization,
    /// The rule with this number, counted from 1: those of the source first, then those for all sources.
    Rule(usize),
    /// The source has a project.
    SourceProject,
    /// The source has an organization: its default project.
    SourceOrganization,
}

impl Ground {
    pub(super) const fn of_key(key: &KeyRef<'_>) -> Self {
        match key {
            KeyRef::Id(_) => Self::KeyId,
            KeyRef::Hash(_) => Self::KeyHash,
            KeyRef::Redacted(_) => Self::KeyForm,
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KeyId => "the record names the key by its id",
            Self::KeyHash => "the record names the key by the SHA-256 of its secret",
            Self::KeyForm => "the record shows both ends of the key, and no other has them",
            Self::Project => "the record names the project",
            Self::Team => "the record's team is the project",
            Self::Organization => "the record names the organization only",
            Self::Rule(number) => return write!(f, "table {number} of [[attribute]] fits"),
            Self::SourceProject => "the source's project: the record names none",
            Self::SourceOrganization => "the source's organization: the record names none",
        })
    }
}
