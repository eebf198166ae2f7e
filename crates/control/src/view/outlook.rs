//! Where spend is going: courses, who spends most, what changed, forecasts (R6 decides of what).

use mete_core::directory::{Organization, OrganizationView, Project, ProjectStatus};
use mete_core::forecast::{Burn, Forecast, Habit, RunOut};
use mete_core::limits::Limits;
use mete_core::rights::Action;
use mete_core::{Nanos, Timestamp};
use mete_store::{ScopeKind, Span, SpendOf, SpendPoint, Spender, SpenderKind};
use serde::Serialize;

use super::{ListedProjects, View};
use crate::ControlError;
use crate::boxed;

/// Where the spend of a month is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// The monthly budget, where there is one.
    pub budget: Option<Nanos>,
    /// What the month will come to.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// How fast it is spent.
    pub burn: Burn,
    /// The burn in per mille of what is usual, where anything is.
    pub factor_per_mille: Option<u32>,
    /// When the budget runs out, where there is one.
    pub runs_out: Option<RunOut>,
}

impl Outlook {
    /// From a habit, what is spent of the month, and the budget.
    #[must_use]
    pub fn of(habit: &Habit, spent: Nanos, budget: Option<Nanos>) -> Self {
        let burn = habit.burn();
        Self {
            budget,
            forecast: habit.forecast(spent),
            burn,
            factor_per_mille: burn.factor(),
            runs_out: budget.map(|budget| habit.run_out(budget - spent)),
        }
    }

    /// Of a month that is over: it came to what was spent, and nothing is spent in it any more.
    #[must_use]
    pub fn over(spent: Nanos, budget: Option<Nanos>) -> Self {
        let forecast = Forecast { spent, point: spent, low: spent, high: spent };
        Self { budget, forecast, burn: Burn::default(), factor_per_mille: None, runs_out: None }
    }
}

/// The outlook of an organization or a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeOutlook {
    /// What it is.
    pub scope: ScopeKind,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The outlook.
    #[serde(flatten)]
    pub outlook: Outlook,
}

impl View<'_> {
    /// What the actor may see of the spend of a project, of an organization with its sub-organizations, or of all: the
    /// scopes that it is the sum of.
    pub(super) async fn scopes_with_spend(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
    ) -> Result<Vec<SpendOf>, ControlError> {
        if let Some(project) = project {
            let sees = self.sight.may(Action::SeeSpend, project);
            return if sees {
                Ok(vec![SpendOf::Project(project.id.clone())])
            } else {
                Err(self.denied(Action::SeeSpend))
            };
        }
        let Some(within) = self.sight.organization_ids() else {
            return Ok(vec![organization.map_or(SpendOf::All, |it| SpendOf::Organization(it.id.clone()))]);
        };
        if let Some(organization) = organization
            && (self.sight.may_in_organization(Action::SeeSpend, &organization.id) || self.sight.pays_for(organization))
        {
            return Ok(vec![SpendOf::Organization(organization.id.clone())]);
        }
        let records = self.store.organization_records().await?;
        let is_counted_above = |id: &str| {
            let parent = records.iter().find(|it| it.id == id).and_then(|it| it.parent_id.as_deref());
            parent.is_some_and(|parent| self.sight.may_in_organization(Action::SeeSpend, parent))
        };
        let mut scopes = Vec::new();
        for id in within.into_iter().filter(|id| organization.is_none_or(|wanted| wanted.id == *id)) {
            if !self.sight.may_in_organization(Action::SeeSpend, id) {
                let projects = self.projects_for(Action::SeeSpend, Some(id)).await?;
                scopes.extend(projects.into_iter().map(|project| SpendOf::Project(project.id)));
            } else if !is_counted_above(id) {
                scopes.push(SpendOf::Organization(id.to_owned()));
            }
        }
        if scopes.is_empty() { Err(self.denied(Action::SeeSpend)) } else { Ok(scopes) }
    }

    /// What was spent hour by hour or day by day, or in a month, of a project, of an organization with its
    /// sub-organizations, or of all that the actor may see (R6, R8).
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    #[boxed]
    pub async fn course(
        &self,
        within: (Option<&Organization>, Option<&Project>),
        span: Span,
    ) -> Result<Vec<SpendPoint>, ControlError> {
        let mut sum: std::collections::BTreeMap<i64, (Nanos, u64)> = std::collections::BTreeMap::new();
        for scope in self.scopes_with_spend(within).await? {
            for SpendPoint { at, spend, requests } in self.store.course(&scope, span).await? {
                let point = sum.entry(at).or_default();
                *point = (point.0 + spend, point.1 + requests);
            }
        }
        Ok(sum.into_iter().map(|(at, (spend, requests))| SpendPoint { at, spend, requests }).collect())
    }

    /// What a key spent, as [`View::course`]; for those who may see the spend of its project.
    ///
    /// # Errors
    /// When the actor may not see it, or the store cannot be read.
    #[boxed]
    pub async fn key_course(&self, key_id: &str, span: Span) -> Result<Vec<SpendPoint>, ControlError> {
        let key = self.key(key_id).await?;
        let project = self.project(None, &key.project_id).await?;
        if !self.sight.may(Action::SeeSpend, &project) {
            return Err(self.denied(Action::SeeSpend));
        }
        Ok(self.store.course(&SpendOf::Key(key.id), span).await?)
    }

    /// Who spent the most in a span, at most `limit`; with another span of the same kind to compare with, who spent the
    /// most more than in that one.
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    #[boxed]
    pub async fn spenders(
        &self,
        (organization, project, kind): (Option<&Organization>, Option<&Project>, SpenderKind),
        spans: (Span, Option<Span>),
        limit: u32,
    ) -> Result<Vec<Spender>, ControlError> {
        let scopes = self.scopes_with_spend((organization, project)).await?;
        let (of, within) = match scopes.as_slice() {
            [one] => (one.clone(), None),
            _ => (SpendOf::All, Some(self.projects_with_spend(organization).await?)),
        };
        Ok(self.store.spenders((&of, within.as_deref(), kind), spans, limit).await?)
    }

    /// The habit of all that [`View::course`] tells of.
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    #[boxed]
    pub async fn habit(
        &self,
        within: (Option<&Organization>, Option<&Project>),
        now: Timestamp,
    ) -> Result<Habit, ControlError> {
        let hours = Span::Hours(now.hour() - mete_core::forecast::HABIT_HOURS, now.hour());
        let course = self.course(within, hours).await?;
        Ok(Habit::new(now, None, course.into_iter().map(|point| (point.at, point.spend))))
    }

    /// The outlooks of the present month of all organizations and active projects with a budget whose spend the actor may
    /// see: of one project, whether it has a budget or not; of an organization and its projects; or of all.
    ///
    /// # Errors
    /// When the actor may not see the spend that is asked for, or the store cannot be read.
    #[boxed]
    pub async fn outlooks(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
        now: Timestamp,
    ) -> Result<Vec<ScopeOutlook>, ControlError> {
        let month = now.month();
        // Says no to whoever may see nothing of it.
        self.scopes_with_spend((organization, project)).await?;
        if let Some(project) = project {
            let view = self.project_view(project, month).await?;
            let habit = self.habit((None, Some(project)), now).await?;
            let outlook = Outlook::of(&habit, view.spend.unwrap_or_default(), view.limits.budget);
            let (id, name) = (project.id.clone(), project.name.clone());
            return Ok(vec![ScopeOutlook { scope: ScopeKind::Project, id, name, outlook }]);
        }
        let organizations = match organization {
            Some(organization) => vec![self.organization_view(organization, month).await?],
            None => self.organizations(month).await?,
        };
        let mut outlooks = Vec::new();
        for OrganizationView { organization, limits, spend, .. } in organizations {
            if let (Limits { budget: Some(budget), .. }, Some(spend)) = (limits, spend) {
                let habit = self.store.habit(&SpendOf::Organization(organization.id.clone()), now).await?;
                let outlook = Outlook::of(&habit, spend, Some(budget));
                let (id, name) = (organization.id, organization.name);
                outlooks.push(ScopeOutlook { scope: ScopeKind::Organization, id, name, outlook });
            }
        }
        let organization_id = organization.map(|organization| organization.id.as_str());
        let wanted = ListedProjects { organization_id, status: Some(ProjectStatus::Active) };
        let projects = self.projects(wanted, month).await?;
        let projects: Vec<_> =
            projects.into_iter().filter(|view| view.limits.budget.is_some() && view.spend.is_some()).collect();
        let ids: Vec<String> = projects.iter().map(|view| view.project.id.clone()).collect();
        let habits = self.store.habits(&ids, now).await?;
        let nothing = Habit::new(now, None, []);
        outlooks.extend(projects.into_iter().map(|view| {
            let habit = habits.get(&view.project.id).unwrap_or(&nothing);
            let outlook = Outlook::of(habit, view.spend.unwrap_or_default(), view.limits.budget);
            ScopeOutlook { scope: ScopeKind::Project, id: view.project.id, name: view.project.name, outlook }
        }));
        Ok(outlooks)
    }
}
