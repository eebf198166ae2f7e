//! The ledger end to end: the same usage comes to the same sums, to the nano-dollar, whatever way it takes and whatever
//! happens meanwhile; and what is acknowledged is kept (R31).
//!
//! Each test feeds real daemons the [log](log::Log) that it has made up, and compares what `mete spend`, `mete verify` and
//! `mete quarantine` tell with the sums that it knows itself. Two ways that pass thus come to the same.
//!
//! `METE_TEST_EVENTS=1000000` makes the log as long, `METE_TEST_ROUNDS=20` lets a fault happen as often, `METE_TEST_SEED`
//! repeats a run.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

mod degraded;
mod disk_full;
mod kills;
mod log;
mod restarts;
mod same_totals;
mod support;
mod two_daemons;
