//! Keys of the administration API (R17).

use mete_core::Timestamp;
use mete_core::directory::{AdminKey, KeyStatus};
use mete_core::secret::KeyHash;

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
    owner_id: String,
    owner: String,
    name: String,
    redacted_value: String,
    status: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl Row {
    fn key(self) -> Result<AdminKey, StoreError> {
        Ok(AdminKey {
            status: word::<KeyStatus>(&self.status)?,
            id: self.id,
            organization_id: self.organization_id,
            owner_id: self.owner_id,
            owner: self.owner,
            name: self.name,
            redacted_value: self.redacted_value,
            created_at: Timestamp(self.created_at),
            expires_at: self.expires_at.map(Timestamp),
            last_used_at: self.last_used_at.map(Timestamp),
        })
    }
}

const COLUMNS: &str = "SELECT k.id, k.organization_id, k.user_id AS owner_id, u.email AS owner, k.name, \
     k.redacted_value, k.status, k.created_at, k.expires_at, k.last_used_at \
     FROM admin_key k JOIN person u ON u.id = k.user_id ";

impl Store {
    /// The administration keys of an organization, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn admin_keys(&self, organization_id: Option<&str>) -> Result<Vec<AdminKey>, StoreError> {
        self.list_admin_keys(Conditions::default().text("k.organization_id = {}", organization_id)).await
    }

    /// The administration keys with this id, name or redacted form.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn admin_keys_named(&self, asked: &str) -> Result<Vec<AdminKey>, StoreError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let named = "(k.id = {} OR k.name = {} OR k.redacted_value = {})";
        self.list_admin_keys(Conditions::default().text(named, Some(asked))).await
    }

    /// The administration key with this secret.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn admin_key_of(&self, hash: KeyHash) -> Result<Option<AdminKey>, StoreError> {
        let sql = format!("{COLUMNS} WHERE k.hash = $1");
        let row: Option<Row> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(hash.0.to_vec()).fetch_optional(db).await
        })?;
        row.map(Row::key).transpose()
    }

    async fn list_admin_keys(&self, conditions: Conditions) -> Result<Vec<AdminKey>, StoreError> {
        let (conditions, texts) = conditions.parts();
        let sql = format!("{COLUMNS} {conditions} ORDER BY k.created_at, k.id");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(Row::key).collect()
    }
}

impl Tx {
    /// The administration key with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn admin_key(&mut self, id: &str) -> Result<Option<AdminKey>, StoreError> {
        let sql = format!("{COLUMNS} WHERE k.id = $1");
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(Row::key).transpose()
    }

    /// The active administration keys of a person in an organization.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn active_admin_keys_of(
        &mut self,
        user_id: &str,
        organization_id: &str,
    ) -> Result<Vec<AdminKey>, StoreError> {
        let sql =
            format!("{COLUMNS} WHERE k.user_id = $1 AND k.organization_id = $2 AND k.status = 'active' ORDER BY k.id");
        let rows: Vec<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(user_id).bind(organization_id).fetch_all(db).await
        })?;
        rows.into_iter().map(Row::key).collect()
    }

    /// Makes an administration key with the secret of which `hash` is the hash.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_admin_key(&mut self, key: &AdminKey, hash: KeyHash) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO admin_key (id, organization_id, user_id, name, hash, redacted_value, status, created_at, \
                 expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(&key.id).bind(&key.organization_id).bind(&key.owner_id).bind(&key.name).bind(hash.0.to_vec())
            .bind(&key.redacted_value).bind(key.status.as_str()).bind(key.created_at.0)
            .bind(key.expires_at.map(|at| at.0))
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Sets an administration key's status.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_admin_key_status(&mut self, id: &str, status: KeyStatus) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE admin_key SET status = $1 WHERE id = $2")
                .bind(status.as_str()).bind(id).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
