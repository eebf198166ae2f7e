//! What requests cost lately, for holds of requests whose price cannot be told beforehand.

use std::sync::Arc;

use mete_core::Nanos;
use rustc_hash::FxHashMap;

/// So many costs of each key and project are remembered.
const REMEMBERED: usize = 8;

/// So many keys and projects are remembered; then all are forgotten, and learnt again with the next events.
const MAX_SCOPES: usize = 200_000;

/// The last costs of each key and project, by id.
#[derive(Debug, Default)]
pub struct Recent(FxHashMap<Arc<str>, Ring>);

/// The last costs, the oldest of which is overwritten next.
#[derive(Debug, Default)]
struct Ring {
    costs: [Nanos; REMEMBERED],
    next: u8,
}

impl Recent {
    pub fn note(&mut self, scope_id: &str, cost: Nanos) {
        let ring = match self.0.get_mut(scope_id) {
            Some(ring) => ring,
            None => {
                if self.0.len() >= MAX_SCOPES {
                    self.0.clear();
                }
                self.0.entry(scope_id.into()).or_default()
            }
        };
        ring.costs[usize::from(ring.next)] = cost;
        ring.next = (ring.next + 1) % REMEMBERED as u8;
    }

    /// The highest of the last costs that were more than nothing.
    pub fn highest(&self, scope_id: &str) -> Option<Nanos> {
        self.0.get(scope_id)?.costs.into_iter().max().filter(|cost| *cost > Nanos::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_the_last_costs_is_told_until_it_is_long_ago() {
        let mut recent = Recent::default();
        assert_eq!(recent.highest("key_1"), None);
        recent.note("key_1", Nanos(9));
        recent.note("key_2", Nanos(50));
        for _ in 1..REMEMBERED {
            recent.note("key_1", Nanos(3));
            assert_eq!(recent.highest("key_1"), Some(Nanos(9)));
        }
        recent.note("key_1", Nanos(3));
        assert_eq!(recent.highest("key_1"), Some(Nanos(3)));
    }
}
