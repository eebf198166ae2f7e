//! What comes in, as the operator sees it: sources, the quarantine, and the settings of the deployment. They are nobody
//! else's: nobody knows whose a source's lines are (R34).

use mete_store::{QuarantineCount, QuarantineRow, Setting, SourceDay, SourceFile, SourceFilter};

use super::View;
use crate::ControlError;
use crate::boxed;

impl View<'_> {
    /// What came from the sources on a day (counted from 1970, UTC) and later, by source, the newest day first; and how
    /// far their files are read.
    ///
    /// # Errors
    /// When the actor is not the operator, or the store cannot be read.
    #[boxed]
    pub async fn source_report(&self, since_day: i64) -> Result<(Vec<SourceDay>, Vec<SourceFile>), ControlError> {
        self.require_operator("see the sources")?;
        let days = self.store.source_days(&SourceFilter { source: None, since_day: Some(since_day) }).await?;
        Ok((days, self.store.source_files().await?))
    }

    /// How much is and ever was in the quarantine, by source and reason.
    ///
    /// # Errors
    /// When the actor is not the operator, or the store cannot be read.
    #[boxed]
    pub async fn quarantine_counts(&self) -> Result<Vec<QuarantineCount>, ControlError> {
        self.require_operator("see what is in the quarantine")?;
        Ok(self.store.quarantine_counts().await?)
    }

    /// An entry of the quarantine with all of its text that is kept; `None` once it has left.
    ///
    /// # Errors
    /// When the actor is not the operator, or the store cannot be read.
    #[boxed]
    pub async fn quarantine_entry(&self, id: i64) -> Result<Option<QuarantineRow>, ControlError> {
        self.require_operator("see what is in the quarantine")?;
        Ok(self.store.quarantine_entries(&[id]).await?.pop())
    }

    /// The settings of the deployment with their values.
    ///
    /// # Errors
    /// When the actor is not the operator, or the store cannot be read.
    #[boxed]
    pub async fn settings(&self) -> Result<Vec<(Setting, i64)>, ControlError> {
        self.require_operator("see the settings of the deployment")?;
        let mut settings = Vec::with_capacity(Setting::ALL.len());
        for setting in Setting::ALL {
            settings.push((setting, self.store.setting(setting).await?));
        }
        Ok(settings)
    }
}
