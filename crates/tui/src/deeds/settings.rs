//! Settings of the deployment (R4, R28).

use mete_control::{ControlError, Sight};
use mete_store::Setting;

use super::{Ask, Done, Means, Right, Target};
use crate::form::{Field, Form, Rule};

/// What can be done: one of the settings set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act(Setting);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Which setting.
    pub setting: Setting,
    /// What it is set to.
    pub value: i64,
}

impl Act {
    pub(super) const ALL: [Self; 4] = [
        Self(Setting::MaxProjects),
        Self(Setting::FileQuotaBytes),
        Self(Setting::RetentionMonths),
        Self(Setting::QuarantineBytes),
    ];

    /// Sets this one.
    pub(super) const fn set(setting: Setting) -> Self {
        Self(setting)
    }

    pub(super) const fn words(self) -> &'static str {
        match self.0 {
            Setting::MaxProjects => "set how many projects an organization can have",
            Setting::FileQuotaBytes => "set how many bytes of files a project can hold",
            Setting::RetentionMonths => "set for how many months raw events are kept",
            Setting::QuarantineBytes => "set how many bytes the quarantine keeps",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        matches!(target, Target::Deployment) || *target == Target::Setting(self.0)
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        Right::Operator
    }

    pub(super) async fn form(self, _: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let value = ask.store.setting(self.0).await?;
        Ok(Form::new(format!("Setting {}", self.0.name()), "set it").with(
            Field::text("value", "Value", Rule::Setting(self.0)).preset(value.to_string()).hint(self.0.meaning()),
        ))
    }

    pub(super) fn deed(self, form: &Form) -> Result<Deed, String> {
        let value = self.0.read(&form.text("value")).map_err(|problem| problem.to_string())?;
        Ok(Deed { setting: self.0, value })
    }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        means.control.set_setting(means.actor, self.setting, self.value).await?;
        Ok(Done::new(format!("{} is {}", self.setting.name(), self.value)))
    }
}
