//! From bytes to the ledger: source → frame → format → attribution → price → parcel → commit.
//!
//! Each step is a module; a line walks through them in that order.

pub mod attribution;
pub mod committer;
pub mod formats;
pub mod framing;
pub mod reader;
pub mod record;
pub mod retry;
pub mod sources;
