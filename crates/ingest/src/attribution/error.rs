//! Why it is not known whose an event is.

use super::MAX_MODEL;

/// Why it is not known whose an event is (R34).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unattributed {
    /// The record names a key that there is not.
    #[error("there is no key {0}: create it, say in an [[attribute]] table what it is here, or mend what the log says")]
    UnknownKey(String),
    /// The record shows the end of a key, and several end so.
    #[error("{count} keys look like {form}: let the log name the key by its id or its SHA-256")]
    AmbiguousKey {
        /// What the record says.
        form: String,
        /// How many there are.
        count: usize,
    },
    /// The record names a project that there is not.
    #[error(
        "there is no project {0:?}: create it, say in an [[attribute]] table what it is here, or mend what the log says"
    )]
    UnknownProject(String),
    /// The record names a team that is no project's id or name, and that no table knows.
    #[error("there is no project for the team {0:?}: say in an [[attribute]] table which it is")]
    UnknownTeam(String),
    /// The record names a project of which there are several.
    #[error("several organizations have a project {0:?}: let the log or the source name the organization too")]
    AmbiguousProject(String),
    /// The record names an organization that there is not.
    #[error(
        "there is no organization {0:?}: create it, say in an [[attribute]] table what it is here, or mend what the log says"
    )]
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
            Self::UnknownKey(_) | Self::AmbiguousKey { .. } => "unknown_key",
            Self::UnknownProject(_) | Self::UnknownTeam(_) | Self::AmbiguousProject(_) => "unknown_project",
            Self::UnknownOrganization(_) => "unknown_organization",
            Self::Contradiction { .. } => "contradiction",
            Self::Nobody => "unattributed",
            Self::BadModel => "bad_field",
        }
    }

    /// Whether a newer directory may know better.
    #[must_use]
    pub const fn may_be_news(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey(_) | Self::UnknownProject(_) | Self::UnknownTeam(_) | Self::UnknownOrganization(_)
        )
    }
}
