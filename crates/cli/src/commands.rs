//! The commands, one file a group.

pub mod alerts;
pub mod audit;
pub mod block;
pub mod completions;
pub mod demo;
pub mod explain;
pub mod export;
pub mod ingest;
pub mod init;
pub mod invite;
pub mod key;
pub mod limits;
pub mod lookup;
pub mod man;
pub mod member;
pub mod notify;
pub mod org;
pub mod prices;
pub mod project;
pub mod quarantine;
pub mod report;
pub mod rerate;
pub mod resource;
pub mod service_account;
pub mod settings;
pub mod sources;
pub mod spend;
pub mod tui;
mod verify;

use std::process::ExitCode;

use crate::args::{About, Command, Global};
use crate::complete;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Output;

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

/// Carries out a command on the store.
pub async fn run(command: Command, context: &Context) -> Result<Outcome, CliError> {
    if let Some(what) = for_operators(&command) {
        context.operator_only(what)?;
    }
    match command {
        Command::Init(args) => init::run(args, context).await?,
        Command::Org(command) => org::run(command, context).await?,
        Command::Project(command) => project::run(command, context).await?,
        Command::Key(command) => key::run(command, context).await?,
        Command::Member(command) => member::run(command, context).await?,
        Command::Invite(command) => invite::run(command, context).await?,
        Command::ServiceAccount(command) => service_account::run(command, context).await?,
        Command::Limits(command) => limits::run(command, context).await?,
        Command::Block(command) => block::run(command, context).await?,
        Command::Resource(command) => resource::run(command, context).await?,
        Command::Audit(command) => return audit::run(command, context).await,
        Command::Settings(command) => settings::run(command, context).await?,
        Command::Spend(args) => spend::run(args, context).await?,
        Command::Report(args) => report::run(args, context).await?,
        Command::Export(args) => export::run(args, context).await?,
        Command::Explain(args) => explain::run(args, context).await?,
        Command::Alerts(command) => alerts::run(command, context).await?,
        Command::Notify(command) => return Box::pin(notify::run(command, context)).await,
        Command::Quarantine(command) => quarantine::run(command, context).await?,
        Command::Sources(args) => sources::run(args, context).await?,
        Command::Verify => return verify::run(context).await,
        Command::Ingest(args) => return Box::pin(ingest::run(args, context)).await,
        Command::Rerate(args) => Box::pin(rerate::run(args, context)).await?,
        Command::Tui(args) => tui::run(&args, context).await?,
        Command::Demo(args) => demo::run(&args, context.clock()).await.map_err(CliError::Demo)?,
    }
    Ok(Outcome::Done)
}

/// What is no person's right, whatever their role: it is about the deployment, and not about an organization.
const fn for_operators(command: &Command) -> Option<&'static str> {
    match command {
        Command::Init(_) => Some("make a store"),
        Command::Ingest(_) => Some("count logs"),
        Command::Verify => Some("check the store"),
        Command::Quarantine(_) => Some("see the quarantine"),
        Command::Sources(_) => Some("see the sources"),
        Command::Notify(_) => Some("see who is told of alerts"),
        Command::Demo(_) => Some("play the demo"),
        _ => None,
    }
}

/// Tells about the program itself.
pub fn about(command: About, global: Global, output: Output) -> Result<(), CliError> {
    match command {
        About::Prices(command) => prices::run(&command, output),
        About::Completions(args) => completions::run(&args, output),
        About::Man(args) => man::run(&args, output),
        About::Complete(args) => {
            complete::answer(args, global, output);
            Ok(())
        }
    }
}
