//! Settings of the deployment: numbers that hold for all its organizations, kept where every daemon and tool sees them.

use serde::Serialize;

use crate::boxed;
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

    /// What it means, in a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::MaxProjects => "projects that an organization can have",
            Self::FileQuotaBytes => "bytes of files that a project can hold",
            Self::RetentionMonths => "months for which raw events are kept; 0 is for ever",
            Self::QuarantineBytes => "bytes of raw text that the quarantine keeps",
        }
    }

    /// A value as it is typed: a whole number; of bytes also with kB, MB, GB or TB, each a thousand of the one before.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(self, text: &str) -> Result<i64, SettingProblem> {
        const UNITS: [(&str, i64); 4] =
            [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
        let of_bytes = |(name, unit): (&str, i64)| Some((text.strip_suffix(name)?, unit));
        let with_unit = if self.is_bytes() { UNITS.into_iter().find_map(of_bytes) } else { None };
        let (number, unit) = with_unit.unwrap_or((text, 1));
        let value = number.trim_end().parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
        value.ok_or_else(|| SettingProblem { setting: self, typed: text.chars().take(64).collect() })
    }

    const fn is_bytes(self) -> bool {
        matches!(self, Self::FileQuotaBytes | Self::QuarantineBytes)
    }
}

/// A text that is no value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{typed:?} is no value of {}: write a whole number{units}", setting.name(), units = self.units())]
pub struct SettingProblem {
    /// Of which setting.
    setting: Setting,
    /// What was typed.
    typed: String,
}

impl SettingProblem {
    const fn units(&self) -> &'static str {
        if self.setting.is_bytes() { ", also with kB, MB, GB or TB, as in 250GB" } else { "" }
    }
}

impl Store {
    /// What a setting is set to.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn setting(&self, setting: Setting) -> Result<i64, StoreError> {
        self.meta(setting.name()).await
    }
}

impl Tx {
    /// What a setting is set to.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
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
    #[boxed]
    pub async fn set_setting(&mut self, setting: Setting, value: i64) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE meta SET value = $2 WHERE name = $1")
                .bind(setting.name()).bind(value).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r28_bytes_may_have_a_unit() {
        for (text, bytes) in [
            ("100GB", Some(100_000_000_000)),
            ("100 GB", Some(100_000_000_000)),
            ("5kB", Some(5_000)),
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("1GiB", None),
            ("GB", None),
            ("1.5GB", None),
            ("99999999TB", None),
        ] {
            assert_eq!(Setting::FileQuotaBytes.read(text).ok(), bytes, "{text}");
        }
        assert_eq!(Setting::MaxProjects.read("1000"), Ok(1000));
        let problem = Setting::MaxProjects.read("1kB").unwrap_err();
        assert_eq!(problem.to_string(), "\"1kB\" is no value of max_projects: write a whole number");
    }
}
