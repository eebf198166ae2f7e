//! What a run has booked so far: the committer's observer.

use std::sync::{Arc, Mutex, PoisonError};

use mete_ingest::committer::{Commit, Observer};
use mete_store::{PartSpend, ProjectBytes, ProjectSpend, StoreError, Tally};

/// The sum of all commits; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Booked(Arc<Mutex<Tally>>);

impl Booked {
    /// All that is on disk.
    pub fn tally(&self) -> Tally {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Booked {
    fn committed(&mut self, commit: &Commit<'_>) {
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for tally in &commit.outcome.tallies {
            *sum += *tally;
        }
    }

    fn totals(&mut self, _: &[ProjectSpend], _: &[PartSpend], _: &[ProjectBytes]) {}

    /// The committer logs failures itself, and tries again.
    fn health(&mut self, _: Option<&StoreError>) {}
}
