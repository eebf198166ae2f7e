//! An organization with somebody in each role of R6's table.

use anyhow::Result;
use mete_tests::TestStore;
use mete_tests::process::Run;
use serde_json::Value;

use crate::support::Mete;

/// Owns Acme.
pub const OWNER: &str = "dana@acme.test";
/// Owns its project Support.
pub const PROJECT_OWNER: &str = "pat@acme.test";
/// A member of Support, with a key named `kims`.
pub const MEMBER: &str = "kim@acme.test";
/// In Acme, and in none of its projects but the default one.
pub const READER: &str = "lee@acme.test";
/// Owns Globex, another organization.
pub const OUTSIDER: &str = "zoe@globex.test";
/// Nobody.
pub const UNKNOWN: &str = "nobody@acme.test";

/// Everybody on stage: Acme has the projects Support and Search; Globex has Secret.
pub fn stage(store: &TestStore) -> Result<Mete<'_>> {
    let mete = Mete::with_support(store)?;
    mete.json(["project", "create", "Search", "--org", "Acme"])?;
    mete.json(["org", "create", "Globex", "--owner", OUTSIDER])?;
    mete.json(["project", "create", "Secret", "--org", "Globex"])?;
    for (email, name) in [(PROJECT_OWNER, "pats"), (MEMBER, "kims"), (READER, "lees")] {
        mete.json(["key", "create", "--project", "Support", "--member", email, "--name", name])?;
    }
    mete.json(["key", "create", "--project", "Search", "--member", OWNER, "--name", "danas"])?;
    mete.json(["member", "role", PROJECT_OWNER, "owner", "--project", "Support"])?;
    mete.json(["member", "remove", READER, "--project", "Support", "--yes"])?;
    Ok(mete)
}

impl Mete<'_> {
    /// A command as somebody, as scripts see it.
    pub fn run_as<const N: usize>(&self, who: &str, args: [&str; N]) -> Result<Run> {
        self.run(args.into_iter().chain(["--as", who, "--json"]))
    }

    /// What a command tells somebody.
    pub fn json_as<const N: usize>(&self, who: &str, args: [&str; N]) -> Result<Value> {
        self.run_as(who, args)?.json()
    }

    /// The code and the message with which somebody is refused, and that nothing was told besides.
    pub fn refused_as<const N: usize>(&self, who: &str, args: [&str; N]) -> Result<(String, String)> {
        let run = self.run_as(who, args)?;
        anyhow::ensure!(run.status.code() == Some(1) && run.stdout.is_empty(), "{who} {args:?}: {run:?}");
        let error = serde_json::from_str::<Value>(&run.stderr)?["error"].take();
        let field = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        Ok((field("code"), field("message")))
    }
}

/// A field of every row.
pub fn column(listed: &Value, field: &str) -> Vec<String> {
    let rows = listed["rows"].as_array().into_iter().flatten();
    rows.map(|row| row[field].as_str().map_or_else(|| row[field].to_string(), str::to_owned)).collect()
}
