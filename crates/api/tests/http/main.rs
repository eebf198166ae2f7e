//! The HTTP interface through real sockets, TCP and Unix.

mod authorize;
mod client;
mod connections;
mod server;
mod stop;
