//! `mete tui`, and the configuration of the terminal interface.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mete_control::host::system_random;
use mete_tui::{Config, Opening, Options, Session};
use tokio::sync::Mutex;

use super::{explain, quarantine};
use crate::context::Context;
use crate::error::CliError;
use crate::places;

/// How long until a store is tried again that another program held for as long as one waits for it.
const AGAIN: Duration = Duration::from_millis(250);

const EXAMPLE: &str = "\
Example:
  mete tui --store sqlite:mete.db
  mete tui --daemon http://127.0.0.1:8790
  mete tui --print-config > ~/.config/mete/tui.toml";

/// Options of `mete tui`.
#[derive(Debug, Default, Args)]
#[command(after_help = EXAMPLE)]
pub struct TuiArgs {
    /// Keys, colours and the like [default: mete/tui.toml in the XDG configuration directory, if it is there]
    #[arg(long, value_name = "FILE", env = "METE_TUI_CONFIG")]
    config: Option<PathBuf>,
    /// Only look: nothing that changes the store is offered, and its schema is left as it is
    #[arg(long)]
    read_only: bool,
    /// The running daemon, which alone knows what is held and under way, for explanations: its URL, or the path of its
    /// socket
    #[arg(long, value_name = "URL")]
    daemon: Option<String>,
    /// The file with the daemon's token, for a daemon that asks for one: the token_file of its `[ingest]`
    #[arg(long, value_name = "FILE", requires = "daemon")]
    token_file: Option<PathBuf>,
    /// Say what is wrong in the configuration, and do nothing else
    #[arg(long, group = "instead")]
    check_config: bool,
    /// Write a configuration with everything that can be set
    #[arg(long, group = "instead")]
    print_config: bool,
    /// Write the JSON Schema of the configuration
    #[arg(long, group = "instead")]
    print_schema: bool,
}

/// Opens the terminal interface on the store, as far as the actor may see it; or does one of the things instead of it.
pub async fn run(args: &TuiArgs, context: &Context) -> Result<(), CliError> {
    if args.print_config {
        return context.output.write(Config::defaults().as_bytes());
    }
    if args.print_schema {
        return context.output.write(Config::schema().as_bytes());
    }
    let options = options(args)?;
    if args.check_config {
        return checked(args, context);
    }
    if args.daemon.is_some() {
        context.operator_only("ask the daemon, which tells all")?;
    }
    let daemon = args.daemon.clone().map(|place| explain::Daemon { place, token_file: args.token_file.clone() });
    let refusal = Arc::default();
    let session = opened(context.clone(), (options.config.read_only, daemon), Arc::clone(&refusal));
    let (store, actor) = (context.describe_store()?, context.describe_actor());
    let opening = Opening { store, actor, session: Box::pin(session) };
    let outcome = mete_tui::run(opening, context.clock(), Box::new(system_random()), options).await;
    match refusal.lock().await.take() {
        Some(error) => Err(error),
        None => Ok(outcome?),
    }
}

/// The session, as soon as nobody else holds the store; none where it cannot be had, and why.
async fn opened(
    context: Context,
    asked: (bool, Option<explain::Daemon>),
    refusal: Arc<Mutex<Option<CliError>>>,
) -> Option<Session> {
    loop {
        match session(&context, asked.clone()).await {
            Ok(session) => return Some(session),
            Err(error) if error.is_held() => tokio::time::sleep(AGAIN).await,
            Err(error) => {
                *refusal.lock().await = Some(error);
                return None;
            }
        }
    }
}

async fn session(context: &Context, (read_only, daemon): (bool, Option<explain::Daemon>)) -> Result<Session, CliError> {
    let store = if read_only { context.store_as_it_is().await? } else { context.store().await? };
    let (store, actor) = (store.clone(), context.actor().await?.clone());
    Ok(Session {
        retrying: Some(quarantine::again(&store, &context.clock())),
        explaining: Some(explain::explaining((&store, &actor), &context.clock(), daemon)),
        store,
        actor,
    })
}

fn checked(args: &TuiArgs, context: &Context) -> Result<(), CliError> {
    let file = file(args).map(|path| path.display().to_string());
    context.output.show(&serde_json::json!({"file": file}), || match &file {
        Some(file) => format!("{file}: nothing is wrong\n"),
        None => {
            "there is no configuration of the interface: everything is as mete tui --print-config says\n".to_owned()
        }
    })
}

/// The interface as it is configured.
pub fn options(args: &TuiArgs) -> Result<Options, CliError> {
    let mut config = match file(args) {
        Some(path) => Config::load(&path)?,
        None => Config::default(),
    };
    config.read_only |= args.read_only;
    Ok(Options { config, ..Options::default() })
}

/// The file that is named, else the usual one if it is there. An empty METE_TUI_CONFIG is one that is not set.
fn file(args: &TuiArgs) -> Option<PathBuf> {
    args.config.clone().filter(|path| !path.as_os_str().is_empty()).or_else(places::tui_config)
}
