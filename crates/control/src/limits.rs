//! Setting budgets, thresholds, models and rate limits (R23, R24).

mod fit;
mod parts;

use mete_core::actor::Actor;
use mete_core::limits::Limits;
use mete_core::rates::{Models, RateChange, RateLimit, Rates};
use mete_core::rights::Action;
use mete_core::{Nanos, Timestamp};
use mete_store::{Alert, Scope, ScopeKind, Tx};
use serde::Serialize;
use serde_json::{Value, json};

use crate::boxed;
use crate::deed::Deed;
use crate::limits::fit::Fit;
use crate::lookup::{organization_now, project_now};
use crate::rights::{Attempt, refuse_archived, refuse_default};
use crate::{Control, ControlError, change};

pub use parts::{PartAfter, PartNamed};

/// Whose limits; each is an id or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitsOf {
    /// An organization's.
    Organization(String),
    /// A project's.
    Project(String),
}

/// What is to be changed; `None` stays, `Some(None)` is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitChange {
    /// Monthly budget.
    pub budget: Option<Option<Nanos>>,
    /// Notification threshold.
    pub threshold: Option<Option<Nanos>>,
    /// The models that may be used.
    pub models: Option<Models>,
    /// Figures of rate limits.
    pub rates: Vec<RateChange>,
    /// For an organization: lower its projects along where they are above (R24).
    pub lower_projects: bool,
    /// For a project: lower the budgets of its models, members and keys along where they are above (R24). Projects that are
    /// lowered along take them along anyway.
    pub lower_parts: bool,
}

/// All limits of a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AllLimits {
    #[serde(flatten)]
    pub limits: Limits,
    pub models: Models,
    pub rate_limits: Vec<RateLimit>,
}

/// The limits of a scope after a change, and the alerts that it raised at once.
#[derive(Clone, Debug, Serialize)]
pub struct LimitsAfter {
    /// The organization's or project's id.
    pub scope_id: String,
    /// Its budget and threshold now.
    #[serde(flatten)]
    pub limits: Limits,
    /// The models that may be used; null for all.
    pub models: Models,
    /// Its rate limits, by model.
    pub rate_limits: Vec<RateLimit>,
    /// Alerts that the change raised, because this month's spend is past the new limit already.
    pub alerts: Vec<Alert>,
    /// The names of the projects that were lowered along.
    pub lowered_projects: Vec<String>,
    /// The models, members and keys whose budgets were lowered along.
    pub lowered_parts: Vec<String>,
}

impl Control<'_> {
    /// Changes the limits of an organization or a project. Alerts and blocks follow in the same transaction: a budget
    /// above the spend releases at once, one below it refuses at once (R26, R27).
    ///
    /// # Errors
    /// When the actor may not, the scope is not there, archived (R21) or a default project (R2), a project's limit would be
    /// above its organization's (R24; the error names the projects in the way), or the store fails.
    #[boxed]
    pub async fn set_limits(
        &self,
        actor: &Actor,
        of: &LimitsOf,
        change: &LimitChange,
    ) -> Result<LimitsAfter, ControlError> {
        const ACTION: &str = "limits.updated";
        let scope = match of {
            LimitsOf::Organization(asked) => {
                Scope::organization(&self.organization_for(actor, asked, ACTION).await?.id)
            }
            LimitsOf::Project(asked) => {
                let project = self.project_for(actor, asked, ACTION).await?;
                Scope::project(&project.id, &project.organization_id)
            }
        };
        change!(self, actor, tx => {
            let deed = self.permit_limits(tx, actor, (&scope, ACTION)).await?;
            let before = all_limits(tx, &scope).await?;
            let after = changed(&before, change)?;
            let lowered = self.fit(tx, actor, (&scope, &after, change)).await?;
            let Fit { names, parts, mut alerts } = lowered;
            alerts.extend(self.write_limits(tx, &scope, (&before, &after)).await?);
            self.record(tx, actor, &deed, difference(&before, &after)).await?;
            Ok(LimitsAfter {
                scope_id: scope.id().to_owned(),
                limits: after.limits,
                models: after.models,
                rate_limits: after.rate_limits,
                alerts,
                lowered_projects: names,
                lowered_parts: parts,
            })
        })
    }

    /// Lets the actor set the limits of a scope that can have some, or refuses.
    async fn permit_limits(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (scope, action): (&Scope, &'static str),
    ) -> Result<Deed, ControlError> {
        if scope.kind() == ScopeKind::Organization {
            let organization = organization_now(tx, scope.id()).await?;
            let deed = Deed::on_organization(action, &organization);
            self.permit_in_organization(tx, actor, Action::SetLimits, (&organization, &deed)).await?;
            return Ok(deed);
        }
        let project = project_now(tx, scope.id()).await?;
        let deed = Deed::on_project(action, &project);
        let attempt = Attempt {
            action: Action::SetLimits,
            organization_id: &project.organization_id,
            project: Some(&project),
            deed: &deed,
        };
        self.permit(tx, actor, attempt).await?;
        refuse_default(&project, "has no limits of its own: set them on its organization")?;
        refuse_archived(&project)?;
        Ok(deed)
    }

    /// Writes what differs, and brings alerts and blocks in line.
    pub(crate) async fn write_limits(
        &self,
        tx: &mut Tx,
        scope: &Scope,
        (before, after): (&AllLimits, &AllLimits),
    ) -> Result<Vec<Alert>, ControlError> {
        if after.models != before.models {
            tx.set_models(scope, &after.models).await?;
        }
        for limit in gone_and_changed(&before.rate_limits, &after.rate_limits) {
            tx.set_rate_limit(scope, &limit).await?;
        }
        tx.set_limits(scope, after.limits).await?;
        let now: Timestamp = self.now();
        let month = now.month();
        let spend = tx.month_spend(scope, month).await?;
        Ok(tx.reconcile(self.store.id_hasher(), (scope, month), (after.limits, spend), now).await?)
    }
}

pub(crate) async fn all_limits(tx: &mut Tx, scope: &Scope) -> Result<AllLimits, ControlError> {
    Ok(AllLimits {
        limits: tx.limits(scope).await?,
        models: tx.models(scope).await?,
        rate_limits: tx.rate_limits(scope).await?,
    })
}

/// The limits with the change made to them.
fn changed(before: &AllLimits, change: &LimitChange) -> Result<AllLimits, ControlError> {
    let limits = Limits {
        budget: change.budget.unwrap_or(before.limits.budget),
        threshold: change.threshold.unwrap_or(before.limits.threshold),
    };
    let models = match &change.models {
        None => before.models.clone(),
        Some(models) => models.as_deref().map(check_models).transpose()?,
    };
    let mut rate_limits = before.rate_limits.clone();
    for RateChange { model, rate, value } in &change.rates {
        let model = check_model(model)?;
        let place = rate_limits.iter().position(|limit| limit.model == model).unwrap_or_else(|| {
            rate_limits.push(RateLimit { model, rates: Rates::default() });
            rate_limits.len() - 1
        });
        rate_limits[place].rates.set(*rate, *value);
    }
    rate_limits.retain(|limit| !limit.rates.is_empty());
    rate_limits.sort_by(|a, b| a.model.cmp(&b.model));
    Ok(AllLimits { limits, models, rate_limits })
}

/// A list of models as it is kept: sorted, each once.
fn check_models(models: &[String]) -> Result<Vec<String>, ControlError> {
    let mut checked = models.iter().map(|model| check_model(model)).collect::<Result<Vec<_>, _>>()?;
    checked.sort();
    checked.dedup();
    Ok(checked)
}

fn check_model(model: &str) -> Result<String, ControlError> {
    Ok(mete_core::directory::check_name(model)?)
}

/// The rate limits that are to be written: those that differ, and empty ones for those that are gone.
fn gone_and_changed(before: &[RateLimit], after: &[RateLimit]) -> Vec<RateLimit> {
    let gone = before.iter().filter(|old| after.iter().all(|new| new.model != old.model));
    let gone = gone.map(|old| RateLimit { model: old.model.clone(), rates: Rates::default() });
    gone.chain(after.iter().filter(|new| !before.contains(new)).cloned()).collect()
}

/// What the audit log says of a change: only what differs.
pub(crate) fn difference(before: &AllLimits, after: &AllLimits) -> Value {
    let (Value::Object(mut before), Value::Object(mut after)) = (json!(before), json!(after)) else {
        return Value::Null;
    };
    let same: Vec<String> =
        before.iter().filter(|(name, value)| after.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
    for name in same {
        before.remove(&name);
        after.remove(&name);
    }
    json!({"before": before, "after": after})
}
