//! The commands, one file a group.

pub mod alerts;
pub mod completions;
pub mod demo;
pub mod explain;
pub mod ingest;
pub mod init;
pub mod key;
pub mod limits;
mod lookup;
pub mod org;
pub mod project;
pub mod quarantine;
pub mod spend;
pub mod tui;
mod verify;

use std::process::ExitCode;

use crate::args::Command;
use crate::context::Context;
use crate::error::CliError;

/// How a command ended that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// It did, and what it found is wrong.
    Wrong,
    /// A person stopped it.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Wrong => 1,
            // As a shell says it of SIGINT.
            Outcome::Interrupted => 130,
        })
    }
}

/// Carries out a command.
pub async fn run(command: Command, context: &Context) -> Result<Outcome, CliError> {
    if !matches!(command, Command::Completions(_) | Command::Demo(_)) {
        context.refuse_persons()?;
    }
    match command {
        Command::Init(args) => init::run(args, context).await?,
        Command::Org(command) => org::run(command, context).await?,
        Command::Project(command) => project::run(command, context).await?,
        Command::Key(command) => key::run(command, context).await?,
        Command::Limits(command) => limits::run(command, context).await?,
        Command::Spend(args) => spend::run(args, context).await?,
        Command::Explain(args) => explain::run(args, context).await?,
        Command::Alerts(command) => alerts::run(command, context).await?,
        Command::Quarantine(command) => quarantine::run(command, context).await?,
        Command::Verify => return verify::run(context).await,
        Command::Ingest(args) => return Box::pin(ingest::run(args, context)).await,
        Command::Tui => tui::run(context).await?,
        Command::Demo(args) => demo::run(&args, context.clock()).await.map_err(CliError::Demo)?,
        Command::Completions(args) => completions::run(&args, context.output)?,
    }
    Ok(Outcome::Done)
}
