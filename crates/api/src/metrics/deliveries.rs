//! Whether alerts are told.

use mete_core::Timestamp;
use mete_core::time::SECOND;
use mete_notify::Attempt;
use mete_store::DeliveryCounts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct On {
    channel: String,
    outcome: &'static str,
}

/// Clones share the figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Deliveries {
    attempts: Family<On, Counter>,
    waiting: Gauge,
    oldest: Gauge,
    no_channel: Gauge,
}

impl Deliveries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let deliveries = Self::default();
        let help = "Tries of telling somebody of an alert, by channel and outcome (sent, failed, ended)";
        registry.register("notify_attempts", help, deliveries.attempts.clone());
        let help = "Deliveries of alerts that are to be sent, of all daemons";
        registry.register("notify_waiting", help, deliveries.waiting.clone());
        let help = "Seconds for which the oldest of them has been waiting";
        registry.register("notify_oldest_waiting_seconds", help, deliveries.oldest.clone());
        let help = "Deliveries of alerts whose channel is not configured";
        registry.register("notify_no_channel", help, deliveries.no_channel.clone());
        deliveries
    }

    pub(super) fn attempted(&self, attempt: &Attempt) {
        let (channel, outcome) = match attempt {
            Attempt::Sent { channel } => (channel, "sent"),
            Attempt::Failed { channel, .. } => (channel, "failed"),
            Attempt::Ended { channel, .. } => (channel, "ended"),
        };
        self.attempts.get_or_create(&On { channel: channel.clone(), outcome }).inc();
    }

    pub(super) fn tell(&self, counts: &DeliveryCounts, now: Timestamp) {
        let whole = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.waiting.set(whole(counts.waiting));
        self.no_channel.set(whole(counts.no_channel));
        self.oldest.set(counts.oldest_waiting.map_or(0, |since| now.since(since).max(0) / SECOND));
    }
}
