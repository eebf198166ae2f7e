//! Decisions in memory: which key may go on, and why not (R26, R37, R38).
//!
//! A [`Gate`] holds the directory and each project's spend per month. Deciding takes no lock, reads no clock and asks
//! no store: a key is looked up by its SHA-256, and its budgets are compared with totals that are one atomic each.
//! Totals are kept by month, and a decision looks at the month of its own instant, so that nothing has to run when a
//! month begins.
//!
//! ```
//! use mete_core::decision::Decision;
//! use mete_core::directory::KeyStatus;
//! use mete_core::limits::Limits;
//! use mete_core::secret::KeyHash;
//! use mete_core::{Month, Nanos};
//! use mete_gate::Gate;
//! use mete_store::{GateKey, GateOrganization, GateProject, GateSnapshot, ProjectSpend};
//!
//! let limits = Limits { budget: Some(Nanos::from_dollars(100)), threshold: None };
//! let gate = Gate::new(GateSnapshot {
//!     organizations: vec![GateOrganization { id: "org-1".into(), name: "Acme".into(), parent_id: None, limits }],
//!     projects: vec![GateProject {
//!         id: "proj_1".into(),
//!         organization_id: "org-1".into(),
//!         name: "Bot".into(),
//!         archived: false,
//!         limits: Limits::default(),
//!     }],
//!     keys: vec![GateKey {
//!         id: "key_1".into(),
//!         project_id: "proj_1".into(),
//!         hash: KeyHash::of("sk-proj-secret"),
//!         status: KeyStatus::Active,
//!     }],
//!     change_seq: 1,
//! });
//! let month: Month = "2026-11".parse()?;
//! assert_eq!(gate.decide(month.start(), Some("sk-proj-secret")), Decision::Allow);
//!
//! gate.set_spend(&[ProjectSpend { project_id: "proj_1".into(), month, spend: Nanos::from_dollars(100) }]);
//! assert!(matches!(gate.decide(month.start(), Some("sk-proj-secret")), Decision::Refuse(_)));
//! assert_eq!(gate.decide(month.end(), Some("sk-proj-secret")), Decision::Allow);
//! # Ok::<(), mete_core::time::ParseMonthError>(())
//! ```

mod case;
mod directory;
mod explain;
mod gate;
mod totals;

pub use explain::{BudgetFigures, Explanation, Rule, RuleReport, Verdict};
pub use gate::{Caller, Gate};
