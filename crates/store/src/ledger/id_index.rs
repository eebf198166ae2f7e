//! Event ids with where each is kept, in about eight bytes an id: a hash table of 48-bit entries.
//!
//! Ids are keyed hashes already. Twelve of their bits choose a shard, 28 more are kept in the entry, beside 20 bits that
//! name a place. Another id is taken for one that is here once in many millions of look-ups; whoever asks looks into the
//! place to be sure. Shards grow one by one, so that growing never doubles the memory.

use std::hint::black_box;

/// Where an id is kept, as a number that its owner gives out.
pub(super) type Place = u32;

/// The most places there can be at once.
pub(super) const MOST_PLACES: usize = (1 << PLACE_BITS) - 1;

const SHARD_BITS: u32 = 12;
const REST_BITS: u32 = 28;
const PLACE_BITS: u32 = 20;
const ENTRY: usize = 6;

/// A shard is enlarged when more of it would be taken: 13 in 16.
const FULL: (usize, usize) = (13, 16);

/// No id has this place.
const EMPTY: u64 = (1 << (REST_BITS + PLACE_BITS)) - 1;

/// The table.
pub(super) struct IdIndex {
    shards: Vec<Shard>,
}

#[derive(Clone, Default)]
struct Shard {
    slots: Vec<[u8; ENTRY]>,
    taken: usize,
}

impl Default for IdIndex {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); 1 << SHARD_BITS] }
    }
}

/// How many ids are worth getting ready together: what they touch stays in the nearest cache.
pub(super) const TOGETHER: usize = 64;

impl IdIndex {
    /// Gets ids ready to be looked up or added, up to [`TOGETHER`] of them: their slots come from memory all at the same
    /// time, where a search would wait for one before it knows the next. Halves the cost of an id in a full table.
    pub(super) fn warm(&self, ids: &[i64]) {
        let touch = |id: &i64| {
            let (shard, rest) = split(*id);
            let shard = &self.shards[shard];
            shard.slots.get(shard.home(rest)).map_or(0, |slot| slot[0])
        };
        black_box(ids.iter().map(touch).fold(0, u8::wrapping_add));
    }

    /// Calls `each` with every place where `id` may be.
    pub(super) fn find(&self, id: i64, mut each: impl FnMut(Place)) {
        let (shard, rest) = split(id);
        let shard = &self.shards[shard];
        let mut at = shard.home(rest);
        while let Some(entry) = shard.get(at) {
            if entry >> PLACE_BITS == rest {
                each((entry & ((1 << PLACE_BITS) - 1)) as Place);
            }
            at = shard.next(at);
        }
    }

    /// Adds an id; false where it is there with the same place already.
    pub(super) fn insert(&mut self, id: i64, place: Place) -> bool {
        let (shard, rest) = split(id);
        self.shards[shard].insert((rest << PLACE_BITS) | u64::from(place))
    }

    /// Takes out all whose place is not to stay.
    pub(super) fn retain(&mut self, stays: impl Fn(Place) -> bool) {
        let mut kept = Vec::new();
        for shard in &mut self.shards {
            let place = |entry: u64| (entry & ((1 << PLACE_BITS) - 1)) as Place;
            kept.clear();
            kept.extend(shard.slots.iter().map(number).filter(|entry| *entry != EMPTY && stays(place(*entry))));
            if kept.len() < shard.taken {
                shard.refill(shard.slots.len(), &kept);
            }
        }
    }

    /// Bytes of all slots.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.slots.capacity() * ENTRY).sum()
    }
}

/// The shard of an id, and what an entry keeps of it.
const fn split(id: i64) -> (usize, u64) {
    let id = id.cast_unsigned();
    let rest = (id >> (64 - SHARD_BITS - REST_BITS)) & ((1 << REST_BITS) - 1);
    // The last value of all would look like an empty slot, were its place the last as well; places end before.
    ((id >> (64 - SHARD_BITS)) as usize, rest)
}

fn number(slot: &[u8; ENTRY]) -> u64 {
    let [a, b, c, d, e, f] = *slot;
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

fn slot(entry: u64) -> [u8; ENTRY] {
    let [a, b, c, d, e, f, ..] = entry.to_le_bytes();
    [a, b, c, d, e, f]
}

impl Shard {
    /// Where the search for an entry begins.
    fn home(&self, rest: u64) -> usize {
        ((rest * self.slots.len() as u64) >> REST_BITS) as usize
    }

    const fn next(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }

    /// The entry at a slot; none where it is free.
    fn get(&self, at: usize) -> Option<u64> {
        self.slots.get(at).map(number).filter(|entry| *entry != EMPTY)
    }

    fn insert(&mut self, entry: u64) -> bool {
        if (self.taken + 1) * FULL.1 > self.slots.len() * FULL.0 {
            let entries: Vec<u64> = self.slots.iter().map(number).filter(|entry| *entry != EMPTY).collect();
            self.refill(self.slots.len() + self.slots.len() / 8 + 16, &entries);
        }
        let mut at = self.home(entry >> PLACE_BITS);
        while let Some(there) = self.get(at) {
            if there == entry {
                return false;
            }
            at = self.next(at);
        }
        self.slots[at] = slot(entry);
        self.taken += 1;
        true
    }

    /// Makes it hold `entries` in so many slots.
    fn refill(&mut self, slots: usize, entries: &[u64]) {
        self.slots.clear();
        self.slots.reserve_exact(slots);
        self.slots.resize(slots, slot(EMPTY));
        self.taken = entries.len();
        for entry in entries {
            let mut at = self.home(entry >> PLACE_BITS);
            while self.get(at).is_some() {
                at = self.next(at);
            }
            self.slots[at] = slot(*entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::*;

    fn found(index: &IdIndex, id: i64) -> BTreeSet<Place> {
        let mut places = BTreeSet::new();
        index.find(id, |place| {
            places.insert(place);
        });
        places
    }

    proptest! {
        #[test]
        fn every_id_is_found_where_it_was_put(ids in prop::collection::vec((any::<i64>(), 0..9_u32), 0..400), gone in 0..9_u32) {
            // Ids that share their beginnings meet in one shard and in one slot.
            let ids: Vec<_> = ids.iter().flat_map(|(id, place)| [(*id, *place), (*id & 0x00ff_ffff, *place), (-1, *place)]).collect();
            let mut index = IdIndex::default();
            let mut known: HashMap<i64, BTreeSet<Place>> = HashMap::new();
            for (id, place) in &ids {
                index.insert(*id, *place);
                known.entry(*id).or_default().insert(*place);
            }
            for (id, places) in &known {
                prop_assert!(found(&index, *id).is_superset(places));
            }
            index.retain(|place| place != gone);
            for (id, places) in &mut known {
                places.remove(&gone);
                let found = found(&index, *id);
                prop_assert!(found.is_superset(places) && !found.contains(&gone));
            }
        }
    }

    #[test]
    fn an_id_takes_about_eight_bytes_and_strangers_are_not_taken_for_it() {
        let mut index = IdIndex::default();
        let hash = |number: i64| {
            number
                .wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())
                .rotate_left(31)
                .wrapping_mul(0x2545_F491_4F6C_DD1D)
        };
        let many = 1_000_000;
        for number in 0..many {
            index.insert(hash(number), (number % 1000) as Place);
        }
        assert!(index.bytes() as i64 <= 9 * many, "{} bytes", index.bytes());
        let strangers = (many..3 * many).filter(|number| !found(&index, hash(*number)).is_empty()).count();
        assert!(strangers <= 20, "{strangers} of {}", 2 * many);
    }
}
