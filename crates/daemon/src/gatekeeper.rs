//! Keeps the gate in line with the store: totals from the ledger's commits, the directory from the change feed.

use std::sync::Arc;
use std::time::Duration;

use mete_gate::Gate;
use mete_ingest::committer::Observer;
use mete_store::{Alert, AlertKind, Outcome, ProjectBytes, ProjectSpend, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the change feed is looked at: a budget raised elsewhere unblocks well within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Passes on to the gate what the committer did.
pub(crate) struct GateObserver {
    gate: Arc<Gate>,
    failing: bool,
}

impl GateObserver {
    pub(crate) const fn new(gate: Arc<Gate>) -> Self {
        Self { gate, failing: false }
    }
}

impl Observer for GateObserver {
    fn committed(&mut self, outcome: &Outcome) {
        self.gate.set_spend(&outcome.spends);
        self.gate.set_bytes(&outcome.bytes);
        for alert in &outcome.alerts {
            log(alert);
        }
    }

    fn totals(&mut self, spends: &[ProjectSpend], bytes: &[ProjectBytes]) {
        self.gate.set_spend(spends);
        self.gate.set_bytes(bytes);
    }

    fn health(&mut self, error: Option<&StoreError>) {
        if self.failing && error.is_none() {
            tracing::info!("the store works again");
        }
        self.failing = error.is_some();
    }
}

fn log(alert: &Alert) {
    let what = match alert.kind {
        AlertKind::Threshold => "notification threshold passed",
        AlertKind::Exhausted => "budget exhausted: its keys are refused",
    };
    tracing::warn!(
        scope = alert.scope_kind.as_str(),
        id = %alert.scope_id,
        month = %alert.month,
        limit = %alert.amount,
        spend = %alert.spend,
        "{what}"
    );
}

/// Reads the directory again whenever the change feed moved, until stopped.
pub(crate) async fn follow_directory(store: Store, gate: Arc<Gate>, stop: CancellationToken) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        if let Err(error) = refresh(&store, &gate).await {
            tracing::warn!(%error, "cannot read the directory; the gate goes on with what it knows");
        }
    }
}

async fn refresh(store: &Store, gate: &Gate) -> Result<(), StoreError> {
    if store.versions().await?.change_seq != gate.change_seq() {
        gate.replace_directory(store.gate_snapshot().await?);
    }
    Ok(())
}
