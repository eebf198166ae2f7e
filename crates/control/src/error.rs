//! Why a change was refused.

use mete_core::directory::NameProblem;
use mete_core::limits::LimitProblem;
use mete_store::StoreError;

use crate::deed::Deed;

/// Why something was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The actor has not the right to it (R6), or what it is about does not exist for the actor.
    #[error(transparent)]
    Denied(Box<Denial>),
    /// The input is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// A number has reached its limit (R4).
    #[error("{0}")]
    LimitReached(String),
    /// The store failed, or what was named is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A refusal for want of a right.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Denial {
    /// What the actor is told.
    pub message: String,
    /// Whether the actor must not learn that it exists (R6).
    pub hidden: bool,
    /// What was tried, for the audit log; nothing for an attempt to read.
    pub(crate) deed: Option<Deed>,
}

impl From<NameProblem> for ControlError {
    fn from(problem: NameProblem) -> Self {
        Self::Invalid(problem.to_string())
    }
}

impl From<LimitProblem> for ControlError {
    fn from(problem: LimitProblem) -> Self {
        Self::Invalid(problem.to_string())
    }
}

impl From<Denial> for ControlError {
    fn from(denial: Denial) -> Self {
        Self::Denied(Box::new(denial))
    }
}

impl ControlError {
    /// A stable word for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denial) if denial.hidden => "not_found",
            Self::Denied(_) => "not_permitted",
            Self::Invalid(_) => "invalid",
            Self::Conflict(_) | Self::Store(StoreError::Conflict(_)) => "conflict",
            Self::LimitReached(_) => "limit_reached",
            Self::Store(StoreError::NotFound(_) | StoreError::Missing(_)) => "not_found",
            Self::Store(_) => "store",
        }
    }

    /// What was named is not there.
    pub(crate) fn not_found(message: String) -> Self {
        Self::Store(StoreError::NotFound(message))
    }
}
