//! Mete's shared store: the ledger, the directory, spend, alerts, quarantine and the change feed, on SQLite or Postgres.
//!
//! Architecture invariant: the only crate that knows SQL. One SQL text serves both engines; what differs (opening,
//! bulk inserts) lives in the modules `sqlite`, `postgres` and `bulk`.

mod alerts;
mod bulk;
mod change;
mod db;
mod directory;
mod error;
mod gate;
mod ledger;
mod limits;
mod migrations;
mod postgres;
mod quarantine;
mod rows;
mod spend;
mod sqlite;
mod url;
mod verify;

pub use alerts::{Alert, AlertFilter, AlertKind, Block};
pub use change::{Change, NewKey, NewOrganization, NewProject, Versions};
pub use db::{Store, Tx};
pub use directory::{KeyFilter, KeyRecord};
pub use error::StoreError;
pub use gate::{GateKey, GateOrganization, GateProject, GateSnapshot, ProjectSpend};
pub use ledger::{Arrival, Ledger, Outcome, Parcel, Position, Tally};
pub use limits::{Scope, ScopeKind};
pub use quarantine::{QuarantineEntry, QuarantineRow, RAW_LIMIT};
pub use spend::{SpendBy, SpendQuery, SpendRow};
pub use url::StoreUrl;
pub use verify::{Difference, Verification};
