//! `[refused]`: the list of refused keys for gateways that cannot ask.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// `[refused]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refused {
    /// The file that always holds the list; without it, nothing is written.
    pub file: Option<PathBuf>,
    /// A program and its arguments, run after the file has changed; none if empty.
    pub command: Vec<String>,
    /// Seconds after which the program is killed.
    pub timeout: u64,
}

impl Default for Refused {
    fn default() -> Self {
        Self { file: None, command: Vec::new(), timeout: 10 }
    }
}

impl Refused {
    /// How long the program may take.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// What does not make sense.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.file.is_none() && !self.command.is_empty() {
            return Some("[refused] has a command and no file: name the file that the command is run for");
        }
        if self.command.first().is_some_and(String::is_empty) {
            return Some("[refused] command begins with an empty text: begin it with the path of a program");
        }
        (self.timeout == 0).then_some("[refused] timeout is 0: no command ends in that time; give it some seconds")
    }
}
