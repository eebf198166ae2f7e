//! How much may be held, as it is written down in the store: what an earlier life may have held is known after a restart.

use bytes::Bytes;
use mete_core::{Nanos, Timestamp};
use rustc_hash::FxHashMap;

use crate::holds::HoldId;

/// What is to be leased before money can be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The project's id.
    pub project_id: String,
    /// So much at most for all its holds.
    pub amount: Nanos,
    /// Until when.
    pub ends_at: Timestamp,
}

/// What a daemon leased, by project.
#[derive(Debug, Default)]
pub struct Leases(FxHashMap<Bytes, (Nanos, Timestamp)>);

impl Leases {
    /// Whether a project may hold so much until then.
    pub fn cover(&self, project: &[u8], amount: Nanos, until: Timestamp) -> bool {
        self.0.get(project).is_some_and(|(most, end)| amount <= *most && until <= *end)
    }

    /// The lease that covers both `wanted` and what is leased already.
    pub fn merged(&self, wanted: Lease, now: Timestamp) -> Lease {
        match self.0.get(wanted.project_id.as_bytes()) {
            Some((amount, end)) if *end > now => {
                Lease { amount: wanted.amount.max(*amount), ends_at: wanted.ends_at.max(*end), ..wanted }
            }
            _ => wanted,
        }
    }

    /// The projects that have any.
    pub fn projects(&self) -> impl Iterator<Item = &Bytes> {
        self.0.keys()
    }

    pub fn grant(&mut self, lease: &Lease) {
        self.0.insert(Bytes::copy_from_slice(lease.project_id.as_bytes()), (lease.amount, lease.ends_at));
    }
}

/// The id under which what another life leased stands among the holds.
pub fn id_of_assumed(daemon: &str, project_id: &str) -> HoldId {
    format!("{daemon}/{project_id}").into_bytes().into()
}
