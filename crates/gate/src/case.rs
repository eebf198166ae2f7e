//! One key at one instant, and the questions of R37 asked about it in their order.

use bytes::Bytes;
use mete_core::decision::{Exhausted, Refusal};
use mete_core::directory::{KeyStatus, ProjectStatus};
use mete_core::limits::Limits;
use mete_core::{Month, Nanos, Timestamp};

use crate::directory::{Directory, Key, Organization, Project, text};
use crate::explain::{BudgetFigures, Rule};

/// What is asked about a known key.
#[derive(Clone, Copy, Debug)]
pub enum Question {
    KeyStatus,
    ProjectStatus,
    OrganizationBudget,
    /// The budget of the organization above a sub-organization (R3).
    ParentBudget,
    ProjectBudget,
}

impl Question {
    /// R37's order: the first that is answered with a refusal decides.
    pub const IN_ORDER: [Self; 5] =
        [Self::KeyStatus, Self::ProjectStatus, Self::OrganizationBudget, Self::ParentBudget, Self::ProjectBudget];
}

/// A known key with all that decides on it; every total is read once, so that a refusal and its figures agree.
#[derive(Debug)]
pub struct Case<'a> {
    key: &'a Key,
    project: &'a Project,
    project_budget: Account<'a>,
    organization_budget: Account<'a>,
    parent_budget: Option<Account<'a>>,
    month: Month,
}

/// A scope's limits and what it has spent in the case's month.
#[derive(Debug)]
struct Account<'a> {
    id: &'a Bytes,
    name: &'a str,
    limits: Limits,
    spend: Nanos,
}

impl<'a> Case<'a> {
    pub fn new(directory: &'a Directory, key: &'a Key, now: Timestamp) -> Self {
        let month = now.month();
        let project = directory.project_of(key);
        let organization = directory.organization_of(project);
        let project_budget =
            Account { id: &project.id, name: &project.name, limits: project.limits, spend: project.totals.get(month) };
        let account = |organization: &'a Organization| Account {
            id: &organization.id,
            name: &organization.name,
            limits: organization.limits,
            spend: organization.totals.get(month),
        };
        let parent_budget = directory.parent_of(organization).map(account);
        Self { key, project, project_budget, organization_budget: account(organization), parent_budget, month }
    }

    pub const fn key(&self) -> &'a Key {
        self.key
    }

    pub const fn project(&self) -> &'a Project {
        self.project
    }

    /// The first refusal of R37's table, if there is one.
    pub fn first_refusal(&self) -> Option<Refusal> {
        Question::IN_ORDER.into_iter().find_map(|question| self.refusal(question))
    }

    /// The refusal that one question gives, if it gives one.
    pub fn refusal(&self, question: Question) -> Option<Refusal> {
        match question {
            Question::KeyStatus => match self.key.status {
                KeyStatus::Active => None,
                KeyStatus::Disabled => Some(Refusal::KeyDisabled),
                KeyStatus::Revoked => Some(Refusal::KeyRevoked),
            },
            Question::ProjectStatus => {
                self.project.archived.then(|| Refusal::ProjectArchived { project: self.project.name.clone() })
            }
            Question::OrganizationBudget => self.exhausted(&self.organization_budget).map(Refusal::OrganizationBudget),
            Question::ParentBudget => {
                self.parent_budget.as_ref().and_then(|parent| self.exhausted(parent)).map(Refusal::OrganizationBudget)
            }
            Question::ProjectBudget => self.exhausted(&self.project_budget).map(Refusal::ProjectBudget),
        }
    }

    /// What one question looks at, with its figures; `None` where it does not apply.
    pub fn rule(&self, question: Question) -> Option<Rule> {
        Some(match question {
            Question::KeyStatus => Rule::KeyStatus { status: self.key.status },
            Question::ProjectStatus => Rule::ProjectStatus {
                id: text(&self.project.id),
                name: self.project.name.clone(),
                status: if self.project.archived { ProjectStatus::Archived } else { ProjectStatus::Active },
            },
            Question::OrganizationBudget => Rule::OrganizationBudget(self.figures(&self.organization_budget)),
            Question::ParentBudget => Rule::ParentBudget(self.figures(self.parent_budget.as_ref()?)),
            Question::ProjectBudget => Rule::ProjectBudget(self.figures(&self.project_budget)),
        })
    }

    fn exhausted(&self, account: &Account<'_>) -> Option<Exhausted> {
        let budget = account.limits.budget?;
        account.limits.is_exhausted(account.spend, Nanos::ZERO).then(|| Exhausted {
            scope: account.name.to_owned(),
            spend: account.spend,
            budget,
            until: self.month.end(),
        })
    }

    fn figures(&self, account: &Account<'_>) -> BudgetFigures {
        BudgetFigures {
            id: text(account.id),
            name: account.name.to_owned(),
            spend: account.spend,
            budget: account.limits.budget,
            threshold: account.limits.threshold,
            until: self.month.end(),
        }
    }
}
