//! Changes of the directory, and the feed that tells everybody else of them.

use mete_core::Timestamp;
use mete_core::directory::{KeyStatus, OrganizationRole};
use mete_core::secret::KeyHash;

use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::{Store, Tx};

/// How far the store has come; cheap to ask, so that a poll finds out whether there is anything to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Counts changes of the directory and of limits.
    pub change_seq: i64,
    /// Counts commits of the ledger.
    pub ledger_version: i64,
}

/// One entry of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place; the feed has no gaps and is in the order of commits.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whose organization.
    pub organization_id: String,
    /// What was done, as in `project.created`.
    pub kind: String,
    /// To what.
    pub target_id: String,
}

/// An organization to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewOrganization<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The organization above it.
    pub parent_id: Option<&'a str>,
}

/// A project to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewProject<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its organization's id.
    pub organization_id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Whether it is the organization's default project.
    pub is_default: bool,
}

/// A key to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its organization's id.
    pub organization_id: &'a str,
    /// Its project's id.
    pub project_id: &'a str,
    /// The person or service account that it belongs to.
    pub owner_id: &'a str,
    /// Its name; may be empty.
    pub name: &'a str,
    /// SHA-256 of its secret.
    pub hash: KeyHash,
    /// Prefix and last four characters.
    pub redacted_value: &'a str,
}

impl Store {
    /// How far the store has come.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn versions(&self) -> Result<Versions, StoreError> {
        let rows: Vec<(String, i64)> = on_read!(self, db => {
            sqlx::query_as("SELECT name, value FROM meta WHERE name IN ('change_seq', 'ledger_version')")
                .fetch_all(db)
                .await
        })?;
        let of = |name: &str| rows.iter().find(|row| row.0 == name).map_or(0, |row| row.1);
        Ok(Versions { change_seq: of("change_seq"), ledger_version: of("ledger_version") })
    }

    /// The changes after `seq`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn changes_since(&self, seq: i64, limit: i64) -> Result<Vec<Change>, StoreError> {
        let rows: Vec<(i64, i64, String, String, String)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT seq, at, organization_id, kind, target_id FROM change WHERE seq > $1 ORDER BY seq LIMIT $2",
            )
            .bind(seq)
            .bind(limit)
            .fetch_all(db)
            .await
        })?;
        let change = |(seq, at, organization_id, kind, target_id)| Change {
            seq,
            at: Timestamp(at),
            organization_id,
            kind,
            target_id,
        };
        Ok(rows.into_iter().map(change).collect())
    }
}

impl Tx {
    /// Tells the feed what this transaction changed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn tell(
        &mut self,
        at: Timestamp,
        organization_id: &str,
        kind: &str,
        target: &str,
    ) -> Result<(), StoreError> {
        let seq = self.count_up("change_seq").await?;
        in_tx!(self, db => {
            sqlx::query("INSERT INTO change (seq, at, organization_id, kind, target_id) VALUES ($1, $2, $3, $4, $5)")
                .bind(seq).bind(at.0).bind(organization_id).bind(kind).bind(target)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// How many organizations there are.
    ///
    /// # Errors
    /// When the store cannot be read.
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
    pub async fn count_projects(&mut self, organization_id: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM project WHERE organization_id = $1 AND NOT is_default",
            )
            .bind(organization_id)
            .fetch_one(db)
            .await
        })?;
        Ok(count)
    }

    /// Makes an organization.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn insert_organization(&mut self, new: &NewOrganization<'_>, at: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("INSERT INTO organization (id, name, parent_id, created_at) VALUES ($1, $2, $3, $4)")
                .bind(new.id).bind(new.name).bind(new.parent_id).bind(at.0)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an active project of the organization has the name already (R19).
    pub async fn insert_project(&mut self, new: &NewProject<'_>, at: Timestamp) -> Result<(), StoreError> {
        let outcome: Result<(), StoreError> = in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO project (id, num, organization_id, name, name_key, status, is_default, created_at) \
                 SELECT $1, COALESCE(MAX(num), 0) + 1, $2, $3, $4, 'active', $5, $6 FROM project",
            )
            .bind(new.id).bind(new.organization_id).bind(new.name).bind(new.name.to_lowercase())
            .bind(new.is_default).bind(at.0)
            .execute(db).await.map(drop).map_err(StoreError::from)
        });
        outcome.map_err(|error| {
            if !error.is_unique_violation() {
                return error;
            }
            StoreError::Conflict(format!(
                "the organization has an active project named {:?} already: choose another name",
                new.name
            ))
        })
    }

    /// The id of the person with this (lower-case) e-mail address; `new_id` if the person had to be made.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn upsert_person(&mut self, email: &str, new_id: &str, at: Timestamp) -> Result<String, StoreError> {
        let (id,): (String,) = in_tx!(self, db => {
            sqlx::query_as(
                "INSERT INTO person (id, email, name, created_at) VALUES ($1, $2, '', $3) \
                 ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id",
            )
            .bind(new_id).bind(email).bind(at.0)
            .fetch_one(db).await
        })?;
        Ok(id)
    }

    /// Makes a person a member of an organization; one who is a member already keeps the role.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn insert_organization_member(
        &mut self,
        organization_id: &str,
        user_id: &str,
        role: OrganizationRole,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO organization_member (organization_id, user_id, role, added_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(organization_id).bind(user_id).bind(role.as_str()).bind(at.0)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Makes a person a member of a project; one who is a member already stays as it is.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn insert_project_member(
        &mut self,
        project_id: &str,
        user_id: &str,
        role: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO project_member (project_id, user_id, role, added_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(project_id).bind(user_id).bind(role).bind(at.0)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Makes a key.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn insert_key(&mut self, new: &NewKey<'_>, at: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO api_key (id, organization_id, project_id, owner_id, name, hash, redacted_value, status, \
                 created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8)",
            )
            .bind(new.id).bind(new.organization_id).bind(new.project_id).bind(new.owner_id).bind(new.name)
            .bind(new.hash.0.to_vec()).bind(new.redacted_value).bind(at.0)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Sets a key's status.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn set_key_status(&mut self, key_id: &str, status: KeyStatus) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE api_key SET status = $1 WHERE id = $2")
                .bind(status.as_str()).bind(key_id).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
