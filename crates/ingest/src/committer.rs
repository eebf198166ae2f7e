//! The one task that writes the ledger: takes what has come in, commits it as one, tells who wants to know.

use std::sync::Arc;
use std::time::Duration;

use mete_core::Clock;
use mete_core::event::MAX_AHEAD;
use mete_store::{
    Committed, Ledger, Outcome, Parcel, PartSpend, ProjectBytes, ProjectSpend, Store, StoreError, Versions,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// Events that one commit takes together at most, roughly. Only a backlog comes near it: the more there are, the fewer
/// sums there are an event, and what comes alone is committed alone.
pub const GROUP: usize = 32_000;

/// Parcels that wait for the committer. Readers pause when it is full.
pub const QUEUE: usize = 48;

/// Events after which sums are folded into the roll-ups, whether the second is over or not.
pub const FOLD_EVENTS: u64 = 500_000;

/// How often sums are folded, other writers looked for.
const FOLD_EVERY: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The pause after a failed commit; it grows to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A parcel on its way, and who waits for it to be committed.
pub struct Delivery {
    /// What is to be written.
    pub parcel: Parcel,
    /// Told what became of it, once it is on disk.
    pub done: Option<oneshot::Sender<Committed>>,
}

/// A commit that is on disk.
pub struct Commit<'a> {
    /// What was handed over; none where somebody else's change had to be looked at.
    pub parcels: &'a [Parcel],
    /// What became of it: one tally for each parcel.
    pub outcome: &'a Outcome,
    /// How long it took, the tries before it included.
    pub took: Duration,
}

/// What a committer let go when it was told to give up. Files are read again from their positions and not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abandoned {
    /// Events of pipes and other streams: they exist nowhere else.
    pub lost: u64,
    /// Events of requests: whoever sent them was not told that they are kept, and sends them again.
    pub unanswered: u64,
}

/// Who wants to know what was committed.
pub trait Observer: Send {
    /// So many parcels were taken from the queue, and are being committed.
    fn taken(&mut self, _parcels: usize) {}
    /// A commit is on disk. Called before anybody is told that it is.
    fn committed(&mut self, commit: &Commit<'_>);
    /// The totals that the observer was told have all of this commit's events by now, also those that somebody else had
    /// written before. Not called where they could not be read.
    fn counted(&mut self, _commit: &Commit<'_>) {}
    /// Somebody else wrote the ledger: the totals of the present month, of projects and of their parts that have budgets,
    /// and the bytes that projects store.
    fn totals(&mut self, spends: &[ProjectSpend], parts: &[PartSpend], bytes: &[ProjectBytes]);
    /// Commits fail, or succeed again.
    fn health(&mut self, error: Option<&StoreError>);
}

/// Writes the ledger of one process.
pub struct Committer {
    store: Store,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    observer: Box<dyn Observer>,
    unfolded: u64,
    seen: Versions,
    /// Somebody else wrote the ledger, and the observer was not told the totals since.
    stale: bool,
}

impl Committer {
    /// A committer for `store`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn new(store: Store, clock: Arc<dyn Clock>, observer: Box<dyn Observer>) -> Result<Self, StoreError> {
        let ledger = Ledger::open(store.clone()).await?;
        let seen = store.versions().await?;
        Ok(Self { store, ledger, clock, observer, unfolded: 0, seen, stale: false })
    }

    /// Commits what arrives until every sender is gone and all of it is on disk.
    ///
    /// A commit that fails is tried again until it succeeds: what is handed over here is never dropped, and the queue
    /// behind it fills until the sources pause. The last fold may fail without harm: totals stay exact unfolded.
    pub async fn run(self, queue: mpsc::Receiver<Delivery>) {
        self.run_until(queue, &CancellationToken::new()).await;
    }

    /// The same, until `give_up`: what fails then is let go, and what still comes is not tried any more. Tells what was
    /// let go.
    pub async fn run_until(mut self, mut queue: mpsc::Receiver<Delivery>, give_up: &CancellationToken) -> Abandoned {
        let mut abandoned = Abandoned::default();
        let mut fold = interval(FOLD_EVERY);
        fold.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Nothing that writes runs inside the select: a transaction is never dropped half-way. Deliveries come
            // first: while they never end, each commit folds and finds out what others wrote by itself.
            let next = tokio::select! {
                biased;
                delivery = queue.recv() => Next::Delivery(delivery.map(Box::new)),
                _ = fold.tick() => Next::Fold,
                _ = look.tick() => Next::Look,
            };
            match next {
                Next::Delivery(None) => break,
                Next::Delivery(Some(first)) => {
                    self.commit(group(*first, &mut queue), give_up, &mut abandoned).await;
                    if self.unfolded >= FOLD_EVENTS {
                        self.fold().await;
                        fold.reset_at(Instant::now() + FOLD_EVERY);
                    }
                }
                Next::Fold if self.unfolded > 0 => self.fold().await,
                Next::Fold => {}
                Next::Look => self.look(give_up).await,
            }
        }
        if !give_up.is_cancelled() {
            self.fold().await;
        }
        abandoned
    }

    async fn commit(&mut self, deliveries: Vec<Delivery>, give_up: &CancellationToken, abandoned: &mut Abandoned) {
        let began = Instant::now();
        let before = self.ledger.version();
        self.observer.taken(deliveries.len());
        let (parcels, waiting): (Vec<_>, Vec<_>) =
            deliveries.into_iter().map(|delivery| (delivery.parcel, delivery.done)).unzip();
        let mut pause = Duration::from_millis(50);
        let outcome = loop {
            match self.ledger.commit(&parcels, self.clock.now()).await {
                Ok(outcome) => break outcome,
                Err(error) => {
                    tracing::error!(%error, "cannot commit; trying again in {pause:?}");
                    self.observer.health(Some(&error));
                    if give_up.run_until_cancelled(sleep(pause)).await.is_none() {
                        return abandoned.add(&parcels, &waiting);
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        };
        self.observer.health(None);
        let commit = Commit { parcels: &parcels, outcome: &outcome, took: began.elapsed() };
        self.observer.committed(&commit);
        if self.ledger.version() != before + 1 {
            // Somebody else wrote in between, or a commit that seemed to fail did not: the outcome does not tell.
            self.stale = true;
            self.tell_totals().await;
        }
        if !self.stale {
            self.observer.counted(&commit);
        }
        self.unfolded += parcels.iter().map(|parcel| parcel.events.len() as u64).sum::<u64>();
        for (number, (done, tally)) in waiting.into_iter().zip(&outcome.tallies).enumerate() {
            if let Some(done) = done {
                let own = outcome.conflicts.iter().filter(|(parcel, _)| *parcel == number);
                let conflicts = own.map(|(_, conflict)| conflict.clone()).collect();
                // Whoever waited may have gone; the commit stands.
                let _ = done.send(Committed { tally: *tally, conflicts });
            }
        }
    }

    async fn fold(&mut self) {
        match self.ledger.fold().await {
            Ok(_) => self.unfolded = 0,
            // Totals stay exact unfolded; the next round tries again.
            Err(error) => tracing::warn!(%error, "cannot fold sums into the roll-ups"),
        }
    }

    /// Looks whether somebody else changed the store.
    async fn look(&mut self, give_up: &CancellationToken) {
        let versions = match self.store.versions().await {
            Ok(versions) => versions,
            Err(error) => {
                tracing::warn!(%error, "cannot read the store");
                return self.observer.health(Some(&error));
            }
        };
        // Whatever failed before: a commit that fails is tried again until it does not, and nobody looks meanwhile.
        self.observer.health(None);
        if versions.change_seq != self.seen.change_seq {
            // Whoever changed limits may not have seen what was booked meanwhile: an empty commit looks again.
            self.commit(Vec::new(), give_up, &mut Abandoned::default()).await;
        }
        self.stale |=
            versions.ledger_version > self.ledger.version() && versions.ledger_version != self.seen.ledger_version;
        if self.stale {
            self.tell_totals().await;
        }
        self.seen = versions;
    }

    /// Reads the present month's totals of every project and the bytes that they store, of whoever wrote them, and tells
    /// the observer. Events may be a little ahead of the clock (R34), so that the month in which they are is read as well.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read_totals(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (month, soon) = (now.month(), now.plus(MAX_AHEAD).month());
        let mut spends = self.store.month_spends(month).await?;
        let mut parts = self.store.part_spends(month).await?;
        if soon != month {
            spends.extend(self.store.month_spends(soon).await?);
            parts.extend(self.store.part_spends(soon).await?);
        }
        self.observer.totals(&spends, &parts, &self.store.project_bytes().await?);
        Ok(())
    }

    async fn tell_totals(&mut self) {
        match self.read_totals().await {
            Ok(()) => self.stale = false,
            Err(error) => tracing::warn!(%error, "cannot read the month's totals; trying again"),
        }
    }
}

impl Abandoned {
    fn add(&mut self, parcels: &[Parcel], waiting: &[Option<oneshot::Sender<Committed>>]) {
        for (parcel, waiting) in parcels.iter().zip(waiting) {
            let events = parcel.events.len() as u64;
            // Where positions last, as in files, it is read again.
            match waiting {
                Some(_) => self.unanswered += events,
                None if parcel.run.is_empty() => {}
                None => self.lost += events,
            }
        }
    }
}

enum Next {
    Delivery(Option<Box<Delivery>>),
    Fold,
    Look,
}

/// All that waits already, up to a bound: under load, many small parcels become one commit.
fn group(first: Delivery, queue: &mut mpsc::Receiver<Delivery>) -> Vec<Delivery> {
    // What is quarantined weighs as much; and parcels that weigh nothing must not come for ever.
    let weight = |delivery: &Delivery| delivery.parcel.events.len() + delivery.parcel.quarantine.len();
    let mut taken = weight(&first);
    let mut deliveries = vec![first];
    while taken < GROUP && deliveries.len() < QUEUE {
        let Ok(next) = queue.try_recv() else { break };
        taken += weight(&next);
        deliveries.push(next);
    }
    deliveries
}
