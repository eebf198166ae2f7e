//! The rules of R37's table as an explanation shows them.

use mete_core::directory::{KeyStatus, ProjectStatus};
use mete_core::permissions::Permissions;
use mete_core::rates::Models;
use mete_core::{Nanos, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::case::{Case, Placed, Question};
use crate::directory::text;
use crate::rates::Met;

/// A rule of R37's table with the figures that it looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// The key is in the directory.
    KeyKnown,
    /// The key is active, and the time of its secret is not over.
    KeyStatus {
        /// What it is.
        status: KeyStatus,
        /// When the key expires, if it does.
        expires_at: Option<Timestamp>,
        /// Until when the secret is good, where it is one that a rotation replaced.
        secret_valid_until: Option<Timestamp>,
    },
    /// The project is not archived.
    ProjectStatus {
        /// The project's id.
        id: String,
        /// The project's name.
        name: String,
        /// What it is.
        status: ProjectStatus,
    },
    /// The key's permissions cover the request (R16).
    Permission {
        /// The key's.
        #[serde(flatten)]
        permissions: Permissions,
        /// What the request needs, as in `chat_completions.write`; null where that is not told.
        needed: Option<String>,
    },
    /// Project and organization may use the model (R23).
    Model {
        /// The model, if it is told.
        model: Option<String>,
        /// The project's list; null is every model of the organization's.
        project_models: Models,
        /// The organization's list; null is every model.
        organization_models: Models,
    },
    /// Nobody blocked the key or its project (R41); given only where somebody did.
    ManualBlock(ByHand),
    /// Somebody released the key or its project from the budgets (R41); given only where somebody did.
    ManualRelease(ByHand),
    /// The organization's budget leaves something.
    OrganizationBudget(BudgetFigures),
    /// So does that of the organization above it; only for a sub-organization (R3).
    ParentBudget(BudgetFigures),
    /// The project's budget leaves something.
    ProjectBudget(BudgetFigures),
    /// So does that of the model in the project; given only where it has one and is told.
    ModelBudget(BudgetFigures),
    /// So does that of the key's owner in the project; given only where they have one.
    MemberBudget(BudgetFigures),
    /// So does the key's own; given only where it has one.
    KeyBudget(BudgetFigures),
    /// The upload fits in what the project may store (R28).
    FileQuota {
        /// The project's id.
        id: String,
        /// The project's name.
        name: String,
        /// Bytes stored.
        stored: u64,
        /// Bytes that the request brings; null where that is not told.
        upload: Option<u64>,
        /// Bytes that the project may store.
        quota: u64,
    },
    /// Every rate limit of the model has room (R23); given only where there is one.
    RateLimits {
        /// The model.
        model: String,
        /// The limits that it meets: the project's first.
        limits: Vec<RateFigures>,
    },
}

/// A rate limit and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateFigures {
    /// The project's or organization's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which figure, as in `requests_per_minute`.
    pub rate: String,
    /// The limit.
    pub limit: u64,
    /// What of it is used; null where that is not known.
    pub used: Option<u64>,
    /// When all of it is free again, if nothing more is used.
    pub free_at: Option<Timestamp>,
}

/// A block or release that a person placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// The id of the key or project that it is on.
    pub id: String,
    /// The reason given.
    pub reason: String,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
}

/// A budget and what is spent of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetFigures {
    /// The id of the project, organization, member or key; a model's name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its spend in the month. The gate always tells it; whoever shows it to somebody who may not see it takes it away.
    pub spend: Option<Nanos>,
    /// Its budget, if it has one.
    pub budget: Option<Nanos>,
    /// Its notification threshold, if it has one. Refuses nothing.
    pub threshold: Option<Nanos>,
    /// When the month ends and the budget starts anew.
    pub until: Timestamp,
}

impl Rule {
    /// What one question looks at; `None` where it does not apply.
    pub(crate) fn of(case: &Case<'_>, question: Question) -> Option<Self> {
        Some(match question {
            Question::KeyStatus => Self::KeyStatus {
                status: case.key.status,
                expires_at: case.key.expires_at,
                secret_valid_until: case.key.valid_until,
            },
            Question::ProjectStatus => Self::ProjectStatus {
                id: text(&case.project.id),
                name: case.project.name.clone(),
                status: if case.project.archived { ProjectStatus::Archived } else { ProjectStatus::Active },
            },
            Question::Permission => Self::Permission {
                permissions: case.key.permissions,
                needed: case.request.needs().map(|(group, needed)| format!("{}.{}", group.name(), needed.as_str())),
            },
            Question::Model => Self::Model {
                model: case.request.model.map(str::to_owned),
                project_models: case.project.models.clone(),
                organization_models: case.organization.models.clone(),
            },
            Question::ManualBlock => Self::ManualBlock(by_hand(case, case.block()?)),
            Question::ManualRelease => Self::ManualRelease(by_hand(case, case.release?)),
            Question::OrganizationBudget => Self::OrganizationBudget(figures(case, case.account(question)?)),
            Question::ParentBudget => Self::ParentBudget(figures(case, case.account(question)?)),
            Question::ProjectBudget => Self::ProjectBudget(figures(case, case.account(question)?)),
            Question::ModelBudget => Self::ModelBudget(figures(case, case.account(question)?)),
            Question::MemberBudget => Self::MemberBudget(figures(case, case.account(question)?)),
            Question::KeyBudget => Self::KeyBudget(figures(case, case.account(question)?)),
            Question::FileQuota => Self::FileQuota {
                id: text(&case.project.id),
                name: case.project.name.clone(),
                stored: case.stored,
                upload: case.asks(question).then(|| case.request.upload()),
                quota: case.file_quota,
            },
            Question::RateLimit => {
                let limits: Vec<RateFigures> = case.met.iter().map(|met| rate_figures(met, case.now)).collect();
                let model = case.request.model.filter(|_| !limits.is_empty())?.to_owned();
                Self::RateLimits { model, limits }
            }
        })
    }
}

fn rate_figures(met: &Met<'_>, now: Timestamp) -> RateFigures {
    RateFigures {
        id: text(met.id),
        name: met.name.to_owned(),
        rate: met.rate.name().to_owned(),
        limit: met.standing.limit,
        used: Some(met.used),
        free_at: Some(now.plus(met.standing.reset)),
    }
}

fn by_hand(case: &Case<'_>, Placed { by_hand, project }: Placed<'_>) -> ByHand {
    let id: &[u8] = project.map_or(&case.key.id, |project| &project.id);
    ByHand { id: text(id), reason: by_hand.reason.clone(), until: by_hand.until }
}

fn figures(case: &Case<'_>, account: &Account<'_>) -> BudgetFigures {
    BudgetFigures {
        id: text(account.id),
        name: account.name.to_owned(),
        spend: Some(account.spend),
        budget: account.limits.budget,
        threshold: account.limits.threshold,
        until: case.month.end(),
    }
}
