//! How long to wait between two tries.

use mete_core::time::{HOUR, MINUTE, SECOND};
use rand::{Rng, RngExt};

/// Pauses that double up to the longest, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pauses {
    first: i64,
    longest: i64,
}

/// Between tries of a message that was not taken.
pub(crate) const LATER: Pauses = Pauses { first: 15 * SECOND, longest: HOUR };

/// Between tries of a message that was refused for good: whoever mends the mailbox finds it within hours.
pub(crate) const REFUSED: Pauses = Pauses { first: 15 * MINUTE, longest: 12 * HOUR };

/// For which nothing is sent on a channel that is broken: one that is mended is noticed within minutes.
pub(crate) const CHANNEL: Pauses = Pauses { first: 5 * SECOND, longest: 5 * MINUTE };

impl Pauses {
    /// After so many tries: somewhere between half of the pause and all of it, so that what failed together is not tried
    /// together.
    pub(crate) fn after(self, tries: u32, random: &mut dyn Rng) -> i64 {
        let doubled = self.first.saturating_mul(1_i64 << tries.saturating_sub(1).min(40));
        let whole = doubled.min(self.longest);
        random.random_range(whole / 2..=whole)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_agree() {
        let mut random = StdRng::seed_from_u64(1);
        for tries in 0..100 {
            let whole = (15 * SECOND).saturating_mul(1 << (tries.clamp(1_u32, 30) - 1)).min(HOUR);
            let drawn: Vec<i64> = (0..50).map(|_| LATER.after(tries, &mut random)).collect();
            assert!(drawn.iter().all(|pause| (whole / 2..=whole).contains(pause)), "{tries}: {drawn:?}");
            assert!(drawn.iter().any(|pause| pause != &drawn[0]), "{tries}: {drawn:?}");
        }
        assert!(REFUSED.after(1, &mut random) > LATER.after(1, &mut random));
    }
}
