//! Budgets of models, members and keys within a project (R24 to R26).

use mete_core::Nanos;
use mete_core::actor::Actor;
use mete_core::directory::Project;
use mete_core::parts::{Part, PartKind};
use mete_core::rights::Action;
use mete_store::{Alert, AlertPart, PartBudget, Scope, Tx};
use serde::Serialize;
use serde_json::{Value, json};

use super::check_model;
use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{gone, person_named, project_now};
use crate::rights::{refuse_archived, refuse_default};
use crate::{Control, ControlError, change};

/// A part of a project as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartNamed {
    /// A model, as usage names it.
    Model(String),
    /// A person by e-mail address or id, a service account by name or id: whoever owns keys.
    Member(String),
    /// A key by name or id.
    Key(String),
}

/// The budget of a part after a change.
#[derive(Clone, Debug, Serialize)]
pub struct PartAfter {
    /// The project's id.
    pub project_id: String,
    /// What it is for.
    #[serde(flatten)]
    pub part: Part,
    /// The budget now.
    pub budget: Option<Nanos>,
    /// The alert that the change raised, if what is spent this month exhausts the budget already (R27).
    pub alerts: Vec<Alert>,
}

const ACTION: &str = "limits.updated";

impl Control<'_> {
    /// Sets the monthly budget of a model, member or key within a project, or takes it away. Every gate refuses and lets
    /// through by it as soon as it reads the change feed; its alert follows in the same transaction (R27).
    ///
    /// # Errors
    /// When the actor may not, project or part is not there, the project is archived (R21) or a default project (R2), the
    /// budget would be above the project's (R24), or the store fails.
    #[boxed]
    pub async fn set_part_budget(
        &self,
        actor: &Actor,
        (project, named): (&str, &PartNamed),
        budget: Option<Nanos>,
    ) -> Result<PartAfter, ControlError> {
        let project = self.project_for(actor, project, ACTION).await?;
        let found = self.owned_part(actor, &project, named).await?;
        change!(self, actor, tx => {
            let project = project_now(tx, &project.id).await?;
            let deed = Deed::on_project(ACTION, &project);
            self.permit_in_project(tx, actor, Action::SetLimits, (&project, &deed)).await?;
            refuse_default(&project, "has no limits of its own: set them on its organization")?;
            refuse_archived(&project)?;
            let part = match &found {
                Some(part) => part.clone(),
                None => part_now(tx, &project, named).await?,
            };
            let scope = Scope::project(&project.id, &project.organization_id);
            let limits = tx.limits(&scope).await?;
            if let Some(problem) = budget.and_then(|budget| part.kind.problem(budget, limits.budget)) {
                return Err(ControlError::Invalid(problem.to_string()));
            }
            let before = tx.part_budgets(&project.id).await?.into_iter().find(|known| known.part == part);
            tx.set_part_budget(&project.id, &part, budget).await?;
            self.record(tx, actor, &deed, difference(&part, before.map(|before| before.budget), budget)).await?;
            let after = tx.part_budgets(&project.id).await?.into_iter().find(|known| known.part == part);
            let alerts = match &after {
                Some(after) => self.raise_part(tx, &scope, after).await?,
                None => Vec::new(),
            };
            Ok(PartAfter { project_id: project.id, part, budget, alerts })
        })
    }

    /// Raises the alert of a budget that what is spent this month exhausts already.
    async fn raise_part(&self, tx: &mut Tx, project: &Scope, of: &PartBudget) -> Result<Vec<Alert>, ControlError> {
        let now = self.now();
        let month = now.month();
        let spend = tx.part_spend(project.id(), &of.part, month).await?;
        let part = AlertPart { part: of.part.clone(), name: of.name.clone() };
        let raised = tx.raise_part(self.store.id_hasher(), (project, part), (month, of.budget, spend), now).await?;
        Ok(raised.into_iter().collect())
    }

    /// The part, where it is a key or a service account, which are found by what the actor may see.
    async fn owned_part(
        &self,
        actor: &Actor,
        project: &Project,
        named: &PartNamed,
    ) -> Result<Option<Part>, ControlError> {
        let (kind, id, project_id, what, asked) = match named {
            PartNamed::Key(asked) => {
                let key = self.key_for(actor, asked, ACTION).await?;
                (PartKind::Key, key.id, key.project_id, "key", asked)
            }
            PartNamed::Member(asked) if !is_person(asked) => {
                let account = self.service_account_for(actor, asked, ACTION).await?;
                (PartKind::Member, account.id, account.project_id, "service account", asked)
            }
            PartNamed::Member(_) | PartNamed::Model(_) => return Ok(None),
        };
        if project_id == project.id { Ok(Some(Part { kind, id })) } else { Err(gone(what, asked)) }
    }

    /// Keeps the parts of a project within the budget that it is to have: lowers them along, or refuses with those that are
    /// above it. Tells what was lowered, and the alerts that this raised.
    pub(super) async fn fit_parts(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (project, budget, lower): (&Project, Option<Nanos>, bool),
    ) -> Result<(Vec<String>, Vec<Alert>), ControlError> {
        let Some(budget) = budget else { return Ok(Default::default()) };
        let above: Vec<PartBudget> =
            tx.part_budgets(&project.id).await?.into_iter().filter(|part| part.budget > budget).collect();
        let told = |part: &PartBudget| format!("{} {:?}", part.part.kind, part.name);
        if !lower && !above.is_empty() {
            let listed: Vec<String> = above.iter().map(|part| format!("{}: ${}", told(part), part.budget)).collect();
            return Err(ControlError::Conflict(format!(
                "a project's budget cannot be below those of its models, members and keys, and ${budget} is; lower these \
                 first, or along with --lower-parts: {}",
                listed.join("; ")
            )));
        }
        let (scope, mut alerts) = (Scope::project(&project.id, &project.organization_id), Vec::new());
        for part in &above {
            tx.set_part_budget(&project.id, &part.part, Some(budget)).await?;
            let deed = Deed::on_project(ACTION, project).because("lowered along with the project");
            self.record(tx, actor, &deed, difference(&part.part, Some(part.budget), Some(budget))).await?;
            alerts.extend(self.raise_part(tx, &scope, &PartBudget { budget, ..part.clone() }).await?);
        }
        Ok((above.iter().map(told).collect(), alerts))
    }
}

/// Whether a member is named as a person.
fn is_person(asked: &str) -> bool {
    asked.contains('@') || asked.starts_with("user-")
}

/// A person of the project's organization, or a model.
async fn part_now(tx: &mut Tx, project: &Project, named: &PartNamed) -> Result<Part, ControlError> {
    match named {
        PartNamed::Model(model) => Ok(Part { kind: PartKind::Model, id: check_model(model)? }),
        PartNamed::Member(asked) | PartNamed::Key(asked) => {
            let person = person_named(tx, asked).await?.ok_or_else(|| gone("member", asked))?;
            let role = tx.organization_role(&project.organization_id, &person.id).await?;
            role.ok_or_else(|| gone("member", asked))?;
            Ok(Part { kind: PartKind::Member, id: person.id })
        }
    }
}

/// What the audit log says of a change.
fn difference(part: &Part, before: Option<Nanos>, after: Option<Nanos>) -> Value {
    json!({"of": part, "before": {"budget": before}, "after": {"budget": after}})
}
