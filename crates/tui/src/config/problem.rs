//! What is wrong with a configuration, for the person who wrote it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Its line, from 1.
    pub line: usize,
    /// The setting, such as `look.theme`; empty where it is no setting's.
    pub setting: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, setting, message } = self;
        match setting.as_str() {
            "" => write!(f, "line {line}: {message}"),
            _ => write!(f, "line {line}: {setting}: {message}"),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the interface's configuration {}: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error(
        "the interface's configuration {} is wrong; correct it, or set METE_TUI_CONFIG=/dev/null to do without:{}",
        path.display(),
        lines(problems)
    )]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// All that is wrong, in the order of the lines.
        problems: Vec<Problem>,
    },
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
