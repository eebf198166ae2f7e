//! `mete demo`: the whole of Mete in a temporary folder, on made-up traffic in real formats.
//!
//! The daemon runs in this process; everything else is as in earnest: log files on disk that it follows, a store on
//! disk, and applications that ask the gate over HTTP before each request and log what it used.

mod asking;
mod stage;
mod story;
mod traffic;

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use mete_core::Clock;

use stage::Stage;
use story::Story;

/// `mete demo`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete demo --headless")]
pub struct DemoArgs {
    /// Print what happens as lines and end, in place of the terminal interface
    #[arg(long)]
    headless: bool,
}

/// Plays the demo: with the terminal interface on top, or as lines that end by themselves.
pub async fn run(args: &DemoArgs, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("mete-demo-").tempdir().context("cannot make a temporary folder")?;
    if args.headless || !std::io::stdout().is_terminal() {
        let story = Story::printing();
        let stage = Stage::set(folder.path(), &clock, &story).await?;
        let outcome = stage.play_to_the_end(&story).await;
        stage.strike().await;
        return outcome;
    }
    let (story, banner) = Story::shown();
    let stage = Stage::set(folder.path(), &clock, &story).await?;
    let outcome = stage.play_under_the_interface(&story, banner).await;
    stage.strike().await;
    outcome
}
