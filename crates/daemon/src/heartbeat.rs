//! Tells the store that this daemon is alive, for whoever looks at all of them.

use std::sync::Arc;
use std::time::Duration;

use mete_control::host::origin;
use mete_core::Clock;
use mete_store::{DaemonSeen, Store};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::backlog::Backlog;

/// How often it tells: one small commit.
const EVERY: Duration = Duration::from_secs(5);

/// What a daemon tells of itself.
pub(crate) struct Heartbeat {
    store: Store,
    backlog: Arc<Backlog>,
    clock: Arc<dyn Clock>,
    seen: DaemonSeen,
}

impl Heartbeat {
    /// Of the life `id` of a daemon, which begins now.
    pub(crate) fn new(id: String, store: Store, (backlog, clock): (Arc<Backlog>, Arc<dyn Clock>)) -> Self {
        let now = clock.now();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let seen = DaemonSeen { id, host: origin().host, version, started_at: now, seen_at: now, lag: 0 };
        Self { store, backlog, clock, seen }
    }

    /// Tells until `stop`, and then takes itself off the list.
    pub(crate) async fn beat(mut self, stop: CancellationToken) {
        let mut beats = interval(EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Nothing that writes runs inside the select: a transaction is never dropped half-way.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = beats.tick() => {}
            }
            let now = self.clock.now();
            let lag = self.backlog.waiting_since(now).map_or(0, |since| now.since(since));
            (self.seen.seen_at, self.seen.lag) = (now, lag);
            // A store that is away is told of by those who cannot do without it.
            if let Err(error) = self.store.write_daemon(&self.seen).await {
                tracing::debug!(%error, "cannot tell the store that this daemon is alive");
            }
        }
        if let Err(error) = self.store.forget_daemon(&self.seen.id).await {
            tracing::debug!(%error, "this daemon stays on the list of those that run");
        }
    }
}
