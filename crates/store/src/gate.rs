//! What the gate keeps in memory of the directory and of the spend.

use std::sync::Arc;

use mete_core::directory::{KeyStatus, ProjectStatus};
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_core::{Month, Nanos};

use crate::db::on_read;
use crate::error::StoreError;
use crate::rows::{bytes32, word};
use crate::{Scope, Store};

/// An organization as the gate sees it.
#[derive(Clone, Debug)]
pub struct GateOrganization {
    /// `org-…`
    pub id: String,
    /// Its name, for messages.
    pub name: String,
    /// The organization above it (R3).
    pub parent_id: Option<String>,
    /// Its limits.
    pub limits: Limits,
}

/// A project as the gate sees it.
#[derive(Clone, Debug)]
pub struct GateProject {
    /// `proj_…`
    pub id: String,
    /// Its organization's id.
    pub organization_id: String,
    /// Its name, for messages.
    pub name: String,
    /// Whether it is archived (R21).
    pub archived: bool,
    /// Its limits.
    pub limits: Limits,
}

/// A key as the gate sees it.
#[derive(Clone, Debug)]
pub struct GateKey {
    /// `key_…`
    pub id: String,
    /// Its project's id.
    pub project_id: String,
    /// SHA-256 of its secret.
    pub hash: KeyHash,
    /// Whether it may be used.
    pub status: KeyStatus,
}

/// The directory at one instant.
#[derive(Clone, Debug)]
pub struct GateSnapshot {
    /// Every organization.
    pub organizations: Vec<GateOrganization>,
    /// Every project, archived ones too.
    pub projects: Vec<GateProject>,
    /// Every key that is kept, whatever its status.
    pub keys: Vec<GateKey>,
    /// The change feed's position that the snapshot holds at least.
    pub change_seq: i64,
}

/// The absolute spend of one project in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSpend {
    /// `proj_…`
    pub project_id: Arc<str>,
    /// The month.
    pub month: Month,
    /// All that it spent in it.
    pub spend: Nanos,
}

impl Store {
    /// The directory for the gate. The feed's position is read first: a change that falls between is read twice
    /// rather than missed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn gate_snapshot(&self) -> Result<GateSnapshot, StoreError> {
        let change_seq = self.versions().await?.change_seq;
        let limits = self.limits_by_scope().await?;
        let of = |id: &str| limits.get(id).copied().unwrap_or_default();
        let organizations: Vec<(String, String, Option<String>)> =
            on_read!(self, db => sqlx::query_as("SELECT id, name, parent_id FROM organization").fetch_all(db).await)?;
        let projects: Vec<(String, String, String, String)> = on_read!(self, db => {
            sqlx::query_as("SELECT id, organization_id, name, status FROM project").fetch_all(db).await
        })?;
        let keys: Vec<(String, String, Vec<u8>, String)> = on_read!(self, db => {
            sqlx::query_as("SELECT id, project_id, hash, status FROM api_key").fetch_all(db).await
        })?;
        Ok(GateSnapshot {
            organizations: organizations
                .into_iter()
                .map(|(id, name, parent_id)| GateOrganization { limits: of(&id), id, name, parent_id })
                .collect(),
            projects: projects
                .into_iter()
                .map(|(id, organization_id, name, status)| {
                    let archived = word::<ProjectStatus>(&status)? == ProjectStatus::Archived;
                    Ok(GateProject { limits: of(&id), id, organization_id, name, archived })
                })
                .collect::<Result<_, StoreError>>()?,
            keys: keys
                .into_iter()
                .map(|(id, project_id, hash, status)| {
                    Ok(GateKey { id, project_id, hash: KeyHash(bytes32(&hash)?), status: word(&status)? })
                })
                .collect::<Result<_, StoreError>>()?,
            change_seq,
        })
    }

    /// The limits of one organization or project; none set is no limits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn limits(&self, scope: &Scope) -> Result<Limits, StoreError> {
        let row: Option<(Option<i64>, Option<i64>)> = on_read!(self, db => {
            sqlx::query_as("SELECT budget, threshold FROM limits WHERE scope_id = $1")
                .bind(scope.id())
                .fetch_optional(db)
                .await
        })?;
        Ok(row
            .map(|(budget, threshold)| Limits { budget: budget.map(Nanos), threshold: threshold.map(Nanos) })
            .unwrap_or_default())
    }
}
