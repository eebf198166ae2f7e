//! What the tests of the ledger share.

pub mod client;
pub mod disk;
pub mod figures;
pub mod load;
pub mod world;

use std::time::Duration;

pub use client::Client;
pub use figures::Figures;
pub use load::Load;
pub use world::World;

/// A number that the environment may set.
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// How many events the log of a test has.
pub fn events() -> u64 {
    number("METE_TEST_EVENTS", 20_000)
}

/// How often a fault happens.
pub fn rounds() -> u64 {
    number("METE_TEST_ROUNDS", 5)
}

/// Another one in every run; failures name it.
pub fn seed() -> u64 {
    number("METE_TEST_SEED", std::process::id().into())
}

/// How long it may take until a log of this many events is in the ledger, on a machine that has other things to do.
pub fn patience(events: u64) -> Duration {
    Duration::from_secs(120 + events / 500)
}
