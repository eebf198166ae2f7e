//! Writes down how much may be held, before it is: a daemon that starts takes what earlier ones leased as held (R40).

use std::collections::HashMap;
use std::sync::Arc;

use mete_api::LeaseRequest;
use mete_core::{Clock, Timestamp};
use mete_gate::{Gate, Lease};
use mete_store::{HoldLease, Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Requests that wait for a lease at once; more wait for a place among them.
pub(crate) const QUEUE: usize = 1024;

/// One life of one daemon, which leases.
pub(crate) struct Lessee {
    /// Tells this life from others.
    pub(crate) daemon: String,
    pub(crate) store: Store,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Lessee {
    /// Takes what others leased as held.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn assume_others(&self) -> Result<(), StoreError> {
        let others = self.store.hold_leases(self.clock.now()).await?;
        if !others.is_empty() {
            tracing::info!(leases = others.len(), "what earlier lives or other daemons may hold counts as held");
        }
        self.gate.assume(&others);
        Ok(())
    }

    /// Leases what is asked for until `stop`; then only what is held still stays leased.
    pub(crate) async fn lease(self, mut requests: mpsc::Receiver<LeaseRequest>, stop: CancellationToken) {
        loop {
            // Nothing that writes runs inside the select: a transaction is never dropped half-way.
            let first = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                first = requests.recv() => first,
            };
            let Some(first) = first else { break };
            let mut waiting = vec![first];
            while let Ok(next) = requests.try_recv() {
                waiting.push(next);
            }
            self.grant(waiting).await;
        }
        // Those who still wait are told that they wait in vain.
        drop(requests);
        if let Err(error) = self.write(self.gate.end_leases(), self.clock.now()).await {
            tracing::warn!(%error, "what was leased and is not held stays leased until its time is over");
        }
    }

    async fn grant(&self, waiting: Vec<LeaseRequest>) {
        let now = self.clock.now();
        let mut wanted: HashMap<String, Lease> = HashMap::new();
        for LeaseRequest { lease, .. } in &waiting {
            let merged = wanted.entry(lease.project_id.clone()).or_insert_with(|| lease.clone());
            merged.amount = merged.amount.max(lease.amount);
            merged.ends_at = merged.ends_at.max(lease.ends_at);
        }
        let leases: Vec<Lease> = wanted.into_values().map(|lease| self.gate.merged_lease(lease, now)).collect();
        match self.write(leases.clone(), now).await {
            Ok(()) => {
                leases.iter().for_each(|lease| self.gate.grant(lease));
                for LeaseRequest { granted, .. } in waiting {
                    // Whoever waited may have gone.
                    let _ = granted.send(());
                }
            }
            Err(error) => tracing::error!(%error, "cannot write down what is to be held; requests for it are refused"),
        }
    }

    async fn write(&self, leases: Vec<Lease>, now: Timestamp) -> Result<(), StoreError> {
        let row = |Lease { project_id, amount, ends_at }| HoldLease {
            daemon: self.daemon.clone(),
            project_id,
            amount,
            ends_at,
        };
        let rows: Vec<HoldLease> = leases.into_iter().map(row).collect();
        self.store.write_hold_leases(&rows, now).await
    }
}
