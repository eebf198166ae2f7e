//! Keeps the gate in line with the store: totals from the ledger's commits, the directory from the change feed.

use std::sync::Arc;
use std::time::Duration;

use crate::backlog::Backlog;
use crate::settlement;
use mete_api::{Footing, Metrics, Readiness};
use mete_core::{Clock, Timestamp};
use mete_gate::Gate;
use mete_ingest::committer::{Commit, Observer};
use mete_store::{Alert, AlertKind, Extent, GateSnapshot, PartSpend, ProjectBytes, ProjectSpend, Store, StoreError};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the change feed is looked at: a budget raised elsewhere unblocks well within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Passes on to the gate what the committer did, and tells operators.
pub(crate) struct GateObserver {
    pub(crate) gate: Arc<Gate>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) footing: Arc<Footing>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Told that there are alerts to be told.
    pub(crate) news: Arc<Notify>,
}

impl Observer for GateObserver {
    fn taken(&mut self, parcels: usize) {
        self.backlog.took(parcels);
    }

    fn committed(&mut self, commit: &Commit<'_>) {
        let outcome = commit.outcome;
        self.backlog.committed(commit.parcels.len());
        self.gate.set_spend(&outcome.spends);
        self.gate.set_part_spend(&outcome.parts);
        self.gate.set_bytes(&outcome.bytes);
        for alert in &outcome.alerts {
            log(alert);
        }
        if !outcome.alerts.is_empty() {
            self.news.notify_one();
        }
        self.metrics.committed(commit, self.clock.now());
    }

    fn counted(&mut self, commit: &Commit<'_>) {
        self.gate.arrived(self.clock.now(), settlement::fresh(commit));
        self.gate.count_usage(self.clock.now(), settlement::used(commit));
        let settled = self.gate.settle(settlement::booked(commit));
        if settled.exceeded > 0 {
            tracing::warn!(events = settled.exceeded, "requests cost more than was held for them");
        }
        self.metrics.settled(settled);
        self.gate.note_costs(settlement::latest(commit));
    }

    fn totals(&mut self, spends: &[ProjectSpend], parts: &[PartSpend], bytes: &[ProjectBytes]) {
        self.gate.set_spend(spends);
        self.gate.set_part_spend(parts);
        self.gate.set_bytes(bytes);
    }

    fn health(&mut self, error: Option<&StoreError>) {
        let was_failing = self.readiness.trouble().is_some();
        self.metrics.store_is(error.is_none());
        if error.is_none() {
            self.footing.store_answered(self.clock.now());
        }
        if was_failing || error.is_some() {
            self.readiness.set_trouble(error.map(ToString::to_string), self.clock.now());
        }
        if was_failing && error.is_none() {
            tracing::info!("the store works again");
        }
    }
}

fn log(alert: &Alert) {
    let part = alert.part.as_ref().map(|of| format!("{} {}", of.part.kind, of.part.id));
    let what = match alert.kind {
        AlertKind::Threshold => "notification threshold passed",
        AlertKind::Exhausted if part.is_some() => "budget exhausted: its requests are refused",
        AlertKind::Exhausted => "budget exhausted: its keys are refused",
    };
    tracing::warn!(
        scope = alert.scope_kind.as_str(),
        id = %alert.scope_id,
        part,
        month = %alert.month,
        limit = %alert.amount,
        spend = %alert.spend,
        "{what}"
    );
}

/// Reads the directory again whenever the change feed moved, until stopped, and frees the holds whose time is over.
pub(crate) async fn follow_directory(
    store: Store,
    (gate, footing): (Arc<Gate>, Arc<Footing>),
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // A look at a store that is away takes a while: not another one.
            biased;
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        gate.expire_holds(clock.now());
        match refresh(&store, &gate, clock.now()).await {
            Ok(()) => footing.store_answered(clock.now()),
            Err(error) => tracing::warn!(%error, "cannot read the directory; the gate goes on with what it knows"),
        }
    }
}

/// Reads what changed in the directory: of keys, of which there may be a million, only those that did.
async fn refresh(store: &Store, gate: &Gate, now: Timestamp) -> Result<(), StoreError> {
    let known = gate.change_seq();
    if store.versions().await?.change_seq == known {
        return Ok(());
    }
    let (extent, change_seq) = store.extent_since(known).await?;
    if extent != Extent::All {
        let snapshot = store.gate_changes(&extent, change_seq).await?;
        learn_parts(store, gate, &snapshot, now).await?;
        if gate.change_directory(snapshot) {
            return Ok(());
        }
    }
    tracing::info!("the change feed does not tell which keys changed: the gate reads all of them");
    let snapshot = store.gate_snapshot().await?;
    learn_parts(store, gate, &snapshot, now).await?;
    gate.replace_directory(snapshot);
    Ok(())
}

/// Nobody has told what was spent of a budget that is new. What is committed meanwhile comes with its commit.
async fn learn_parts(store: &Store, gate: &Gate, snapshot: &GateSnapshot, now: Timestamp) -> Result<(), StoreError> {
    if !snapshot.parts.is_empty() {
        gate.set_part_spend(&store.part_spends(now.month()).await?);
    }
    Ok(())
}
