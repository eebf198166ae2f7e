//! Keys by the SHA-256 of their secrets and by their ids, close together: there may be a million of them, and one changes.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use mete_core::secret::KeyHash;
use mete_core::shards::Shards;
use rustc_hash::FxBuildHasher;

use crate::directory::Key;

/// A secret, and the key as it opens it.
pub type Opened = (KeyHash, Key);

/// The keys as all their secrets open them. A clone shares them, until one of the two is changed; then it has copies of
/// those parts of the tables that the change falls into, and still shares the keys.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    by_secret: Shards<Arc<Opened>>,
    /// With those whose secret was replaced, so that a key is found with all its secrets.
    by_id: Shards<Arc<Opened>>,
}

impl Keys {
    /// Has a secret open a key, in place of what it opened before.
    pub fn insert(&mut self, hash: KeyHash, key: Key) {
        if let Some(before) = self.by_secret.take(spread(&hash), |opened| opened.0 == hash) {
            self.by_id.take(spread_id(&before.1.id), |opened| Arc::ptr_eq(opened, &before));
        }
        let opened = Arc::new((hash, key));
        self.by_id.add(spread_id(&opened.1.id), Arc::clone(&opened), |opened| spread_id(&opened.1.id));
        self.by_secret.add(spread(&hash), opened, |opened| spread(&opened.0));
    }

    /// Has none of its secrets open the key with this id any more.
    pub fn remove(&mut self, id: &[u8]) {
        while let Some(opened) = self.by_id.take(spread_id(id), |opened| *opened.1.id == *id) {
            self.by_secret.take(spread(&opened.0), |other| Arc::ptr_eq(other, &opened));
        }
    }

    pub fn get(&self, hash: &KeyHash) -> Option<&Key> {
        self.by_secret.find(spread(hash), |opened| opened.0 == *hash).map(|opened| &opened.1)
    }

    /// A key by its id, as its present secret opens it.
    pub fn get_by_id(&self, id: &str) -> Option<&Key> {
        let is_it = |opened: &Arc<Opened>| *opened.1.id == *id.as_bytes() && opened.1.valid_until.is_none();
        self.by_id.find(spread_id(id.as_bytes()), is_it).map(|opened| &opened.1)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Opened> {
        self.by_secret.iter().map(Arc::as_ref)
    }
}

/// A part of a SHA-256 is as good as any hash of it.
fn spread(hash: &KeyHash) -> u64 {
    hash.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn spread_id(id: &[u8]) -> u64 {
    FxBuildHasher.hash_one(id)
}

#[cfg(test)]
impl Keys {
    /// How many parts of the tables by secret and by id two do not share.
    pub fn unlike(&self, other: &Self) -> (usize, usize) {
        (self.by_secret.unlike(&other.by_secret), self.by_id.unlike(&other.by_id))
    }
}
