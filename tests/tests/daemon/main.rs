//! The real `meted` on both engines, with real files, pipes, signals and faults.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

mod admission;
mod bad_input;
mod explain;
mod follow;
mod gate;
mod holds;
mod kill;
mod life;
mod months;
mod parts;
mod pipes;
mod rates;
mod refused;
mod rotation;
mod sockets;
mod support;
mod tables;
mod usage;
