//! Usage through real sockets into a real ledger, on both engines.

mod access;
mod bodies;
mod desk;
mod idempotency;

mod overload;
mod outcome;
