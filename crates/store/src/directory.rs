//! The directory as people look at it: with figures, by name.

use mete_core::directory::{
    ApiKey, Organization, OrganizationRole, OrganizationView, Project, ProjectStatus, ProjectView, User,
};
use mete_core::limits::Limits;
use mete_core::secret::without_secrets;
use mete_core::{Month, Nanos, Timestamp};

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;
use crate::projects::{OrganizationRow, PROJECT_COLUMNS, ProjectRow};
use crate::rows::count;

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

/// Which projects to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    /// Of this organization.
    pub organization_id: Option<String>,
    /// The project with this id.
    pub project_id: Option<String>,
    /// With this status (R22).
    pub status: Option<ProjectStatus>,
}

impl ProjectFilter {
    /// The projects of one organization.
    #[must_use]
    pub fn of_organization(id: &str) -> Self {
        Self { organization_id: Some(id.to_owned()), ..Self::default() }
    }
}

/// Roll-ups and what is not folded into them yet, per project: what is shown is what is enforced.
fn month_spend(month: i64) -> String {
    format!(
        "SELECT project, CAST(SUM(cost) AS BIGINT) AS spend, CAST(SUM(requests) AS BIGINT) AS requests \
         FROM (SELECT scope AS project, cost, requests FROM scope_month WHERE bucket = {month} AND scope > 0 \
         UNION ALL SELECT project, cost, requests FROM spend_delta WHERE month = {month}) AS parts GROUP BY project"
    )
}

impl Store {
    /// The projects that the filter lets through, with the spend of `month`; default projects first, then by name.
    /// Blocks by hand are left to who knows which of them may be seen.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn projects(&self, filter: &ProjectFilter, month: Month) -> Result<Vec<ProjectView>, StoreError> {
        let (conditions, texts) = Conditions::default()
            .text("p.organization_id = {}", filter.organization_id.as_deref())
            .text("p.id = {}", filter.project_id.as_deref())
            .text("p.status = {}", filter.status.map(ProjectStatus::as_str))
            .parts();
        let month = month.yyyymm();
        let sql = format!(
            "WITH wanted AS (SELECT p.num, {PROJECT_COLUMNS}, p.name_key FROM project p {conditions}), \
             spent AS ({}) \
             SELECT {PROJECT_COLUMNS}, \
             l.budget, l.threshold, COALESCE(s.spend, 0) AS spend, COALESCE(s.requests, 0) AS requests, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM api_key k WHERE k.project_id = p.id AND k.status = 'active') \
             AS active_keys, \
             (SELECT MIN(b.since) FROM block b WHERE b.scope_id = p.id AND b.month = {month} AND b.lifted_at IS NULL) \
             AS blocked_since \
             FROM wanted p LEFT JOIN limits l ON l.scope_id = p.id LEFT JOIN spent s ON s.project = p.num \
             ORDER BY p.is_default DESC, p.name_key, p.id",
            month_spend(month)
        );
        let rows: Vec<ProjectViewRow> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter()
            .map(|row| {
                Ok(ProjectView {
                    project: row.project.project()?,
                    limits: Limits { budget: row.budget.map(Nanos), threshold: row.threshold.map(Nanos) },
                    spend: Some(Nanos(row.spend)),
                    requests: Some(count(row.requests)),
                    active_keys: count(row.active_keys),
                    blocked_since: row.blocked_since.map(Timestamp),
                    manual_blocks: Vec::new(),
                })
            })
            .collect()
    }

    /// The organizations with these ids and their sub-organizations, or all, with the spend of `month`, their
    /// sub-organizations' included (R3); by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organizations(
        &self,
        ids: Option<&[String]>,
        month: Month,
    ) -> Result<Vec<OrganizationView>, StoreError> {
        let (conditions, texts) = Conditions::default().any_of("(o.id IN {} OR o.parent_id IN {})", ids).parts();
        let month = month.yyyymm();
        let sql = format!(
            "WITH wanted AS (SELECT o.id, o.name, o.parent_id, o.created_at FROM organization o {conditions}), \
             payers AS (SELECT id AS payer, id AS organization_id FROM wanted \
             UNION ALL SELECT c.parent_id, c.id FROM organization c JOIN wanted o ON o.id = c.parent_id), \
             spent AS ({}), \
             per_organization AS (SELECT y.payer AS id, \
             CAST(SUM(s.spend) AS BIGINT) AS spend, CAST(SUM(s.requests) AS BIGINT) AS requests \
             FROM payers y JOIN project p ON p.organization_id = y.organization_id JOIN spent s ON s.project = p.num \
             GROUP BY y.payer) \
             SELECT o.id, o.name, o.parent_id, o.created_at, l.budget, l.threshold, \
             COALESCE(t.spend, 0) AS spend, COALESCE(t.requests, 0) AS requests, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM project p WHERE p.organization_id = o.id AND p.status = 'active' \
             AND NOT p.is_default) AS active_projects, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM block b WHERE b.organization_id = o.id AND b.scope_kind = 'project' \
             AND b.month = {month} AND b.lifted_at IS NULL) AS blocked_projects, \
             (SELECT MIN(b.since) FROM block b WHERE b.scope_id = o.id AND b.month = {month} AND b.lifted_at IS NULL) \
             AS blocked_since \
             FROM wanted o LEFT JOIN limits l ON l.scope_id = o.id LEFT JOIN per_organization t ON t.id = o.id \
             ORDER BY LOWER(o.name), o.id",
            month_spend(month)
        );
        let rows: Vec<OrganizationViewRow> = rows_of!(on_read, self, sql, texts)?;
        let view = |row: OrganizationViewRow| OrganizationView {
            organization: row.organization.organization(),
            limits: Limits { budget: row.budget.map(Nanos), threshold: row.threshold.map(Nanos) },
            spend: Some(Nanos(row.spend)),
            requests: Some(count(row.requests)),
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
    #[boxed]
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

    /// The organization with this id, or the only one with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or several by that name.
    #[boxed]
    pub async fn find_organization(&self, id_or_name: &str) -> Result<Organization, StoreError> {
        only(self.organizations_named(id_or_name).await?, "organization", id_or_name)
    }

    /// The project with this id, or the only active one (else the only one) with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or several by that name.
    #[boxed]
    pub async fn find_project(&self, id_or_name: &str) -> Result<Project, StoreError> {
        only_project(self.projects_named(None, id_or_name).await?, id_or_name)
    }

    /// The key with this id, this secret or its hash, or the only one with this name or redacted form.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or several by that name.
    #[boxed]
    pub async fn find_key(&self, asked: &str) -> Result<ApiKey, StoreError> {
        only(self.keys_named(asked).await?, "key", asked)
    }
}

/// The only one of those that were found. A secret that was asked for does not come back in the error.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none, or several.
pub fn only<T>(found: Vec<T>, what: &str, asked: &str) -> Result<T, StoreError> {
    let (several, asked) = (found.len() > 1, without_secrets(asked));
    match found.into_iter().next() {
        None => Err(StoreError::NotFound(format!("there is no {what} {asked:?}"))),
        Some(_) if several => {
            Err(StoreError::NotFound(format!("several {what}s are named {asked:?}: say which by its id")))
        }
        Some(found) => Ok(found),
    }
}

/// The only active project of those that were found, else the only one.
///
/// # Errors
/// As [`only`].
pub fn only_project(mut found: Vec<Project>, asked: &str) -> Result<Project, StoreError> {
    if found.iter().any(|project| project.status == ProjectStatus::Active) {
        found.retain(|project| project.status == ProjectStatus::Active);
    }
    only(found, "project", asked)
}
