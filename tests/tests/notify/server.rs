//! A mail server in Python that runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mete_tests::Process;
use mete_tests::postgres::free_port;
use mete_tests::python::Environment;
use serde_json::{Value, json};

/// Making the environment takes a while, once.
const LIMIT: Duration = Duration::from_secs(60);

/// The password of the servers that ask for one.
pub const PASSWORD: &str = "canary-of-the-mail-server";

pub struct Server {
    pub port: u16,
    process: Process,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken(pub Value);

impl Server {
    /// Starts one that differs in these options from one that takes all messages without encryption and login.
    pub fn start(folder: &Path, options: &Value) -> Result<Self> {
        let port = free_port()?;
        let mut all = json!({
            "port": port, "folder": folder, "tls": "none", "login": null, "refuse": [], "die": 0, "delay": 0,
        });
        for (name, value) in options.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        let mut command = Environment::named("mail")?.program("smtp_server.py");
        let process = Process::start(command.arg(all.to_string()))?;
        process.wait_for_line(LIMIT, |line| line == "ready").context("the mail server does not start")?;
        Ok(Self { port, process })
    }

    /// What it took, in its order.
    pub fn taken(&self) -> Vec<Taken> {
        self.process.output().lines().filter_map(|line| serde_json::from_str(line).ok()).map(Taken).collect()
    }

    /// `[notify.smtp]` with this server, and `rest`.
    pub fn settings(&self, rest: &str) -> String {
        let port = self.port;
        format!("[notify.smtp]\nhost = '127.0.0.1'\nport = {port}\nfrom = 'Mété <mete@acme.test>'\n{rest}\n")
    }

    /// The same without encryption and login, with this time limit in seconds.
    pub fn plain_settings(&self, timeout: u16) -> String {
        self.settings(&format!("tls = 'none'\ntimeout = {timeout}"))
    }
}

impl Taken {
    pub fn header(&self, name: &str) -> &str {
        self.0["headers"][name].as_str().unwrap_or_default()
    }

    pub fn part(&self, kind: &str) -> &str {
        self.0["parts"][kind].as_str().unwrap_or_default()
    }

    /// The message's id as deliveries have it.
    pub fn id(&self) -> &str {
        self.header("Message-ID").trim_start_matches('<').trim_end_matches('>')
    }

    pub fn to(&self) -> &str {
        self.0["to"][0].as_str().unwrap_or_default()
    }
}
