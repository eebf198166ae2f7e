//! A hash table whose copies share what is the same in both, for tables of millions of which one entry changes.

use std::sync::Arc;

use hashbrown::HashTable;

/// In so many shards a table is cut. To change one entry among a million, a thousand are copied; the shards themselves are
/// a list of 8 KiB, which is copied along, and which processors keep close by.
const SHARDS: usize = 1024;

/// Entries by hashes that the caller takes, in shards. A clone costs nothing and shares all of them; where one of the two is
/// changed, it gets a copy of the shard that the change falls into.
///
/// Several entries may have one hash, and be equal: what is meant is for the caller to tell.
#[derive(Debug)]
pub struct Shards<T>(Arc<[Arc<HashTable<T>>]>);

impl<T> Default for Shards<T> {
    fn default() -> Self {
        let empty = Arc::new(HashTable::new());
        Self(std::iter::repeat_n(empty, SHARDS).collect())
    }
}

impl<T> Clone for Shards<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shards<T> {
    /// The first entry with this hash that is it.
    pub fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        self.0[shard_of(hash)].find(hash, is_it)
    }

    /// The entries that may have this hash, others among them.
    pub fn alike(&self, hash: u64) -> impl Iterator<Item = &T> {
        self.0[shard_of(hash)].iter_hash(hash)
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|shard| shard.iter())
    }

    /// How many shards `other` does not share with this table: how much of it was copied, if it was cloned from this one.
    #[must_use]
    pub fn unlike(&self, other: &Self) -> usize {
        self.0.iter().zip(other.0.iter()).filter(|(one, other)| !Arc::ptr_eq(one, other)).count()
    }
}

impl<T: Clone> Shards<T> {
    /// Adds an entry beside those that are there. `hash_of` must give each entry the hash that it was added with.
    pub fn add(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        self.own(hash).insert_unique(hash, entry, hash_of);
    }

    /// Takes the first entry with this hash that is it. Where there is none, nothing is copied.
    pub fn take(&mut self, hash: u64, mut is_it: impl FnMut(&T) -> bool) -> Option<T> {
        self.find(hash, &mut is_it)?;
        let found = self.own(hash).find_entry(hash, is_it).ok()?;
        Some(found.remove().0)
    }

    /// The shard of a hash, which nobody else has.
    fn own(&mut self, hash: u64) -> &mut HashTable<T> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.0)[shard_of(hash)])
    }
}

/// By bits from the middle of the hash: within a shard, the lowest and the highest tell entries apart.
const fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads numbers over all bits.
    const fn hash(number: &u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn of(numbers: impl IntoIterator<Item = u64>) -> Shards<u64> {
        let mut shards = Shards::default();
        numbers.into_iter().for_each(|number| shards.add(hash(&number), number, hash));
        shards
    }

    #[test]
    fn a_change_of_one_entry_copies_one_shard() {
        let many = of(0..100_000);
        let mut changed = many.clone();
        assert_eq!(many.unlike(&changed), 0);
        changed.add(hash(&100_000), 100_000, hash);
        assert_eq!(many.unlike(&changed), 1);
        assert_eq!((many.find(hash(&100_000), |n| *n == 100_000), many.iter().count()), (None, 100_000));
        assert_eq!(changed.take(hash(&100_000), |n| *n == 100_000), Some(100_000));
        assert_eq!(many.unlike(&changed), 1, "the copy was its own already");
        let mut looked_at = many.clone();
        assert_eq!(looked_at.take(hash(&100_000), |n| *n == 100_000), None);
        assert_eq!(many.unlike(&looked_at), 0, "what takes nothing copies nothing");
        for number in 0..100_000 {
            assert_eq!(changed.find(hash(&number), |n| *n == number), Some(&number));
        }
        // All shards are used alike: none has more than twice its part.
        let most = many.0.iter().map(|shard| shard.len()).max().unwrap();
        assert!(most < 2 * 100_000 / SHARDS, "{most}");
    }

    #[test]
    fn entries_may_be_equal() {
        let mut twice = of([7, 7, 8]);
        assert_eq!(twice.alike(hash(&7)).filter(|n| **n == 7).count(), 2);
        assert_eq!(twice.take(hash(&7), |n| *n == 7), Some(7));
        assert_eq!(twice.alike(hash(&7)).filter(|n| **n == 7).count(), 1);
        assert_eq!(twice.iter().count(), 2);
    }
}
