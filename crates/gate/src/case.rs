//! One key and one request at one instant, and the questions of R37 asked about them in their order.

use mete_core::decision::{Blocked, Exhausted, ForeignModel, FullStorage, MissingPermission, Refusal, Standings};
use mete_core::directory::KeyStatus;
use mete_core::permissions::PermissionKind;
use mete_core::rates::Models;
use mete_core::{Month, Nanos, Timestamp};

use crate::account::{Account, Accounts};
use crate::admission::Remaining;
use crate::directory::{Directory, Key, Organization, Project};
use crate::overrides::{Override, Overrides};
use crate::rates::{Met, standings};
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
    /// That of the model within the project, if it has one and is told.
    ModelBudget,
    /// That of the key's owner within the project, if they have one.
    MemberBudget,
    /// The key's own, if it has one.
    KeyBudget,
    /// What the project may store (R28).
    FileQuota,
    /// The rate limits of the model (R23), which a decision charges by itself.
    RateLimit,
}

impl Question {
    /// R37's order: the first that is answered with a refusal decides. Of budgets the wider ones come first: whoever is told
    /// of one can be helped only by raising it, as a narrower one is never above it (R24).
    pub const IN_ORDER: [Self; 14] = [
        Self::KeyStatus,
        Self::ProjectStatus,
        Self::Permission,
        Self::Model,
        Self::ManualBlock,
        Self::ManualRelease,
        Self::OrganizationBudget,
        Self::ParentBudget,
        Self::ProjectBudget,
        Self::ModelBudget,
        Self::MemberBudget,
        Self::KeyBudget,
        Self::FileQuota,
        Self::RateLimit,
    ];
}

/// A known key with all that decides on it; every total is read once, so that a refusal and its figures agree.
#[derive(Debug)]
pub struct Case<'a> {
    pub now: Timestamp,
    pub month: Month,
    pub request: &'a Request<'a>,
    pub key: &'a Key,
    /// Blocks and releases of the key.
    by_hand: Option<&'a Overrides>,
    pub project: &'a Project,
    pub organization: &'a Organization,
    pub budgets: Accounts<'a>,
    /// What is to be held for the request, if anything is.
    pub ceiling: Option<Ceiling>,
    /// The release that stands in for the budgets.
    pub release: Option<Placed<'a>>,
    /// How far the request is from its rate limits, once it is charged on them.
    pub standings: Standings,
    /// The limits that it meets, where somebody wants to see them.
    pub met: Vec<Met<'a>>,
    /// The bytes that the project stores, and how many it may.
    pub stored: u64,
    pub file_quota: u64,
}

/// What a request costs at most, and the last month that its event may fall into.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling {
    pub cost: Nanos,
    pub until: Month,
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
        let budgets = Accounts::new(directory, (key, project), request, month);
        let by_hand = directory.overrides_of(key);
        Self {
            now,
            month,
            request,
            key,
            by_hand,
            project,
            organization,
            budgets,
            ceiling: None,
            release: placed(by_hand, project, |overrides| overrides.release(now)),
            standings: Standings::default(),
            met: Vec::new(),
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
            Question::OrganizationBudget | Question::ParentBudget => {
                self.exhausted(question).map(Refusal::OrganizationBudget)
            }
            Question::ProjectBudget => self.exhausted(question).map(Refusal::ProjectBudget),
            Question::ModelBudget => self.exhausted(question).map(Refusal::ModelBudget),
            Question::MemberBudget => self.exhausted(question).map(Refusal::MemberBudget),
            Question::KeyBudget => self.exhausted(question).map(Refusal::KeyBudget),
            Question::FileQuota => self.full_storage(),
            Question::RateLimit => self.limited(),
        }
    }

    /// Whether a question has an answer: enough is told of the request for it, and no release stands in for it.
    pub fn asks(&self, question: Question) -> bool {
        match question {
            Question::Permission => self.key.permissions.kind == PermissionKind::All || self.request.needs().is_some(),
            Question::Model => {
                self.request.model.is_some() || (self.project.models.is_none() && self.organization.models.is_none())
            }
            Question::OrganizationBudget
            | Question::ParentBudget
            | Question::ProjectBudget
            | Question::ModelBudget
            | Question::MemberBudget
            | Question::KeyBudget => self.release.is_none(),
            Question::FileQuota => self.request.needs().is_some() && self.request.bytes.is_some(),
            Question::RateLimit => self.request.model.is_some(),
            Question::KeyStatus | Question::ProjectStatus | Question::ManualBlock | Question::ManualRelease => true,
        }
    }

    /// The budget that a question is about, if there is such.
    pub fn account(&self, question: Question) -> Option<&Account<'a>> {
        match question {
            Question::OrganizationBudget => Some(&self.budgets.organization),
            Question::ParentBudget => self.budgets.parent.as_ref(),
            Question::ProjectBudget => Some(&self.budgets.project),
            Question::ModelBudget => self.budgets.model.as_ref(),
            Question::MemberBudget => self.budgets.member.as_ref(),
            Question::KeyBudget => self.budgets.key.as_ref(),
            _ => None,
        }
    }

    /// The block that holds (R41): the key's own first.
    pub fn block(&self) -> Option<Placed<'a>> {
        placed(self.by_hand, self.project, |overrides| overrides.block(self.now))
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

    /// What a budget refuses with that leaves nothing (R26), or not what is to be held (R40), unless a release stands in
    /// for it.
    fn exhausted(&self, question: Question) -> Option<Exhausted> {
        let account = self.account(question)?;
        let budget = account.limits.budget.filter(|_| self.release.is_none())?;
        let held = account.held;
        let needed = self.ceiling.map(|ceiling| ceiling.cost);
        let refuses = |(_, spend): &(Month, Nanos)| {
            account.limits.is_exhausted(*spend, held) || needed.is_some_and(|needed| needed > budget - *spend - held)
        };
        let (month, spend) = self.months_of(account).find(refuses)?;
        Some(Exhausted { scope: account.name.to_owned(), spend, held, needed, budget, until: month.end() })
    }

    /// The months that the request may be booked in and what is spent in them: the present one, and at its end the one
    /// after it where something is to be held.
    fn months_of(&self, account: &Account<'_>) -> impl Iterator<Item = (Month, Nanos)> {
        let later = self.ceiling.map(|ceiling| ceiling.until).filter(|until| *until != self.month);
        let later = later.map(|month| (month, account.totals.get(month)));
        std::iter::once((self.month, account.spend)).chain(later)
    }

    /// What the budgets leave, in whichever of the months leaves least.
    pub fn remaining(&self) -> Remaining {
        let left = |account: &Account<'_>| {
            let budget = account.limits.budget?;
            let spend = self.months_of(account).map(|(_, spend)| spend).max()?;
            Some((budget - spend - account.held).max(Nanos::ZERO))
        };
        let Accounts { project, organization, parent, model, member, key } = &self.budgets;
        Remaining {
            project: left(project),
            organization: left(organization),
            parent: parent.as_ref().and_then(left),
            model: model.as_ref().and_then(left),
            member: member.as_ref().and_then(left),
            key: key.as_ref().and_then(left),
        }
    }

    /// Whether any of the scopes has a budget.
    pub fn has_budget(&self) -> bool {
        self.budgets.iter().any(|account| account.limits.budget.is_some())
    }

    /// The limit that takes longest to have room, of those that were looked at.
    fn limited(&self) -> Option<Refusal> {
        let refusing = self.met.iter().filter(|met| met.room.is_err());
        let met = refusing.max_by_key(|met| met.room.err().map(|wait| wait.unwrap_or(i64::MAX)))?;
        Some(Refusal::RateLimit(Box::new(met.limited(self.request.model.unwrap_or_default(), standings(&self.met)))))
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
    on_key: Option<&'a Overrides>,
    project: &'a Project,
    pick: impl Fn(&'a Overrides) -> Option<&'a Override>,
) -> Option<Placed<'a>> {
    let on_key = || on_key.and_then(&pick).map(|by_hand| Placed { by_hand, project: None });
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
