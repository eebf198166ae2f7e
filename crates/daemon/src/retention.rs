//! Dropping raw events that were kept for long enough.

use std::sync::Arc;
use std::time::Duration;

use mete_control::host::origin;
use mete_core::Clock;
use mete_core::actor::Actor;
use mete_store::Store;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a month is old enough.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Between two steps, for ingest to go on.
const PAUSE: Duration = Duration::from_millis(50);

/// Seals and drops months until `stop`. A step under way is finished first; a later daemon goes on with the rest.
pub(crate) async fn drop_old_months(store: Store, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let actor = Actor::daemon(origin());
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        while !stop.is_cancelled() {
            match store.retain(clock.now(), &actor).await {
                Ok(step) => {
                    if let Some(month) = step.sealed {
                        tracing::info!(%month, "the month was sealed: its events are being dropped, its sums stay");
                    }
                    if let Some(month) = step.dropped {
                        tracing::info!(%month, "the events of the month were dropped");
                    }
                    if !step.more {
                        break;
                    }
                }
                Err(error) if error.is_retryable() => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot drop old events; trying again in ten minutes");
                    break;
                }
            }
            sleep(PAUSE).await;
        }
    }
}
