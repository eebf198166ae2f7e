//! Looks how good the gate's knowledge is, and tells when that changes.

use std::sync::Arc;
use std::time::Duration;

use mete_api::{Cause, Footing, Metrics};
use mete_core::{Clock, Timestamp};
use mete_gate::Gate;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::backlog::Backlog;

/// How often it looks. Decisions see a store that is away by themselves, at once.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What it takes to look.
pub(crate) struct Lookout {
    pub(crate) gate: Arc<Gate>,
    pub(crate) footing: Arc<Footing>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Lookout {
    /// Looks until `stop`. Never waits for the store.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut told, mut marked_at) = ([false; Cause::ALL.len()], Timestamp(0));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = looks.tick() => self.look(&mut told),
            }
            let now = self.clock.now();
            if now.since(marked_at) >= self.gate.mark_every() {
                self.gate.mark_under_way(now);
                marked_at = now;
            }
        }
    }

    fn look(&self, told: &mut [bool]) {
        let now = self.clock.now();
        self.footing.usage_waits(self.backlog.waiting_since(now));
        self.metrics.footing(&self.footing, now);
        for (cause, told) in Cause::ALL.into_iter().zip(told) {
            match self.footing.doubt_for(cause, now) {
                Some(doubt) if !*told => {
                    let then = if doubt.closes { "questions are answered with 503" } else { "the gate goes on" };
                    tracing::warn!(cause = cause.as_str(), "degraded: {doubt}; {then}");
                    *told = true;
                }
                None if *told => {
                    tracing::info!(cause = cause.as_str(), "not degraded any more");
                    *told = false;
                }
                _ => {}
            }
        }
    }
}
