//! Plans deliveries, and sends what is due.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::{Clock, Timestamp};
use mete_store::{Alert, Delivery, DeliveryState, Store, StoreError};
use rand::Rng;

use crate::channels::{Channels, EMAIL, Outgoing, Told};
use crate::failure::Failure;
use crate::notice::Notice;
use crate::pauses::{CHANNEL, LATER, REFUSED};
use crate::plan;

/// Alerts whose deliveries are written down in one transaction.
const PLANNED_AT_ONCE: u32 = 50;

/// How often planning is tried again when the engine says that it lost a race.
const TRIES: u32 = 10;

/// What became of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was taken.
    Sent {
        /// On which channel.
        channel: String,
    },
    /// It was not, and is tried again.
    Failed {
        /// On which channel.
        channel: String,
        /// Why.
        error: String,
        /// When.
        again_at: Timestamp,
    },
    /// It was not, and never will be.
    Ended {
        /// On which channel.
        channel: String,
        /// Why.
        error: String,
    },
}

/// Sends deliveries, one after another. Several may work on one store, in one process or many.
pub struct Post {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Box<dyn Rng + Send + Sync>,
    /// Tells its claims from others'.
    name: String,
    channels: Arc<Channels>,
    /// How often in a row a channel was broken, and until when nothing is sent on it for that.
    broken: HashMap<String, (u32, Timestamp)>,
    /// What was sent and could not be marked, because the store was away: marked before anything else is sent.
    unmarked: Vec<(String, String, Timestamp)>,
}

impl Post {
    /// `name` tells it from all others.
    #[must_use]
    pub fn new(
        store: Store,
        (clock, random): (Arc<dyn Clock>, Box<dyn Rng + Send + Sync>),
        name: String,
        channels: Arc<Channels>,
    ) -> Self {
        Self { store, clock, random, name, channels, broken: HashMap::new(), unmarked: Vec::new() }
    }

    /// Goes on with other channels, which are tried at once.
    pub fn use_channels(&mut self, channels: Arc<Channels>) {
        (self.channels, self.broken) = (channels, HashMap::new());
    }

    /// Writes down the deliveries of alerts that have none yet, and lets those go whose channel is configured since; tells of
    /// how many alerts. Idempotent; must run to its end.
    ///
    /// # Errors
    /// When the store cannot be written; then it may be called again.
    pub async fn plan(&self) -> Result<usize, StoreError> {
        for channel in self.channels.names() {
            self.store.open_channel(&channel, self.channels.domain(), self.clock.now()).await?;
        }
        let now = self.clock.now();
        self.store.end_overdue(now.plus(-plan::OVERDUE), now).await?;
        let (mut planned, mut tries) = (0, 0);
        while self.store.has_unplanned_alerts().await? {
            match self.plan_some().await {
                Ok(number) => planned += number,
                Err(error) if error.is_retryable() && tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(planned)
    }

    async fn plan_some(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut planned = 0;
        let mut tx = self.store.begin().await?;
        for alert in tx.unplanned_alerts(PLANNED_AT_ONCE).await? {
            if !tx.plan_alert(&alert.id, now).await? {
                continue;
            }
            let owners = tx.alert_owners(&alert).await?;
            for delivery in plan::deliveries(&alert, &owners, &self.channels) {
                tx.plan_delivery(self.store.id_hasher(), (&alert, &delivery), now).await?;
            }
            planned += 1;
        }
        tx.commit().await?;
        Ok(planned)
    }

    /// Sends the delivery that is due the longest and marks what came of it; nothing where none is due, or where the way is
    /// broken and not to be tried yet. Must run to its end, which the channel's time limit bounds.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn send_next(&mut self) -> Result<Option<Attempt>, StoreError> {
        self.mark_what_was_sent().await?;
        let (mut names, now) = (self.channels.names(), self.clock.now());
        names.retain(|name| self.broken.get(name).is_none_or(|(_, until)| now >= *until));
        if names.is_empty() {
            return Ok(None);
        }
        // Long enough for the message and what the store takes; after a kill, it is sent again when this is over.
        let claim = now.plus(i64::try_from(self.channels.limit().as_micros()).unwrap_or(i64::MAX).saturating_mul(2));
        let Some(delivery) = self.store.claim_delivery(&names, (&self.name, claim), now).await? else {
            return Ok(None);
        };
        let Some(alert) = self.store.alert(&delivery.alert_id).await? else {
            return self.end(delivery, (DeliveryState::Undeliverable, "its alert is gone")).await.map(Some);
        };
        if delivery.channel == EMAIL && !self.is_owner(&alert, &delivery).await? {
            let reason = "the recipient does not own the project or its organization any more";
            return self.end(delivery, (DeliveryState::Undeliverable, reason)).await.map(Some);
        }
        let told = Told::of(&Notice::of(&self.store, alert, now).await?);
        let Delivery { id, address, message_id, .. } = &delivery;
        let outgoing = Outgoing { to: address, id, message_id, told: &told, now: self.clock.now() };
        match self.channels.send(&delivery.channel, &outgoing).await {
            Ok(receipt) => self.sent(delivery, receipt).await.map(Some),
            Err(failure) => self.failed(delivery, failure).await.map(Some),
        }
    }

    /// What a project spends is not told to who left it meanwhile (R6).
    async fn is_owner(&self, alert: &Alert, delivery: &Delivery) -> Result<bool, StoreError> {
        Ok(self.store.alert_owners(alert).await?.iter().any(|owner| owner.id == delivery.recipient_id))
    }

    async fn sent(&mut self, delivery: Delivery, receipt: String) -> Result<Attempt, StoreError> {
        self.broken.remove(&delivery.channel);
        self.unmarked.push((delivery.id, receipt, self.clock.now()));
        self.mark_what_was_sent().await?;
        Ok(Attempt::Sent { channel: delivery.channel })
    }

    async fn mark_what_was_sent(&mut self) -> Result<(), StoreError> {
        while let Some((id, receipt, at)) = self.unmarked.last() {
            self.store.mark_delivery_sent(id, receipt, *at).await?;
            self.unmarked.pop();
        }
        Ok(())
    }

    async fn failed(&mut self, delivery: Delivery, failure: Failure) -> Result<Attempt, StoreError> {
        let (error, now) = (failure.to_string(), self.clock.now());
        if plan::is_over(delivery.keep_until, now) {
            return self.end(delivery, (DeliveryState::GivenUp, &error)).await;
        }
        let pauses = match failure {
            Failure::Channel(_) => {
                let times = self.broken.get(&delivery.channel).map_or(0, |(times, _)| *times) + 1;
                let until = now.plus(CHANNEL.after(times, &mut *self.random));
                self.broken.insert(delivery.channel.clone(), (times, until));
                LATER
            }
            Failure::Later(_) => LATER,
            Failure::Refused(_) => REFUSED,
        };
        let again_at = now.plus(pauses.after(delivery.tries, &mut *self.random));
        self.store.mark_delivery_failed((&delivery.id, &self.name), &error, again_at).await?;
        Ok(Attempt::Failed { channel: delivery.channel, error, again_at })
    }

    async fn end(&self, delivery: Delivery, (state, error): (DeliveryState, &str)) -> Result<Attempt, StoreError> {
        self.store.end_delivery((&delivery.id, &self.name), (state, error), self.clock.now()).await?;
        Ok(Attempt::Ended { channel: delivery.channel, error: error.to_owned() })
    }
}
