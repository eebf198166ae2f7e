//! The machine's own clock and randomness: the one place that reads them for the programs.

use std::time::{SystemTime, UNIX_EPOCH};

use mete_core::{Clock, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The system's clock, UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the system's clock comes in")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()),
            Err(before) => i64::try_from(before.duration().as_micros()).map(|micros| -micros),
        };
        Timestamp(micros.unwrap_or(i64::MAX))
    }
}

/// The randomness of ids and secrets: a cryptographic generator (ChaCha) that the operating system seeds with 256 bits.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the system's randomness comes in")]
pub fn system_random() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}
