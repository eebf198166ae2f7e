//! The budgets that a request is paid from, as they stand when it is decided on.

use std::sync::Arc;

use bytes::Bytes;
use mete_core::limits::Limits;
use mete_core::{Month, Nanos};

use crate::directory::{Directory, Key, Organization, Project};
use crate::held::{Held, Sums};
use crate::part::Part;
use crate::request::Request;
use crate::totals::MonthTotals;

/// A scope's limits, what it has spent in the case's month, and what is held of it.
#[derive(Debug)]
pub struct Account<'a> {
    pub id: &'a Bytes,
    pub name: &'a str,
    pub limits: Limits,
    pub held: Nanos,
    pub spend: Nanos,
    pub totals: &'a MonthTotals,
    sum: &'a Arc<Held>,
}

/// All that a request is paid from.
#[derive(Debug)]
pub struct Accounts<'a> {
    pub project: Account<'a>,
    pub organization: Account<'a>,
    /// The organization above a sub-organization (R3).
    pub parent: Option<Account<'a>>,
    /// The model that the request names, where it has a budget in the project.
    pub model: Option<Account<'a>>,
    /// The key's owner, where they have a budget in the project.
    pub member: Option<Account<'a>>,
    /// The key, where it has a budget.
    pub key: Option<Account<'a>>,
}

impl<'a> Accounts<'a> {
    pub fn new(
        directory: &'a Directory,
        (key, project): (&'a Key, &'a Project),
        request: &Request<'_>,
        month: Month,
    ) -> Self {
        let organization = directory.organization_of(project);
        let part = |part: Option<&'a Arc<Part>>| part.map(|part| Account::of_part(part, month));
        let of_key = directory.parts_of(key);
        Self {
            project: Account::of_project(project, month),
            organization: Account::of_organization(organization, month),
            parent: directory.parent_of(organization).map(|parent| Account::of_organization(parent, month)),
            model: part(request.model.and_then(|model| project.model_parts.get(model))),
            member: part(of_key.and_then(|parts| parts.member.as_ref())),
            key: part(of_key.and_then(|parts| parts.key.as_ref())),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Account<'a>> {
        let Self { project, organization, parent, model, member, key } = self;
        [project, organization].into_iter().chain(parent).chain(model).chain(member).chain(key)
    }

    /// The sums that a hold is part of.
    pub fn sums(&self) -> Sums {
        self.iter().map(|account| Arc::clone(account.sum)).collect()
    }
}

impl<'a> Account<'a> {
    fn of_project(project: &'a Project, month: Month) -> Self {
        let Project { id, name, limits, held, totals, .. } = project;
        // What is held is read first: a hold ends when its event is in the spend, so that the sum is never too low.
        Self::new((id, name), *limits, (held.get(), held), (&totals.spend, month))
    }

    fn of_organization(organization: &'a Organization, month: Month) -> Self {
        let Organization { id, name, limits, held, totals, .. } = organization;
        Self::new((id, name), *limits, (held.get(), held), (totals, month))
    }

    fn of_part(part: &'a Part, month: Month) -> Self {
        Self::new((&part.id, &part.name), part.limits, (part.held(), &part.held), (&part.totals, month))
    }

    fn new(
        (id, name): (&'a Bytes, &'a str),
        limits: Limits,
        (held, sum): (Nanos, &'a Arc<Held>),
        (totals, month): (&'a MonthTotals, Month),
    ) -> Self {
        Self { id, name, limits, held, spend: totals.get(month), totals, sum }
    }
}
