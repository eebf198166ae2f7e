//! The daemon, as its operator sees it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::{Process, process};

/// Nothing in the tests takes this long, unless it never happens.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A daemon that runs; a drop kills it.
#[derive(Debug)]
pub struct Meted(pub Process);

impl Meted {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, or is not ready in time.
    pub fn start(config: &Path) -> Result<Self> {
        let meted = Self::launch(config)?;
        meted.is_ready()?;
        Ok(meted)
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it is not in time; the error shows its log.
    pub fn is_ready(&self) -> Result<()> {
        self.said("meted::daemon: ready").map(drop)
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn launch(config: &Path) -> Result<Self> {
        Ok(Self(Process::start(&mut Self::command(config)?)?))
    }

    /// The command that starts it.
    ///
    /// # Errors
    /// When the program has to be built first and that fails.
    pub fn command(config: &Path) -> Result<Command> {
        let mut command = process::meted()?;
        command.arg("--config").arg(config).stdin(Stdio::null());
        Ok(command)
    }

    /// Waits for a line of its log that has `part` in it.
    ///
    /// # Errors
    /// When none comes in time; the error shows its log.
    pub fn said(&self, part: &str) -> Result<String> {
        self.0.wait_for_line(LIMIT, |line| line.contains(part)).with_context(|| format!("no line with {part:?}"))
    }

    /// Stops it as a service manager does, and checks that it leaves in peace. Returns its log.
    ///
    /// # Errors
    /// When it does not leave in time, or says that something went wrong.
    pub fn stop(mut self) -> Result<String> {
        self.0.signal(Signal::TERM)?;
        let status = self.0.wait(LIMIT)?;
        let log = self.0.output();
        ensure!(status.code() == Some(0), "{status}:\n{log}");
        ensure!(!log.contains("ERROR"), "{log}");
        Ok(log)
    }
}
