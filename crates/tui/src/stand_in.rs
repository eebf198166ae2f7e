#![allow(missing_docs, reason = "temporary")]
use mete_core::{Month, Nanos, Timestamp};
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter { pub organization_id: Option<String>, pub project_id: Option<String> }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendBy { Project, Key, Model, Member, Endpoint, Day, Hour }
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendQuery { pub organization_id: Option<String>, pub project_id: Option<String>, pub month: Month, pub by: SpendBy }
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendRow { pub id: String, pub name: String, pub spend: Nanos, pub requests: u64, pub input_tokens: u64, pub cached_input_tokens: u64, pub output_tokens: u64 }
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter { pub organization_id: Option<String>, pub project_id: Option<String>, pub month: Option<Month> }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind { Organization, Project }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind { Threshold, Exhausted }
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert { pub id: String, pub organization_id: String, pub scope_kind: ScopeKind, pub scope_id: String, pub scope_name: String, pub kind: AlertKind, pub month: Month, pub amount: Nanos, pub spend: Nanos, pub at: Timestamp, pub acknowledged_at: Option<Timestamp> }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions { pub change_seq: i64, pub ledger_version: i64 }
