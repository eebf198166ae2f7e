//! The feed that tells everybody of changes of the directory.

use mete_core::Timestamp;

use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::key_set::KeySet;
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

/// How much of the directory has to be read again after changes; each includes those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Limits, blocks, releases, settings: what holds for keys and projects, not what they are.
    Rules,
    /// Organizations and projects, no key.
    Projects,
    /// These keys.
    Keys(KeySet),
    /// Everything.
    All,
}

impl Extent {
    /// What has to be read again after both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Keys(keys), Self::Keys(others)) => Self::Keys(keys.and(others)),
            (Self::Keys(keys), _) | (_, Self::Keys(keys)) => Self::Keys(keys),
            (Self::Projects, _) | (_, Self::Projects) => Self::Projects,
            (Self::Rules, Self::Rules) => Self::Rules,
        }
    }
}

impl Change {
    /// What it can have changed. What is not known may be anything.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let target = || self.target_id.clone();
        match self.kind.as_str() {
            "limits.updated" | "setting.updated" => Extent::Rules,
            "block.created" | "block.lifted" | "release.created" | "release.lifted" => Extent::Rules,
            "usage_grant.created" | "usage_grant.deleted" | "alert.acknowledged" => Extent::Rules,
            "quarantine.forgotten" | "rerate.started" | "rerate.finished" | "rerate.undone" => Extent::Rules,
            "admin_api_key.created" | "admin_api_key.deleted" => Extent::Rules,
            // Whoever comes, or comes back, has no key by that (R11).
            "invite.sent" | "invite.deleted" | "invite.accepted" | "user.added" => Extent::Rules,
            "project_user.added" | "project_user.updated" | "service_account.updated" => Extent::Rules,
            "organization.created" | "organization.updated" | "project.created" | "project.updated" => Extent::Projects,
            _ if self.target_id.is_empty() => Extent::All,
            "api_key.created" | "api_key.updated" | "api_key.rotated" => Extent::Keys(KeySet::of_key(target())),
            "api_key.disabled" | "api_key.enabled" | "api_key.deleted" => Extent::Keys(KeySet::of_key(target())),
            "project.archived" => Extent::Keys(KeySet::of_project(target())),
            // A member who leaves or is no owner any more (R7, R11); an account comes with a key (R13), and leaves without (R14).
            "user.updated"
            | "user.deleted"
            | "project_user.deleted"
            | "service_account.created"
            | "service_account.deleted" => Extent::Keys(KeySet::of_owner(target(), self.organization_id.clone())),
            _ => Extent::All,
        }
    }
}

/// So many changes are looked at one by one. They are asked for several times a second and come a few at a time; where
/// there are more, whoever asks has missed a lot, and reading everything once is over sooner than going on step by step.
const MOST_CHANGES: i64 = 1000;

impl Store {
    /// The extent of all changes after `seq`, of which there is at least one, and the place of the last. It is everything
    /// where the feed does not tell: it lacks some of them, or they are more than a thousand.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn extent_since(&self, seq: i64) -> Result<(Extent, i64), StoreError> {
        let changes = self.changes_since(seq, MOST_CHANGES + 1).await?;
        let reaches = changes.last().map_or(seq, |change| change.seq);
        let is_whole = i64::try_from(changes.len()).is_ok_and(|count| count <= MOST_CHANGES && seq + count == reaches);
        let extent = changes.iter().map(Change::extent).reduce(Extent::and).filter(|_| is_whole);
        Ok((extent.unwrap_or(Extent::All), reaches))
    }

    /// How far the store has come.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
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
    #[boxed]
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
    #[boxed]
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
}
