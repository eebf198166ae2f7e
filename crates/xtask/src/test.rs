//! `cargo xtask test`: everything that the tests need, then all of them.

use std::process::Command;

use anyhow::{Context as _, Result};
use mete_tests::postgres::{SERVER_VARIABLE, Server};
use mete_tests::process::{self, METE_VARIABLE, METED_VARIABLE, cargo};

use crate::install;
use crate::shell::{run as run_command, say, succeeds};

/// Runs the workspace's tests; with `arguments`, only what the test runner makes of them.
///
/// # Errors
/// When something needed cannot be had, or a test fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let server = own_server()?;
    install::logrotate()?;
    install::gateways()?;
    for environment in ["peers", "gateways", "mail", "export"] {
        install::python(environment)?;
    }
    let programs = process::build()?;
    let with_surroundings = |mut command: Command| -> Result<Command> {
        if let Some(server) = &server {
            command.env(SERVER_VARIABLE, server.url());
        }
        for (variable, name) in [(METE_VARIABLE, "mete"), (METED_VARIABLE, "meted")] {
            command.env(variable, programs.get(name).with_context(|| format!("cargo built no `{name}`"))?);
        }
        Ok(command)
    };

    // The documentation's tests first: what the others say at the end stays in sight.
    let nextest = succeeds(cargo().args(["nextest", "--version"]));
    if nextest && arguments.is_empty() {
        run_command(with_surroundings(cargo())?.args(["test", "--workspace", "--doc", "--quiet"]))?;
    }
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test", "--no-fail-fast"] };
    run_command(with_surroundings(cargo())?.args(runner).arg("--workspace").args(arguments))?;
    say("the tests passed, the stores' on SQLite and on Postgres");
    Ok(())
}

/// One Postgres for the whole run, unless the caller names another.
fn own_server() -> Result<Option<Server>> {
    if std::env::var_os(SERVER_VARIABLE).is_some() {
        return Ok(None);
    }
    install::postgres()?;
    install::curl()?;
    Server::start().map(Some)
}
