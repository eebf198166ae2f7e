//! The ledger: events go in exactly once (R31), with their roll-ups, their source's position, the quarantine and the
//! alerts in one transaction.

mod classify;
mod commit;
mod extra;
mod fold;
mod holdings;
mod intern;
mod last_used;
mod positions;
mod recent;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use mete_core::{LedgerEvent, Month, Nanos, Timestamp};

use crate::Store;
use crate::alerts::Alert;
use crate::error::StoreError;
use crate::gate::ProjectSpend;
use crate::quarantine::QuarantineEntry;
use crate::resources::ProjectBytes;
use intern::Interned;
use last_used::LastUsed;
use recent::RecentIds;
use watch::Watch;

pub use positions::Position;

/// How often a commit is tried again when the engine says that it lost a race.
const TRIES: u32 = 10;

/// An event that arrived, with where it stood.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The event.
    pub event: LedgerEvent,
    /// Where in its source it starts: a byte offset.
    pub position: u64,
    /// Its raw text, for the quarantine should it turn out to contradict what is kept.
    pub raw: Bytes,
}

/// What one source hands over at once.
#[derive(Clone, Debug, Default)]
pub struct Parcel {
    /// The source's name.
    pub source: Arc<str>,
    /// Its events, in the order in which they were read.
    pub events: Vec<Arrival>,
    /// What could not be read or attributed.
    pub quarantine: Vec<QuarantineEntry>,
    /// How far the source is read when this parcel is committed.
    pub position: Option<Position>,
}

/// What became of a parcel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that were new.
    pub accepted: u64,
    /// Copies of events that are kept already.
    pub duplicates: u64,
    /// Copies with other usage, whose difference was booked.
    pub amended: u64,
    /// What went to the quarantine, contradicting copies included.
    pub quarantined: u64,
    /// All that was booked, differences included.
    pub spend: Nanos,
}

/// What a commit did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// One tally a parcel.
    pub tallies: Vec<Tally>,
    /// The new totals of the projects and months that it touched.
    pub spends: Vec<ProjectSpend>,
    /// The new totals of the projects whose stored bytes it changed.
    pub bytes: Vec<ProjectBytes>,
    /// The alerts that it raised.
    pub alerts: Vec<Alert>,
}

/// The one who writes the ledger in a process. Others may write the same store: every commit finds out what they did
/// first.
pub struct Ledger {
    store: Store,
    /// The ledger's version after the last commit that this writer knows everything of.
    version: i64,
    interned: Interned,
    recent: RecentIds,
    watch: Watch,
    last_used: LastUsed,
    /// Months whose partition of the event table is known to be there.
    partitions: HashSet<Month>,
}

impl Ledger {
    /// A writer for `store`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let version = store.versions().await?.ledger_version;
        Ok(Self {
            store,
            version,
            interned: Interned::default(),
            recent: RecentIds::default(),
            watch: Watch::default(),
            last_used: LastUsed::default(),
            partitions: HashSet::new(),
        })
    }

    /// Writes parcels, all or nothing. What it returns is on disk.
    ///
    /// Must run to its end: a transaction that is dropped half-way is undone, but may cost a connection.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing of it happened, and the same parcels can be given again.
    pub async fn commit(&mut self, parcels: &[Parcel], now: Timestamp) -> Result<Outcome, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_commit(parcels, now).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => {
                    // What was learnt inside the transaction is undone with it.
                    self.forget();
                    if tries >= TRIES || !(error.is_retryable() || error.is_unique_violation()) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// The ledger's version after the last commit of this writer; compare with
    /// [`Versions::ledger_version`](crate::Versions) to see whether somebody else wrote.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    fn forget(&mut self) {
        self.interned = Interned::default();
        self.recent = RecentIds::default();
        self.watch = Watch::default();
        self.partitions.clear();
    }
}
