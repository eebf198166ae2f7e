//! Taking note of alerts (R27).

use mete_control::{ControlError, Sight};
use mete_core::rights::Action;
use mete_store::AlertKind;

use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::Form;
use crate::format::{ago, money};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Takes note of it.
    Acknowledge,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The id of the alert.
    pub alert: String,
}

impl Act {
    pub(super) const ALL: [Self; 1] = [Self::Acknowledge];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge the alert",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        matches!(target, Target::Alert(alert, _) if alert.acknowledged_at.is_none())
    }

    pub(super) const fn right(self, target: &Target, _: &Sight) -> Right {
        Right::Row(match target {
            Target::Alert(_, Some(_)) => Action::ManageBlocks,
            _ => Action::SetLimits,
        })
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let alert = misplaced(target.alert())?;
        let what = match alert.kind {
            AlertKind::Threshold => "passed its threshold",
            AlertKind::Exhausted => "exhausted its budget",
        };
        let raised = format!("{} {what} of {} {}.", alert.whose(), money(alert.amount), ago(alert.at, ask.now));
        Ok(Form::new(format!("Acknowledge the alert on {}", alert.whose()), "acknowledge")
            .telling(raised)
            .telling("It leaves the list of what needs somebody. Nothing else changes: what is refused stays refused."))
    }

    pub(super) fn deed(self, target: &Target) -> Result<Deed, String> {
        Ok(Deed { alert: there(target.alert())?.id.clone() })
    }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let acknowledged = means.control.acknowledge_alerts(means.actor, &[self.alert]).await?;
        let whose = acknowledged.first().map(mete_store::Alert::whose).unwrap_or_default();
        Ok(Done::new(format!("the alert on {whose} is acknowledged")))
    }
}
