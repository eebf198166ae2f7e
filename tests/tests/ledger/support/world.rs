//! A store with an organization, its projects and keys, all made and read by the real `mete`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use mete_tests::process::{self, Run};
use mete_tests::{Meted, Process, wait};
use rustix::process::Signal;
use serde_json::Value;

use super::disk::Disk;
use super::figures::{self, Figures};
use super::patience;

/// Who sends usage: the project that it counts to, and the field that says so.
#[derive(Clone, Debug)]
pub struct Sender {
    pub project: &'static str,
    /// The key's id; none where the project is named instead.
    pub key: Option<String>,
}

impl Sender {
    /// The field of a line.
    pub fn field(&self) -> String {
        match &self.key {
            Some(key) => format!(r#""api_key":"{key}""#),
            None => format!(r#""project":"{}""#, self.project),
        }
    }
}

/// Acme with two projects.
pub struct World<'a> {
    url: String,
    dir: PathBuf,
    /// Where the store is, if not where everything else is.
    disk: Option<&'a Disk>,
    pub senders: Vec<Sender>,
    /// A key's secret, for the gate.
    pub secret: String,
}

impl<'a> World<'a> {
    /// Makes it in the empty store at `url`, with files in `dir`.
    ///
    /// # Errors
    /// When a command fails.
    pub fn new(url: &str, dir: &Path, disk: Option<&'a Disk>) -> Result<Self> {
        let (url, dir) = (url.to_owned(), dir.to_owned());
        let mut world = Self { url, dir, disk, senders: Vec::new(), secret: String::new() };
        world.mete(&["init", "--org", "Acme", "--owner", "dana@acme.test"])?;
        for (project, keys) in [("Bot", 3), ("Search", 2)] {
            world.mete(&["project", "create", project, "--org", "Acme"])?;
            for number in 1..=keys {
                let name = format!("{project} {number}");
                let key = world.mete(&["key", "create", "--project", project, "--name", &name])?;
                world.secret = text(&key, "secret")?;
                world.senders.push(Sender { project, key: Some(text(&key, "id")?) });
            }
        }
        world.senders.push(Sender { project: "Search", key: None });
        Ok(world)
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What a command of `mete` tells.
    ///
    /// # Errors
    /// When it fails; the error shows what it said.
    pub fn mete(&self, args: &[&str]) -> Result<Value> {
        let mut command = process::mete()?;
        command.args(args).arg("--json").env("METE_STORE", &self.url);
        let run = Run::of(&mut self.beside_the_store(command))?;
        run.json().with_context(|| format!("mete {args:?}"))
    }

    /// Writes the configuration `name` of a daemon that answers on `port`, and reads what `sources` says.
    pub fn configure(&self, name: &str, port: u16, sources: &str) -> PathBuf {
        let path = self.path(&format!("{name}.toml"));
        let url = &self.url;
        let http = "[[source]]\nkind = 'http'\nname = 'http'\nproject = 'Bot'\n";
        let text = format!("[store]\nurl = '{url}'\n[listen]\naddress = '127.0.0.1:{port}'\n{http}{sources}");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts a daemon and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn daemon(&self, config: &Path) -> Result<Meted> {
        let meted = Meted(Process::start(&mut self.beside_the_store(Meted::command(config)?))?);
        meted.is_ready()?;
        Ok(meted)
    }

    fn beside_the_store(&self, command: Command) -> Command {
        match self.disk {
            Some(disk) => disk.beside(&command),
            None => command,
        }
    }

    /// Waits until the ledger holds what is expected of it: events, their sum, and the quarantine.
    ///
    /// # Errors
    /// When it never does; the error shows how it differs in the end.
    pub fn settles_at(&self, expected: &Figures) -> Result<()> {
        let is_there = || {
            let verified = self.mete(&["verify"]).ok()?;
            let events = figures::count(&verified["events"]).ok()? == expected.events;
            let total = figures::nanos(&verified["total"]).ok()? == expected.total;
            let all = events && total && figures::quarantined(self).ok()? == expected.quarantined;
            all.then_some(())
        };
        let settled = wait::until("all of it in the ledger", patience(expected.events), is_there);
        settled.or_else(|error| self.holds(expected).context(error))
    }

    /// Checks that the ledger holds exactly what is expected of it.
    ///
    /// # Errors
    /// When it does not; the error shows where they differ.
    pub fn holds(&self, expected: &Figures) -> Result<()> {
        Figures::of(self, &expected.months())?.agree_with(expected)
    }
}

/// Stops a daemon as a service manager does; it may have had its troubles. Returns its log.
pub fn leave(mut meted: Meted) -> Result<String> {
    meted.0.signal(Signal::TERM)?;
    let status = meted.0.wait(mete_tests::meted::LIMIT)?;
    let log = meted.0.output();
    anyhow::ensure!(status.code() == Some(0), "{status}:\n{log}");
    Ok(log)
}

/// A source that follows a file for the project Bot.
pub fn file(path: &Path) -> String {
    source("file", path)
}

/// A source of some kind at a path, for the project Bot.
pub fn source(kind: &str, path: &Path) -> String {
    format!("[[source]]\nkind = '{kind}'\npath = '{}'\nproject = 'Bot'\n", path.display())
}

fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no {field}: {value}"))?.to_owned())
}
