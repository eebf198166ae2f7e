//! Where several operators sit: commands that are started together.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use mete_store::Store;
use mete_tests::TestStore;
use mete_tests::process::{Run, mete};
use serde_json::Value;

use crate::replay::Replay;

/// What came of a command: its result, or the code of its refusal.
pub type Answer = Result<Value, String>;

/// What a refusal may be called when somebody else was first.
const CLEAR: [&str; 5] = ["conflict", "not_found", "limit_reached", "invalid", "not_permitted"];

/// How often a race is run: six times, or as often as METE_TEST_ROUNDS says.
pub fn rounds() -> usize {
    std::env::var("METE_TEST_ROUNDS").map_or(6, |rounds| rounds.parse().unwrap())
}

/// The organization Acme, owned by Dana and Kim; Lee is a reader.
pub struct Desk<'a> {
    place: &'a TestStore,
    pub store: Store,
    pub organization: String,
    /// How many changes were told to be done.
    done: usize,
    /// How many were refused for want of a right.
    denied: usize,
}

impl<'a> Desk<'a> {
    pub async fn new(place: &'a TestStore) -> Result<Self> {
        let made = run(place, &["init", "--org", "Acme", "--owner", "dana@acme.test"])?.map_err(anyhow::Error::msg)?;
        let organization = made["organization"]["id"].as_str().context("no id")?.to_owned();
        let store = Store::open(&place.url().parse()?).await?;
        let mut desk = Self { place, store, organization, done: 1, denied: 0 };
        for (email, role) in [("kim@acme.test", "owner"), ("lee@acme.test", "reader")] {
            let invite = desk.alone(&["invite", "create", email, "--org", "Acme", "--role", role])?;
            desk.alone(&["invite", "accept", id(&invite)?, "--name", "Somebody"])?;
        }
        Ok(desk)
    }

    /// One command with nobody beside it, which must succeed.
    pub fn alone(&mut self, args: &[&str]) -> Result<Value> {
        self.done += 1;
        run(self.place, args)?.map_err(|code| anyhow::anyhow!("{args:?} was refused: {code}"))
    }

    /// Starts all commands together; what came of each. A refusal must be a clear one.
    pub fn at_once(&mut self, commands: &[&[&str]]) -> Result<Vec<Answer>> {
        let started: Vec<_> = commands.iter().map(|args| start(self.place, args)).collect::<Result<_>>()?;
        let mut answers = Vec::new();
        for (child, args) in started.into_iter().zip(commands) {
            let output = child.wait_with_output()?;
            let run = Run {
                status: output.status,
                stdout: String::from_utf8(output.stdout)?,
                stderr: String::from_utf8(output.stderr)?,
            };
            let answer = answer(&run).with_context(|| format!("{args:?}"))?;
            match &answer {
                Ok(_) => self.done += 1,
                // What is hidden from a person is told as not there, and written down.
                Err(code) if code == "not_permitted" || code == "not_found" && args.contains(&"--as") => {
                    self.denied += 1;
                }
                Err(_) => {}
            }
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Counts changes that were made past the desk.
    pub fn count(&mut self, changes: usize) {
        self.done += changes;
    }

    /// The log tells of everything that was done, once, each on top of the one before; and the store is what the log says.
    pub async fn agrees(&self) -> Result<()> {
        let reports = self.store.verify_audit(None).await?;
        ensure!(reports.iter().all(|chain| chain.breaks.is_empty()), "{reports:?}");
        let replay = Replay::of(&self.store, &self.organization).await?;
        let counted = (replay.done, replay.refused);
        ensure!(
            counted == (self.done, self.denied),
            "done and refused: {counted:?} in the log, {:?} told",
            (self.done, self.denied)
        );
        replay.compare(&self.store).await
    }
}

/// The id of what a command made.
pub fn id(made: &Value) -> Result<&str> {
    made["id"].as_str().with_context(|| format!("no id: {made}"))
}

fn start(place: &TestStore, args: &[&str]) -> Result<std::process::Child> {
    let mut command = mete()?;
    command.args(args).arg("--json").env("METE_STORE", place.url());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().with_context(|| format!("cannot start {command:?}"))
}

fn run(place: &TestStore, args: &[&str]) -> Result<Answer> {
    let mut command = mete()?;
    command.args(args).arg("--json").env("METE_STORE", place.url());
    answer(&Run::of(&mut command)?).with_context(|| format!("{args:?}"))
}

fn answer(run: &Run) -> Result<Answer> {
    if run.status.success() {
        return Ok(Ok(run.json()?));
    }
    let error: Value = serde_json::from_str(&run.stderr).with_context(|| format!("no clear error: {run:?}"))?;
    let code = error["error"]["code"].as_str().unwrap_or_default();
    ensure!(CLEAR.contains(&code), "no clear error: {run:?}");
    Ok(Err(code.to_owned()))
}
