//! `mete explain`.

mod daemon;
mod local;
mod screen;
mod told;
mod words;

use std::path::PathBuf;

use clap::Args;
use mete_control::ControlError;
use mete_core::Timestamp;
use mete_core::when::When;
use mete_gate::Request;

use crate::context::Context;
use crate::error::CliError;
use local::Ground;
pub use screen::{Daemon, explaining};
use told::Told;

/// Which key or project, when, and for which request.
#[derive(Debug, Default, Args)]
#[command(after_help = "Example:\n  mete explain key_7aQ2mX91LbTz4RrW0cVdE5uK\n  \
    mete explain ci --method POST --path /v1/chat/completions --model gpt-4o\n  \
    mete explain --project \"Support bot\" --at 2h\n  mete explain ci --daemon http://127.0.0.1:8790\n  \
    mete explain ci --daemon http://10.0.0.5:8790 --token-file /etc/mete/ingest.token\n\n\
    Rules about what is not said of the request are not asked.")]
pub struct ExplainArgs {
    /// The key: its id, name, redacted form or secret
    #[arg(required_unless_present = "project")]
    key: Option<String>,
    /// A project in place of a key: what holds for all its keys
    #[arg(long, value_name = "PROJECT", conflicts_with = "key")]
    project: Option<String>,
    /// When: an instant, a day, or a span before now, as in 2h
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    /// Ask the running daemon, which alone knows what is held and under way: its URL, or the path of its socket
    #[arg(long, value_name = "URL")]
    daemon: Option<String>,
    /// The file with the daemon's token, for a daemon that asks for one: the token_file of its `[ingest]`
    #[arg(long, value_name = "FILE", requires = "daemon")]
    token_file: Option<PathBuf>,
    /// The HTTP method of a request, as in POST
    #[arg(long, requires = "path")]
    method: Option<String>,
    /// Its path, as in /v1/chat/completions
    #[arg(long, requires = "method")]
    path: Option<String>,
    /// The model that it asks for
    #[arg(long)]
    model: Option<String>,
    /// How many bytes it brings
    #[arg(long, requires = "path")]
    bytes: Option<u64>,
}

impl ExplainArgs {
    fn request(&self) -> Request<'_> {
        Request {
            method: self.method.as_deref(),
            path: self.path.as_deref(),
            model: self.model.as_deref(),
            bytes: self.bytes,
        }
    }

    /// The past instant that is asked about.
    fn past(&self, now: Timestamp) -> Result<Option<Timestamp>, CliError> {
        let at = self.at.map(|when| when.before(now));
        match at {
            Some(at) if at > now => Err(ControlError::Invalid(format!("{at} is yet to come")).into()),
            at => Ok(at),
        }
    }
}

/// Says whether a key is let through, and why.
pub async fn run(args: ExplainArgs, context: &Context) -> Result<(), CliError> {
    let (value, name) = match &args.daemon {
        Some(daemon) => {
            context.operator_only("ask the daemon, which tells all")?;
            (daemon::ask_named(daemon, &args, context).await?, None)
        }
        None => {
            let ground = Ground { view: context.view().await?, store: context.store().await?, now: context.now() };
            let local::Local { report, name } = local::explain(&args, &ground).await?;
            (serde_json::to_value(report).map_err(|error| CliError::Write(error.into()))?, Some(name))
        }
    };
    let told = Told::read(&value, args.daemon.as_deref())?;
    context.output.show(&value, || words::describe(&told, name.as_deref()))
}
