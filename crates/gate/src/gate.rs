//! The gate itself: a swapped directory, a book of totals, and the decision between them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use mete_core::Timestamp;
use mete_core::decision::{Decision, Refusal};
use mete_core::secret::KeyHash;
use mete_store::{GateSnapshot, ProjectSpend};
use rustc_hash::FxHashMap;

use crate::case::Case;
use crate::directory::Directory;
use crate::explain::Explanation;
use crate::totals::MonthTotals;

/// Decides on keys in memory. Shared by `Arc`; deciding takes no lock.
#[derive(Debug)]
pub struct Gate {
    directory: ArcSwap<Directory>,
    /// The totals of every project that has spent, also of those that the directory does not hold yet. Whoever writes
    /// totals or swaps the directory holds this lock.
    book: Mutex<Book>,
}

type Book = FxHashMap<Arc<str>, Arc<MonthTotals>>;

/// Whose request was let through: ids as shared buffers of UTF-8, which an HTTP header takes without a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `key_…`
    pub key_id: Bytes,
    /// `proj_…`
    pub project_id: Bytes,
}

impl Gate {
    /// A gate that knows a directory and no spend yet: give it that with [`Gate::set_spend`] before it is asked.
    #[must_use]
    pub fn new(snapshot: GateSnapshot) -> Self {
        let mut book = Book::default();
        let directory = Directory::new(snapshot, |project_id| totals_of(&mut book, project_id));
        Self { directory: ArcSwap::from_pointee(directory), book: Mutex::new(book) }
    }

    /// The position in the change feed up to which this gate knows the directory at least.
    #[must_use]
    pub fn change_seq(&self) -> i64 {
        self.directory.load().change_seq
    }

    /// Puts another state of the directory in place, at once and as a whole; all totals are kept. A snapshot that is
    /// older than the present one is ignored, so that reloads may overtake one another.
    ///
    /// Takes time in proportion to the directory; decisions go on with the present one meanwhile, spend waits.
    pub fn replace_directory(&self, snapshot: GateSnapshot) {
        let mut book = self.lock();
        if snapshot.change_seq < self.change_seq() {
            return;
        }
        let directory = Directory::new(snapshot, |project_id| totals_of(&mut book, project_id));
        self.directory.store(Arc::new(directory));
    }

    /// Sets absolute totals of projects and moves those of their organizations along (R3, R25).
    ///
    /// Each total is one atomic store that the next decision sees (R39). Totals of one project and month must come in
    /// the order of their commits. Spend of a project that the directory does not hold yet is kept for it.
    pub fn set_spend(&self, spends: &[ProjectSpend]) {
        let mut book = self.lock();
        let directory = self.directory.load();
        for ProjectSpend { project_id, month, spend } in spends {
            let change = match book.get(project_id) {
                Some(totals) => totals.set(*month, *spend),
                None => book.entry(Arc::clone(project_id)).or_default().set(*month, *spend),
            };
            if let Some(change) = change {
                directory.book(project_id, *month, change);
            }
        }
    }

    /// Decides on a request that brought the secret `key`, or none: its caller, or the first reason of R37 to refuse.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit(&self, now: Timestamp, key: Option<&str>) -> Result<Caller, Refusal> {
        match key {
            None => Err(Refusal::NoKey),
            Some(secret) => self.admit_hash(now, KeyHash::of(secret)),
        }
    }

    /// [`Gate::admit`] without the caller.
    #[must_use]
    pub fn decide(&self, now: Timestamp, key: Option<&str>) -> Decision {
        as_decision(self.admit(now, key))
    }

    /// [`Gate::decide`] for a key of which the hash is known.
    #[must_use]
    pub fn decide_hash(&self, now: Timestamp, hash: KeyHash) -> Decision {
        as_decision(self.admit_hash(now, hash))
    }

    /// The decision on a key, by its hash, with its grounds (R38).
    #[must_use]
    pub fn explain(&self, now: Timestamp, hash: KeyHash) -> Explanation {
        let directory = self.directory.load();
        directory.key(&hash).map_or_else(
            || Explanation::of_unknown_key(now),
            |key| Explanation::of_case(&Case::new(&directory, key, now), now),
        )
    }

    /// The decision on a key, by its id, with its grounds (R38). Looks through all keys.
    #[must_use]
    pub fn explain_id(&self, now: Timestamp, key_id: &str) -> Explanation {
        let directory = self.directory.load();
        directory.key_by_id(key_id).map_or_else(
            || Explanation::of_unknown_key(now),
            |key| Explanation::of_case(&Case::new(&directory, key, now), now),
        )
    }

    fn admit_hash(&self, now: Timestamp, hash: KeyHash) -> Result<Caller, Refusal> {
        let directory = self.directory.load();
        let key = directory.key(&hash).ok_or(Refusal::UnknownKey)?;
        let case = Case::new(&directory, key, now);
        match case.first_refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(Caller { key_id: key.id.clone(), project_id: case.project().id.clone() }),
        }
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn totals_of(book: &mut Book, project_id: &str) -> Arc<MonthTotals> {
    match book.get(project_id) {
        Some(totals) => Arc::clone(totals),
        None => Arc::clone(book.entry(project_id.into()).or_default()),
    }
}

fn as_decision(answer: Result<Caller, Refusal>) -> Decision {
    match answer {
        Ok(_) => Decision::Allow,
        Err(refusal) => Decision::Refuse(refusal),
    }
}
