//! What is under way on a budget: what holds set aside, and what requests that hold nothing can still cost.

use mete_core::{Nanos, Timestamp};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, Project, text};
use crate::gate::Gate;
use crate::holds::{Deposit, Holds};
use crate::under_way::MARKS;

/// What is under way on the budget of a project or an organization, as this gate knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The project's or organization's id.
    pub scope_id: String,
    /// How many holds there are, and what they set aside.
    pub holds: u64,
    /// What they set aside, with what is assumed.
    pub held: Nanos,
    /// When the oldest of them was taken.
    pub oldest_hold: Option<Timestamp>,
    /// What earlier lives of the daemon, or others, leased and may hold.
    pub assumed: Nanos,
    /// Requests that were let through, hold nothing, and whose usage has not come for no longer than a hold lives.
    pub unheld: u64,
    /// The highest cost of the last requests; null where none was seen.
    pub highest_cost: Option<Nanos>,
    /// What those can cost, if none costs more than the highest of its project; null where there is none to go by.
    pub unheld_cost: Option<Nanos>,
    /// The most of them that there were at once this month, times the highest cost of the month: by no more than that was
    /// a budget passed.
    pub most_unheld_cost: Nanos,
    /// When usage came lately that nobody had asked about. Then more may be under way than is told.
    pub unasked_at: Option<Timestamp>,
}

impl Gate {
    /// What is under way on a project, its organization and the one above; nothing if the project is not known. Looks at
    /// every hold, and at every project of the organizations: for explanations, not for decisions.
    #[must_use]
    pub fn exposures(&self, now: Timestamp, project_id: &str) -> Vec<Exposure> {
        let directory = self.directory();
        let Some(project) = directory.project(project_id) else { return Vec::new() };
        let organization = directory.organization_of(project);
        let scopes = [Some(&project.id), Some(&organization.id), directory.parent_of(organization).map(|it| &it.id)];
        let mut vault = self.vault();
        vault.holds.expire(now);
        scopes.into_iter().flatten().map(|id| self.exposure(&directory, &vault.holds, &text(id), now)).collect()
    }

    fn exposure(&self, directory: &Directory, holds: &Holds, scope_id: &str, now: Timestamp) -> Exposure {
        let is_in_it = |project: &&Project| {
            let organization = directory.organization_of(project);
            let above = directory.parent_of(organization);
            project.id == scope_id || organization.id == scope_id || above.is_some_and(|above| above.id == scope_id)
        };
        let projects: Vec<&Project> = directory.projects().iter().filter(is_in_it).collect();
        let ids: FxHashSet<&[u8]> = projects.iter().map(|project| &project.id[..]).collect();
        let mut exposure = Exposure { scope_id: scope_id.to_owned(), ..Exposure::default() };
        for deposit in holds.iter().filter(|deposit| ids.contains(&deposit.project[..])) {
            exposure.add_hold(deposit);
        }
        exposure.unheld_cost = Some(Nanos::ZERO);
        for project in projects {
            exposure.add_unheld(project, (now, self.terms().time));
        }
        exposure
    }

    /// Notes how many requests are under way, so that those whose usage never comes are not waited for: to be done several
    /// times while a hold lives.
    pub fn mark_under_way(&self, now: Timestamp) {
        for project in self.directory().projects() {
            project.totals.under_way.mark((now, self.terms().time));
        }
    }

    /// How often that is to be done, in microseconds.
    #[must_use]
    pub fn mark_every(&self) -> i64 {
        self.terms().time / MARKS
    }
}

impl Exposure {
    /// Why more may be spent than is told, in words.
    pub(crate) fn doubts(&self) -> impl Iterator<Item = String> {
        let unasked = self
            .unasked_at
            .map(Timestamp::to_the_second)
            .map(|at| format!("whether more is under way: at {at} usage came that nobody had asked about"));
        let unpriced = self.unheld_cost.is_none().then(|| "what requests cost: no usage of them came yet".to_owned());
        unasked.into_iter().chain(unpriced)
    }

    fn add_hold(&mut self, deposit: &Deposit) {
        self.held += deposit.cost;
        if !deposit.is_own {
            self.assumed += deposit.cost;
            return;
        }
        self.holds += 1;
        let oldest = self.oldest_hold.map_or(deposit.taken_at, |oldest| oldest.min(deposit.taken_at));
        self.oldest_hold = Some(oldest);
    }

    fn add_unheld(&mut self, project: &Project, now: (Timestamp, i64)) {
        let unheld = project.totals.under_way.look(now);
        self.unheld += unheld.requests;
        self.highest_cost = self.highest_cost.max(Some(unheld.highest).filter(|cost| *cost > Nanos::ZERO));
        self.unheld_cost = match (self.unheld_cost, unheld.requests, unheld.highest) {
            (Some(_), 1.., Nanos::ZERO) => None,
            (sum, requests, highest) => sum.map(|sum| sum + times(requests, highest)),
        };
        self.most_unheld_cost += times(unheld.most, unheld.highest_of_month);
        self.unasked_at = self.unasked_at.max(unheld.unasked_at);
    }
}

fn times(requests: u64, cost: Nanos) -> Nanos {
    Nanos(i64::try_from(requests).unwrap_or(i64::MAX).saturating_mul(cost.0))
}
