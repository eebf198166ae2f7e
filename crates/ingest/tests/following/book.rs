//! A ledger in memory: what was committed of a source.

use std::collections::HashSet;

use mete_core::EventId;
use mete_store::{Parcel, Position};

/// What is kept, as the ledger would.
#[derive(Default)]
pub struct Book {
    pub events: HashSet<EventId>,
    /// Events that were there already.
    pub copies: Vec<EventId>,
    /// Reason and text of what could not be counted.
    pub quarantine: Vec<(&'static str, Vec<u8>)>,
    /// The one written last at the end.
    pub positions: Vec<Position>,
}

impl Book {
    pub fn commit(&mut self, parcel: Parcel) {
        for arrival in parcel.events {
            if !self.events.insert(arrival.event.id) {
                self.copies.push(arrival.event.id);
            }
        }
        self.quarantine.extend(parcel.quarantine.into_iter().map(|entry| (entry.reason, entry.raw.to_vec())));
        if let Some(position) = parcel.position {
            self.positions.retain(|known| known.identity != position.identity);
            self.positions.push(position);
        }
    }

    /// How far the file of this inode was read, as far as is known.
    pub fn offset_of(&self, (device, inode): (u64, u64)) -> Option<u64> {
        let prefix = format!("{device:x}:{inode:x}:");
        let position = self.positions.iter().rev().find(|position| position.identity.starts_with(&prefix));
        position.map(|position| position.offset)
    }
}
