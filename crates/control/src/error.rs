//! Why a change was refused.

use mete_core::directory::NameProblem;
use mete_core::limits::LimitProblem;
use mete_store::StoreError;

/// Why a change was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
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

impl ControlError {
    /// A stable word for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Conflict(_) | Self::Store(StoreError::Conflict(_)) => "conflict",
            Self::LimitReached(_) => "limit_reached",
            Self::Store(StoreError::NotFound(_) | StoreError::Missing(_)) => "not_found",
            Self::Store(_) => "store",
        }
    }
}
