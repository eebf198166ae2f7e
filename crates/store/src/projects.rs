//! Organizations and projects as they are kept (R1 to R4, R19 to R22).

use mete_core::Timestamp;
use mete_core::directory::{Organization, Project};

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::rows::word;
use crate::{Store, Tx};

#[derive(sqlx::FromRow)]
pub(crate) struct ProjectRow {
    id: String,
    organization_id: String,
    name: String,
    description: String,
    website: String,
    status: String,
    is_default: bool,
    created_at: i64,
    archived_at: Option<i64>,
}

impl ProjectRow {
    pub(crate) fn project(self) -> Result<Project, StoreError> {
        Ok(Project {
            status: word(&self.status)?,
            id: self.id,
            organization_id: self.organization_id,
            name: self.name,
            description: self.description,
            website: self.website,
            is_default: self.is_default,
            created_at: Timestamp(self.created_at),
            archived_at: self.archived_at.map(Timestamp),
        })
    }
}

#[derive(sqlx::FromRow)]
pub(crate) struct OrganizationRow {
    id: String,
    name: String,
    parent_id: Option<String>,
    created_at: i64,
}

impl OrganizationRow {
    pub(crate) fn organization(self) -> Organization {
        Organization { id: self.id, name: self.name, parent_id: self.parent_id, created_at: Timestamp(self.created_at) }
    }
}

/// The columns of a [`ProjectRow`], of the table named `p`.
pub(crate) const PROJECT_COLUMNS: &str =
    "p.id, p.organization_id, p.name, p.description, p.website, p.status, p.is_default, p.created_at, p.archived_at";

const ORGANIZATION: &str = "SELECT id, name, parent_id, created_at FROM organization ";

impl Store {
    /// Every organization, without figures, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organization_records(&self) -> Result<Vec<Organization>, StoreError> {
        self.list_organizations(Conditions::default()).await
    }

    /// The organizations that this id or name can mean: the one with the id, else all with the name.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organizations_named(&self, id_or_name: &str) -> Result<Vec<Organization>, StoreError> {
        let by_id = self.list_organizations(Conditions::default().text("id = {}", Some(id_or_name))).await?;
        if !by_id.is_empty() {
            return Ok(by_id);
        }
        self.list_organizations(Conditions::default().text("LOWER(name) = LOWER({})", Some(id_or_name))).await
    }

    async fn list_organizations(&self, conditions: Conditions) -> Result<Vec<Organization>, StoreError> {
        let (conditions, texts) = conditions.parts();
        let sql = format!("{ORGANIZATION} {conditions} ORDER BY created_at, id");
        let rows: Vec<OrganizationRow> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(OrganizationRow::organization).collect())
    }

    /// Every project, without figures, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_records(&self) -> Result<Vec<Project>, StoreError> {
        self.list_projects(Conditions::default()).await
    }

    /// Every project of these organizations, without figures, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn projects_of(&self, organization_ids: &[String]) -> Result<Vec<Project>, StoreError> {
        if organization_ids.is_empty() {
            return Ok(Vec::new());
        }
        self.list_projects(Conditions::default().any_of("p.organization_id IN {}", Some(organization_ids))).await
    }

    /// The projects that this id or name can mean, of one organization or of all: the one with the id, else all with the
    /// name, the active one of an organization before archived ones.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn projects_named(
        &self,
        organization_id: Option<&str>,
        id_or_name: &str,
    ) -> Result<Vec<Project>, StoreError> {
        let within = || Conditions::default().text("p.organization_id = {}", organization_id);
        let by_id = self.list_projects(within().text("p.id = {}", Some(id_or_name))).await?;
        if !by_id.is_empty() {
            return Ok(by_id);
        }
        self.list_projects(within().text("p.name_key = {}", Some(&id_or_name.to_lowercase()))).await
    }

    async fn list_projects(&self, conditions: Conditions) -> Result<Vec<Project>, StoreError> {
        let (conditions, texts) = conditions.parts();
        let sql = format!("SELECT {PROJECT_COLUMNS} FROM project p {conditions} ORDER BY p.created_at, p.id");
        let rows: Vec<ProjectRow> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(ProjectRow::project).collect()
    }
}

impl Tx {
    /// The organization with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organization(&mut self, id: &str) -> Result<Option<Organization>, StoreError> {
        let sql = format!("{ORGANIZATION} WHERE id = $1");
        let row: Option<OrganizationRow> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        Ok(row.map(OrganizationRow::organization))
    }

    /// The project with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project(&mut self, id: &str) -> Result<Option<Project>, StoreError> {
        let sql = format!("SELECT {PROJECT_COLUMNS} FROM project p WHERE p.id = $1");
        let row: Option<ProjectRow> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(ProjectRow::project).transpose()
    }

    /// The default project of an organization (R2).
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn default_project(&mut self, organization_id: &str) -> Result<Option<Project>, StoreError> {
        let sql = format!("SELECT {PROJECT_COLUMNS} FROM project p WHERE p.organization_id = $1 AND p.is_default");
        let row: Option<ProjectRow> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(organization_id).fetch_optional(db).await
        })?;
        row.map(ProjectRow::project).transpose()
    }

    /// How many organizations there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn count_organizations(&mut self) -> Result<i64, StoreError> {
        let (count,): (i64,) = in_tx!(self, db => {
            sqlx::query_as("SELECT CAST(COUNT(*) AS BIGINT) FROM organization").fetch_one(db).await
        })?;
        Ok(count)
    }

    /// How many projects an organization has, archived ones included, the default one not (R4).
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn count_projects(&mut self, organization_id: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM project WHERE organization_id = $1 AND NOT is_default",
            )
            .bind(organization_id)
            .fetch_one(db).await
        })?;
        Ok(count)
    }

    /// Makes an organization.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("INSERT INTO organization (id, name, parent_id, created_at) VALUES ($1, $2, $3, $4)")
                .bind(&organization.id).bind(&organization.name).bind(&organization.parent_id)
                .bind(organization.created_at.0)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Renames an organization.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_organization_name(&mut self, id: &str, name: &str) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE organization SET name = $2 WHERE id = $1").bind(id).bind(name).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an active project of the organization has the name already (R19).
    #[boxed]
    pub async fn insert_project(&mut self, project: &Project) -> Result<(), StoreError> {
        let outcome: Result<(), StoreError> = in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO project (id, num, organization_id, name, name_key, description, website, status, is_default, \
                 created_at) SELECT $1, COALESCE(MAX(num), 0) + 1, $2, $3, $4, $5, $6, 'active', $7, $8 FROM project",
            )
            .bind(&project.id).bind(&project.organization_id).bind(&project.name).bind(project.name.to_lowercase())
            .bind(&project.description).bind(&project.website).bind(project.is_default).bind(project.created_at.0)
            .execute(db).await.map(drop).map_err(StoreError::from)
        });
        outcome.map_err(|error| taken(error, &project.name))
    }

    /// Writes a project's name, description, website, status and archiving time as they are in `project`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an active project of the organization has the name already (R19).
    #[boxed]
    pub async fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        let outcome: Result<(), StoreError> = in_tx!(self, db => {
            sqlx::query(
                "UPDATE project SET name = $2, name_key = $3, description = $4, website = $5, status = $6, archived_at = $7 \
                 WHERE id = $1",
            )
            .bind(&project.id).bind(&project.name).bind(project.name.to_lowercase()).bind(&project.description)
            .bind(&project.website).bind(project.status.as_str()).bind(project.archived_at.map(|at| at.0))
            .execute(db).await.map(drop).map_err(StoreError::from)
        });
        outcome.map_err(|error| taken(error, &project.name))
    }
}

/// The error of a name that an active project has.
fn taken(error: StoreError, name: &str) -> StoreError {
    if !error.is_unique_violation() {
        return error;
    }
    StoreError::Conflict(format!("the organization has an active project named {name:?} already: choose another name"))
}
