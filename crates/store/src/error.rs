//! What can go wrong with the store.

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

use crate::url::StoreUrl;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no store that Mete knows.
    #[error("{0:?} is no store: write sqlite:PATH or postgres://user@host/database")]
    Url(String),
    /// The store could not be opened.
    #[error("cannot open the store {url}: {source}")]
    Open {
        /// Which store.
        url: StoreUrl,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// The file or database holds no store yet.
    #[error("there is no store at {0}: create one with 'mete init --org NAME --owner EMAIL'")]
    Missing(StoreUrl),
    /// The schema could not be brought up to date.
    #[error("cannot bring the store {url} up to date: {source}")]
    Migrate {
        /// Which store.
        url: StoreUrl,
        /// What the migrator said.
        source: MigrateError,
    },
    /// Another version of Mete left the schema as it is.
    #[error("the store {0} is of another version of Mete: any command that opens it brings an older one up to date")]
    Outdated(StoreUrl),
    /// The engine refused a statement or went away.
    #[error("the store failed: {0}")]
    Engine(#[from] sqlx::Error),
    /// A row holds what no version of Mete writes.
    #[error("the store holds {0}, which no version of Mete writes; run 'mete verify' and restore from a backup")]
    Corrupt(String),
    /// What was asked for is not there, or its name is not clear.
    #[error("{0}")]
    NotFound(String),
    /// What was asked for contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Another file has taken the place of the one that was opened.
    #[error("{0} is another file than the one that was opened, perhaps a copy that was restored: start anew to see it")]
    Replaced(String),
    /// The store's file cannot be made or read.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether the same work may succeed when it is tried again: a serialisation failure or deadlock on Postgres, a
    /// locked file on SQLite.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let Self::Engine(sqlx::Error::Database(error)) = self else { return false };
        // 40001 serialization_failure, 40P01 deadlock_detected
        error.code().is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01") || is_locked(&code))
    }

    /// Whether a SQLite file could not be opened because another program holds it: once that lets go of it, it can.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let source = match self {
            Self::Open { url: StoreUrl::Sqlite(_), source: sqlx::Error::PoolTimedOut } => return true,
            Self::Engine(source) | Self::Open { source, .. } => source,
            Self::Migrate {
                source: MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _), ..
            } => source,
            _ => return false,
        };
        let code = source.as_database_error().and_then(DatabaseError::code);
        code.is_some_and(|code| is_locked(&code))
    }

    /// Whether a unique constraint refused the work: somebody else was first.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Engine(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

/// Whether a code is one of SQLite's for a file that another connection holds: 5 BUSY, 6 LOCKED, and variants of BUSY.
fn is_locked(code: &str) -> bool {
    matches!(code, "5" | "6" | "261" | "517")
}
