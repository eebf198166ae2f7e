//! Decisions in memory: which key may go on, and why not (R26, R37, R38).
//!
//! A [`Gate`] holds the directory, each project's spend per month, and the bytes that it stores. Deciding takes no lock,
//! reads no clock and asks no store: a key is looked up by its SHA-256, and what it may be used for, by whom it is
//! blocked and its budgets are compared with the [`Request`] and with totals that are one atomic each. The first
//! question of R37's table that is answered with a refusal decides (`case`).
//!
//! Totals are kept by month, and a decision looks at the month of its own instant, so that nothing has to run when a
//! month begins. Nor has anything when a key expires, or when a manual block or the grace of a rotated secret ends:
//! their ends are compared with the same instant.
//!
//! A request may have money set aside for it ([`Gate::authorize`], R40): then what all requests under way can cost at
//! most is part of every decision. Only this goes under a lock, which nothing else waits for.
//!
//! ```
//! use mete_core::decision::Decision;
//! use mete_core::directory::KeyStatus;
//! use mete_core::limits::Limits;
//! use mete_core::permissions::Permissions;
//! use mete_core::secret::KeyHash;
//! use mete_core::{Month, Nanos};
//! use mete_gate::{Gate, Request};
//! use mete_store::{GateKey, GateOrganization, GateProject, GateSnapshot, ProjectSpend};
//!
//! let limits = Limits { budget: Some(Nanos::from_dollars(100)), threshold: None };
//! let gate = Gate::new(GateSnapshot {
//!     organizations: vec![GateOrganization {
//!         id: "org-1".into(),
//!         name: "Acme".into(),
//!         parent_id: None,
//!         limits,
//!         models: None,
//!     }],
//!     projects: vec![GateProject {
//!         id: "proj_1".into(),
//!         organization_id: "org-1".into(),
//!         name: "Bot".into(),
//!         archived: false,
//!         limits: Limits::default(),
//!         models: Some(vec!["gpt-4o".into()]),
//!     }],
//!     keys: vec![GateKey {
//!         id: "key_1".into(),
//!         project_id: "proj_1".into(),
//!         hash: KeyHash::of("sk-proj-secret"),
//!         status: KeyStatus::Active,
//!         expires_at: None,
//!         permissions: Permissions::ALL,
//!     }],
//!     old_secrets: vec![],
//!     overrides: vec![],
//!     rate_limits: vec![],
//!     parts: vec![],
//!     file_quota: 100_000_000_000,
//!     change_seq: 1,
//! });
//! let month: Month = "2026-11".parse()?;
//! let decide = |now, model| {
//!     let request = Request { method: Some("POST"), path: Some("/v1/responses"), model: Some(model), bytes: None };
//!     gate.decide(now, Some("sk-proj-secret"), &request)
//! };
//! assert_eq!(decide(month.start(), "gpt-4o"), Decision::Allow);
//! assert!(matches!(decide(month.start(), "o3"), Decision::Refuse(_)));
//!
//! gate.set_spend(&[ProjectSpend { project_id: "proj_1".into(), month, spend: Nanos::from_dollars(100) }]);
//! assert!(matches!(decide(month.start(), "gpt-4o"), Decision::Refuse(_)));
//! assert_eq!(decide(month.end(), "gpt-4o"), Decision::Allow);
//! # Ok::<(), mete_core::time::ParseMonthError>(())
//! ```

mod account;
mod admission;
mod book;
mod case;
mod directory;
mod explain;
mod explaining;
mod exposure;
mod gate;
mod held;
mod holds;
mod keys;
mod leases;
mod leasing;
mod metering;
mod overrides;
mod part;
mod past;
mod rates;
mod recent;
mod refused;
mod report;
mod request;
mod rule;
mod terms;
mod totals;
mod under_way;

pub use admission::{Admission, Booked, Denied, Hold, Remaining, Settled, Wanted};
pub use directory::KeyId;
pub use explain::{Explanation, RuleReport, Verdict};
pub use explaining::KeyNamed;
pub use exposure::Exposure;
pub use gate::{Caller, Credential, Gate};
pub use leases::Lease;
pub use past::Past;
pub use rates::{Amounts, Used};
pub use refused::{RefusedKey, RefusedKeys};
pub use report::{Ages, BudgetReport, Report, Spender, Spenders, SpentBy, ToldBy};
pub use request::Request;
pub use rule::{BudgetFigures, ByHand, RateFigures, Rule};
pub use terms::{Basis, Terms};
