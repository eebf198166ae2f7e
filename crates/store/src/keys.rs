//! API keys (R15 to R18).

use mete_core::Timestamp;
use mete_core::directory::{ApiKey, KeyStatus};
use mete_core::people::MemberKind;
use mete_core::permissions::{Permissions, Scopes};
use mete_core::secret::KeyHash;

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::key_set::KeySet;
use crate::lines::{Column, Fields, Table};
use crate::rows::word;
use crate::{Store, Tx};

/// Which keys to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Keys of this organization only.
    pub organization_id: Option<String>,
    /// Keys of this project only.
    pub project_id: Option<String>,
    /// Keys of this person or service account only.
    pub owner_id: Option<String>,
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
    /// SHA-256 of its secret, or of one that a rotation replaced.
    pub hash: KeyHash,
    /// How its secret is shown, as in `sk-proj-…x4Qa`; empty for a secret that a rotation replaced.
    pub redacted_value: String,
}

/// A key's secret as the store keeps it.
#[derive(Clone, Copy, Debug)]
pub struct StoredSecret<'a> {
    /// SHA-256 of the secret.
    pub hash: KeyHash,
    /// Prefix and last four characters.
    pub redacted_value: &'a str,
}

#[derive(sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub(crate) id: String,
    organization_id: String,
    project_id: String,
    owner_id: String,
    owner_kind: String,
    owner: String,
    name: String,
    redacted_value: String,
    status: String,
    permissions: String,
    scopes: String,
    created_at: i64,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
}

impl KeyRow {
    pub(crate) fn key(self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            status: word::<KeyStatus>(&self.status)?,
            owner_kind: word::<MemberKind>(&self.owner_kind)?,
            permissions: permissions(&self.permissions, &self.scopes)?,
            id: self.id,
            organization_id: self.organization_id,
            project_id: self.project_id,
            owner_id: self.owner_id,
            owner: self.owner,
            name: self.name,
            redacted_value: self.redacted_value,
            created_at: Timestamp(self.created_at),
            last_used_at: self.last_used_at.map(Timestamp),
            expires_at: self.expires_at.map(Timestamp),
        })
    }
}

/// What the two columns of a key's permissions say.
pub(crate) fn permissions(kind: &str, scopes: &str) -> Result<Permissions, StoreError> {
    let unreadable = |error| StoreError::Corrupt(format!("the scopes {scopes:?} ({error})"));
    let scopes: Scopes = serde_json::from_str(scopes).map_err(unreadable)?;
    Ok(Permissions { kind: word(kind)?, scopes })
}

/// The other way.
fn scopes_text(permissions: &Permissions) -> Result<String, StoreError> {
    serde_json::to_string(&permissions.scopes).map_err(|error| StoreError::Corrupt(format!("scopes ({error})")))
}

/// The columns of a [`KeyRow`], of the table named `k` and of [`KEY_OWNERS`].
pub(crate) const KEY_COLUMNS: &str = "k.id, k.organization_id, k.project_id, k.owner_id, k.owner_kind, \
     COALESCE(u.email, s.name, k.owner_id) AS owner, k.name, k.redacted_value, k.status, k.permissions, k.scopes, \
     k.created_at, k.last_used_at, k.expires_at";

/// What names a key's owner.
pub(crate) const KEY_OWNERS: &str =
    "LEFT JOIN person u ON u.id = k.owner_id LEFT JOIN service_account s ON s.id = k.owner_id";

fn columns() -> String {
    format!("SELECT {KEY_COLUMNS} FROM api_key k {KEY_OWNERS}")
}

impl Store {
    /// Keys, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn keys(&self, filter: &KeyFilter) -> Result<Vec<ApiKey>, StoreError> {
        let conditions = Conditions::default()
            .text("k.organization_id = {}", filter.organization_id.as_deref())
            .text("k.project_id = {}", filter.project_id.as_deref())
            .text("k.owner_id = {}", filter.owner_id.as_deref());
        self.list_keys(conditions).await
    }

    /// The keys that this id, secret, hash (64 hexadecimal digits), name or redacted form can mean: the one with the id
    /// or the secret, else all with the name or the form.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn keys_named(&self, asked: &str) -> Result<Vec<ApiKey>, StoreError> {
        let by_id = self.list_keys(Conditions::default().text("k.id = {}", Some(asked))).await?;
        if !by_id.is_empty() {
            return Ok(by_id);
        }
        if let Some(id) = self.key_of_hash(KeyHash::from_hex(asked).unwrap_or_else(|| KeyHash::of(asked))).await? {
            return self.list_keys(Conditions::default().text("k.id = {}", Some(&id))).await;
        }
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        self.list_keys(Conditions::default().text("(k.name = {} OR k.redacted_value = {})", Some(asked))).await
    }

    async fn key_of_hash(&self, hash: KeyHash) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT id FROM api_key WHERE hash = $1 UNION ALL SELECT key_id FROM api_key_old_secret WHERE hash = $1",
            )
            .bind(hash.0.to_vec())
            .fetch_optional(db)
            .await
        })?;
        Ok(row.map(|row| row.0))
    }

    async fn list_keys(&self, conditions: Conditions) -> Result<Vec<ApiKey>, StoreError> {
        let (conditions, texts) = conditions.parts();
        let sql = format!("{} {conditions} ORDER BY k.created_at, k.id", columns());
        let rows: Vec<KeyRow> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(KeyRow::key).collect()
    }

    /// Hands out what attribution needs of every key, or of those in `set`, as it is read; one record a secret, those that a
    /// rotation replaced too. A key that several parts of `set` have may come several times.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn each_key_record(
        &self,
        set: Option<&KeySet>,
        mut each: impl FnMut(KeyRecord) + Send,
    ) -> Result<(), StoreError> {
        for table in [RECORDS, OLD_RECORDS] {
            for conditions in KeySet::conditions(set) {
                self.each_line(table, conditions, &mut |fields| key_record(fields).map(&mut each)).await?;
            }
        }
        Ok(())
    }
}

/// What attribution needs of keys.
const RECORDS: Table = Table {
    columns: &[
        Column::Text("k.id"),
        Column::Text("k.organization_id"),
        Column::Text("k.project_id"),
        Column::Text("k.owner_id"),
        Column::Bytes("k.hash"),
        Column::Text("k.redacted_value"),
    ],
    from: "api_key k",
    rowid: "k.rowid",
};

/// The same of keys by secrets that were replaced.
const OLD_RECORDS: Table = Table {
    columns: &[
        Column::Text("k.id"),
        Column::Text("k.organization_id"),
        Column::Text("k.project_id"),
        Column::Text("k.owner_id"),
        Column::Bytes("o.hash"),
        Column::Text("''"),
    ],
    from: "api_key_old_secret o JOIN api_key k ON k.id = o.key_id",
    rowid: "o.rowid",
};

fn key_record(mut fields: Fields<'_>) -> Result<KeyRecord, StoreError> {
    let mut text = || fields.text().map(str::to_owned);
    let (id, organization_id, project_id, owner_id) = (text()?, text()?, text()?, text()?);
    let (hash, redacted_value) = (KeyHash(fields.bytes32()?), fields.text()?.to_owned());
    Ok(KeyRecord { id, organization_id, project_id, owner_id, hash, redacted_value })
}

impl Tx {
    /// The key with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn key(&mut self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let sql = format!("{} WHERE k.id = $1", columns());
        let row: Option<KeyRow> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(KeyRow::key).transpose()
    }

    /// The active keys of a person or service account in an organization, or in one project of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn active_keys_of(
        &mut self,
        owner_id: &str,
        organization_id: &str,
        project_id: Option<&str>,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let (conditions, texts) = Conditions::default()
            .text("k.owner_id = {}", Some(owner_id))
            .text("k.organization_id = {}", Some(organization_id))
            .text("k.project_id = {}", project_id)
            .fixed("k.status = 'active'")
            .parts();
        let sql = format!("{} {conditions} ORDER BY k.id", columns());
        let rows: Vec<KeyRow> = rows_of!(in_tx, self, sql, texts)?;
        rows.into_iter().map(KeyRow::key).collect()
    }

    /// Makes a key with the secret `secret`.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_key(&mut self, key: &ApiKey, hash: KeyHash) -> Result<(), StoreError> {
        let scopes = scopes_text(&key.permissions)?;
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO api_key (id, organization_id, project_id, owner_id, owner_kind, name, hash, redacted_value, \
                 status, permissions, scopes, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            )
            .bind(&key.id).bind(&key.organization_id).bind(&key.project_id).bind(&key.owner_id)
            .bind(key.owner_kind.as_str()).bind(&key.name).bind(hash.0.to_vec()).bind(&key.redacted_value)
            .bind(key.status.as_str()).bind(key.permissions.kind.as_str()).bind(scopes).bind(key.created_at.0)
            .bind(key.expires_at.map(|at| at.0))
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Writes a key's name, status, permissions and expiry as they are in `key`.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn update_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let scopes = scopes_text(&key.permissions)?;
        in_tx!(self, db => {
            sqlx::query(
                "UPDATE api_key SET name = $2, status = $3, permissions = $4, scopes = $5, expires_at = $6 WHERE id = $1",
            )
            .bind(&key.id).bind(&key.name).bind(key.status.as_str()).bind(key.permissions.kind.as_str()).bind(scopes)
            .bind(key.expires_at.map(|at| at.0))
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Sets a key's status.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_key_status(&mut self, key_id: &str, status: KeyStatus) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE api_key SET status = $1 WHERE id = $2")
                .bind(status.as_str()).bind(key_id).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Disables the active keys of a project, and tells how many there were.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn disable_keys_of_project(&mut self, project_id: &str) -> Result<u64, StoreError> {
        Ok(in_tx!(self, db => {
            sqlx::query("UPDATE api_key SET status = 'disabled' WHERE project_id = $1 AND status = 'active'")
                .bind(project_id).execute(db).await.map(|done| done.rows_affected())
        })?)
    }

    /// Gives a key another secret. The one it had is kept as an old one until `valid_until`, and no older one outlives
    /// it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn set_key_secret(
        &mut self,
        key_id: &str,
        secret: StoredSecret<'_>,
        valid_until: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO api_key_old_secret (hash, key_id, redacted_value, valid_until) \
                 SELECT hash, id, redacted_value, $2 FROM api_key WHERE id = $1",
            )
            .bind(key_id).bind(valid_until.0)
            .execute(db).await.map(drop)
        })?;
        in_tx!(self, db => {
            sqlx::query("UPDATE api_key SET hash = $2, redacted_value = $3 WHERE id = $1")
                .bind(key_id).bind(secret.hash.0.to_vec()).bind(secret.redacted_value)
                .execute(db).await.map(drop)
        })?;
        in_tx!(self, db => {
            sqlx::query("UPDATE api_key_old_secret SET valid_until = $2 WHERE key_id = $1 AND valid_until > $2")
                .bind(key_id).bind(valid_until.0)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
