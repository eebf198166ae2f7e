//! Since when usage waits to be counted: in the committer's queue, and at sources that have more than they handed over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mete_core::Timestamp;
use mete_ingest::committer::Delivery;
use tokio::sync::mpsc;

/// What waits. Shared by `Arc`: sources and the committer tell it, and somebody looks several times a second.
#[derive(Debug)]
pub(crate) struct Backlog {
    queue: mpsc::WeakSender<Delivery>,
    /// Parcels that the committer took from the queue, and those that are on disk, since the daemon started.
    taken: AtomicU64,
    committed: AtomicU64,
    /// How many parcels had come by when, as far as they are not all on disk. No longer than what the queue and one
    /// commit hold: each entry has more parcels than the one before.
    arrivals: Mutex<VecDeque<(u64, Timestamp)>>,
    /// The sources that have not handed over all that there was, by name, and since when.
    behind: Mutex<BTreeMap<String, Timestamp>>,
}

impl Backlog {
    pub(crate) fn new(queue: &mpsc::Sender<Delivery>) -> Self {
        Self {
            queue: queue.downgrade(),
            taken: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            arrivals: Mutex::default(),
            behind: Mutex::default(),
        }
    }

    /// The committer took so many parcels.
    pub(crate) fn took(&self, parcels: usize) {
        self.taken.fetch_add(parcels as u64, Ordering::AcqRel);
    }

    /// So many of them are on disk.
    pub(crate) fn committed(&self, parcels: usize) {
        self.committed.fetch_add(parcels as u64, Ordering::AcqRel);
    }

    /// A source has something to hand over at `now`, or nothing any more. One that ends has nothing.
    pub(crate) fn is_behind(&self, source: &str, is_behind: bool, now: Timestamp) {
        let mut behind = lock(&self.behind);
        if !is_behind {
            behind.remove(source);
        } else if !behind.contains_key(source) {
            behind.insert(source.to_owned(), now);
        }
    }

    /// Since when there has always been something that waits, as far as it was seen at `now` and before.
    pub(crate) fn waiting_since(&self, now: Timestamp) -> Option<Timestamp> {
        let queued = self.queue.upgrade().map_or(0, |queue| queue.max_capacity() - queue.capacity());
        let in_queue = self.queue_since(queued as u64, now);
        let at_sources = lock(&self.behind).values().min().copied();
        in_queue.into_iter().chain(at_sources).min()
    }

    fn queue_since(&self, queued: u64, now: Timestamp) -> Option<Timestamp> {
        let committed = self.committed.load(Ordering::Acquire);
        let come = self.taken.load(Ordering::Acquire) + queued;
        let mut arrivals = lock(&self.arrivals);
        if come > arrivals.back().map_or(committed, |(come, _)| *come) {
            arrivals.push_back((come, now));
        }
        while arrivals.front().is_some_and(|(come, _)| *come <= committed) {
            arrivals.pop_front();
        }
        arrivals.front().map(|(_, since)| *since)
    }
}

/// Nothing that runs under these locks panics, so that a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use mete_store::Parcel;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    #[tokio::test]
    async fn usage_waits_from_when_it_is_queued_until_it_is_on_disk() {
        let (queue, mut deliveries) = mpsc::channel(8);
        let backlog = Backlog::new(&queue);
        let send = || queue.try_send(Delivery { parcel: Parcel::default(), done: None }).unwrap();
        assert_eq!(backlog.waiting_since(at(1)), None);
        send();
        assert_eq!(backlog.waiting_since(at(2)), Some(at(2)));
        send();
        assert_eq!(backlog.waiting_since(at(3)), Some(at(2)));
        // One is being committed, which takes a while.
        deliveries.recv().await.unwrap();
        backlog.took(1);
        assert_eq!(backlog.waiting_since(at(9)), Some(at(2)));
        backlog.committed(1);
        send();
        assert_eq!(backlog.waiting_since(at(10)), Some(at(3)), "the second came at 3");
        deliveries.recv().await.unwrap();
        deliveries.recv().await.unwrap();
        backlog.took(2);
        backlog.committed(2);
        assert_eq!(backlog.waiting_since(at(11)), None);
        // There is always something in the queue, and never the same.
        for second in 12..100 {
            send();
            assert_eq!(backlog.waiting_since(at(second)), Some(at(second)));
            deliveries.recv().await.unwrap();
            backlog.took(1);
            backlog.committed(1);
        }
    }

    #[test]
    fn a_source_waits_until_all_is_handed_over() {
        let (queue, _deliveries) = mpsc::channel(8);
        let backlog = Backlog::new(&queue);
        backlog.is_behind("a", true, at(1));
        backlog.is_behind("b", true, at(2));
        backlog.is_behind("a", true, at(3));
        assert_eq!(backlog.waiting_since(at(4)), Some(at(1)));
        backlog.is_behind("a", false, at(5));
        assert_eq!(backlog.waiting_since(at(6)), Some(at(2)));
        backlog.is_behind("b", false, at(7));
        assert_eq!(backlog.waiting_since(at(8)), None);
    }
}
