//! Keys by the SHA-256 of their secrets, close together: there may be a million of them.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use mete_core::secret::KeyHash;
use rustc_hash::FxBuildHasher;

use crate::directory::Key;

/// The keys as all their secrets open them.
#[derive(Debug, Default)]
pub struct Keys {
    entries: Vec<(KeyHash, Key)>,
    /// Positions in `entries`. A table of the entries themselves would have up to half of its room empty.
    places: HashTable<u32>,
    /// The same by the ids of the keys, but for secrets that were replaced: 9 to 11 bytes for each key.
    by_id: HashTable<u32>,
}

impl Keys {
    /// With room for so many secrets of so many keys.
    pub fn with_capacity(secrets: usize, keys: usize) -> Self {
        Self {
            entries: Vec::with_capacity(secrets),
            places: HashTable::with_capacity(secrets),
            by_id: HashTable::with_capacity(keys),
        }
    }

    /// Has a secret open a key, in place of what it opened before. There are fewer than four billion.
    pub fn insert(&mut self, hash: KeyHash, key: Key) {
        let Ok(next) = u32::try_from(self.entries.len()) else { return };
        let is_it = |place: &u32| self.entries[*place as usize].0 == hash;
        let place = match self.places.entry(spread(&hash), is_it, |place| spread(&self.entries[*place as usize].0)) {
            Entry::Occupied(known) => {
                let place = *known.get();
                self.entries[place as usize].1 = key;
                place
            }
            Entry::Vacant(vacant) => {
                vacant.insert(next);
                self.entries.push((hash, key));
                next
            }
        };
        self.note_id(place);
    }

    /// Has the id of the key at `place` lead there, unless its secret was replaced by another.
    fn note_id(&mut self, place: u32) {
        let entries = &self.entries;
        let id = |place: u32| &entries[place as usize].1.id[..];
        if entries[place as usize].1.valid_until.is_some() {
            return;
        }
        let is_it = |known: &u32| id(*known) == id(place);
        match self.by_id.entry(spread_id(id(place)), is_it, |known| spread_id(id(*known))) {
            Entry::Occupied(mut known) => *known.get_mut() = place,
            Entry::Vacant(vacant) => drop(vacant.insert(place)),
        }
    }

    pub fn get(&self, hash: &KeyHash) -> Option<&Key> {
        let place = self.places.find(spread(hash), |place| self.entries[*place as usize].0 == *hash)?;
        Some(&self.entries[*place as usize].1)
    }

    /// A key by its id, as its present secret opens it.
    pub fn get_by_id(&self, id: &str) -> Option<&Key> {
        let key_at = |place: &u32| &self.entries[*place as usize].1;
        self.by_id.find(spread_id(id.as_bytes()), |place| key_at(place).id == id).map(key_at)
    }

    pub fn iter(&self) -> impl Iterator<Item = &(KeyHash, Key)> {
        self.entries.iter()
    }
}

/// A part of a SHA-256 is as good as any hash of it.
fn spread(hash: &KeyHash) -> u64 {
    hash.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn spread_id(id: &[u8]) -> u64 {
    FxBuildHasher.hash_one(id)
}
