//! `mete demo`: the whole of Mete in a temporary folder, on made-up traffic in real formats.
//!
//! The daemon runs in this process; everything else is as in earnest: log files on disk that it follows, a store on
//! disk, and applications that ask the gate over HTTP before each request and log what it used.

mod asking;
mod stage;
mod story;
mod traffic;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use mete_control::host::SystemClock;
use mete_core::Clock;

use stage::Stage;
use story::Story;

/// Plays the demo: with the terminal interface on top, or as lines that end by themselves.
///
/// # Errors
/// When the temporary folder, the store or the daemon cannot be had, or the story does not go as it must.
pub async fn run(headless: bool) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let headless = headless || !std::io::stdout().is_terminal();
    let folder = tempfile::Builder::new().prefix("mete-demo-").tempdir().context("cannot make a temporary folder")?;
    if headless {
        let story = Story::printing();
        let stage = Stage::set(folder.path(), &clock, &story).await?;
        let outcome = stage.play_to_the_end(&story).await;
        stage.strike().await;
        outcome?;
        return Ok(ExitCode::SUCCESS);
    }
    let (story, banner) = Story::shown();
    let stage = Stage::set(folder.path(), &clock, &story).await?;
    let outcome = stage.play_under_the_interface(&story, banner).await;
    stage.strike().await;
    outcome?;
    Ok(ExitCode::SUCCESS)
}
