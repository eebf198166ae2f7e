//! Keeping the quarantine within its limits (R34).

use std::time::Duration;

use mete_store::{Store, Trimmed};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// How often it is looked at. A flood makes its own room as it comes.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Between two steps, for ingest to go on.
const PAUSE: Duration = Duration::from_millis(20);

/// Trims the quarantine until `stop`. A step under way is finished first.
pub(crate) async fn keep_within_limits(store: Store, stop: CancellationToken) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        let (mut cut, mut dropped) = (0, 0);
        while !stop.is_cancelled() {
            match store.trim_quarantine().await {
                Ok(Trimmed { more: false, .. }) => break,
                Ok(step) => (cut, dropped) = (cut + step.cut, dropped + step.dropped),
                Err(error) if error.is_retryable() => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot trim the quarantine; trying again in a minute");
                    break;
                }
            }
            sleep(PAUSE).await;
        }
        if cut + dropped > 0 {
            tracing::info!(cut, dropped, "the quarantine was trimmed to its limits: its oldest text and entries went");
        }
    }
}
