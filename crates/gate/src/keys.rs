//! Keys by the SHA-256 of their secrets, close together: there may be a million of them.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use mete_core::secret::KeyHash;

use crate::directory::Key;

/// The keys as all their secrets open them.
#[derive(Debug, Default)]
pub struct Keys {
    entries: Vec<(KeyHash, Key)>,
    /// Positions in `entries`. A table of the entries themselves would have up to half of its room empty.
    places: HashTable<u32>,
}

impl Keys {
    /// With room for so many secrets.
    pub fn with_capacity(secrets: usize) -> Self {
        Self { entries: Vec::with_capacity(secrets), places: HashTable::with_capacity(secrets) }
    }

    /// Has a secret open a key, in place of what it opened before. There are fewer than four billion.
    pub fn insert(&mut self, hash: KeyHash, key: Key) {
        let Ok(next) = u32::try_from(self.entries.len()) else { return };
        let is_it = |place: &u32| self.entries[*place as usize].0 == hash;
        match self.places.entry(spread(&hash), is_it, |place| spread(&self.entries[*place as usize].0)) {
            Entry::Occupied(known) => self.entries[*known.get() as usize].1 = key,
            Entry::Vacant(vacant) => {
                vacant.insert(next);
                self.entries.push((hash, key));
            }
        }
    }

    pub fn get(&self, hash: &KeyHash) -> Option<&Key> {
        let place = self.places.find(spread(hash), |place| self.entries[*place as usize].0 == *hash)?;
        Some(&self.entries[*place as usize].1)
    }

    pub fn iter(&self) -> impl Iterator<Item = &(KeyHash, Key)> {
        self.entries.iter()
    }
}

/// A part of a SHA-256 is as good as any hash of it.
fn spread(hash: &KeyHash) -> u64 {
    hash.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
