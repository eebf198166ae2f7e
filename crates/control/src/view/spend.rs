//! Spend, alerts and limits.

use std::collections::HashMap;

use mete_core::directory::{Organization, Project};
use mete_core::rates::{Models, RateLimit};
use mete_core::rights::Action;
use mete_core::{Month, Timestamp};
use mete_store::{Alert, AlertFilter, Grain, Scope, ScopeKind, SpendBy, SpendQuery, SpendRow, UsageOf, UsageRow};

use super::View;
use crate::ControlError;
use crate::boxed;

impl View<'_> {
    /// Spend of a month: of a project, an organization with its sub-organizations, or all of which the actor may see it
    /// (R6, R8, R33).
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    #[boxed]
    pub async fn spend(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
        (month, by): (Month, SpendBy),
    ) -> Result<Vec<SpendRow>, ControlError> {
        let project_ids = self.projects_of_spend((organization, project)).await?;
        let organization_id = organization.map(|organization| organization.id.clone());
        Ok(self.store.spend(&SpendQuery { organization_id, project_ids, month, by }).await?)
    }

    /// What each key used of each model in one hour, day or month, of the same as [`View::spend`]. One bucket at a time, so
    /// that an export is never in memory as a whole.
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    #[boxed]
    pub async fn usage_rows(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
        (grain, bucket): (Grain, i64),
    ) -> Result<Vec<UsageRow>, ControlError> {
        let project_ids = self.projects_of_spend((organization, project)).await?;
        let organization_id = organization.map(|organization| organization.id.clone());
        Ok(self.store.usage_rows(&UsageOf { organization_id, project_ids }, grain, bucket).await?)
    }

    /// Which projects' spend is asked for, by their ids; `None` for those of everybody.
    async fn projects_of_spend(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
    ) -> Result<Option<Vec<String>>, ControlError> {
        let project_ids = match project {
            Some(project) if self.sight.may(Action::SeeSpend, project) => Some(vec![project.id.clone()]),
            Some(_) => return Err(self.denied(Action::SeeSpend)),
            None if self.sight.is_everything() => None,
            None => Some(self.projects_with_spend(organization).await?),
        };
        if project_ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(self.denied(Action::SeeSpend));
        }
        Ok(project_ids)
    }

    /// Whether a month is sealed: its events are dropped, and usage of it that comes later is quarantined.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn is_sealed(&self, month: Month) -> Result<bool, ControlError> {
        Ok(self.store.closed_through().await?.is_some_and(|closed| month <= closed))
    }

    /// The ids of the projects of which a person may see the spend; those of sub-organizations are on the bill of the
    /// organization above (R3).
    pub(super) async fn projects_with_spend(
        &self,
        organization: Option<&Organization>,
    ) -> Result<Vec<String>, ControlError> {
        let of_organization = organization.map(|organization| organization.id.as_str());
        let mut ids: Vec<String> = Vec::new();
        for project in self.projects_for(Action::SeeSpend, of_organization).await? {
            ids.push(project.id);
        }
        let below: Vec<String> = self
            .store
            .organization_records()
            .await?
            .into_iter()
            .filter(|below| {
                let parent = below.parent_id.as_deref();
                // A grant is for the whole organization, what is below it included.
                let pays = parent.is_some_and(|parent| self.sight.may_in_organization(Action::SeeSpend, parent));
                let asked = organization
                    .is_none_or(|organization| organization.id == below.id || parent == Some(organization.id.as_str()));
                pays && asked
            })
            .map(|below| below.id)
            .collect();
        ids.extend(self.store.projects_of(&below).await?.into_iter().map(|project| project.id));
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Alerts of scopes whose spend the actor may see, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alerts(&self, wanted: &AlertFilter) -> Result<Vec<Alert>, ControlError> {
        let mut found = self.store.alerts(wanted).await?;
        if self.sight.is_everything() {
            return Ok(found);
        }
        let projects = self.projects_for(Action::SeeSpend, wanted.organization_id.as_deref()).await?;
        let projects: HashMap<&str, &Project> = projects.iter().map(|project| (project.id.as_str(), project)).collect();
        found.retain(|alert| match alert.scope_kind {
            ScopeKind::Organization => self.sight.may_in_organization(Action::SeeSpend, &alert.scope_id),
            ScopeKind::Project => projects.contains_key(alert.scope_id.as_str()),
        });
        Ok(found)
    }

    /// Since when the budget of an organization or project refuses in `month`, if it does.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn blocked_since(&self, scope_id: &str, month: Month) -> Result<Option<Timestamp>, ControlError> {
        let blocks = self.store.blocks(month).await?;
        Ok(blocks.into_iter().find(|block| block.scope_id == scope_id).map(|block| block.since))
    }

    /// The models and the rate limits by model of an organization or project that the actor sees (R23).
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn models_and_rates(&self, scope: &Scope) -> Result<(Models, Vec<RateLimit>), ControlError> {
        Ok((self.store.models(scope).await?, self.store.rate_limits(scope).await?))
    }
}
