//! Limits and the scopes that have them.

use std::collections::HashMap;

use mete_core::Nanos;
use mete_core::limits::Limits;
use serde::Serialize;

use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::{Store, Tx};

/// What kind of thing has limits, alerts and blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// An organization, with its sub-organizations (R3).
    Organization,
    /// A project.
    Project,
}

impl ScopeKind {
    /// Its stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project => "project",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "organization" => Ok(Self::Organization),
            "project" => Ok(Self::Project),
            _ => Err(StoreError::Corrupt(format!("the scope kind {text:?}"))),
        }
    }
}

/// An organization or a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    kind: ScopeKind,
    id: String,
    organization_id: String,
}

impl Scope {
    /// An organization.
    #[must_use]
    pub fn organization(id: &str) -> Self {
        Self { kind: ScopeKind::Organization, id: id.to_owned(), organization_id: id.to_owned() }
    }

    /// A project of an organization.
    #[must_use]
    pub fn project(id: &str, organization_id: &str) -> Self {
        Self { kind: ScopeKind::Project, id: id.to_owned(), organization_id: organization_id.to_owned() }
    }

    /// Which of the two it is.
    #[must_use]
    pub const fn kind(&self) -> ScopeKind {
        self.kind
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The organization it is or belongs to.
    #[must_use]
    pub fn organization_id(&self) -> &str {
        &self.organization_id
    }
}

/// Something of an active project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfProject<T> {
    /// The project's id.
    pub id: String,
    /// Its name, for messages.
    pub name: String,
    /// What it has.
    pub value: T,
}

type LimitRow = (String, Option<i64>, Option<i64>);

fn limits_of((scope_id, budget, threshold): LimitRow) -> (String, Limits) {
    (scope_id, Limits { budget: budget.map(Nanos), threshold: threshold.map(Nanos) })
}

impl Store {
    /// The limits of every scope that has any.
    pub(crate) async fn limits_by_scope(&self) -> Result<HashMap<String, Limits>, StoreError> {
        let rows: Vec<LimitRow> = on_read!(self, db => {
            sqlx::query_as("SELECT scope_id, budget, threshold FROM limits").fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(limits_of).collect())
    }
}

impl Tx {
    /// The limits of every scope that has any, as this transaction sees them.
    pub(crate) async fn limits_by_scope(&mut self) -> Result<HashMap<String, Limits>, StoreError> {
        let rows: Vec<LimitRow> = in_tx!(self, db => {
            sqlx::query_as("SELECT scope_id, budget, threshold FROM limits").fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(limits_of).collect())
    }

    /// The limits of one scope, as this transaction sees them.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn limits(&mut self, scope: &Scope) -> Result<Limits, StoreError> {
        let row: Option<LimitRow> = in_tx!(self, db => {
            sqlx::query_as("SELECT scope_id, budget, threshold FROM limits WHERE scope_id = $1")
                .bind(scope.id())
                .fetch_optional(db)
                .await
        })?;
        Ok(row.map(limits_of).map(|(_, limits)| limits).unwrap_or_default())
    }

    /// An organization's active projects that have budgets or thresholds: those that R24 compares with.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_limits(&mut self, organization_id: &str) -> Result<Vec<OfProject<Limits>>, StoreError> {
        let rows: Vec<(String, String, Option<i64>, Option<i64>)> = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, l.budget, l.threshold FROM limits l JOIN project p ON p.id = l.scope_id \
                 WHERE p.organization_id = $1 AND p.status = 'active' ORDER BY p.name",
            )
            .bind(organization_id)
            .fetch_all(db)
            .await
        })?;
        let limits = |(id, name, budget, threshold): (String, String, Option<i64>, Option<i64>)| OfProject {
            id,
            name,
            value: Limits { budget: budget.map(Nanos), threshold: threshold.map(Nanos) },
        };
        Ok(rows.into_iter().map(limits).collect())
    }

    /// Sets the limits of a scope as they are given. Whether they are allowed (R24) is the caller's to check.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_limits(&mut self, scope: &Scope, limits: Limits) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO limits (scope_id, organization_id, budget, threshold) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (scope_id) DO UPDATE SET budget = excluded.budget, threshold = excluded.threshold",
            )
            .bind(scope.id())
            .bind(scope.organization_id())
            .bind(limits.budget.map(|amount| amount.0))
            .bind(limits.threshold.map(|amount| amount.0))
            .execute(db)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
