//! The ledger: events go in exactly once (R31), with their roll-ups, their source's position, the quarantine and the
//! alerts in one transaction.

mod append;
mod classify;
mod commit;
mod event_pages;
mod extra;
mod fold;
mod holdings;
mod id_index;
mod intern;
mod kept;
mod last_used;
mod parts;
mod positions;
mod recent;
mod rerate;
mod scopes;
mod segment;
mod sums;
mod watch;
mod work;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use mete_core::time::DAY;
use mete_core::{LedgerEvent, Month, Nanos, Timestamp};

use crate::Store;
use crate::alerts::Alert;
use crate::boxed;
use crate::error::StoreError;
use crate::gate::ProjectSpend;
use crate::part_budgets::PartSpend;
use crate::quarantine::QuarantineEntry;
use crate::resources::ProjectBytes;
use commit::{Tried, Turn};
use intern::Interned;
use kept::Unpacked;
use last_used::LastUsed;
use recent::RecentIds;
use watch::Watch;

pub(crate) use commit::take_turn;
pub use event_pages::{EventFilter, EventLine, EventPage, EventPlace, EventTail};
pub use positions::Position;
pub use rerate::{KeptEvent, KeptPage, NewCost, Place, Rerated, RunEvent};
pub(crate) use sums::{PackedSums, packed_sums_between};

/// How often a commit is tried again when the engine says that it lost a race.
const TRIES: u32 = 10;

/// An event is late if it arrives so long after its own time, in microseconds.
const LATE: i64 = DAY;

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

impl From<QuarantineEntry> for Conflict {
    fn from(entry: QuarantineEntry) -> Self {
        Self { position: entry.position, reason: entry.reason, detail: entry.detail }
    }
}

/// What one source hands over at once.
#[derive(Clone, Debug, Default)]
pub struct Parcel {
    /// The source's name.
    pub source: Arc<str>,
    /// Tells one run of a stream from the next, whose positions begin anew; empty where positions last, as in files.
    pub run: Arc<str>,
    /// Its events, in the order in which they were read.
    pub events: Vec<Arrival>,
    /// The holds that some of them name, in their order. The ledger passes them by; they are for the gate (R40).
    pub holds: Vec<NamedHold>,
    /// What could not be read or attributed.
    pub quarantine: Vec<QuarantineEntry>,
    /// How far the source is read when this parcel is committed.
    pub position: Option<Position>,
    /// What was read beside events and quarantine.
    pub read: ReadCounts,
    /// The request that brought it, where it is to be recognised when it is sent again.
    pub receipt: Option<Receipt>,
    /// Numbers of the quarantine's entries that it replaces, because they were read again.
    pub retried: Vec<i64>,
}

/// A hold that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedHold {
    /// The event's place in its parcel.
    pub event: usize,
    /// `hold_…`, as it was written.
    pub id: Box<str>,
}

/// What was read beside the events themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Lines, blank ones not counted.
    pub lines: u64,
    /// Lines that are no usage events by their format's rules.
    pub ignored: u64,
    /// Events whose own cost and catalogue price differ by more than 1% (R29).
    pub cost_differs: u64,
}

impl std::ops::AddAssign for ReadCounts {
    fn add_assign(&mut self, other: Self) {
        self.lines += other.lines;
        self.ignored += other.ignored;
        self.cost_differs += other.cost_differs;
    }
}

/// A request with an idempotency key: its answer is kept in the transaction of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The client's key.
    pub key: Arc<str>,
    /// The SHA-256 of the request's body: another body under the same key is refused.
    pub body: [u8; 32],
}

/// What became of a parcel, for whoever handed it over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// How many were what.
    pub tally: Tally,
    /// Those of its events that contradict what is kept.
    pub conflicts: Vec<Conflict>,
}

/// An event that went to the quarantine because it contradicts what is kept (R31).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Where in its source it starts.
    pub position: u64,
    /// Why, as a stable word: `conflict`, or `closed_month`.
    pub reason: &'static str,
    /// Why, in words.
    pub detail: String,
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
    /// Events that came more than a day after their own time, copies included.
    pub late: u64,
    /// Events that came before their own time, copies included.
    pub early: u64,
    /// What went to the quarantine, contradicting copies included.
    pub quarantined: u64,
    /// All that was booked, differences included.
    pub spend: Nanos,
}

impl Tally {
    /// Of these events, none judged yet, those that arrive at `now` out of their time.
    fn of(events: &[Arrival], now: Timestamp) -> Self {
        let count = |is: fn(i64) -> bool| events.iter().filter(|it| is(now.since(it.event.time))).count() as u64;
        Self { late: count(|age| age > LATE), early: count(|age| age < 0), ..Self::default() }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.amended += other.amended;
        self.late += other.late;
        self.early += other.early;
        self.quarantined += other.quarantined;
        self.spend += other.spend;
    }
}

/// What a commit did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// One tally a parcel.
    pub tallies: Vec<Tally>,
    /// Events that contradict what is kept, each with the number of its parcel.
    pub conflicts: Vec<(usize, Conflict)>,
    /// Events that were kept already, amended or not: the numbers of their parcels and their positions.
    pub copies: Vec<(usize, u64)>,
    /// The new totals of the projects and months that it touched.
    pub spends: Vec<ProjectSpend>,
    /// The new totals of those parts of projects that have budgets; of all of them where these have changed.
    pub parts: Vec<PartSpend>,
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
    unpacked: Unpacked,
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
    #[boxed]
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let version = store.versions().await?.ledger_version;
        Ok(Self {
            store,
            version,
            interned: Interned::default(),
            recent: RecentIds::default(),
            unpacked: Unpacked::default(),
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
    #[boxed]
    pub async fn commit(&mut self, parcels: &[Parcel], now: Timestamp) -> Result<Outcome, StoreError> {
        let mut turn = self.first_turn();
        for _ in 1..TRIES {
            match self.try_commit(parcels, now, turn).await {
                Ok(Tried::Done(outcome)) => return Ok(outcome),
                Ok(Tried::Raced) => {}
                Err(error) => {
                    // What was learnt inside the transaction is undone with it.
                    self.forget();
                    if !(error.is_retryable() || error.is_unique_violation()) {
                        return Err(error);
                    }
                }
            }
            turn = Turn::First;
        }
        let last = self.try_commit(parcels, now, Turn::First).await.inspect_err(|_| self.forget());
        match last? {
            Tried::Done(outcome) => Ok(outcome),
            Tried::Raced => Err(StoreError::Corrupt("a commit that was overtaken in its own turn".into())),
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
        self.unpacked = Unpacked::default();
        self.watch = Watch::default();
        self.partitions.clear();
    }
}
