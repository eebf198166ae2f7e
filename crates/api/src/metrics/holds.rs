//! What becomes of holds.

use mete_gate::Settled;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Clones share the counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    pub(super) taken: Counter,
    settled: Counter,
    exceeded: Counter,
}

impl Holds {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let holds = Self::default();
        registry.register("holds_taken", "Holds that were taken", holds.taken.clone());
        registry.register("holds_settled", "Events that ended a hold", holds.settled.clone());
        let help = "Events that cost more than was held for them";
        registry.register("holds_exceeded", help, holds.exceeded.clone());
        holds
    }

    pub(super) fn settled(&self, settled: Settled) {
        self.settled.inc_by(settled.events);
        self.exceeded.inc_by(settled.exceeded);
    }
}
