//! `cargo xtask ci`: all that a change has to pass.

use std::time::Duration;

use anyhow::Result;
use mete_tests::process::cargo;

use crate::shell::run as run_command;
use crate::{fuzz, install, test};

/// How long each target is fuzzed: enough to find what broke lately.
const FUZZING: Duration = Duration::from_secs(20);

/// Runs every check, quick ones first, and stops at the first that fails.
///
/// # Errors
/// When a check fails or one of its tools cannot be had.
pub fn run() -> Result<()> {
    run_command(cargo().args(["fmt", "--all", "--", "--check"]))?;
    run_command(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    run_command(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    install::cargo_deny()?;
    // Advisories need a database from elsewhere; CI has to work without.
    run_command(cargo().args(["deny", "--all-features", "check", "bans", "licenses", "sources"]))?;
    test::run(&[])?;
    fuzz::run(None, FUZZING)
}
