//! What is set aside of one scope's budgets, read without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mete_core::Nanos;
use smallvec::SmallVec;

/// The sums that a hold is part of: those of its project and its organization, and seldom more.
pub type Sums = SmallVec<[Arc<Held>; 3]>;

/// The sum of all holds on a project or an organization (R40): any number of readers, one writer at a time (the lock of
/// the holds sees to that).
///
/// It is no month's: a hold counts in whichever month is asked about for as long as it lives, since its event may still
/// fall into either when a month ends.
#[derive(Debug, Default)]
pub struct Held(AtomicI64);

impl Held {
    pub fn get(&self) -> Nanos {
        Nanos(self.0.load(Ordering::Acquire))
    }

    pub fn set(&self, sum: Nanos) {
        self.0.store(sum.0, Ordering::Release);
    }
}
