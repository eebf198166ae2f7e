//! What the gate keeps in memory of the directory and of the spend.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::directory::{KeyStatus, ProjectStatus};
use mete_core::limits::Limits;
use mete_core::manual_block::ManualBlockKind;
use mete_core::permissions::Permissions;
use mete_core::rates::{Models, RateLimit};
use mete_core::secret::KeyHash;
use mete_core::{Month, Nanos, Timestamp};

use crate::boxed;
use crate::change::Extent;
use crate::db::on_read;
use crate::error::StoreError;
use crate::key_set::KeySet;
use crate::keys::permissions;
use crate::lines::{Column, Fields, Table};
use crate::part_budgets::GatePart;
use crate::rates::models;
use crate::rows::{count, word};
use crate::settings::Setting;
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
    /// The models that its projects may use (R23).
    pub models: Models,
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
    /// The models that it may use, of those of its organization (R23).
    pub models: Models,
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
    /// From when on it may not, whatever its status.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for (R16).
    pub permissions: Permissions,
}

/// A secret of a key that a rotation replaced.
#[derive(Clone, Debug)]
pub struct GateOldSecret {
    /// The key's id.
    pub key_id: String,
    /// SHA-256 of the secret.
    pub hash: KeyHash,
    /// From when on it is refused.
    pub valid_until: Timestamp,
}

/// A manual block or release that was not lifted (R41).
#[derive(Clone, Debug)]
pub struct GateOverride {
    /// The id of the key or the project that it is on.
    pub scope_id: String,
    /// Which of the two it is.
    pub kind: ManualBlockKind,
    /// The reason that was given.
    pub reason: String,
    /// From when on it does not hold any more, if it ends by itself.
    pub until: Option<Timestamp>,
}

/// The directory at one instant; by default an empty one, older than all others.
#[derive(Clone, Debug, Default)]
pub struct GateSnapshot {
    /// Every organization.
    pub organizations: Vec<GateOrganization>,
    /// Every project, archived ones too.
    pub projects: Vec<GateProject>,
    /// Every key that is kept, whatever its status.
    pub keys: Vec<GateKey>,
    /// Every secret that was replaced, also those whose time is over: they are refused in other words than unknown ones.
    pub old_secrets: Vec<GateOldSecret>,
    /// Manual blocks and releases that were not lifted, also those that have ended.
    pub overrides: Vec<GateOverride>,
    /// Rate limits by model (R23), each with the id of its project or organization.
    pub rate_limits: Vec<(String, RateLimit)>,
    /// Models, members and keys that have budgets of their own in their projects.
    pub parts: Vec<GatePart>,
    /// How many bytes of files a project may store (R28).
    pub file_quota: u64,
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

/// What the gate needs of keys.
const KEYS: Table = Table {
    columns: &[
        Column::Text("k.id"),
        Column::Text("k.project_id"),
        Column::Bytes("k.hash"),
        Column::Text("k.status"),
        Column::Number("k.expires_at"),
        Column::Text("k.permissions"),
        Column::Text("k.scopes"),
    ],
    from: "api_key k",
    rowid: "k.rowid",
};

/// The same of secrets that were replaced.
const OLD_SECRETS: Table = Table {
    columns: &[Column::Text("o.key_id"), Column::Bytes("o.hash"), Column::Number("o.valid_until")],
    from: "api_key_old_secret o JOIN api_key k ON k.id = o.key_id",
    rowid: "o.rowid",
};

fn gate_key(mut fields: Fields<'_>) -> Result<GateKey, StoreError> {
    Ok(GateKey {
        id: fields.text()?.to_owned(),
        project_id: fields.text()?.to_owned(),
        hash: KeyHash(fields.bytes32()?),
        status: word(fields.text()?)?,
        expires_at: fields.number()?.map(Timestamp),
        permissions: permissions(fields.text()?, fields.text()?)?,
    })
}

fn old_secret(mut fields: Fields<'_>) -> Result<GateOldSecret, StoreError> {
    let (key_id, hash) = (fields.text()?.to_owned(), KeyHash(fields.bytes32()?));
    Ok(GateOldSecret { key_id, hash, valid_until: Timestamp(fields.number()?.unwrap_or_default()) })
}

/// What holds for organizations and projects, by their ids.
struct Rules {
    limits: HashMap<String, Limits>,
    models: HashMap<String, Models>,
}

impl Rules {
    fn take(&mut self, id: &str) -> (Limits, Models) {
        (self.limits.get(id).copied().unwrap_or_default(), self.models.remove(id).flatten())
    }
}

impl Store {
    /// The directory for the gate. The feed's position is read first: a change that falls between is read twice
    /// rather than missed.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn gate_snapshot(&self) -> Result<GateSnapshot, StoreError> {
        self.snapshot(None).await
    }

    /// The same with one key only: all that decides on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn gate_snapshot_of(&self, key_id: &str) -> Result<GateSnapshot, StoreError> {
        self.snapshot(Some(&KeySet::of_key(key_id.to_owned()))).await
    }

    async fn snapshot(&self, set: Option<&KeySet>) -> Result<GateSnapshot, StoreError> {
        let change_seq = self.versions().await?.change_seq;
        self.snapshot_at(set, change_seq).await
    }

    /// The same with those keys only that are in `extent`, for whoever has the others as they are at `change_seq` of the
    /// feed: what changed since a position, if `extent` is that of all changes since. Of everything, it has all keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn gate_changes(&self, extent: &Extent, change_seq: i64) -> Result<GateSnapshot, StoreError> {
        match extent {
            Extent::Rules | Extent::Projects => self.gate_snapshot_without_keys(change_seq).await,
            Extent::Keys(set) => self.snapshot_at(Some(set), change_seq).await,
            Extent::All => self.snapshot_at(None, change_seq).await,
        }
    }

    async fn snapshot_at(&self, set: Option<&KeySet>, change_seq: i64) -> Result<GateSnapshot, StoreError> {
        // In this order: a secret that is replaced meanwhile is read twice rather than missed, and a key's project is there.
        let keys = self.gate_keys(set).await?;
        let old_secrets = self.gate_old_secrets(set).await?;
        Ok(GateSnapshot { keys, old_secrets, ..self.gate_snapshot_without_keys(change_seq).await? })
    }

    async fn gate_snapshot_without_keys(&self, change_seq: i64) -> Result<GateSnapshot, StoreError> {
        let mut rules = Rules { limits: self.limits_by_scope().await?, models: self.models_by_scope().await? };
        let organizations = self.gate_organizations(&mut rules).await?;
        let projects = self.gate_projects(&mut rules).await?;
        let overrides = self.gate_overrides().await?;
        let rate_limits = self.all_rate_limits().await?;
        let parts = self.gate_parts().await?;
        let file_quota = count(self.setting(Setting::FileQuotaBytes).await?);
        Ok(GateSnapshot {
            organizations,
            projects,
            keys: vec![],
            old_secrets: vec![],
            overrides,
            rate_limits,
            parts,
            file_quota,
            change_seq,
        })
    }

    async fn models_by_scope(&self) -> Result<HashMap<String, Models>, StoreError> {
        let rows: Vec<(String, String)> = on_read!(self, db => {
            sqlx::query_as("SELECT scope_id, models FROM limits WHERE models IS NOT NULL").fetch_all(db).await
        })?;
        rows.into_iter().map(|(scope_id, list)| Ok((scope_id, models(Some(&list))?))).collect()
    }

    async fn gate_organizations(&self, rules: &mut Rules) -> Result<Vec<GateOrganization>, StoreError> {
        let rows: Vec<(String, String, Option<String>)> =
            on_read!(self, db => sqlx::query_as("SELECT id, name, parent_id FROM organization").fetch_all(db).await)?;
        let organization = |(id, name, parent_id): (String, String, Option<String>)| {
            let (limits, models) = rules.take(&id);
            GateOrganization { id, name, parent_id, limits, models }
        };
        Ok(rows.into_iter().map(organization).collect())
    }

    async fn gate_projects(&self, rules: &mut Rules) -> Result<Vec<GateProject>, StoreError> {
        let rows: Vec<(String, String, String, String)> = on_read!(self, db => {
            sqlx::query_as("SELECT id, organization_id, name, status FROM project").fetch_all(db).await
        })?;
        let project = |(id, organization_id, name, status): (String, String, String, String)| {
            let archived = word::<ProjectStatus>(&status)? == ProjectStatus::Archived;
            let (limits, models) = rules.take(&id);
            Ok(GateProject { id, organization_id, name, archived, limits, models })
        };
        rows.into_iter().map(project).collect()
    }

    async fn gate_keys(&self, set: Option<&KeySet>) -> Result<Vec<GateKey>, StoreError> {
        let mut keys = Vec::new();
        for conditions in KeySet::conditions(set) {
            let mut each = |fields: Fields<'_>| gate_key(fields).map(|key| keys.push(key));
            self.each_line(KEYS, conditions, &mut each).await?;
        }
        Ok(keys)
    }

    async fn gate_old_secrets(&self, set: Option<&KeySet>) -> Result<Vec<GateOldSecret>, StoreError> {
        let mut secrets = Vec::new();
        for conditions in KeySet::conditions(set) {
            let mut each = |fields: Fields<'_>| old_secret(fields).map(|secret| secrets.push(secret));
            self.each_line(OLD_SECRETS, conditions, &mut each).await?;
        }
        Ok(secrets)
    }

    async fn gate_overrides(&self) -> Result<Vec<GateOverride>, StoreError> {
        let rows: Vec<(String, String, String, Option<i64>)> = on_read!(self, db => {
            sqlx::query_as("SELECT scope_id, kind, reason, until FROM manual_block WHERE lifted_at IS NULL")
                .fetch_all(db)
                .await
        })?;
        let placed = |(scope_id, kind, reason, until): (String, String, String, Option<i64>)| {
            Ok(GateOverride { scope_id, kind: word(&kind)?, reason, until: until.map(Timestamp) })
        };
        rows.into_iter().map(placed).collect()
    }

    /// The limits of one organization or project; none set is no limits.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
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
