//! The gate itself: a swapped directory, a book of totals, and the decision between them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use mete_core::Timestamp;
use mete_core::decision::{Decision, Refusal};
use mete_core::secret::KeyHash;
use mete_store::{GateSnapshot, ProjectBytes, ProjectSpend};
use rustc_hash::FxHashMap;

use crate::case::Case;
use crate::directory::{Directory, Key};
use crate::explain::Explanation;
use crate::request::Request;
use crate::totals::ProjectTotals;

/// What secrets of the administration API begin with (R15).
const ADMIN_PREFIX: &str = "sk-admin-";

/// Decides on keys in memory. Shared by `Arc`; deciding takes no lock.
#[derive(Debug)]
pub struct Gate {
    pub(crate) directory: ArcSwap<Directory>,
    /// The totals of every project that has any, also of those that the directory does not hold yet. Whoever writes
    /// totals or swaps the directory holds this lock.
    book: Mutex<Book>,
}

type Book = FxHashMap<Arc<str>, Arc<ProjectTotals>>;

/// Whose request was let through: ids as shared buffers of UTF-8, which an HTTP header takes without a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `key_…`
    pub key_id: Bytes,
    /// `proj_…`
    pub project_id: Bytes,
}

impl Gate {
    /// A gate that knows a directory and no totals yet: give it those with [`Gate::set_spend`] and [`Gate::set_bytes`]
    /// before it is asked.
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
            let change = totals_of(&mut book, project_id).spend.set(*month, *spend);
            if let Some(change) = change {
                directory.book(project_id, *month, change);
            }
        }
    }

    /// Sets how many bytes of files projects store, as absolute totals in the order of their commits (R28). Those of a
    /// project that the directory does not hold yet are kept for it.
    pub fn set_bytes(&self, totals: &[ProjectBytes]) {
        if totals.is_empty() {
            return;
        }
        let mut book = self.lock();
        for ProjectBytes { project_id, bytes } in totals {
            totals_of(&mut book, project_id).set_bytes(*bytes);
        }
    }

    /// Decides on a request that brought the secret `key`, or none: its caller, or the first reason of R37 to refuse.
    ///
    /// A key that may not do everything is refused where method or path is not told.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit(&self, now: Timestamp, key: Option<&str>, request: &Request<'_>) -> Result<Caller, Refusal> {
        let secret = key.ok_or(Refusal::NoKey)?;
        let unknown = || if secret.starts_with(ADMIN_PREFIX) { Refusal::AdminKey } else { Refusal::UnknownKey };
        let directory = self.directory.load();
        let key = directory.key(&KeyHash::of(secret)).ok_or_else(unknown)?;
        let case = Case::new(&directory, key, request, now);
        match case.first_refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(Caller { key_id: key.id.clone(), project_id: case.project.id.clone() }),
        }
    }

    /// [`Gate::admit`] without the caller.
    #[must_use]
    pub fn decide(&self, now: Timestamp, key: Option<&str>, request: &Request<'_>) -> Decision {
        match self.admit(now, key, request) {
            Ok(_) => Decision::Allow,
            Err(refusal) => Decision::Refuse(refusal),
        }
    }

    /// The decision on a key, by the hash of one of its secrets, with its grounds (R38).
    #[must_use]
    pub fn explain(&self, now: Timestamp, hash: KeyHash, request: &Request<'_>) -> Explanation {
        let directory = self.directory.load();
        explanation(&directory, directory.key(&hash), now, request)
    }

    /// The decision on a key, by its id and with its present secret, with its grounds (R38). Looks through all keys.
    #[must_use]
    pub fn explain_id(&self, now: Timestamp, key_id: &str, request: &Request<'_>) -> Explanation {
        let directory = self.directory.load();
        explanation(&directory, directory.key_by_id(key_id), now, request)
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn totals_of(book: &mut Book, project_id: &str) -> Arc<ProjectTotals> {
    match book.get(project_id) {
        Some(totals) => Arc::clone(totals),
        None => Arc::clone(book.entry(project_id.into()).or_default()),
    }
}

fn explanation(directory: &Directory, key: Option<&Key>, now: Timestamp, request: &Request<'_>) -> Explanation {
    match key {
        None => Explanation::of_unknown_key(now),
        Some(key) => Explanation::of_case(&Case::new(directory, key, request, now)),
    }
}
