//! Mete's daemon: puts sources, ledger, gate and HTTP together, and brings them up and down.

pub mod access;
mod backlog;
pub mod config;
mod daemon;
mod gatekeeper;
mod heartbeat;
mod leases;
mod listen;
mod lookout;
mod notices;
mod prices;
mod quarantine;
mod refused;
mod retention;

mod settlement;
mod signals;
mod sources;

pub use daemon::{Daemon, StartError};
pub use prices::{PriceError, PriceList};
pub use signals::{Signals, run_until_signalled};
