//! The gate itself: a swapped directory, a book of totals, and the decision between them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use mete_core::decision::{Decision, Refusal, Standings};
use mete_core::secret::KeyHash;
use mete_core::{IdHasher, Nanos, Timestamp};
use mete_store::{GateSnapshot, PartSpend, ProjectBytes, ProjectSpend};

use crate::admission::Vault;
use crate::book::Book;
use crate::case::Case;
use crate::directory::{Directory, Key, KeyId};
use crate::explain::Explanation;
use crate::rates::{Amounts, Link, Meters};
use crate::request::Request;
use crate::terms::Terms;

/// What secrets of the administration API begin with (R15).
const ADMIN_PREFIX: &str = "sk-admin-";

/// Decides on keys in memory. Shared by `Arc`; deciding takes no lock, setting money aside takes one for a moment.
#[derive(Debug)]
pub struct Gate {
    pub(crate) directory: ArcSwap<Directory>,
    /// Whoever writes totals or swaps the directory has this lock.
    book: Mutex<Book>,
    /// Whoever takes or ends holds has this one, and not the other.
    vault: Mutex<Vault>,
    /// What is used of rate limits. Whoever has this one takes no other.
    pub(crate) meters: Mutex<Meters>,
    terms: Terms,
}

/// What a request shows of its key.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
    /// The secret itself, if it brought one.
    Secret(Option<&'a str>),
    /// The secret's SHA-256.
    Hash(KeyHash),
}

/// Whose request was let through. Ids are UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `key_…`
    pub key_id: KeyId,
    /// `proj_…`
    pub project_id: Bytes,
    /// How far its requests are from their rate limits.
    pub standings: Standings,
}

impl Gate {
    /// A gate that knows a directory and no totals yet: give it those with [`Gate::set_spend`] and [`Gate::set_bytes`]
    /// before it is asked.
    #[must_use]
    pub fn new(snapshot: GateSnapshot) -> Self {
        let mut book = Book::default();
        let directory = Directory::new(snapshot, &mut book);
        let terms = Terms::new(IdHasher::new((0, 0)));
        Self {
            directory: ArcSwap::from_pointee(directory),
            book: Mutex::new(book),
            vault: Mutex::default(),
            meters: Mutex::default(),
            terms,
        }
    }

    /// The same, which holds money on these terms. Without them it does so on the usual ones, and finds no hold by the
    /// id of its request's event.
    #[must_use]
    pub fn with_terms(self, terms: Terms) -> Self {
        Self { terms, ..self }
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
        let directory = Directory::new(snapshot, &mut book);
        self.directory.store(Arc::new(directory));
    }

    /// The same where the snapshot has all that changed since the present one: of keys and their old secrets those that
    /// changed, of all else everything. Other keys stay, and the time does not depend on how many they are. `false`, and
    /// nothing is done, if a project of the present directory is missing. Keys are never deleted (R18, R20), and none goes by
    /// this.
    pub fn change_directory(&self, snapshot: GateSnapshot) -> bool {
        let mut book = self.lock();
        let present = self.directory.load_full();
        if snapshot.change_seq < present.change_seq {
            return true;
        }
        let next = present.changed(snapshot, &mut book);
        next.map(|next| self.directory.store(Arc::new(next))).is_some()
    }

    /// Sets absolute totals of projects and moves those of their organizations along (R3, R25).
    ///
    /// Each total is one atomic store that the next decision sees (R39). Totals of one project and month must come in
    /// the order of their commits. Spend of a project that the directory does not hold yet is kept for it.
    pub fn set_spend(&self, spends: &[ProjectSpend]) {
        let mut book = self.lock();
        let directory = self.directory.load();
        for ProjectSpend { project_id, month, spend } in spends {
            let change = book.totals_of(project_id).spend.set(*month, *spend);
            if let Some(change) = change {
                directory.book(project_id, *month, change);
            }
        }
    }

    /// Sets absolute totals of models, members and keys that have budgets. They may come in any order: of two totals of one
    /// month the one of the newer state of the ledger counts. Those of what has no budget yet are kept for it.
    pub fn set_part_spend(&self, spends: &[PartSpend]) {
        if spends.is_empty() {
            return;
        }
        let mut book = self.lock();
        for spend in spends {
            book.set_part_spend(spend);
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
            book.totals_of(project_id).set_bytes(*bytes);
        }
    }

    /// Decides on a request that brought the secret `key`, or none: its caller, or the first reason of R37 to refuse.
    ///
    /// A key that may not do everything is refused where method or path is not told.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit(&self, now: Timestamp, key: Option<&str>, request: &Request<'_>) -> Result<Caller, Refusal> {
        let credential = Credential::Secret(key);
        let hash = credential.hash()?;
        let directory = self.directory();
        let key = directory.key(&hash).ok_or_else(|| credential.unknown())?;
        let under_way = &directory.project_of(key).totals.under_way;
        under_way.begin();
        let mut case = Case::new(&directory, key, request, now);
        match self.decide_and_meter(&directory, &mut case, (&Amounts::default(), None)) {
            Some(refusal) => {
                under_way.take_back();
                Err(refusal)
            }
            None => Ok(Caller::of(&case)),
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

    /// The first reason of R37 against a request that is not to go on anyway: rate limits are not asked, and nothing is
    /// counted.
    #[must_use]
    pub fn refusal(&self, now: Timestamp, key: Credential<'_>, request: &Request<'_>) -> Option<Refusal> {
        let hash = match key.hash() {
            Ok(hash) => hash,
            Err(refusal) => return Some(refusal),
        };
        let directory = self.directory();
        match directory.key(&hash) {
            Some(known) => self.decide_case(&directory, &mut Case::new(&directory, known, request, now)),
            None => Some(key.unknown()),
        }
    }

    /// The decision on a key, by the hash of one of its secrets, with its grounds (R38).
    #[must_use]
    pub fn explain(&self, now: Timestamp, hash: KeyHash, request: &Request<'_>) -> Explanation {
        let directory = self.directory.load();
        self.explanation(&directory, directory.key(&hash), now, request)
    }

    /// The decision on a key, by its id and with its present secret, with its grounds (R38).
    #[must_use]
    pub fn explain_id(&self, now: Timestamp, key_id: &str, request: &Request<'_>) -> Explanation {
        let directory = self.directory.load();
        self.explanation(&directory, directory.key_by_id(key_id), now, request)
    }

    fn explanation(
        &self,
        directory: &Directory,
        key: Option<&Key>,
        now: Timestamp,
        request: &Request<'_>,
    ) -> Explanation {
        match key {
            None => Explanation::of_unknown_key(now),
            Some(key) => self.explain_key(directory, (key, request), now, &|_| true),
        }
    }

    pub(crate) fn directory(&self) -> arc_swap::Guard<Arc<Directory>> {
        self.directory.load()
    }

    /// On what terms it holds money.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// A case's first refusal. One that what is held decides is not given before the holds that are over are gone; then
    /// the case is seen anew.
    pub(crate) fn decide_case<'a>(&self, directory: &'a Directory, case: &mut Case<'a>) -> Option<Refusal> {
        let refusal = case.first_refusal();
        if refusal.as_ref().is_some_and(|refusal| refusal.held() > Nanos::ZERO) && self.expire_holds(case.now) > 0 {
            *case = Case::new(directory, case.key, case.request, case.now);
            return case.first_refusal();
        }
        refusal
    }

    /// The same, and where nothing else refuses the request is charged on the rate limits of its model.
    pub(crate) fn decide_and_meter<'a>(
        &self,
        directory: &'a Directory,
        case: &mut Case<'a>,
        charged: (&Amounts, Option<Link>),
    ) -> Option<Refusal> {
        self.decide_case(directory, case).or_else(|| self.meter(directory, case, charged).err())
    }

    /// Nothing that runs under these locks panics, so that a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn vault(&self) -> MutexGuard<'_, Vault> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Credential<'_> {
    /// The hash of the secret.
    ///
    /// # Errors
    /// When none was brought.
    pub(crate) fn hash(self) -> Result<KeyHash, Refusal> {
        match self {
            Self::Secret(secret) => secret.map(KeyHash::of).ok_or(Refusal::NoKey),
            Self::Hash(hash) => Ok(hash),
        }
    }

    /// What refuses it when it is nobody's.
    pub(crate) fn unknown(self) -> Refusal {
        match self {
            Self::Secret(Some(secret)) if secret.starts_with(ADMIN_PREFIX) => Refusal::AdminKey,
            _ => Refusal::UnknownKey,
        }
    }
}

impl Caller {
    pub(crate) fn of(case: &Case<'_>) -> Self {
        Self { key_id: case.key.id.clone(), project_id: case.project.id.clone(), standings: case.standings }
    }
}
