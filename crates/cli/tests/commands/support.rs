//! `mete` on a test's store.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use mete_control::host::SystemClock;
use mete_core::{Clock, Timestamp};
use mete_tests::TestStore;
use mete_tests::process::Run;
use serde_json::Value;

/// `mete` on one store.
pub struct Mete<'a> {
    store: &'a TestStore,
}

/// Why a command was refused.
#[derive(Debug)]
pub struct Refused {
    pub code: String,
    pub message: String,
}

impl<'a> Mete<'a> {
    /// On a store that is not there yet.
    pub fn on(store: &'a TestStore) -> Self {
        Self { store }
    }

    /// On a store with the organization Acme, owned by Dana.
    pub fn with_acme(store: &'a TestStore) -> Result<Self> {
        let mete = Self::on(store);
        mete.json(["init", "--org", "Acme", "--owner", "dana@acme.test"])?;
        Ok(mete)
    }

    /// The same with the project Support.
    pub fn with_support(store: &'a TestStore) -> Result<Self> {
        let mete = Self::with_acme(store)?;
        mete.json(["project", "create", "Support", "--org", "Acme"])?;
        Ok(mete)
    }

    /// The same with somebody in every role: Dana owns Acme, Olga owns Support and Max is a member of it, Rita is in
    /// Acme only, and Xena owns another organization, Globex.
    pub fn with_roles(store: &'a TestStore) -> Result<Self> {
        let mete = Self::with_support(store)?;
        mete.json(["org", "create", "Globex", "--owner", "xena@globex.test"])?;
        mete.join(["olga@acme.test", "--project", "Support:owner"])?;
        mete.join(["max@acme.test", "--project", "Support"])?;
        mete.join(["rita@acme.test", "--role", "reader"])?;
        Ok(mete)
    }

    /// Invites somebody to Acme with these arguments, and has them accept it.
    pub fn join<const N: usize>(&self, invited: [&str; N]) -> Result<()> {
        let invite = self.run(["invite", "create", "--org", "Acme", "--json"].into_iter().chain(invited))?.json()?;
        let id = invite["id"].as_str().context("the invite has no id")?;
        self.json(["invite", "accept", id, "--name", "Somebody"])?;
        Ok(())
    }

    /// A command with none of the tester's own settings.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mete"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("METE")) {
            command.env_remove(name);
        }
        command
            .args(args)
            .env("METE_STORE", self.store.url())
            .env("XDG_DATA_HOME", self.store.path("data"))
            .env("XDG_CONFIG_HOME", self.store.path("config"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Run> {
        Run::of(&mut self.command(args))
    }

    /// What a command tells scripts: one line with one object, and nothing on standard error.
    pub fn json<const N: usize>(&self, args: [&str; N]) -> Result<Value> {
        let run = self.run(args.into_iter().chain(["--json"]))?;
        ensure!(run.stderr.is_empty() && run.stdout.lines().count() == 1, "{args:?}: {run:?}");
        run.json()
    }

    /// What a command tells people.
    pub fn text<const N: usize>(&self, args: [&str; N]) -> Result<String> {
        let run = self.run(args)?;
        ensure!(run.status.success(), "{args:?}: {run:?}");
        Ok(run.stdout)
    }

    /// How a command is refused: status 1, nothing on standard output, for scripts as for people.
    pub fn refused<const N: usize>(&self, args: [&str; N]) -> Result<Refused> {
        let for_people = self.run(args)?;
        let run = self.run(args.into_iter().chain(["--json"]))?;
        for run in [&for_people, &run] {
            ensure!(run.status.code() == Some(1) && run.stdout.is_empty(), "{args:?}: {run:?}");
        }
        let body: Value = serde_json::from_str(&run.stderr).with_context(|| format!("{args:?}: {run:?}"))?;
        let field = |name: &str| body["error"][name].as_str().map(str::to_owned).context("a field is missing");
        let refused = Refused { code: field("code")?, message: field("message")? };
        ensure!(for_people.stderr.starts_with("mete: ") && for_people.stderr.lines().count() == 1, "{for_people:?}");
        Ok(refused)
    }

    /// The exit status of a command that is typed wrongly.
    pub fn status<const N: usize>(&self, args: [&str; N]) -> Result<Option<i32>> {
        Ok(self.run(args)?.status.code())
    }

    /// A file in the test's folder.
    pub fn file(&self, name: &str, lines: &[&str]) -> Result<PathBuf> {
        let path = self.store.path(name);
        std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>())?;
        Ok(path)
    }

    /// Counts a file of the test's folder.
    pub fn ingest(&self, lines: &[&str]) -> Result<Value> {
        let path = self.file("usage.jsonl", lines)?;
        self.run([OsStr::new("ingest"), path.as_os_str(), OsStr::new("--json")])?.json()
    }
}

/// An event of Mete's own format that brings its cost along.
pub fn event(id: &str, time: &str, project: &str, cost: &str) -> String {
    format!(
        r#"{{"id":"{id}","time":"{time}","project":"{project}","model":"m-1","endpoint":"/v1/responses","input_tokens":10,"output_tokens":5,"cost":"{cost}"}}"#
    )
}

/// The present, which budgets look at.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// The names of an object's fields, sorted.
pub fn fields(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// Whether a text is an id of this kind (R43).
pub fn is_id(value: &Value, prefix: &str) -> bool {
    let rest = value.as_str().and_then(|id| id.strip_prefix(prefix)).unwrap_or_default();
    rest.len() == 24 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
