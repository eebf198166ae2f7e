//! Mete's shared store: the ledger, the directory, spend, alerts, quarantine and the change feed, on SQLite or Postgres.
//!
//! Architecture invariant: the only crate that knows SQL. One SQL text serves both engines; what differs (opening,
//! bulk inserts) lives in the modules `sqlite`, `postgres` and `bulk`.

mod admin_keys;
mod alerts;
mod as_of;
mod audit;
mod bulk;
mod change;
mod conditions;
mod course;
mod daemons;
mod db;
mod deliveries;
mod directory;
mod error;
mod gate;
mod hold_leases;
mod hour_usage;
mod invites;
mod key_pages;
mod key_set;
mod keys;
mod ledger;
mod limits;
mod lines;
mod manual_blocks;
mod migrations;
mod pages;
mod part_budgets;
mod people;
mod postgres;
mod projects;
mod quarantine;
mod rates;
mod receipts;
mod refusals;
mod rerates;
mod resources;
mod retention;
mod rows;
mod service_accounts;
mod settings;
mod shares;
mod sources;
mod spend;
mod sqlite;
mod url;
mod usage_rows;
mod verify;

/// Put on what others await: its future is behind a pointer, and so compiled here, once, with all that it awaits, in place
/// of in each crate and each test program that awaits it. It costs an allocation a call, and saves most of the compiling.
pub(crate) use async_recursion::async_recursion as boxed;

pub use alerts::{Alert, AlertFilter, AlertKind, AlertPart, Block};
pub use as_of::SpentBefore;
pub use audit::{AuditFilter, ChainBreak, ChainFault, ChainReport};
pub use change::{Change, Extent, Versions};
pub use course::{Span, SpendOf, SpendPoint, Spender, SpenderKind};
pub use daemons::DaemonSeen;
pub use db::{Store, Tx};
pub use deliveries::{
    Delivery, DeliveryCounts, DeliveryFilter, DeliveryState, ListedDelivery, NewDelivery, Owner, PlannedState,
};
pub use directory::{ProjectFilter, only, only_project};
pub use error::StoreError;
pub use gate::{GateKey, GateOldSecret, GateOrganization, GateOverride, GateProject, GateSnapshot, ProjectSpend};
pub use hold_leases::HoldLease;
pub use hour_usage::HourUsage;
pub use invites::InviteFilter;
pub use key_pages::{KeyLine, KeyOrder, KeyQuery, KeyReach};
pub use key_set::KeySet;
pub use keys::{KeyFilter, KeyRecord, StoredSecret};
pub use ledger::{
    Arrival, Committed, Conflict, EventFilter, EventLine, EventPage, EventPlace, EventTail, KeptEvent, KeptPage,
    Ledger, NamedHold, NewCost, Outcome, Parcel, Place, Position, ReadCounts, Receipt, Rerated, RunEvent, Tally,
};
pub use limits::{OfProject, Scope, ScopeKind};
pub use manual_blocks::{ManualBlockFilter, SeenBlocks};
pub use pages::{Cursor, CursorKey, Page, Paging, Seek};
pub use part_budgets::{GatePart, PartBudget, PartSpend};
pub use people::{MemberLine, MemberOrder, Memberships};
pub use quarantine::{
    FailedRetry, QUARANTINE_ENTRIES, QuarantineCount, QuarantineEntry, QuarantineFilter, QuarantineRow, RAW_LIMIT,
    Trimmed,
};
pub use receipts::{Account, MOST_PROBLEMS, Problem, StoredReceipt};
pub use refusals::{Refusal, RefusalCause};
pub use rerates::{Rerate, RerateSum};
pub use resources::{ProjectBytes, ResourceFilter, ResourceKind, ResourceRow};
pub use retention::Retention;
pub use settings::{Setting, SettingProblem};
pub use shares::ShareKind;
pub use sources::{SourceDay, SourceFile, SourceFilter};
pub use spend::{SpendBy, SpendQuery, SpendRow};
pub use url::StoreUrl;
pub use usage_rows::{Grain, UsageOf, UsageRow};
pub use verify::{ByteDifference, Difference, Verification};
