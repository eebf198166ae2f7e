//! A deployment in operation: a store, a daemon over it that takes usage and answers gateways, an operator at a terminal.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::SystemClock;
use mete_core::Clock as _;
use mete_tests::postgres::free_port;
use mete_tests::terminal::Terminal;
use mete_tests::{Gateway, Meted, Run, TestStore, process, wait};
use serde_json::Value;

use crate::interface;

/// How long what must come may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Escape. It has to be waited for before a letter is typed: together they would be the letter with alt.
pub const ESC: &str = "\x1b";

/// What a terminal sends to empty the line that is typed into.
pub const EMPTY_LINE: &str = "\x15";

/// A key with its secret.
pub struct Key {
    pub id: String,
    pub secret: String,
}

/// The organization Acme, which Dana owns, and a daemon over its store.
pub struct Stage<'a> {
    pub place: &'a TestStore,
    pub gateway: Gateway,
    pub meted: Option<Meted>,
    lines: u32,
}

impl<'a> Stage<'a> {
    pub fn new(place: &'a TestStore) -> Result<Self> {
        let gateway = Gateway(free_port()?);
        let config = format!("[store]\nurl = '{}'\n[listen]\naddress = '127.0.0.1:{}'\n", place.url(), gateway.0);
        std::fs::write(place.path("meted.toml"), config)?;
        let mut stage = Self { place, gateway, meted: None, lines: 0 };
        stage.mete("init --org Acme --owner dana@acme.test")?;
        stage.start_daemon()?;
        Ok(stage)
    }

    pub fn start_daemon(&mut self) -> Result<()> {
        self.meted = Some(Meted::start(&self.config())?);
        Ok(())
    }

    fn config(&self) -> PathBuf {
        self.place.path("meted.toml")
    }

    /// One command of somebody else, which must succeed: words without spaces in them.
    pub fn mete(&self, words: &str) -> Result<Value> {
        let mut command = process::mete()?;
        command.args(words.split(' ')).args(["--json", "--store", self.place.url()]);
        Run::of(&mut command)?.json().with_context(|| format!("mete {words}"))
    }

    /// A project of Acme with a monthly budget and a threshold, in dollars.
    pub fn project(&self, name: &str, (budget, threshold): (u32, u32)) -> Result<()> {
        self.mete(&format!("project create {name} --org Acme"))?;
        self.mete(&format!("limits set --project {name} --budget {budget} --threshold {threshold}")).map(drop)
    }

    /// A key of a person in a project.
    pub fn key(&self, (project, email): (&str, &str), name: &str) -> Result<Key> {
        let made = self.mete(&format!("key create --project {project} --member {email} --name {name}"))?;
        let text = |field: &str| made[field].as_str().map(str::to_owned).context("a field is missing");
        Ok(Key { id: text("id")?, secret: text("secret")? })
    }

    /// Usage of a key comes in, and is counted.
    pub fn spends(&mut self, key: &Key, dollars: u32) -> Result<()> {
        self.lines += 1;
        let (line, now, id) = (self.lines, SystemClock.now(), &key.id);
        let usage = format!(
            r#"{{"id":"e{line}","time":"{now}","api_key":"{id}","model":"gpt-4o-mini","input_tokens":3,"cost":"{dollars}"}}"#
        );
        let answer = self.gateway.post("/v1/ingest", "content-type: application/x-ndjson\r\n", &usage)?;
        ensure!((answer.status, &answer.body["accepted"]) == (200, &1.into()), "{answer:?}");
        Ok(())
    }

    /// An operator who has opened the interface: what is typed before the terminal is its own is not its keys.
    pub fn operator(&self) -> Result<Terminal> {
        let operator = Terminal::start(&interface(self.place)?, (120, 40))?;
        operator.wait_for("● live")?;
        Ok(operator)
    }
}

/// Types keys, and waits until all of `expected` has stood on the screen.
pub fn step(terminal: &mut Terminal, keys: &str, expected: &[&str]) -> Result<()> {
    terminal.keys(keys)?;
    expected.iter().try_for_each(|text| terminal.wait_for(text)).with_context(|| format!("after {keys:?}"))
}

/// Presses escape, and waits until `gone` has left the screen.
pub fn escape(terminal: &mut Terminal, gone: &str) -> Result<()> {
    terminal.keys(ESC)?;
    terminal.wait_until_gone(gone)
}

/// Waits until there is a line with all of `parts` in it.
pub fn line_of(terminal: &Terminal, parts: &[&str]) -> Result<()> {
    let whole = |screen: String| screen.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    let found = wait::until(&format!("a line of {parts:?}"), PATIENCE, || whole(terminal.screen()).then_some(()));
    found.with_context(|| terminal.screen())
}

/// Leaves, and sees that the terminal is as it was.
pub fn leave(mut terminal: Terminal) -> Result<()> {
    terminal.keys("q")?;
    let status = terminal.wait()?;
    let disorder = terminal.disorder()?;
    ensure!(status.success() && disorder.is_empty(), "{status:?} {disorder:?}");
    Ok(())
}
