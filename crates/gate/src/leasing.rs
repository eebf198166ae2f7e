//! What is leased of budgets: by this gate, and by other lives of it (R40).

use bytes::Bytes;
use mete_core::Timestamp;
use mete_store::HoldLease;

use crate::directory::text;
use crate::gate::Gate;
use crate::holds::Deposit;
use crate::leases::{Lease, Leases, id_of_assumed};

impl Gate {
    /// The same, which holds no more than it was granted.
    #[must_use]
    pub fn with_leases(self) -> Self {
        self.vault().leases = Some(Leases::default());
        self
    }

    /// What is to be written down before `wanted` is granted: what is leased already is not given up.
    #[must_use]
    pub fn merged_lease(&self, wanted: Lease, now: Timestamp) -> Lease {
        match &self.vault().leases {
            Some(leases) => leases.merged(wanted, now),
            None => wanted,
        }
    }

    /// Lets it hold what was written down.
    pub fn grant(&self, lease: &Lease) {
        if let Some(leases) = &mut self.vault().leases {
            leases.grant(lease);
        }
    }

    /// Takes what another life leased as held until its time is over: nobody knows how much of it was. What is leased
    /// for a project that the directory does not have counts for nobody. Within the project it counts for every model, member
    /// and key with a budget.
    pub fn assume(&self, leases: &[HoldLease]) {
        let mut vault = self.vault();
        let directory = self.directory();
        for HoldLease { daemon, project_id, amount, ends_at } in leases {
            let Some(project) = directory.project(project_id) else { continue };
            let (id, sums) = (id_of_assumed(daemon, project_id), directory.assumed_sums(project));
            vault.holds.end(&id);
            let (project, cost, expires_at) = (project.id.clone(), *amount, *ends_at);
            // Nobody knows when: as early as the lease can be of.
            let taken_at = expires_at.plus(-2 * self.terms().time);
            vault.holds.add(id, Deposit { project, cost, taken_at, expires_at, event: None, sums, is_own: false });
        }
    }

    /// Ends all leases: nothing can be held any more. What is to be written down in their place, which is what is held
    /// still; a project that has no holds has nothing until the beginning of time.
    #[must_use]
    pub fn end_leases(&self) -> Vec<Lease> {
        let mut vault = self.vault();
        let ended = vault.leases.replace(Leases::default()).unwrap_or_default();
        let held = vault.holds.by_project();
        let left = |project: &Bytes| {
            let (amount, ends_at) = held.get(project).copied().unwrap_or_default();
            Lease { project_id: text(project), amount, ends_at }
        };
        ended.projects().map(left).collect()
    }
}
