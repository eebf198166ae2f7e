//! Whether the limits of an organization and its projects go together, and making them (R24).

use mete_core::actor::Actor;
use mete_core::limits::Limits;
use mete_core::rates::{RateLimit, Rates, models_outside};
use mete_store::{Alert, Scope, ScopeKind, Tx};

use crate::deed::Deed;
use crate::limits::{AllLimits, LimitChange, all_limits, difference};
use crate::lookup::project_now;
use crate::{Control, ControlError};

/// What was lowered along, by name, and the alerts that this raised.
#[derive(Debug, Default)]
pub(super) struct Fit {
    pub names: Vec<String>,
    /// Models, members and keys that were lowered along with them.
    pub parts: Vec<String>,
    pub alerts: Vec<Alert>,
}

impl Control<'_> {
    /// Checks the limits that a scope is to have against those around it; lowers projects along if asked to.
    pub(super) async fn fit(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (scope, after, change): (&Scope, &AllLimits, &LimitChange),
    ) -> Result<Fit, ControlError> {
        if let Some(problem) = after.limits.problem(None) {
            return Err(problem.into());
        }
        if scope.kind() == ScopeKind::Project {
            if change.lower_projects {
                return Err(ControlError::Invalid("only an organization has projects to lower along".to_owned()));
            }
            let above = all_limits(tx, &Scope::organization(scope.organization_id())).await?;
            if let Some(problem) = problems(after, &above).into_iter().next() {
                return Err(ControlError::Invalid(problem));
            }
            let project = project_now(tx, scope.id()).await?;
            let wanted = (&project, after.limits.budget, change.lower_parts);
            let (parts, alerts) = self.fit_parts(tx, actor, wanted).await?;
            return Ok(Fit { parts, alerts, ..Fit::default() });
        }
        if change.lower_parts {
            return Err(ControlError::Invalid("only a project has models, members and keys to lower along".to_owned()));
        }
        let in_the_way = projects_in_the_way(tx, scope.id(), after).await?;
        if change.lower_projects {
            return self.lower(tx, actor, (&in_the_way, after)).await;
        }
        if in_the_way.is_empty() {
            return Ok(Fit::default());
        }
        let listed: Vec<String> =
            in_the_way.iter().map(|project| format!("{:?}: {}", project.name, project.problems.join(", "))).collect();
        Err(ControlError::Conflict(format!(
            "an organization's limits cannot be below those of its projects; lower these first, \
             or along with --lower-projects: {}",
            listed.join("; ")
        )))
    }

    async fn lower(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (in_the_way, organization): (&[InTheWay], &AllLimits),
    ) -> Result<Fit, ControlError> {
        let mut fit = Fit::default();
        for InTheWay { id, before, .. } in in_the_way {
            let project = project_now(tx, id).await?;
            let scope = Scope::project(&project.id, &project.organization_id);
            let after = lowered(before, organization);
            fit.alerts.extend(self.write_limits(tx, &scope, (before, &after)).await?);
            let deed = Deed::on_project("limits.updated", &project).because("lowered along with the organization");
            self.record(tx, actor, &deed, difference(before, &after)).await?;
            let (parts, alerts) = self.fit_parts(tx, actor, (&project, after.limits.budget, true)).await?;
            fit.parts.extend(parts);
            fit.alerts.extend(alerts);
            fit.names.push(project.name);
        }
        Ok(fit)
    }
}

/// A project with limits above those that its organization is to have.
struct InTheWay {
    id: String,
    name: String,
    before: AllLimits,
    problems: Vec<String>,
}

async fn projects_in_the_way(
    tx: &mut Tx,
    organization_id: &str,
    organization: &AllLimits,
) -> Result<Vec<InTheWay>, ControlError> {
    let mut named: Vec<(String, String)> = Vec::new();
    named.extend(tx.project_limits(organization_id).await?.into_iter().map(|project| (project.name, project.id)));
    named.extend(tx.project_models(organization_id).await?.into_iter().map(|project| (project.name, project.id)));
    named.extend(tx.project_rate_limits(organization_id).await?.into_iter().map(|project| (project.name, project.id)));
    named.sort();
    named.dedup();
    let mut in_the_way = Vec::new();
    for (name, id) in named {
        let before = all_limits(tx, &Scope::project(&id, organization_id)).await?;
        let problems = problems(&before, organization);
        if !problems.is_empty() {
            in_the_way.push(InTheWay { id, name, before, problems });
        }
    }
    Ok(in_the_way)
}

/// What of a project's limits is above its organization's, in words.
fn problems(project: &AllLimits, organization: &AllLimits) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    problems.extend(project.limits.problem(Some(&organization.limits)).map(|problem| problem.to_string()));
    let outside = models_outside(&project.models, &organization.models);
    if !outside.is_empty() {
        problems.push(format!("a project's models are among its organization's, and {} are not", outside.join(", ")));
    }
    for limit in &project.rate_limits {
        for (rate, own, most) in limit.rates.above(&rates_of(organization, &limit.model)) {
            problems.push(format!(
                "a project's rate limit cannot be above its organization's: {} of {} for {} is above {most}",
                rate.name(),
                own,
                limit.model
            ));
        }
    }
    problems
}

/// A project's limits with what is above its organization's lowered to them.
fn lowered(project: &AllLimits, organization: &AllLimits) -> AllLimits {
    let limits: Limits = project.limits.lowered_to(&organization.limits);
    let models = match (&project.models, &organization.models) {
        (Some(own), Some(most)) => Some(own.iter().filter(|model| most.contains(model)).cloned().collect()),
        (own, _) => own.clone(),
    };
    let lowered = |limit: &RateLimit| RateLimit {
        model: limit.model.clone(),
        rates: limit.rates.lowered_to(&rates_of(organization, &limit.model)),
    };
    AllLimits { limits, models, rate_limits: project.rate_limits.iter().map(lowered).collect() }
}

fn rates_of(limits: &AllLimits, model: &str) -> Rates {
    limits.rate_limits.iter().find(|limit| limit.model == model).map(|limit| limit.rates).unwrap_or_default()
}
