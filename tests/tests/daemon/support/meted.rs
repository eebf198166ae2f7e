//! The daemon, as its operator sees it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use mete_tests::{Process, process};
use rustix::process::Signal;

use super::LIMIT;

/// A daemon that runs; a drop kills it.
pub struct Meted(pub Process);

impl Meted {
    /// Starts it and waits until it is ready.
    pub fn start(config: &Path) -> Result<Self> {
        let meted = Self::launch(config)?;
        meted.is_ready()?;
        Ok(meted)
    }

    /// Waits until it is ready.
    pub fn is_ready(&self) -> Result<()> {
        self.said("meted::daemon: ready").map(drop)
    }

    /// Starts it.
    pub fn launch(config: &Path) -> Result<Self> {
        Ok(Self(Process::start(&mut Self::command(config)?)?))
    }

    /// The command that starts it.
    pub fn command(config: &Path) -> Result<Command> {
        let mut command = process::meted()?;
        command.arg("--config").arg(config).stdin(Stdio::null());
        Ok(command)
    }

    /// Waits for a line of its log that has `part` in it.
    pub fn said(&self, part: &str) -> Result<String> {
        self.0.wait_for_line(LIMIT, |line| line.contains(part)).with_context(|| format!("no line with {part:?}"))
    }

    /// Stops it as a service manager does, and checks that it leaves in peace. Returns its log.
    pub fn stop(mut self) -> Result<String> {
        self.0.signal(Signal::TERM)?;
        let status = self.0.wait(LIMIT)?;
        let log = self.0.output();
        ensure!(status.code() == Some(0), "{status}:\n{log}");
        ensure!(!log.contains("ERROR"), "{log}");
        Ok(log)
    }
}
