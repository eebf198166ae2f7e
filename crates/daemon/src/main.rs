//! `meted`: takes usage in, keeps the ledger, answers gateways.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use mete_control::host::SystemClock;
use meted::config::Config;
use meted::{Daemon, PriceList, Signals, run_until_signalled};
use tracing_subscriber::EnvFilter;

/// Mete's daemon: reads usage logs, keeps the ledger, and tells gateways which keys are within their budgets.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/mete/meted.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "Examples:\n  meted --config meted.toml\n  meted check-config meted.toml\n\n\
    METE_LOG sets what is logged, as in METE_LOG=debug or METE_LOG=mete_ingest=trace.\n\
    SIGTERM commits what was read and stops; SIGHUP reads prices, sources and notifications again.";

#[derive(Subcommand)]
enum Command {
    /// Check a configuration and say what is wrong with it.
    CheckConfig {
        /// The configuration file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Some(Command::CheckConfig { file }) => check(&file),
        None => run(&arguments.config),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the program's last word, also where no log was started")]
fn complain(error: &anyhow::Error) {
    eprintln!("meted: {error:#}");
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    let prices = PriceList::read(config.prices.overrides.as_deref())?;
    meted::access::read(&config, &prices.catalogue)?;
    mete_notify::Channels::open(&config.notify)?;
    println!("{} is valid: store {}, {} sources", file.display(), config.store.url, config.sources.len());
    Ok(ExitCode::SUCCESS)
}

/// What is logged where METE_LOG does not say. What Postgres remarks on at every start is no news.
const LOGGED: &str = "info,sqlx::postgres::notice=warn";

fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_from_env("METE_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let config = Config::read(path)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let code = runtime.block_on(async {
        let signals = Signals::catch().context("cannot catch signals")?;
        let daemon = Daemon::start(config, Arc::new(SystemClock)).await?;
        Ok(run_until_signalled(daemon, signals, path).await)
    });
    // A second signal leaves at once: threads that still read are not waited for.
    runtime.shutdown_background();
    code
}
