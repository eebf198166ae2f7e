//! Has alerts told: plans their deliveries and sends what is due, until the daemon stops (R27).

use std::sync::Arc;
use std::time::Duration;

use mete_api::Metrics;
use mete_core::Clock;
use mete_notify::{Attempt, Channels, Post};
use mete_store::{Store, StoreError};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often it is looked for alerts that somebody else raised, and for what is to be tried again: one or two small reads.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What it takes to have alerts told.
pub(crate) struct Notices {
    pub(crate) post: Post,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    /// The channels, whenever the configuration is read again.
    pub(crate) channels: watch::Receiver<Arc<Channels>>,
    /// Told of every alert that the committer raised.
    pub(crate) news: Arc<Notify>,
}

impl Notices {
    /// Sends until `stop`. A message under way is waited for, as long as its channel's time limit.
    pub(crate) async fn keep(mut self, stop: CancellationToken) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_failed = false;
        loop {
            // Nothing that writes runs inside the select: a transaction is never dropped half-way.
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.news.notified() => {}
                Ok(()) = self.channels.changed() => self.take_channels(),
                _ = looks.tick() => {}
            }
            match self.look(&stop).await {
                Ok(()) => has_failed = false,
                // A store that is away is told of by those who cannot do without it; what fails without that is told once.
                Err(error) if has_failed => tracing::debug!(%error, "alerts are not told"),
                Err(error) => {
                    tracing::warn!(%error, "alerts are not told until the store can be read and written");
                    has_failed = true;
                }
            }
        }
    }

    async fn look(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut is_counted = false;
        while !stop.is_cancelled() {
            if self.channels.has_changed().unwrap_or_default() {
                self.take_channels();
            }
            let planned = self.post.plan().await?;
            if planned > 0 && !self.channels.borrow().has_mail() {
                tracing::warn!(
                    alerts = planned,
                    "no owner is told: [notify.smtp] is not configured; see 'mete notify list'"
                );
            }
            // Not for each message of many: to count reads all that wait.
            if planned > 0 || !is_counted {
                self.count().await?;
                is_counted = true;
            }
            let Some(attempt) = self.post.send_next().await? else { break };
            match &attempt {
                Attempt::Sent { channel } => tracing::debug!(channel, "an alert was told"),
                Attempt::Failed { channel, error, again_at } => {
                    tracing::warn!(channel, error, %again_at, "an alert could not be told; it is tried again");
                }
                Attempt::Ended { channel, error } => tracing::warn!(channel, error, "an alert is not told"),
            }
            self.metrics.delivered(&attempt);
        }
        self.count().await
    }

    /// Goes on with the channels of the configuration that was read last.
    fn take_channels(&mut self) {
        self.post.use_channels(Arc::clone(&self.channels.borrow_and_update()));
    }

    async fn count(&self) -> Result<(), StoreError> {
        let names = self.channels.borrow().names();
        self.metrics.deliveries(&self.store.delivery_counts(&names).await?, self.clock.now());
        Ok(())
    }
}
