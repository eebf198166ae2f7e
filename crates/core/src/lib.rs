//! The rules of Mete: money, time, ids, usage events, limits and decisions.
//!
//! Architecture invariant: this crate does no I/O, reads no clock and draws no randomness of its own; all three are
//! parameters. Rules are named as in the domain rules (`R1` to `R45`) where they are implemented.

pub mod actor;
pub mod audit;
pub mod clock;
pub mod decision;
pub mod directory;
pub mod endpoint;
pub mod event;
pub mod forecast;
pub mod ids;
pub mod limits;
pub mod manual_block;
pub mod money;
pub mod parts;
pub mod people;
pub mod permissions;
pub mod rates;
pub mod rights;
pub mod secret;
pub mod shards;
pub mod time;
pub mod when;

pub use clock::{Clock, ManualClock};
pub use endpoint::EndpointGroup;
pub use event::{EventId, IdHasher, LedgerEvent, Rating, Series, Usage};
pub use money::Nanos;
pub use time::{Month, Timestamp};
