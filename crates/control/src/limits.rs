//! Setting budgets and thresholds (R23, R24).

use mete_core::directory::ProjectStatus;
use mete_core::limits::Limits;
use mete_core::{Month, Nanos};
use mete_store::{Alert, Scope, ScopeKind, Tx};
use serde::Serialize;

use crate::{Control, ControlError, change};

/// What is to be changed; `None` stays, `Some(None)` is taken away.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitChange {
    /// Monthly budget.
    pub budget: Option<Option<Nanos>>,
    /// Notification threshold.
    pub threshold: Option<Option<Nanos>>,
}

/// The limits of a scope after a change, and the alerts that it raised at once.
#[derive(Clone, Debug, Serialize)]
pub struct LimitsAfter {
    /// The organization's or project's id.
    pub scope_id: String,
    /// Its limits now.
    #[serde(flatten)]
    pub limits: Limits,
    /// Alerts that the change raised, because this month's spend is past the new limit already.
    pub alerts: Vec<Alert>,
}

impl Control<'_> {
    /// The organization with this id or name, as a scope of limits.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn organization_scope(&self, organization: &str) -> Result<Scope, ControlError> {
        Ok(Scope::organization(&self.store.find_organization(organization).await?.id))
    }

    /// The project with this id or name, as a scope of limits.
    ///
    /// # Errors
    /// When it is not there, archived (R21), or a default project, which has no limits of its own (R2).
    pub async fn project_scope(&self, project: &str) -> Result<Scope, ControlError> {
        let project = self.store.find_project(project).await?;
        if project.is_default {
            return Err(ControlError::Invalid(
                "a default project has no limits of its own: set them on its organization".to_owned(),
            ));
        }
        if project.status == ProjectStatus::Archived {
            return Err(ControlError::Conflict(format!(
                "the project {:?} is archived: nothing in it can be changed",
                project.name
            )));
        }
        Ok(Scope::project(&project.id, &project.organization_id))
    }

    /// Changes the limits of a scope. Alerts and blocks follow in the same transaction: a budget above the spend
    /// releases at once, one below it refuses at once (R26, R27).
    ///
    /// # Errors
    /// When a project's limit would be above its organization's; the error names the projects in the way (R24).
    pub async fn set_limits(&self, scope: &Scope, change: LimitChange) -> Result<LimitsAfter, ControlError> {
        let now = self.now();
        change!(self, tx => {
            let before = tx.limits(scope).await?;
            let limits = Limits {
                budget: change.budget.unwrap_or(before.budget),
                threshold: change.threshold.unwrap_or(before.threshold),
            };
            check(tx, scope, limits).await?;
            tx.set_limits(scope, limits).await?;
            let alerts = reconcile(tx, self.store.id_hasher(), scope, limits, now).await?;
            tx.tell(now, scope.organization_id(), "limits.updated", scope.id()).await?;
            Ok(LimitsAfter { scope_id: scope.id().to_owned(), limits, alerts })
        })
    }
}

async fn check(tx: &mut Tx, scope: &Scope, limits: Limits) -> Result<(), ControlError> {
    if scope.kind() == ScopeKind::Project {
        let organization = tx.limits(&Scope::organization(scope.organization_id())).await?;
        return limits.problem(Some(&organization)).map_or(Ok(()), |problem| Err(problem.into()));
    }
    if let Some(problem) = limits.problem(None) {
        return Err(problem.into());
    }
    let projects = tx.project_limits(scope.id()).await?;
    let in_the_way: Vec<String> = projects
        .into_iter()
        .filter_map(|(name, own)| own.problem(Some(&limits)).map(|problem| format!("{name:?}: {problem}")))
        .collect();
    if in_the_way.is_empty() {
        return Ok(());
    }
    Err(ControlError::Conflict(format!(
        "an organization's limits cannot be below those of its projects; lower these first: {}",
        in_the_way.join("; ")
    )))
}

async fn reconcile(
    tx: &mut Tx,
    hasher: mete_core::IdHasher,
    scope: &Scope,
    limits: Limits,
    now: mete_core::Timestamp,
) -> Result<Vec<Alert>, ControlError> {
    let month: Month = now.month();
    let spend = tx.month_spend(scope, month).await?;
    Ok(tx.reconcile(hasher, (scope, month), (limits, spend), now).await?)
}
