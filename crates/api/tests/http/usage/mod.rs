//! Usage through real sockets into a real ledger, on both engines.

mod access;
mod bodies;
mod cloudevents;
mod desk;
mod explain;
mod idempotency;
mod otlp;
mod outcome;
mod overload;
