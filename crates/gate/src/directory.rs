//! The directory as the gate keeps it: immutable but for the organizations' totals, and swapped as a whole. The next one
//! shares the keys that stay as they are.

use std::mem::take;
use std::sync::Arc;

use bytes::Bytes;
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::permissions::Permissions;
use mete_core::rates::{Models, Rates};
use mete_core::secret::KeyHash;
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{GateKey, GateOldSecret, GateOrganization, GateProject, GateSnapshot};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::book::Book;
use crate::held::{Held, Sums};
use crate::keys::Keys;
use crate::overrides::{self, ByScope, Overrides};
use crate::part::{KeyParts, Part, Parts};
use crate::totals::{MonthTotals, ProjectTotals};

/// The id of a key. One as long as Mete makes them stands in the key itself: the answer tells it, and of a million keys an id
/// kept elsewhere would be one more place in memory to fetch for each request.
pub type KeyId = SmallVec<[u8; 32]>;

/// A key as one of its secrets opens it; its project is a position in [`Directory::projects`].
#[derive(Clone, Debug)]
pub struct Key {
    pub id: KeyId,
    pub status: KeyStatus,
    pub expires_at: Option<Timestamp>,
    /// Until when this secret is good, if a rotation replaced it.
    pub valid_until: Option<Timestamp>,
    pub permissions: Permissions,
    project: u32,
}

/// A project; its organization is a position in [`Directory::organizations`].
#[derive(Debug)]
pub struct Project {
    pub id: Bytes,
    pub name: String,
    pub archived: bool,
    pub limits: Limits,
    /// The models that it may use, sorted.
    pub models: Models,
    pub overrides: Option<Arc<Overrides>>,
    pub totals: Arc<ProjectTotals>,
    pub held: Arc<Held>,
    /// What other lives may hold of it, which is part of `held` too.
    assumed: Arc<Held>,
    /// Its models that have budgets.
    pub model_parts: FxHashMap<String, Arc<Part>>,
    organization: usize,
}

/// An organization; its totals are the sums of its projects' and of its sub-organizations' (R3, R25).
#[derive(Debug)]
pub struct Organization {
    pub id: Bytes,
    pub name: String,
    pub limits: Limits,
    /// The models that its projects may use, sorted.
    pub models: Models,
    pub totals: MonthTotals,
    pub held: Arc<Held>,
    parent: Option<usize>,
}

/// Everything that a decision looks at.
#[derive(Debug)]
pub struct Directory {
    /// Shared with the directory before, but for what changed.
    keys: Keys,
    /// Blocks and releases by the ids of keys and projects.
    overrides: ByScope,
    /// The budgets that keys count to, by their ids.
    key_parts: FxHashMap<String, KeyParts>,
    projects: Vec<Project>,
    organizations: Vec<Organization>,
    /// Where each project stands in `projects`.
    positions: FxHashMap<Arc<str>, usize>,
    /// Rate limits by the id of their project or organization, and by model.
    rates: FxHashMap<String, FxHashMap<String, Rates>>,
    /// Members and keys with budgets.
    standing_parts: Vec<Arc<Part>>,
    /// How many bytes of files a project may store.
    pub file_quota: u64,
    pub change_seq: i64,
}

impl Directory {
    /// Builds it from a snapshot; `book` has what is counted, which outlives the directory.
    ///
    /// What points to something that the snapshot does not hold is left out, so that it is refused, never let through
    /// without its limits. A snapshot may lack what was created while it was read; the next one has it.
    pub fn new(snapshot: GateSnapshot, book: &mut Book) -> Self {
        Self::read(Keys::default(), &FxHashMap::default(), snapshot, book)
    }

    /// The directory after this one: the snapshot has the keys that changed, and all else. `None` if a project is gone that
    /// other keys may be of.
    pub fn changed(&self, snapshot: GateSnapshot, book: &mut Book) -> Option<Self> {
        let next = Self::read(self.keys.clone(), &self.positions, snapshot, book);
        let is_kept =
            |(position, project): (usize, &Project)| next.positions.get(&*text(&project.id)) == Some(&position);
        self.projects.iter().enumerate().all(is_kept).then_some(next)
    }

    /// That of a snapshot, whose keys come to `keys` or in place of what is there of them. Those have projects by their
    /// positions `before`.
    fn read(keys: Keys, before: &FxHashMap<Arc<str>, usize>, mut snapshot: GateSnapshot, book: &mut Book) -> Self {
        let (read, old_secrets) = (take(&mut snapshot.keys), take(&mut snapshot.old_secrets));
        let mut directory = Self { keys, ..Self::of_projects(snapshot, before, book) };
        directory.place_keys(read);
        for old in old_secrets {
            directory.place_old_secret(old);
        }
        directory
    }

    /// All but the keys. Projects keep their positions `before`, new ones come behind them.
    fn of_projects(snapshot: GateSnapshot, before: &FxHashMap<Arc<str>, usize>, book: &mut Book) -> Self {
        let GateSnapshot { organizations, mut projects, overrides, rate_limits, parts, file_quota, change_seq, .. } =
            snapshot;
        let read = projects.len();
        let overrides = overrides::by_scope(overrides);
        let (organizations, organization_positions) = place_organizations(organizations, book);
        let mut parts = Parts::new(parts, book);
        projects.sort_by_key(|project| before.get(project.id.as_str()).copied().unwrap_or(usize::MAX));
        let projects = place_projects(projects, &organization_positions, (&overrides, &mut parts), book);
        if projects.len() < read {
            let projects = read - projects.len();
            tracing::warn!(projects, "the gate refuses projects whose organization it was not given");
        }
        let positions: FxHashMap<Arc<str>, usize> =
            projects.iter().enumerate().map(|(position, project)| (text(&project.id).into(), position)).collect();
        let mut rates: FxHashMap<String, FxHashMap<String, Rates>> = FxHashMap::default();
        for (scope, limit) in rate_limits {
            rates.entry(scope).or_default().insert(limit.model, limit.rates);
        }
        let Parts { keys: key_parts, standing: standing_parts, .. } = parts;
        let directory = Self {
            keys: Keys::default(),
            overrides,
            key_parts,
            projects,
            organizations,
            positions,
            rates,
            standing_parts,
            file_quota,
            change_seq,
        };
        directory.sum_up();
        directory
    }

    /// Puts keys in place, whatever there was of them before. One whose project is not there is left out.
    fn place_keys(&mut self, keys: Vec<GateKey>) {
        for key in &keys {
            self.keys.remove(key.id.as_bytes());
        }
        let mut refused = 0;
        for GateKey { id, project_id, hash, status, expires_at, permissions } in keys {
            let Some(project) = self.place_of(&project_id) else {
                refused += 1;
                continue;
            };
            let id = KeyId::from_slice(id.as_bytes());
            let key = Key { id, status, expires_at, valid_until: None, permissions, project };
            self.keys.insert(hash, key);
        }
        if refused > 0 {
            tracing::warn!(keys = refused, "the gate refuses keys whose project it was not given");
        }
    }

    /// Puts a secret that was replaced in place, if its key is there. One that was replaced while the snapshot was read is
    /// the key's present one too, and good.
    fn place_old_secret(&mut self, GateOldSecret { key_id, hash, valid_until }: GateOldSecret) {
        let is_present = self.key(&hash).is_some_and(|key| key.valid_until.is_none());
        if let Some(key) = self.key_by_id(&key_id).filter(|_| !is_present) {
            let key = Key { valid_until: Some(valid_until), ..key.clone() };
            self.keys.insert(hash, key);
        }
    }

    /// The position of a project. There are fewer than four billion.
    fn place_of(&self, project_id: &str) -> Option<u32> {
        u32::try_from(*self.positions.get(project_id)?).ok()
    }

    pub fn key(&self, hash: &KeyHash) -> Option<&Key> {
        self.keys.get(hash)
    }

    /// All keys, by the hashes of their secrets.
    pub fn keys(&self) -> impl Iterator<Item = &(KeyHash, Key)> {
        self.keys.iter()
    }

    pub fn projects(&self) -> &[Project] {
        &self.projects
    }

    /// A key by its id, as its present secret opens it.
    pub fn key_by_id(&self, id: &str) -> Option<&Key> {
        self.keys.get_by_id(id)
    }

    /// A key of a project that nobody has, and that may do everything: what holds for it holds for the project.
    pub fn key_of_nobody(&self, project_id: &str) -> Option<Key> {
        let project = self.place_of(project_id)?;
        let (status, permissions) = (KeyStatus::Active, Permissions::ALL);
        Some(Key { id: KeyId::new(), status, expires_at: None, valid_until: None, permissions, project })
    }

    /// Blocks and releases of a key.
    pub fn overrides_of(&self, key: &Key) -> Option<&Overrides> {
        of_id(&self.overrides, key).map(Arc::as_ref)
    }

    /// The budgets of the key's own and its owner's, if there are such.
    pub fn parts_of(&self, key: &Key) -> Option<&KeyParts> {
        of_id(&self.key_parts, key)
    }

    pub fn project_of(&self, key: &Key) -> &Project {
        &self.projects[key.project as usize]
    }

    pub fn organization_of(&self, project: &Project) -> &Organization {
        &self.organizations[project.organization]
    }

    pub fn parent_of(&self, organization: &Organization) -> Option<&Organization> {
        organization.parent.map(|parent| &self.organizations[parent])
    }

    pub fn project(&self, id: &str) -> Option<&Project> {
        self.positions.get(id).map(|&position| &self.projects[position])
    }

    /// Members and keys with budgets, of whatever project.
    pub fn standing_parts(&self) -> &[Arc<Part>] {
        &self.standing_parts
    }

    /// What a hold of the project is part of, where nobody knows of which key it is.
    pub fn assumed_sums(&self, project: &Project) -> Sums {
        let organization = self.organization_of(project);
        let parent = self.parent_of(organization).map(|parent| &parent.held);
        [&project.held, &project.assumed, &organization.held].into_iter().chain(parent).cloned().collect()
    }

    /// Whether anybody has a rate limit.
    pub fn has_rates(&self) -> bool {
        !self.rates.is_empty()
    }

    /// The rate limits of a model in a project or organization.
    pub fn rates_of(&self, scope_id: &[u8], model: &str) -> Option<&Rates> {
        // Most stores have none.
        if self.rates.is_empty() {
            return None;
        }
        self.rates.get(std::str::from_utf8(scope_id).ok()?)?.get(model)
    }

    /// Books a change of a project's total on its organization and on that one's parent, if the project is known.
    pub fn book(&self, project_id: &str, month: Month, change: Nanos) {
        if let Some(&position) = self.positions.get(project_id) {
            self.book_on_payers(&self.projects[position], month, change);
        }
    }

    /// The organizations' totals from those of all projects.
    fn sum_up(&self) {
        for project in &self.projects {
            for (month, total) in project.totals.spend.iter() {
                self.book_on_payers(project, month, total);
            }
        }
    }

    fn book_on_payers(&self, project: &Project, month: Month, change: Nanos) {
        let organization = self.organization_of(project);
        organization.totals.add(month, change);
        if let Some(parent) = self.parent_of(organization) {
            parent.totals.add(month, change);
        }
    }
}

/// An id's text. Ids come from `String`s, so that nothing is ever replaced.
pub fn text(id: &[u8]) -> String {
    String::from_utf8_lossy(id).into_owned()
}

/// The organizations whose parent, if they have one, is there too, and where each of them stands.
fn place_organizations(given: Vec<GateOrganization>, book: &mut Book) -> (Vec<Organization>, FxHashMap<String, usize>) {
    let (tops, subs): (Vec<_>, Vec<_>) = given.into_iter().partition(|organization| organization.parent_id.is_none());
    let mut positions = FxHashMap::default();
    let mut organizations = Vec::with_capacity(tops.len() + subs.len());
    for GateOrganization { id, name, parent_id, limits, models } in tops.into_iter().chain(subs) {
        let parent = match parent_id {
            None => None,
            Some(parent_id) => match positions.get(&parent_id) {
                Some(&position) => Some(position),
                None => continue,
            },
        };
        positions.insert(id.clone(), organizations.len());
        let (models, totals, held) = (sorted(models), MonthTotals::default(), book.held_of(&id));
        organizations.push(Organization { id: id.into(), name, limits, models, totals, held, parent });
    }
    (organizations, positions)
}

/// The projects whose organization is there.
fn place_projects(
    given: Vec<GateProject>,
    organizations: &FxHashMap<String, usize>,
    (overrides, parts): (&ByScope, &mut Parts),
    book: &mut Book,
) -> Vec<Project> {
    let place = |GateProject { id, organization_id, name, archived, limits, models }: GateProject| {
        let organization = *organizations.get(organization_id.as_str())?;
        let (models, overrides) = (sorted(models), overrides.get(&id).cloned());
        let (totals, held, assumed) = (book.totals_of(&id), book.held_of(&id), book.assumed_of(&id));
        let model_parts = parts.take_models(&id);
        let id = id.into();
        Some(Project {
            id,
            name,
            archived,
            limits,
            models,
            overrides,
            totals,
            held,
            assumed,
            model_parts,
            organization,
        })
    };
    given.into_iter().filter_map(place).collect()
}

/// What there is of a key. In most stores of few keys, and nothing of most.
fn of_id<'a, T>(entries: &'a FxHashMap<String, T>, key: &Key) -> Option<&'a T> {
    if entries.is_empty() {
        return None;
    }
    entries.get(std::str::from_utf8(&key.id).ok()?)
}

/// Sorted, so that it can be searched.
fn sorted(mut models: Models) -> Models {
    if let Some(models) = &mut models {
        models.sort_unstable();
    }
    models
}

#[cfg(test)]
mod tests {
    use mete_core::limits::Limits;

    use super::*;

    fn key(number: usize, secret: &str, status: KeyStatus) -> GateKey {
        let (id, project_id, hash) = (format!("key_{number}"), "proj_1".to_owned(), KeyHash::of(secret));
        GateKey { id, project_id, hash, status, expires_at: None, permissions: Permissions::ALL }
    }

    fn snapshot(keys: Vec<GateKey>) -> GateSnapshot {
        let (id, limits) = ("org-1".to_owned(), Limits::default());
        let organization = GateOrganization { id, name: String::new(), parent_id: None, limits, models: None };
        let project = GateProject {
            id: "proj_1".into(),
            organization_id: "org-1".into(),
            name: String::new(),
            archived: false,
            limits,
            models: None,
        };
        GateSnapshot { organizations: vec![organization], projects: vec![project], keys, ..GateSnapshot::default() }
    }

    #[test]
    fn a_change_of_one_key_leaves_the_tables_of_all_others_where_they_are() {
        const MANY: usize = 20_000;
        let mut book = Book::default();
        let all = (0..MANY).map(|number| key(number, &format!("secret {number}"), KeyStatus::Active)).collect();
        let many = Directory::new(snapshot(all), &mut book);

        let ruled = many.changed(snapshot(vec![]), &mut book).unwrap();
        assert_eq!(many.keys.unlike(&ruled.keys), (0, 0));
        let created = many.changed(snapshot(vec![key(MANY, "new", KeyStatus::Active)]), &mut book).unwrap();
        assert_eq!(many.keys.unlike(&created.keys), (1, 1));
        let revoked = created.changed(snapshot(vec![key(7, "secret 7", KeyStatus::Revoked)]), &mut book).unwrap();
        assert_eq!(created.keys.unlike(&revoked.keys), (1, 1));
        // Two secrets of one key: the tables by secret in two places, unless chance has them in one.
        let old = GateOldSecret { key_id: "key_8".into(), hash: KeyHash::of("secret 8"), valid_until: Timestamp(1) };
        let rotated = GateSnapshot { old_secrets: vec![old], ..snapshot(vec![key(8, "rotated", KeyStatus::Active)]) };
        let rotated = revoked.changed(rotated, &mut book).unwrap();
        assert_eq!(revoked.keys.unlike(&rotated.keys), (2, 1));

        assert_eq!(rotated.keys().count(), MANY + 2);
        let of = |directory: &Directory, secret: &str| {
            directory.key(&KeyHash::of(secret)).map(|key| (key.id.clone(), key.status, key.valid_until))
        };
        let (id, active) = (KeyId::from_slice, KeyStatus::Active);
        assert_eq!(of(&rotated, "secret 7"), Some((id(b"key_7"), KeyStatus::Revoked, None)));
        assert_eq!(of(&rotated, "secret 8"), Some((id(b"key_8"), active, Some(Timestamp(1)))));
        assert_eq!(of(&rotated, "rotated"), Some((id(b"key_8"), active, None)));
        // What was there before is as it was.
        assert_eq!(of(&many, "secret 7"), Some((id(b"key_7"), active, None)));
        assert_eq!((of(&many, "new"), of(&many, "rotated")), (None, None));
    }
}
