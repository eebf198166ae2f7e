//! The secrets that every request is refused with now, whatever it asks for: for gateways that cannot ask.

use std::sync::{Arc, Weak};

use mete_core::decision::Refusal;
use mete_core::secret::KeyHash;
use mete_core::{Month, Timestamp};

use crate::case::{Case, Question};
use crate::directory::{Directory, Organization, Project};
use crate::gate::Gate;
use crate::request::Request;

/// The questions of R37, in its order, whose answers are the same for every request with a key.
const OF_EVERY_REQUEST: [Question; 8] = [
    Question::KeyStatus,
    Question::ProjectStatus,
    Question::ManualBlock,
    Question::OrganizationBudget,
    Question::ParentBudget,
    Question::ProjectBudget,
    Question::MemberBudget,
    Question::KeyBudget,
];

/// A secret that every request is refused with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedKey {
    /// Its SHA-256.
    pub hash: KeyHash,
    /// The code of the refusal (R37): the first reason that holds.
    pub code: &'static str,
    /// When this reason ends by itself, if it does. Another one may hold then.
    pub until: Option<Timestamp>,
}

/// All of them at one instant, and what tells whether it is still so.
#[derive(Debug)]
pub struct RefusedKeys {
    /// In the order of their hashes.
    pub keys: Vec<RefusedKey>,
    directory: Weak<Directory>,
    standing: Standing,
    /// When one of the keys changes by itself: it expires, or a block or release of it ends.
    changes: Option<Timestamp>,
}

impl Gate {
    /// The secrets that every request is refused with at `now`. Of what is not in the directory nothing is told, nor of
    /// what depends on the request: permissions, models and their budgets, files.
    ///
    /// Looks at every key: ask [`Gate::is_current`] first.
    #[must_use]
    pub fn refused(&self, now: Timestamp) -> RefusedKeys {
        let directory = self.directory.load_full();
        // Before the keys: of what changes meanwhile, the next look sees that it did.
        let standing = Standing::of(&directory, now);
        let (mut keys, mut changes, request) = (Vec::new(), None, Request::default());
        for (hash, key) in directory.keys() {
            let own = directory.overrides_of(key).and_then(|overrides| overrides.next_end(now));
            let ends = [key.expires_at, key.valid_until].into_iter().flatten().filter(|end| *end > now);
            changes = ends.chain(own).chain(changes).min();
            let case = Case::new(&directory, key, &request, now);
            let refusal = OF_EVERY_REQUEST.into_iter().find_map(|question| case.refusal(question));
            if let Some((code, refusal)) = refusal.and_then(|refusal| Some((refusal.code()?, refusal))) {
                keys.push(RefusedKey { hash: *hash, code, until: end_of(&refusal) });
            }
        }
        keys.sort_unstable_by_key(|key| key.hash.0);
        RefusedKeys { keys, directory: Arc::downgrade(&directory), standing, changes }
    }

    /// Whether a list is still right at `now`. Looks at every project, not at the keys.
    #[must_use]
    pub fn is_current(&self, list: &RefusedKeys, now: Timestamp) -> bool {
        let directory = self.directory.load_full();
        Weak::ptr_eq(&list.directory, &Arc::downgrade(&directory))
            && list.changes.is_none_or(|changes| now < changes)
            && list.standing == Standing::of(&directory, now)
    }
}

/// What projects are like that refuses their keys, one byte each; which budgets of members and keys are spent; and the month that is told as the end.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    month: Month,
    projects: Vec<u8>,
    /// Which members and keys have spent their own budgets.
    parts: Vec<bool>,
}

impl Standing {
    fn of(directory: &Directory, now: Timestamp) -> Self {
        let month = now.month();
        let is_spent = |organization: &Organization| {
            let held = organization.held.get();
            organization.limits.is_exhausted(organization.totals.get(month), held)
        };
        let project = |project: &Project| {
            let organization = directory.organization_of(project);
            let overrides = project.overrides.as_deref();
            [
                overrides.is_some_and(|overrides| overrides.block(now).is_some()),
                overrides.is_some_and(|overrides| overrides.release(now).is_some()),
                is_spent(organization),
                directory.parent_of(organization).is_some_and(is_spent),
                project.limits.is_exhausted(project.totals.spend.get(month), project.held.get()),
            ]
            .into_iter()
            .fold(0, |bits, is| bits << 1 | u8::from(is))
        };
        Self {
            month,
            projects: directory.projects().iter().map(project).collect(),
            parts: directory.standing_parts().iter().map(|part| part.is_spent(month)).collect(),
        }
    }
}

/// When a refusal ends by itself.
fn end_of(refusal: &Refusal) -> Option<Timestamp> {
    match refusal {
        Refusal::Blocked(blocked) => blocked.until,
        _ => refusal.exhausted().map(|exhausted| exhausted.until),
    }
}
