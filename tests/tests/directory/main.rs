//! Several operators at once on one store, each a process of the real `mete`, on both engines: no lost update, no
//! half-done change, and whoever comes second is told what is the matter or changes what the first one left.
//!
//! `METE_TEST_ROUNDS=100 cargo test -p mete-tests --test directory` runs each race more often.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

mod crowd;
mod desk;
mod races;
mod replay;
