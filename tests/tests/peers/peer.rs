//! A program in Python that runs.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_tests::Process;
use mete_tests::python::Environment;
use serde_json::Value;

/// A program ends itself after two minutes, and says where it hung.
const LIMIT: Duration = Duration::from_secs(150);

pub struct Peer(Process);

impl Peer {
    /// Starts `script` of `tests/python` with these arguments and variables.
    pub fn start(script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let mut command = Environment::named("peers")?.program(script);
        command.args(arguments).envs(variables.iter().copied());
        Ok(Self(Process::start(&mut command)?))
    }

    /// Waits for a line that has `part` in it.
    pub fn said(&self, part: &str) -> Result<String> {
        self.0.wait_for_line(LIMIT, |line| line.contains(part)).with_context(|| format!("no line with {part:?}"))
    }

    /// What it printed at its end: one line of JSON. It must not have given up anything that it had to send.
    pub fn result(mut self) -> Result<Value> {
        let status = self.0.wait(LIMIT)?;
        let output = self.0.output();
        ensure!(status.success() && !output.contains("Failed to export"), "{status}:\n{output}");
        let line = self.0.wait_for_line(LIMIT, |line| line.starts_with("{\""))?;
        serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))
    }
}
