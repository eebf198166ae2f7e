//! How good the gate's knowledge is.

use mete_core::Timestamp;
use mete_core::time::SECOND;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::footing::{Cause, Footing};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Because {
    cause: &'static str,
}

/// Clones share the figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// Questions that were not decided.
    pub(super) undecided: Counter,
    degraded: Family<Because, Gauge>,
    store_age: Gauge,
    lag: Gauge,
}

impl Knowledge {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let knowledge = Self::default();
        let help = "Whether the gate's knowledge is older than is tolerated, by cause";
        registry.register("gate_degraded", help, knowledge.degraded.clone());
        let help = "Questions answered with 503 because of it";
        registry.register("gate_undecided", help, knowledge.undecided.clone());
        let help = "Seconds since the store was read or written";
        registry.register("store_age_seconds", help, knowledge.store_age.clone());
        let help = "Seconds for which usage has been waiting to be counted";
        registry.register("ingest_lag_seconds", help, knowledge.lag.clone());
        knowledge
    }

    pub(super) fn tell(&self, footing: &Footing, now: Timestamp) {
        for cause in Cause::ALL {
            let is_in_doubt = footing.doubt_for(cause, now).is_some();
            self.degraded.get_or_create(&Because { cause: cause.as_str() }).set(i64::from(is_in_doubt));
        }
        let age = |since: Timestamp| now.since(since).max(0) / SECOND;
        self.store_age.set(age(footing.store_heard()));
        self.lag.set(footing.waiting_since().map_or(0, age));
    }
}
