//! Settings of the deployment (R4, R28).

use mete_core::actor::Actor;
use mete_store::Setting;
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::{Control, ControlError, change};

impl Control<'_> {
    /// Sets a setting of the deployment: the operator's to do.
    ///
    /// # Errors
    /// When the actor may not, the value is negative, or the store fails.
    #[boxed]
    pub async fn set_setting(&self, actor: &Actor, setting: Setting, value: i64) -> Result<(), ControlError> {
        change!(self, actor, tx => {
            let deed = Deed::on_deployment("setting.updated").target("", setting.name());
            self.permit_operator(actor, "change a setting of the deployment", &deed)?;
            if value < 0 {
                return Err(ControlError::Invalid(format!("{} cannot be negative", setting.name())));
            }
            let before = tx.setting(setting).await?;
            tx.set_setting(setting, value).await?;
            self.record(tx, actor, &deed, json!({"before": before, "after": value})).await
        })
    }
}
