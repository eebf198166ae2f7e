//! One key and one request at one instant, and the questions of R37 asked about them in their order.

use bytes::Bytes;
use mete_core::decision::{Blocked, Exhausted, ForeignModel, FullStorage, MissingPermission, Refusal};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::permissions::PermissionKind;
use mete_core::rates::Models;
use mete_core::{Month, Nanos, Timestamp};

use crate::directory::{Directory, Key, Organization, Project};
use crate::overrides::{Override, Overrides};
use crate::request::Request;

/// What is asked about a known key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    KeyStatus,
    ProjectStatus,
    /// What the key may be used for (R16).
    Permission,
    /// The models that project and organization may use (R23).
    Model,
    /// Somebody blocked the key or its project (R41).
    ManualBlock,
    /// Somebody released the key or its project from the budgets (R41). Refuses nothing.
    ManualRelease,
    OrganizationBudget,
    /// The budget of the organization above a sub-organization (R3).
    ParentBudget,
    ProjectBudget,
    /// What the project may store (R28).
    FileQuota,
}

impl Question {
    /// R37's order: the first that is answered with a refusal decides.
    pub const IN_ORDER: [Self; 10] = [
        Self::KeyStatus,
        Self::ProjectStatus,
        Self::Permission,
        Self::Model,
        Self::ManualBlock,
        Self::ManualRelease,
        Self::OrganizationBudget,
        Self::ParentBudget,
        Self::ProjectBudget,
        Self::FileQuota,
    ];
}

/// A known key with all that decides on it; every total is read once, so that a refusal and its figures agree.
#[derive(Debug)]
pub struct Case<'a> {
    pub now: Timestamp,
    pub month: Month,
    pub request: &'a Request<'a>,
    pub key: &'a Key,
    pub project: &'a Project,
    pub organization: &'a Organization,
    pub project_budget: Account<'a>,
    pub organization_budget: Account<'a>,
    pub parent_budget: Option<Account<'a>>,
    /// The release that stands in for the budgets.
    pub release: Option<Placed<'a>>,
    /// The bytes that the project stores, and how many it may.
    pub stored: u64,
    pub file_quota: u64,
}

/// A scope's limits and what it has spent in the case's month.
#[derive(Debug)]
pub struct Account<'a> {
    pub id: &'a Bytes,
    pub name: &'a str,
    pub limits: Limits,
    pub spend: Nanos,
}

/// A block or release that holds.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    pub by_hand: &'a Override,
    /// The project that it is on, or `None` where it is on the key.
    pub project: Option<&'a Project>,
}

impl<'a> Case<'a> {
    pub fn new(directory: &'a Directory, key: &'a Key, request: &'a Request<'a>, now: Timestamp) -> Self {
        let month = now.month();
        let project = directory.project_of(key);
        let organization = directory.organization_of(project);
        let spend = project.totals.spend.get(month);
        let project_budget = Account { id: &project.id, name: &project.name, limits: project.limits, spend };
        let account = |organization: &'a Organization| Account {
            id: &organization.id,
            name: &organization.name,
            limits: organization.limits,
            spend: organization.totals.get(month),
        };
        Self {
            now,
            month,
            request,
            key,
            project,
            organization,
            project_budget,
            organization_budget: account(organization),
            parent_budget: directory.parent_of(organization).map(account),
            release: placed(key, project, |overrides| overrides.release(now)),
            stored: project.totals.bytes(),
            file_quota: directory.file_quota,
        }
    }

    /// The first refusal of R37's table, if there is one.
    pub fn first_refusal(&self) -> Option<Refusal> {
        Question::IN_ORDER.into_iter().find_map(|question| self.refusal(question))
    }

    /// The refusal that one question gives, if it gives one.
    pub fn refusal(&self, question: Question) -> Option<Refusal> {
        match question {
            Question::KeyStatus => self.unusable_key(),
            Question::ProjectStatus => {
                self.project.archived.then(|| Refusal::ProjectArchived { project: self.project.name.clone() })
            }
            Question::Permission => self.missing_permission(),
            Question::Model => self.foreign_model(),
            Question::ManualBlock => self.block().map(refusal_of_block),
            Question::ManualRelease => None,
            Question::OrganizationBudget => self.exhausted(&self.organization_budget).map(Refusal::OrganizationBudget),
            Question::ParentBudget => {
                self.parent_budget.as_ref().and_then(|parent| self.exhausted(parent)).map(Refusal::OrganizationBudget)
            }
            Question::ProjectBudget => self.exhausted(&self.project_budget).map(Refusal::ProjectBudget),
            Question::FileQuota => self.full_storage(),
        }
    }

    /// Whether a question has an answer: enough is told of the request for it, and no release stands in for it.
    pub fn asks(&self, question: Question) -> bool {
        match question {
            Question::Permission => self.key.permissions.kind == PermissionKind::All || self.request.needs().is_some(),
            Question::Model => {
                self.request.model.is_some() || (self.project.models.is_none() && self.organization.models.is_none())
            }
            Question::OrganizationBudget | Question::ParentBudget | Question::ProjectBudget => self.release.is_none(),
            Question::FileQuota => self.request.needs().is_some() && self.request.bytes.is_some(),
            Question::KeyStatus | Question::ProjectStatus | Question::ManualBlock | Question::ManualRelease => true,
        }
    }

    /// The block that holds (R41): the key's own first.
    pub fn block(&self) -> Option<Placed<'a>> {
        placed(self.key, self.project, |overrides| overrides.block(self.now))
    }

    fn unusable_key(&self) -> Option<Refusal> {
        let over = |end: Option<Timestamp>| end.filter(|end| self.now >= *end);
        match self.key.status {
            KeyStatus::Disabled => Some(Refusal::KeyDisabled),
            KeyStatus::Revoked => Some(Refusal::KeyRevoked),
            KeyStatus::Active => over(self.key.expires_at)
                .map(|at| Refusal::KeyExpired { at })
                .or_else(|| over(self.key.valid_until).map(|at| Refusal::SecretReplaced { at })),
        }
    }

    fn missing_permission(&self) -> Option<Refusal> {
        let kind = self.key.permissions.kind;
        if kind == PermissionKind::All {
            return None;
        }
        let Some((group, needed)) = self.request.needs() else { return Some(Refusal::RequestUntold) };
        let missing = || Refusal::Permission(MissingPermission { kind, group, needed });
        (!self.key.permissions.allow(group, needed)).then(missing)
    }

    fn foreign_model(&self) -> Option<Refusal> {
        let model = self.request.model?;
        let foreign = |models: &Models| {
            models.as_ref().is_some_and(|models| models.binary_search_by(|known| known.as_str().cmp(model)).is_err())
        };
        let (kind, scope) = if foreign(&self.project.models) {
            ("project", &self.project.name)
        } else if foreign(&self.organization.models) {
            ("organization", &self.organization.name)
        } else {
            return None;
        };
        Some(Refusal::Model(ForeignModel { model: model.to_owned(), kind, scope: scope.clone() }))
    }

    /// What an exhausted budget refuses with, unless a release stands in for it.
    fn exhausted(&self, account: &Account<'_>) -> Option<Exhausted> {
        let budget = account.limits.budget?;
        let refuses = self.release.is_none() && account.limits.is_exhausted(account.spend, Nanos::ZERO);
        refuses.then(|| Exhausted {
            scope: account.name.to_owned(),
            spend: account.spend,
            budget,
            until: self.month.end(),
        })
    }

    fn full_storage(&self) -> Option<Refusal> {
        let upload = self.request.upload();
        if upload == 0 {
            return None;
        }
        let (stored, quota) = (self.stored, self.file_quota);
        let full = || Refusal::FileQuota(FullStorage { project: self.project.name.clone(), stored, upload, quota });
        (stored.saturating_add(upload) > quota).then(full)
    }
}

fn placed<'a>(
    key: &'a Key,
    project: &'a Project,
    pick: impl Fn(&'a Overrides) -> Option<&'a Override>,
) -> Option<Placed<'a>> {
    let on_key = || key.overrides.as_deref().and_then(&pick).map(|by_hand| Placed { by_hand, project: None });
    let on_project = || {
        let by_hand = project.overrides.as_deref().and_then(&pick)?;
        Some(Placed { by_hand, project: Some(project) })
    };
    on_key().or_else(on_project)
}

fn refusal_of_block(Placed { by_hand, project }: Placed<'_>) -> Refusal {
    Refusal::Blocked(Blocked {
        project: project.map(|project| project.name.clone()),
        reason: by_hand.reason.clone(),
        until: by_hand.until,
    })
}
