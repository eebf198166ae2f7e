//! A store of a size, with usage of the last two years up to now.

use std::io::{BufWriter, Write as _};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::{SystemClock, origin, system_random};
use mete_control::{Control, LimitChange, LimitsOf};
use mete_core::actor::Actor;
use mete_core::time::DAY;
use mete_core::{Clock as _, Nanos};
use mete_store::{Store, StoreUrl};
use mete_tests::bench::UsageLog;
use mete_tests::process::{Run, mete};
use mete_tests::{Engine, TestStore};
use serde_json::Value;

use crate::crowd::populate;

/// 24 months, in days.
const DAYS: i64 = 730;
/// Every so many projects there is one with a budget.
const BUDGETS: u64 = 10;

/// How much there is in a store.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub projects: u64,
    /// Of each project.
    pub keys: u64,
    pub events: u64,
}

/// A store, and how much there is in it.
pub struct Place {
    pub store: TestStore,
    pub extent: Extent,
}

impl Place {
    /// Makes one: the directory in one transaction, the events by `mete ingest`.
    pub async fn new(engine: Engine, extent: Extent) -> Result<Self> {
        let store = TestStore::new(engine)?;
        let url: StoreUrl = store.url().parse()?;
        let keys = populate(&url, extent.projects, extent.keys).await?;
        // those that are used most are in different projects
        let per_project = extent.keys as usize;
        let ranked = (0..per_project).flat_map(|key| keys.iter().skip(key).step_by(per_project)).cloned().collect();
        let place = Self { store, extent };
        place.ingest(ranked)?;
        let opened = Store::open(&url).await?;
        for number in (0..extent.projects).step_by(BUDGETS as usize) {
            set_budget(&opened, &format!("Project {number}"), Nanos::from_dollars(5_000)).await?;
        }
        opened.close().await;
        Ok(place)
    }

    /// The command that starts `mete`.
    pub fn mete(&self, words: &[&str]) -> Result<std::process::Command> {
        let mut command = mete()?;
        command.args(["--store", self.store.url()]).args(words);
        Ok(command)
    }

    fn ingest(&self, keys: Vec<String>) -> Result<()> {
        let now = SystemClock.now();
        let span = (now.plus(-DAYS * DAY).0.cast_unsigned(), now.0.cast_unsigned());
        let mut usage = UsageLog::new(11, keys)?.within(span, self.extent.events);
        let mut command = self.mete(&["ingest", "--json"])?;
        let mut reading = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut log = BufWriter::with_capacity(1 << 20, reading.stdin.take().context("no standard input")?);
        usage.write(self.extent.events, &mut log)?;
        log.flush()?;
        drop(log);
        let read = reading.wait_with_output()?;
        let told: Value = serde_json::from_slice(&read.stdout).context("mete ingest")?;
        ensure!(told["accepted"] == self.extent.events, "{told}");
        Ok(())
    }

    /// How long `mete settings list` takes: a start of the program that opens the store and reads two numbers.
    pub fn opens(&self) -> Result<()> {
        let run = Run::of(&mut self.mete(&["settings", "list", "--json"])?)?;
        ensure!(run.status.success(), "{}", run.stderr);
        Ok(())
    }
}

/// Sets the budget of a project.
pub async fn set_budget(store: &Store, project: &str, budget: Nanos) -> Result<()> {
    let mut random = system_random();
    let control = Control::new(store, &SystemClock, &mut random);
    let change = LimitChange { budget: Some(Some(budget)), ..LimitChange::default() };
    control.set_limits(&Actor::operator(origin()), &LimitsOf::Project(project.to_owned()), &change).await?;
    Ok(())
}
