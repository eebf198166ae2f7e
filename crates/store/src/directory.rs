//! Reading the directory.

use mete_core::directory::{
    ApiKey, KeyStatus, Organization, OrganizationRole, OrganizationView, Project, ProjectStatus, ProjectView, User,
};
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_core::{Month, Nanos, Timestamp};

use crate::Store;
use crate::db::on_read;
use crate::error::StoreError;
use crate::rows::{bytes32, count, word};

/// Which keys to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Keys of this organization only.
    pub organization_id: Option<String>,
    /// Keys of this project only.
    pub project_id: Option<String>,
}

/// What attribution needs of a key.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// `key_…`
    pub id: String,
    /// Its organization's id.
    pub organization_id: String,
    /// Its project's id.
    pub project_id: String,
    /// The person or service account that it belongs to.
    pub owner_id: String,
    /// SHA-256 of its secret.
    pub hash: KeyHash,
}

#[derive(sqlx::FromRow)]
struct ProjectRow {
    id: String,
    organization_id: String,
    name: String,
    status: String,
    is_default: bool,
    created_at: i64,
    archived_at: Option<i64>,
}

impl ProjectRow {
    fn project(self) -> Result<Project, StoreError> {
        Ok(Project {
            status: word::<ProjectStatus>(&self.status)?,
            id: self.id,
            organization_id: self.organization_id,
            name: self.name,
            is_default: self.is_default,
            created_at: Timestamp(self.created_at),
            archived_at: self.archived_at.map(Timestamp),
        })
    }
}

#[derive(sqlx::FromRow)]
struct ProjectViewRow {
    #[sqlx(flatten)]
    project: ProjectRow,
    budget: Option<i64>,
    threshold: Option<i64>,
    spend: i64,
    requests: i64,
    active_keys: i64,
    blocked_since: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct OrganizationRow {
    id: String,
    name: String,
    parent_id: Option<String>,
    created_at: i64,
}

impl OrganizationRow {
    fn organization(self) -> Organization {
        Organization { id: self.id, name: self.name, parent_id: self.parent_id, created_at: Timestamp(self.created_at) }
    }
}

#[derive(sqlx::FromRow)]
struct OrganizationViewRow {
    #[sqlx(flatten)]
    organization: OrganizationRow,
    budget: Option<i64>,
    threshold: Option<i64>,
    spend: i64,
    requests: i64,
    active_projects: i64,
    blocked_projects: i64,
    blocked_since: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    organization_id: String,
    project_id: String,
    owner_id: String,
    owner: Option<String>,
    name: String,
    redacted_value: String,
    status: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl KeyRow {
    fn key(self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            status: word::<KeyStatus>(&self.status)?,
            owner: self.owner.unwrap_or_else(|| self.owner_id.clone()),
            id: self.id,
            organization_id: self.organization_id,
            project_id: self.project_id,
            owner_id: self.owner_id,
            name: self.name,
            redacted_value: self.redacted_value,
            created_at: Timestamp(self.created_at),
            last_used_at: self.last_used_at.map(Timestamp),
        })
    }
}

// Roll-ups and what is not folded into them yet, per project, for the month $1: what is shown is what is enforced.
const MONTH_SPEND: &str = "SELECT project, CAST(SUM(cost) AS BIGINT) AS spend, CAST(SUM(requests) AS BIGINT) AS requests \
     FROM (SELECT project, cost, requests FROM spend_month WHERE bucket = $1 \
     UNION ALL SELECT project, cost, requests FROM spend_delta WHERE month = $1) AS parts GROUP BY project";

const KEY_COLUMNS: &str = "SELECT k.id, k.organization_id, k.project_id, k.owner_id, u.email AS owner, k.name, \
     k.redacted_value, k.status, k.created_at, k.last_used_at \
     FROM api_key k LEFT JOIN person u ON u.id = k.owner_id ";

impl Store {
    /// The projects of one organization, or all, with the spend of `month`; default projects first, then by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn projects(&self, organization_id: Option<&str>, month: Month) -> Result<Vec<ProjectView>, StoreError> {
        let sql = format!(
            "WITH spent AS ({MONTH_SPEND}) \
             SELECT p.id, p.organization_id, p.name, p.status, p.is_default, p.created_at, p.archived_at, \
             l.budget, l.threshold, COALESCE(s.spend, 0) AS spend, COALESCE(s.requests, 0) AS requests, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM api_key k WHERE k.project_id = p.id AND k.status = 'active') \
             AS active_keys, \
             (SELECT MIN(b.since) FROM block b WHERE b.scope_id = p.id AND b.month = $1 AND b.lifted_at IS NULL) \
             AS blocked_since \
             FROM project p LEFT JOIN limits l ON l.scope_id = p.id LEFT JOIN spent s ON s.project = p.num \
             WHERE $2 = '' OR p.organization_id = $2 ORDER BY p.is_default DESC, p.name_key, p.id"
        );
        let rows: Vec<ProjectViewRow> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(month.yyyymm())
                .bind(organization_id.unwrap_or_default())
                .fetch_all(db)
                .await
        })?;
        rows.into_iter()
            .map(|row| {
                Ok(ProjectView {
                    project: row.project.project()?,
                    limits: Limits { budget: row.budget.map(Nanos), threshold: row.threshold.map(Nanos) },
                    spend: Nanos(row.spend),
                    requests: count(row.requests),
                    active_keys: count(row.active_keys),
                    blocked_since: row.blocked_since.map(Timestamp),
                })
            })
            .collect()
    }

    /// Every organization with the spend of `month`, its sub-organizations' included (R3); by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn organizations(&self, month: Month) -> Result<Vec<OrganizationView>, StoreError> {
        let sql = format!(
            "WITH spent AS ({MONTH_SPEND}), \
             per_organization AS (SELECT o.id AS id, \
             CAST(SUM(s.spend) AS BIGINT) AS spend, CAST(SUM(s.requests) AS BIGINT) AS requests \
             FROM organization o JOIN organization c ON c.id = o.id OR c.parent_id = o.id \
             JOIN project p ON p.organization_id = c.id JOIN spent s ON s.project = p.num GROUP BY o.id) \
             SELECT o.id, o.name, o.parent_id, o.created_at, l.budget, l.threshold, \
             COALESCE(t.spend, 0) AS spend, COALESCE(t.requests, 0) AS requests, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM project p WHERE p.organization_id = o.id AND p.status = 'active' \
             AND NOT p.is_default) AS active_projects, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM block b WHERE b.organization_id = o.id AND b.scope_kind = 'project' \
             AND b.month = $1 AND b.lifted_at IS NULL) AS blocked_projects, \
             (SELECT MIN(b.since) FROM block b WHERE b.scope_id = o.id AND b.month = $1 AND b.lifted_at IS NULL) \
             AS blocked_since \
             FROM organization o LEFT JOIN limits l ON l.scope_id = o.id LEFT JOIN per_organization t ON t.id = o.id \
             ORDER BY LOWER(o.name), o.id"
        );
        let rows: Vec<OrganizationViewRow> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(month.yyyymm()).fetch_all(db).await
        })?;
        let view = |row: OrganizationViewRow| OrganizationView {
            organization: row.organization.organization(),
            limits: Limits { budget: row.budget.map(Nanos), threshold: row.threshold.map(Nanos) },
            spend: Nanos(row.spend),
            requests: count(row.requests),
            active_projects: count(row.active_projects),
            blocked_projects: count(row.blocked_projects),
            blocked_since: row.blocked_since.map(Timestamp),
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// The owners of an organization, in the order in which they were added.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn organization_owners(&self, organization_id: &str) -> Result<Vec<User>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT u.id, u.email, u.name, u.created_at FROM organization_member m JOIN person u ON u.id = m.user_id \
                 WHERE m.organization_id = $1 AND m.role = $2 ORDER BY m.added_at, u.id",
            )
            .bind(organization_id)
            .bind(OrganizationRole::Owner.as_str())
            .fetch_all(db)
            .await
        })?;
        let user = |(id, email, name, at)| User { id, email, name, created_at: Timestamp(at) };
        Ok(rows.into_iter().map(user).collect())
    }

    /// Keys, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn keys(&self, filter: &KeyFilter) -> Result<Vec<ApiKey>, StoreError> {
        let sql = format!(
            "{KEY_COLUMNS} WHERE ($1 = '' OR k.organization_id = $1) AND ($2 = '' OR k.project_id = $2) \
             ORDER BY k.created_at, k.id"
        );
        let rows: Vec<KeyRow> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(filter.organization_id.as_deref().unwrap_or_default())
                .bind(filter.project_id.as_deref().unwrap_or_default())
                .fetch_all(db)
                .await
        })?;
        rows.into_iter().map(KeyRow::key).collect()
    }

    /// What attribution needs of every key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn key_records(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let rows: Vec<(String, String, String, String, Vec<u8>)> = on_read!(self, db => {
            sqlx::query_as("SELECT id, organization_id, project_id, owner_id, hash FROM api_key").fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(id, organization_id, project_id, owner_id, hash)| {
                Ok(KeyRecord { id, organization_id, project_id, owner_id, hash: KeyHash(bytes32(&hash)?) })
            })
            .collect()
    }

    /// Every organization, without figures.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn organization_records(&self) -> Result<Vec<Organization>, StoreError> {
        let rows: Vec<OrganizationRow> = on_read!(self, db => {
            sqlx::query_as("SELECT id, name, parent_id, created_at FROM organization ORDER BY created_at, id")
                .fetch_all(db)
                .await
        })?;
        Ok(rows.into_iter().map(OrganizationRow::organization).collect())
    }

    /// Every project, without figures.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn project_records(&self) -> Result<Vec<Project>, StoreError> {
        let rows: Vec<ProjectRow> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT id, organization_id, name, status, is_default, created_at, archived_at FROM project \
                 ORDER BY created_at, id",
            )
            .fetch_all(db)
            .await
        })?;
        rows.into_iter().map(ProjectRow::project).collect()
    }

    /// The organization with this id, or the only one with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or several by that name.
    pub async fn find_organization(&self, id_or_name: &str) -> Result<Organization, StoreError> {
        let rows: Vec<OrganizationRow> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT id, name, parent_id, created_at FROM organization WHERE id = $1 OR LOWER(name) = LOWER($1) LIMIT 3",
            )
            .bind(id_or_name)
            .fetch_all(db)
            .await
        })?;
        only(rows, "organization", id_or_name, |row| row.id == id_or_name).map(OrganizationRow::organization)
    }

    /// The project with this id, or the only active one (else the only one) with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or several by that name.
    pub async fn find_project(&self, id_or_name: &str) -> Result<Project, StoreError> {
        let rows: Vec<ProjectRow> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT id, organization_id, name, status, is_default, created_at, archived_at FROM project \
                 WHERE id = $1 OR name_key = $2 ORDER BY status LIMIT 50",
            )
            .bind(id_or_name)
            .bind(id_or_name.to_lowercase())
            .fetch_all(db)
            .await
        })?;
        let any_active = rows.iter().any(|row| row.status == "active");
        let rows =
            rows.into_iter().filter(|row| row.id == id_or_name || !any_active || row.status == "active").collect();
        only(rows, "project", id_or_name, |row| row.id == id_or_name)?.project()
    }

    /// The key with this id, this secret's hash, or the only one with this name or redacted form.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or several by that name.
    pub async fn find_key(&self, id_or_name: &str) -> Result<ApiKey, StoreError> {
        let hash = KeyHash::from_hex(id_or_name).unwrap_or_else(|| KeyHash::of(id_or_name));
        let sql = format!(
            "{KEY_COLUMNS} WHERE k.id = $1 OR k.hash = $2 OR (k.name = $1 AND k.name <> '') OR k.redacted_value = $1 LIMIT 3"
        );
        let rows: Vec<KeyRow> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id_or_name).bind(hash.0.to_vec()).fetch_all(db).await
        })?;
        // A secret that is not found must not come back in an error message.
        let shown = if id_or_name.starts_with("sk-") && !id_or_name.contains('…') { "sk-…" } else { id_or_name };
        only(rows, "key", shown, |row| row.id == id_or_name)?.key()
    }
}

/// The one row that is meant: the one whose id was given, else the only one.
fn only<T>(rows: Vec<T>, what: &str, asked: &str, is_id: impl Fn(&T) -> bool) -> Result<T, StoreError> {
    let several = rows.len() > 1;
    let mut rows = rows.into_iter();
    if !several {
        return rows.next().ok_or_else(|| StoreError::NotFound(format!("there is no {what} {asked:?}")));
    }
    rows.find(is_id)
        .ok_or_else(|| StoreError::NotFound(format!("several {what}s are named {asked:?}: say which by its id")))
}
