//! `mete`: what an operator types. Commands for people and scripts, and the way into the terminal interface.
//!
//! The way of a command: [`args`] reads it, [`commands`] does it on the store of its [`context`], [`output`] says what
//! came of it; [`complete`] is what the shell asks meanwhile. What scripts may rely on is in docs/cli.md.

mod args;
mod commands;
mod complete;
mod confirm;
mod context;
mod error;
mod output;
mod places;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mete_core::secret::without_secrets;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, Global, Task};
use crate::commands::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, safe_lines};

/// How long the store may take to close.
const CLOSING: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let output = Output::new(cli.global.json);
    let ended = match cli.task {
        Task::Work(command) => work(command, cli.global, output),
        Task::About(command) => commands::about(command, cli.global, output).map(|()| Outcome::Done),
    };
    match ended {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

/// Says what clap found wrong, or the help that was asked for. What was typed is repeated in it: without what a terminal
/// would obey, and without secrets.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let shown = safe_lines(&without_secrets(&text));
    if shown == text {
        error.exit();
    }
    Output::new(false).wrong_usage(&shown);
    ExitCode::from(2)
}

fn work(command: Command, global: Global, output: Output) -> Result<Outcome, CliError> {
    // The terminal interface has the whole screen: a log line would tear it.
    if !matches!(command, Command::Tui(_) | Command::Demo(_)) {
        log_to_stderr();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    runtime.block_on(async {
        let context = Context::new(global, output);
        let outcome = commands::run(command, &context).await;
        // a server that keeps a question waiting keeps its connection open; nothing that was committed depends on it
        if tokio::time::timeout(CLOSING, context.close()).await.is_err() {
            tracing::debug!("the store did not close in time");
        }
        outcome
    })
}

/// What the libraries report goes to standard error; `METE_LOG` says from which level on.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("METE_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sqlx=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
