//! Signals and the service manager: SIGTERM drains, a second one leaves, SIGHUP reads the configuration again.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;

use crate::config::Config;
use crate::daemon::Daemon;

/// Runs the daemon until it is told to stop. `path` is read again on SIGHUP.
///
/// # Errors
/// When signals cannot be caught.
pub async fn run_until_signalled(mut daemon: Daemon, path: &Path) -> std::io::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tell(&[NotifyState::Ready]);
    // Half of what the manager waits, so that one late beat is no restart.
    let beat = sd_notify::watchdog_enabled().map_or(Duration::from_secs(10), |limit| limit / 2);
    let mut watchdog = interval(beat);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(&mut daemon, path).await,
            _ = watchdog.tick() => tell(&[NotifyState::Watchdog]),
        }
    }
    tell(&[NotifyState::Stopping]);
    tracing::info!("stopping: what was read is being committed; a second signal leaves at once");
    tokio::select! {
        () = daemon.stop() => Ok(ExitCode::SUCCESS),
        () = either(&mut terminate, &mut interrupt) => {
            tracing::warn!("left before all was committed; it is read again at the next start");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn reload(daemon: &mut Daemon, path: &Path) {
    let outcome = match Config::read(path) {
        Ok(config) => daemon.reload(config).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = outcome {
        tracing::error!(error, "the configuration is not taken over; everything goes on as it was");
    }
}

/// Tells the service manager, where there is one.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot tell the service manager");
    }
}
