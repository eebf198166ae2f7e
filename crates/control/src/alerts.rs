//! Taking note of alerts (R27).

use mete_core::actor::Actor;
use mete_core::rights::Action;
use mete_store::{Alert, ScopeKind, Tx};
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{gone, organization_now, project_now};
use crate::rights::hidden;
use crate::sight::Sight;
use crate::{Control, ControlError, change};

/// Alerts that one call takes note of: they are one transaction, for which ingest waits, some hundred milliseconds.
pub const MAX_ACKNOWLEDGED: usize = 500;

const ACTION: &str = "alert.acknowledged";

impl Control<'_> {
    /// Takes note of alerts, given by their ids: of all, or of none where one is refused. They leave the list of what
    /// needs somebody; they still are the one alert of their limit and month, and no other is raised (R27). An alert
    /// that somebody took note of before stays as it is, and nothing is written down of that.
    ///
    /// Also of a project that is archived: nothing in it is changed (R21), and late usage may still raise some.
    ///
    /// # Errors
    /// When the actor may not, one is not there, they are more than [`MAX_ACKNOWLEDGED`], or the store fails.
    #[boxed]
    pub async fn acknowledge_alerts(&self, actor: &Actor, ids: &[String]) -> Result<Vec<Alert>, ControlError> {
        if ids.len() > MAX_ACKNOWLEDGED {
            let words = format!("{} alerts are too many at once: {MAX_ACKNOWLEDGED} are the most", ids.len());
            return Err(ControlError::Invalid(words));
        }
        let sight = Sight::of(self.store, actor).await?;
        change!(self, actor, tx => {
            let mut acknowledged = Vec::with_capacity(ids.len());
            for id in ids {
                acknowledged.push(self.acknowledge(tx, (actor, &sight), id).await?);
            }
            Ok(acknowledged)
        })
    }

    async fn acknowledge(
        &self,
        tx: &mut Tx,
        (actor, sight): (&Actor, &Sight),
        id: &str,
    ) -> Result<Alert, ControlError> {
        let alert = tx.alert(id).await?.ok_or_else(|| gone("alert", id))?;
        let deed = self.permit_acknowledging(tx, (actor, sight), &alert).await?;
        if alert.acknowledged_at.is_some() {
            return Ok(alert);
        }
        let (by, now) = (actor.name().to_owned(), self.now());
        tx.set_alert_acknowledged(&alert.id, &by, now).await?;
        let about = json!({"kind": alert.kind, "month": alert.month, "amount": alert.amount, "raised_at": alert.at});
        self.record(tx, actor, &deed, json!({"after": about})).await?;
        Ok(Alert { acknowledged_at: Some(now), acknowledged_by: Some(by), ..alert })
    }

    /// Lets the actor take note of an alert, or refuses: what it takes is what blocking a key takes, so that it is up to
    /// those who can do something about it.
    async fn permit_acknowledging(
        &self,
        tx: &mut Tx,
        (actor, sight): (&Actor, &Sight),
        alert: &Alert,
    ) -> Result<Deed, ControlError> {
        let not_there = |deed| hidden(format!("there is no alert {:?}", alert.id), deed).into();
        if alert.scope_kind == ScopeKind::Organization {
            let organization = organization_now(tx, &alert.scope_id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target(&alert.id, &alert.whose());
            if !sight.sees_organization(&organization) {
                return Err(not_there(deed));
            }
            // no owner of a project owns an organization by that: the refusal is to name the one who does
            self.permit_in_organization(tx, actor, Action::SetLimits, (&organization, &deed)).await?;
            return Ok(deed);
        }
        let project = project_now(tx, &alert.scope_id).await?;
        let deed = Deed::on_project(ACTION, &project).target(&alert.id, &alert.whose());
        if !sight.sees_project(&project) {
            return Err(not_there(deed));
        }
        self.permit_in_project(tx, actor, Action::ManageBlocks, (&project, &deed)).await?;
        Ok(deed)
    }
}
