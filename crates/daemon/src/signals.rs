//! Signals and the service manager: SIGTERM drains, a second one leaves, SIGHUP reads the configuration again.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;

use crate::config::Config;
use crate::daemon::Daemon;

/// The signals that steer a daemon. Caught before it starts: one that comes too early is heeded later, where the
/// system would end the process.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Runs the daemon until it is told to stop. `path` is read again on SIGHUP.
pub async fn run_until_signalled(mut daemon: Daemon, signals: Signals, path: &Path) -> ExitCode {
    let Signals { mut terminate, mut interrupt, mut hangup } = signals;
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
        () = daemon.stop() => ExitCode::SUCCESS,
        () = either(&mut terminate, &mut interrupt) => {
            tracing::warn!("left before all was committed; it is read again at the next start");
            ExitCode::FAILURE
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
