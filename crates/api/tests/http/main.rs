//! The HTTP interface through real sockets, TCP and Unix.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is to fail its test")]

mod authorize;
mod checks;
mod client;
mod connections;
mod degraded;
mod grpc;
mod holds;
mod rates;
mod refused;
mod requests;
mod server;
mod stop;
mod usage;
