//! Why a command did not do what it was asked to.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use mete_control::ControlError;
use mete_core::Month;
use mete_core::directory::NameProblem;
use mete_ingest::formats::MappingError;
use mete_ingest::retry::RetryError;
use mete_ingest::sources::SourceError;
use mete_notify::OpenError;
use mete_prices::{NoPrice, OverrideError};
use mete_report::export::ExportError;
use mete_store::StoreError;
use mete_tui::{ConfigError as TuiConfigError, TuiError};
use meted::config::ConfigError;
use serde_json::{Value, json};

/// Why a command did not do what it was asked to. The text is for people.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A change was refused, something is not there, or the store failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A person acts where only the operator may.
    #[error("{person:?} may not {what}: only the operator may; leave out --as and METE_ACTOR to act as the operator")]
    OperatorOnly {
        /// What was asked for, as it follows "may not".
        what: &'static str,
        /// As whom.
        person: String,
    },
    /// The store's URL is none. It is not repeated, because it may hold a password.
    #[error("--store (or METE_STORE) names no store: write sqlite:PATH or postgres://USER@HOST/DATABASE")]
    StoreUrl,
    /// There is no home directory to have a store in.
    #[error("cannot find the data directory ({0}): say where the store is with --store or METE_STORE")]
    NoHome(etcetera::HomeDirError),
    /// Nobody is named to own a key, and it does not follow.
    #[error("the organization has {0} owners: say whose key it is with --member EMAIL")]
    WhoseKey(usize),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file holds no token.
    #[error("{} holds no token: it must be one line of visible ASCII characters", .0.display())]
    NoToken(PathBuf),
    /// The price overrides are wrong.
    #[error("the prices in {} are wrong: {source}", path.display())]
    Prices {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: OverrideError,
    },
    /// A model has no price.
    #[error(transparent)]
    NoPrice(#[from] NoPrice),
    /// The mapping of a format of one's own is wrong.
    #[error("the mapping {} is wrong: {source}", path.display())]
    Mapping {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: MappingError,
    },
    /// The daemon's configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A channel of notifications cannot be had.
    #[error(transparent)]
    Channels(#[from] OpenError),
    /// There is no channel of notifications.
    #[error("no channel is configured: name the daemon's configuration with --config, and have a [notify.smtp] in it")]
    NoChannels,
    /// Rows cannot be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Bytes that are no text would go to a terminal.
    #[error(
        "Parquet is no text for a terminal: send it to a file, as in 'mete export --format parquet > usage.parquet'"
    )]
    BinaryToTerminal,
    /// A month that is not over came to nothing yet.
    #[error("{0} is not over: it can be held against its forecasts from the next month on")]
    MonthNotOver(Month),
    /// The last month is before the first.
    #[error("--until {1} is before --month {0}: name the first month with --month and the last with --until")]
    MonthsBackwards(Month, Month),
    /// There is no such entry in the quarantine.
    #[error("there is no entry {0} in the quarantine: see 'mete quarantine list'")]
    NoEntry(i64),
    /// The tables of attribution are wrong.
    #[error("the tables in {} are wrong: {problem}", path.display())]
    Tables {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A source of usage logs failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A task ended in a way that it must not.
    #[error("the program failed inside: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The configuration of the terminal interface cannot be read.
    #[error(transparent)]
    TuiConfig(#[from] TuiConfigError),
    /// The terminal interface could not be shown.
    #[error(transparent)]
    Tui(#[from] TuiError),
    /// The demo did not go as it must.
    #[error("the demo failed: {0:#}")]
    Demo(anyhow::Error),
    /// The running daemon cannot be asked, or does not answer what was asked.
    #[error("the daemon at {place} does not explain it: {problem}")]
    Daemon {
        /// Where it was asked.
        place: String,
        /// What went wrong.
        problem: String,
        /// The code of that.
        code: &'static str,
    },
    /// A result cannot be written.
    #[error("cannot write the result: {0}")]
    Write(io::Error),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    WriteFile {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Somebody was asked, and did not say yes.
    #[error("not confirmed: nothing was changed")]
    Declined,
    /// There is nobody to ask.
    #[error("{0} Nothing was changed: there is no terminal to ask on; add --yes if this is what you want")]
    Unconfirmed(String),
    /// There is nobody to ask for the name of what is to be destroyed.
    #[error("{0} Nothing was changed: there is no terminal to ask on; add --confirm NAME if this is what you want")]
    Unnamed(String),
    /// The asynchronous runtime or the signals of the system are not to be had.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Control(error.into())
    }
}

impl From<RetryError> for CliError {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::Store(error) => error.into(),
            RetryError::Reader(error) => error.into(),
        }
    }
}

impl From<NameProblem> for CliError {
    fn from(problem: NameProblem) -> Self {
        Self::Control(problem.into())
    }
}

impl CliError {
    /// A stable word for scripts; docs/cli.md lists them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Control(error) => error.code(),
            Self::Daemon { code, .. } => code,
            Self::OperatorOnly { .. } => "not_permitted",
            Self::StoreUrl
            | Self::WhoseKey(_)
            | Self::Prices { .. }
            | Self::Mapping { .. }
            | Self::Config(_)
            | Self::Channels(_)
            | Self::NoChannels
            | Self::TuiConfig(TuiConfigError::Wrong { .. })
            | Self::NoToken(_)
            | Self::BinaryToTerminal
            | Self::MonthsBackwards(..)
            | Self::MonthNotOver(_)
            | Self::Tables { .. } => "invalid",
            Self::NoEntry(_) | Self::NoPrice(_) => "not_found",
            Self::Source(SourceError::Store(_)) => "store",
            Self::TuiConfig(TuiConfigError::Read { .. }) => "io",
            Self::NoHome(_)
            | Self::Read { .. }
            | Self::Source(_)
            | Self::Write(_)
            | Self::WriteFile { .. }
            | Self::Export(_) => "io",
            Self::Declined | Self::Unconfirmed(_) | Self::Unnamed(_) => "not_confirmed",
            Self::Tui(_) => "terminal",
            Self::Demo(_) | Self::Task(_) | Self::Runtime(_) => "internal",
        }
    }

    /// Whether another program holds the store, which can be had as soon as that lets go of it.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Control(ControlError::Store(error)) if error.is_held())
    }

    /// 2 for wrong usage, 1 for the rest.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::StoreUrl) { 2 } else { 1 })
    }

    /// For scripts.
    pub fn body(&self) -> Value {
        json!({"error": {"message": self.to_string(), "code": self.code()}})
    }
}
