//! Some of all keys, by what an index finds them by.

use std::collections::BTreeSet;

use crate::conditions::Conditions;

/// So many ids are asked for in one statement: well below what either engine takes, and few enough to be planned at once.
const IDS_AT_ONCE: usize = 500;

/// Some of all keys: of a few ids, projects and owners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    ids: BTreeSet<String>,
    projects: BTreeSet<String>,
    /// Each with the organization in which the keys are theirs.
    owners: BTreeSet<(String, String)>,
}

impl KeySet {
    /// The key with this id.
    #[must_use]
    pub fn of_key(id: String) -> Self {
        Self { ids: [id].into(), ..Self::default() }
    }

    /// All keys of the project with this id.
    #[must_use]
    pub fn of_project(id: String) -> Self {
        Self { projects: [id].into(), ..Self::default() }
    }

    /// All keys of a person or service account in an organization, by their ids.
    #[must_use]
    pub fn of_owner(id: String, organization_id: String) -> Self {
        Self { owners: [(id, organization_id)].into(), ..Self::default() }
    }

    /// The keys of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.ids.extend(other.ids);
        self.projects.extend(other.projects);
        self.owners.extend(other.owners);
        self
    }

    /// What finds them, statement by statement, where `k` is the key; a key may be found by several. Where `set` is `None`,
    /// one statement finds every key, without a condition.
    pub(crate) fn conditions(set: Option<&Self>) -> Vec<Option<Conditions>> {
        let Some(Self { ids, projects, owners }) = set else { return vec![None] };
        let of_any = |condition: &'static str, ids: &BTreeSet<String>| {
            let ids: Vec<String> = ids.iter().cloned().collect();
            let of = |ids: &[String]| Conditions::default().any_of(condition, Some(ids));
            ids.chunks(IDS_AT_ONCE).map(of).collect::<Vec<_>>()
        };
        let of_owner = |(owner, organization): &(String, String)| {
            Conditions::default()
                .text("k.owner_id = {}", Some(owner))
                .text("k.organization_id = {}", Some(organization))
        };
        let mut all = of_any("k.id IN {}", ids);
        all.extend(of_any("k.project_id IN {}", projects));
        all.extend(owners.iter().map(of_owner));
        all.into_iter().map(Some).collect()
    }
}
