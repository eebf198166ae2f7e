//! The organization Acme with its projects Support and Search, a daemon over it, and what `mete` says of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use mete_core::Nanos;
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::process::{Run, mete};
use mete_tests::{Meted, TestStore, wait};
use serde_json::Value;

/// What a row of `mete spend` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub requests: i64,
    pub input: i64,
    pub cached: i64,
    pub output: i64,
    pub spend: Nanos,
}

/// What was spent, by name.
pub type Spends = BTreeMap<String, Spent>;

pub struct Stage<'a> {
    place: &'a TestStore,
    /// Where its daemon listens.
    pub address: String,
}

impl<'a> Stage<'a> {
    pub fn new(place: &'a TestStore) -> Result<Self> {
        let stage = Self { place, address: format!("127.0.0.1:{}", free_port()?) };
        stage.mete("init --org Acme --owner dana@acme.test")?;
        stage.mete("project create Support --org Acme")?;
        stage.mete("project create Search --org Acme")?;
        Ok(stage)
    }

    /// What `mete` answers to words that are apart by one space.
    pub fn mete(&self, words: &str) -> Result<Value> {
        let mut command = mete()?;
        command.args(words.split(' ')).arg("--json").env("METE_STORE", self.place.url());
        Run::of(&mut command)?.json().with_context(|| format!("mete {words}"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// The test's folder, as it stands in a configuration.
    pub fn folder(&self) -> String {
        self.place.dir().display().to_string()
    }

    /// Starts a daemon with this configuration below store and address, and waits until it is ready.
    pub fn start(&self, rest: &str) -> Result<Meted> {
        self.start_at(self.place.url(), rest)
    }

    /// The same with another way to the store.
    pub fn start_at(&self, url: &str, rest: &str) -> Result<Meted> {
        let (config, address) = (self.path("meted.toml"), &self.address);
        fs::write(&config, format!("[store]\nurl = '{url}'\n[listen]\naddress = '{address}'\n{rest}"))?;
        Meted::start(&config)
    }

    /// What was spent this month, by `project`, `model` or the like; nothing may be in the quarantine.
    pub fn spends(&self, by: &str) -> Result<Spends> {
        let quarantined = self.mete("quarantine list")?;
        ensure!(quarantined["total"] == 0, "{quarantined}");
        let answer = self.mete(&format!("spend --by {by}"))?;
        let rows = answer["rows"].as_array().context("no rows")?;
        rows.iter().map(|row| Ok((row["name"].as_str().context("no name")?.to_owned(), spent(row)?))).collect()
    }

    /// Waits until `requests` are counted, and says what was spent.
    pub fn counted(&self, requests: i64, by: &str) -> Result<Spends> {
        let counted = wait::until(&format!("{requests} requests"), LIMIT, || {
            let spends = self.spends(by).ok()?;
            (spends.values().map(|spent| spent.requests).sum::<i64>() >= requests).then_some(spends)
        });
        counted.with_context(|| format!("there are {:?}", self.spends(by)))
    }

    /// Checks that all sums of the store agree, and that it has this many events.
    pub fn verify(&self, events: i64) -> Result<()> {
        let answer = self.mete("verify")?;
        ensure!(answer["ok"] == true && answer["events"] == events, "{events} events expected: {answer}");
        Ok(())
    }
}

fn spent(row: &Value) -> Result<Spent> {
    let count = |field: &str| row[field].as_i64().with_context(|| format!("no {field} in {row}"));
    Ok(Spent {
        requests: count("requests")?,
        input: count("input_tokens")?,
        cached: count("cached_input_tokens")?,
        output: count("output_tokens")?,
        spend: row["spend"].as_str().context("no spend")?.parse()?,
    })
}
