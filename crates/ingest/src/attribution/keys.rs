//! Keys by all that a record may call them: id, SHA-256 of the secret, redacted form. There may be a million, and one
//! changes.

use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use mete_core::secret::{KeyHash, redacted_parts};
use mete_core::shards::Shards;
use mete_store::KeyRecord;
use rustc_hash::FxBuildHasher;

use super::error::Unattributed;
use crate::record::KeyRef;

/// What attribution knows of a key by one of its secrets.
pub(super) struct Key {
    pub id: Arc<str>,
    pub project: Arc<str>,
    pub organization: Arc<str>,
    pub owner: Arc<str>,
    /// SHA-256 of the secret.
    hash: KeyHash,
    /// What is shown of the secret: its end, and its beginning if anything is shown.
    end: [u8; 4],
    start: Option<Arc<str>>,
}

/// Keys by all that a record may call them. A clone shares them, until one of the two is changed; then it has copies of those
/// parts of the tables that the change falls into, and still shares the keys.
#[derive(Clone, Default)]
pub(super) struct Keys {
    by_id: Shards<Arc<Key>>,
    by_secret: Shards<Arc<Key>>,
    /// Those of which something is shown, by the ends of their secrets.
    by_end: Shards<Arc<Key>>,
    /// One copy of each name that many keys have, of keys that are not here any more too.
    names: Shards<Arc<str>>,
}

impl Keys {
    /// Puts a key with one of its secrets in place of what that secret stood for.
    pub(super) fn insert(&mut self, record: &KeyRecord) {
        let shown = redacted_parts(&record.redacted_value);
        let key = Arc::new(Key {
            id: self.by_id(&record.id).map_or_else(|| record.id.as_str().into(), |known| Arc::clone(&known.id)),
            project: self.shared(&record.project_id),
            organization: self.shared(&record.organization_id),
            owner: self.shared(&record.owner_id),
            hash: record.hash,
            end: shown.map(|(_, end)| end).unwrap_or_default(),
            start: shown.map(|(start, _)| self.shared(start)),
        });
        self.remove(&record.hash);
        if key.start.is_some() {
            self.by_end.add(spread(&key.end), Arc::clone(&key), |key| spread(&key.end));
        }
        self.by_secret.add(spread(&key.hash.0), Arc::clone(&key), |key| spread(&key.hash.0));
        self.by_id.add(spread(&*key.id), key, |key| spread(&*key.id));
    }

    /// Takes a secret out of all tables.
    fn remove(&mut self, hash: &KeyHash) {
        let Some(key) = self.by_secret.take(spread(&hash.0), |key| key.hash == *hash) else { return };
        self.by_id.take(spread(&*key.id), |other| Arc::ptr_eq(other, &key));
        self.by_end.take(spread(&key.end), |other| Arc::ptr_eq(other, &key));
    }

    /// The key that is called `key`; one in `organization` where only its ends are shown and that is known.
    pub(super) fn get(&self, key: &KeyRef<'_>, organization: Option<&str>) -> Result<Option<&Arc<Key>>, Unattributed> {
        match key {
            KeyRef::Id(id) => Ok(self.by_id(id)),
            KeyRef::Hash(hash) => Ok(self.by_secret.find(spread(&hash.0), |key| key.hash == *hash)),
            KeyRef::Redacted(form) => self.by_form(form, organization),
        }
    }

    fn by_id(&self, id: &str) -> Option<&Arc<Key>> {
        self.by_id.find(spread(id), |key| *key.id == *id)
    }

    /// The only key that looks like `form`. Of the secret's beginning, others may show more or less than Mete does.
    fn by_form(&self, form: &str, organization: Option<&str>) -> Result<Option<&Arc<Key>>, Unattributed> {
        let Some((shown, end)) = redacted_parts(form) else { return Ok(None) };
        let mut alike = self.by_end.alike(spread(&end)).filter(|key| {
            let start = key.start.as_deref();
            key.end == end
                && start.is_some_and(|start| shown.starts_with(start) || start.starts_with(shown))
                && organization.is_none_or(|organization| *key.organization == *organization)
        });
        let (found, others) = (alike.next(), alike.count());
        if others > 0 {
            return Err(Unattributed::AmbiguousKey { form: form.to_owned(), count: others + 1 });
        }
        Ok(found)
    }

    /// One copy of each name that many keys have.
    fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.find(spread(name), |known| **known == *name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = name.into();
        self.names.add(spread(name), Arc::clone(&shared), |name| spread(&**name));
        shared
    }
}

fn spread<T: Hash + ?Sized>(what: &T) -> u64 {
    FxBuildHasher.hash_one(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8, organization: &str, redacted: &str) -> KeyRecord {
        KeyRecord {
            id: format!("key_{number}"),
            organization_id: organization.to_owned(),
            project_id: "proj_1".to_owned(),
            owner_id: "user-1".to_owned(),
            hash: KeyHash([number; 32]),
            redacted_value: redacted.to_owned(),
        }
    }

    #[test]
    fn of_several_keys_that_look_alike_none_is_taken() {
        let mut keys = Keys::default();
        for (number, organization, redacted) in [
            (1, "org-1", "sk-proj-…aaaa"),
            (2, "org-1", "sk-proj-…bbbb"),
            (3, "org-2", "sk-proj-…bbbb"),
            (4, "org-1", ""),
        ] {
            keys.insert(&record(number, organization, redacted));
        }
        let find = |form: &str, organization| {
            let found = keys.get(&KeyRef::Redacted(form.into()), organization);
            found.map(|key| key.map(|key| key.id.to_string()))
        };
        assert_eq!(find("sk-...aaaa", None), Ok(Some("key_1".to_owned())));
        assert_eq!(find("sk-...bbbb", Some("org-2")), Ok(Some("key_3".to_owned())));
        let alike = Unattributed::AmbiguousKey { form: "sk-...bbbb".to_owned(), count: 2 };
        assert_eq!(find("sk-...bbbb", None), Err(alike));
        assert_eq!(find("sk-svcacct-...aaaa", None), Ok(None));
        assert_eq!(find("sk-...cccc", None), Ok(None));
    }

    #[test]
    fn a_change_of_one_key_leaves_the_tables_of_all_others_where_they_are() {
        const MANY: u32 = 20_000;
        let numbered = |number: u32, secret: &str, redacted: String| KeyRecord {
            id: format!("key_{number}"),
            hash: KeyHash::of(secret),
            ..record(0, "org-1", &redacted)
        };
        let mut many = Keys::default();
        for number in 0..MANY {
            many.insert(&numbered(number, &format!("secret {number}"), format!("sk-proj-…{number:04x}")));
        }
        let unlike = |one: &Keys, other: &Keys| {
            let tables = [(&one.by_id, &other.by_id), (&one.by_secret, &other.by_secret), (&one.by_end, &other.by_end)];
            (tables.map(|(one, other)| one.unlike(other)), one.names.unlike(&other.names))
        };
        let mut created = many.clone();
        assert_eq!(unlike(&many, &created), ([0; 3], 0));
        created.insert(&numbered(MANY, "new", "sk-proj-…zzzz".to_owned()));
        assert_eq!(unlike(&many, &created), ([1; 3], 0), "all names were known");
        // A rotation: another secret is shown, the one before is known and not shown.
        let mut rotated = created.clone();
        rotated.insert(&numbered(8, "rotated", "sk-proj-…yyyy".to_owned()));
        rotated.insert(&numbered(8, "secret 8", String::new()));
        assert_eq!(unlike(&created, &rotated), ([1, 2, 2], 0));

        let id_of = |keys: &Keys, named: KeyRef<'_>| keys.get(&named, None).unwrap().map(|key| key.id.to_string());
        let key_8 = Some("key_8".to_owned());
        for secret in ["secret 8", "rotated"] {
            assert_eq!(id_of(&rotated, KeyRef::Hash(KeyHash::of(secret))), key_8, "{secret}");
        }
        assert_eq!(id_of(&rotated, KeyRef::Redacted("sk-...yyyy".into())), key_8);
        assert_eq!(id_of(&rotated, KeyRef::Redacted("sk-...0008".into())), None);
        assert_eq!(id_of(&created, KeyRef::Redacted("sk-...0008".into())), key_8, "what was there before is as it was");
        assert_eq!(id_of(&created, KeyRef::Hash(KeyHash::of("rotated"))), None);
    }
}
