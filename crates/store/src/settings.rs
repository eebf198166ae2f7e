//! Settings of the deployment: numbers that hold for all its organizations, kept where every daemon and tool sees them.

use serde::Serialize;

use crate::db::in_tx;
use crate::error::StoreError;
use crate::{Store, Tx};

/// A setting of the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// How many projects an organization can have, archived ones included, the default one not (R4).
    MaxProjects,
    /// How many bytes of files a project can hold (R28).
    FileQuotaBytes,
    /// For how many months raw events are kept; 0 is for ever.
    RetentionMonths,
    /// How many bytes of raw text the quarantine keeps.
    QuarantineBytes,
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 4] = [Self::MaxProjects, Self::FileQuotaBytes, Self::RetentionMonths, Self::QuarantineBytes];

    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxProjects => "max_projects",
            Self::FileQuotaBytes => "file_quota_bytes",
            Self::RetentionMonths => "retention_months",
            Self::QuarantineBytes => "quarantine_bytes",
        }
    }
}

impl Store {
    /// What a setting is set to.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn setting(&self, setting: Setting) -> Result<i64, StoreError> {
        self.meta(setting.name()).await
    }
}

impl Tx {
    /// What a setting is set to.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn setting(&mut self, setting: Setting) -> Result<i64, StoreError> {
        let (value,): (i64,) = in_tx!(self, db => {
            sqlx::query_as("SELECT value FROM meta WHERE name = $1").bind(setting.name()).fetch_one(db).await
        })?;
        Ok(value)
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn set_setting(&mut self, setting: Setting, value: i64) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE meta SET value = $2 WHERE name = $1")
                .bind(setting.name()).bind(value).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
