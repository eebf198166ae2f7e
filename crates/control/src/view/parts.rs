//! Budgets of models, members and keys.

use std::collections::HashMap;

use mete_core::directory::Project;
use mete_core::parts::Part;
use mete_core::rights::Action;
use mete_core::{Month, Nanos};
use mete_store::{PartBudget, PartSpend};
use serde::Serialize;

use super::View;
use crate::ControlError;
use crate::boxed;

/// A budget within a project, as somebody sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenPart {
    /// What it is for.
    #[serde(flatten)]
    pub part: Part,
    /// Its name: the model, an e-mail address, a service account's or key's name.
    pub name: String,
    /// The monthly budget.
    pub budget: Nanos,
    /// Spent of it in the month; `None` for somebody who may not see it.
    pub spend: Option<Nanos>,
}

impl View<'_> {
    /// The budgets within a project with their spend in `month`. Who may not see the spend of others sees those of models,
    /// and their own, with the spend of their own (R6).
    ///
    /// # Errors
    /// When the project does not exist for the actor, or the store cannot be read.
    #[boxed]
    pub async fn part_budgets(&self, project: &Project, month: Month) -> Result<Vec<SeenPart>, ControlError> {
        self.require_project(project)?;
        let spends: HashMap<Part, Nanos> = self
            .store
            .part_spends(month)
            .await?
            .into_iter()
            .filter(|total| *total.project_id == *project.id)
            .map(|PartSpend { part, spend, .. }| (part, spend))
            .collect();
        let sees_all = self.sight.may(Action::SeeSpend, project);
        let mut seen = Vec::new();
        for PartBudget { part, name, owner_id, budget } in self.store.part_budgets(&project.id).await? {
            let is_own = owner_id.is_some() && owner_id.as_deref() == self.sight.user_id();
            if !sees_all && !is_own && owner_id.is_some() {
                continue;
            }
            let spend = (sees_all || is_own).then(|| spends.get(&part).copied().unwrap_or_default());
            seen.push(SeenPart { part, name, budget, spend });
        }
        Ok(seen)
    }
}
