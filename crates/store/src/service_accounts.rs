//! Service accounts (R12 to R14).

use mete_core::Timestamp;
use mete_core::people::{ServiceAccount, ServiceAccountRole};

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::rows::word;
use crate::{Store, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organization_id: String,
    project_id: String,
    name: String,
    role: String,
    created_at: i64,
}

impl Row {
    fn account(self) -> Result<ServiceAccount, StoreError> {
        Ok(ServiceAccount {
            role: word(&self.role)?,
            id: self.id,
            organization_id: self.organization_id,
            project_id: self.project_id,
            name: self.name,
            created_at: Timestamp(self.created_at),
        })
    }
}

const COLUMNS: &str = "SELECT id, organization_id, project_id, name, role, created_at FROM service_account ";

impl Store {
    /// The service accounts of a project, or of an organization with all its projects, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn service_accounts(
        &self,
        organization_id: Option<&str>,
        project_id: Option<&str>,
    ) -> Result<Vec<ServiceAccount>, StoreError> {
        let conditions = Conditions::default()
            .fixed("removed_at IS NULL")
            .text("organization_id = {}", organization_id)
            .text("project_id = {}", project_id);
        self.list_service_accounts(conditions).await
    }

    /// The service accounts with this id or name.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn service_accounts_named(&self, id_or_name: &str) -> Result<Vec<ServiceAccount>, StoreError> {
        let by_id = self
            .list_service_accounts(Conditions::default().fixed("removed_at IS NULL").text("id = {}", Some(id_or_name)));
        let by_id = by_id.await?;
        if !by_id.is_empty() {
            return Ok(by_id);
        }
        let named = Conditions::default().fixed("removed_at IS NULL").text("LOWER(name) = LOWER({})", Some(id_or_name));
        self.list_service_accounts(named).await
    }

    async fn list_service_accounts(&self, conditions: Conditions) -> Result<Vec<ServiceAccount>, StoreError> {
        let (conditions, texts) = conditions.parts();
        let sql = format!("{COLUMNS} {conditions} ORDER BY created_at, id");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(Row::account).collect()
    }
}

impl Tx {
    /// The service account with this id that was not removed.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn service_account(&mut self, id: &str) -> Result<Option<ServiceAccount>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1 AND removed_at IS NULL");
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(Row::account).transpose()
    }

    /// Makes a service account.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO service_account (id, organization_id, project_id, name, role, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&account.id).bind(&account.organization_id).bind(&account.project_id).bind(&account.name)
            .bind(account.role.as_str()).bind(account.created_at.0)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Changes a service account's role.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_service_account_role(&mut self, id: &str, role: ServiceAccountRole) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE service_account SET role = $1 WHERE id = $2")
                .bind(role.as_str()).bind(id).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Removes a service account; its row stays, so that its keys and spend keep a name.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn delete_service_account(&mut self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE service_account SET removed_at = $1 WHERE id = $2")
                .bind(at.0).bind(id).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
