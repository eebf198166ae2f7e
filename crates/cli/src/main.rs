//! `mete`: what an operator types. Commands for people and scripts, and the way into the terminal interface.
//!
//! The way of a command: [`args`] reads it, [`commands`] does it on the store of its [`context`], [`output`] says what
//! came of it. What scripts may rely on is in docs/cli.md.

mod args;
mod commands;
mod context;
mod error;
mod output;
mod places;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command};
use crate::commands::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.json);
    // The terminal interface has the whole screen: a log line would tear it.
    if !matches!(cli.command, Command::Tui | Command::Demo(_)) {
        log_to_stderr();
    }
    match run(cli, output) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<Outcome, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    runtime.block_on(async {
        let context = Context::new(cli.global, output);
        let outcome = commands::run(cli.command, &context).await;
        context.close().await;
        outcome
    })
}

/// What the libraries report goes to standard error; `METE_LOG` says from which level on.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("METE_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sqlx=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}
