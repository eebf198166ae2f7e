//! What answers from the small world, or with whatever a test has put in.

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use mete_core::Month;
use mete_core::audit::{AuditEntry, Link};
use mete_core::directory::{ApiKey, OrganizationView, ProjectView};
use mete_core::event::EventId;
use mete_core::people::Member;
use mete_core::time::{MINUTE, SECOND};
use mete_store::{Alert, EventLine, QuarantineRow, SpendBy, SpendRow, Versions};

use super::people::{audit, invites, key_page, members, page, refusals};
use super::varied::{Other, Varied};
use super::within::{
    audit as project_audit, course, explained, limits, members as project_members, outlook, resources,
};
use super::{alerts, at, intake, keys, now, organizations, organizations_in, projects, projects_in, pulse, spend};
use crate::data::{Answer, DataSource, ProjectLimits, Query, QueryFailed};
use crate::explaining::{Asked, Explained, Figures};

/// The answer to somebody who may not see it.
fn unseen(query: &Query) -> Answer {
    match query {
        Query::Outlook(_) => Answer::Outlook(None),
        Query::Audit(_) => Answer::Audit(None),
        _ => Answer::Course(None),
    }
}

/// Answers from the small world, or with whatever a test has put in.
#[derive(Default)]
pub struct World(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    moved: i64,
    organizations: Option<Vec<OrganizationView>>,
    projects: Option<Vec<ProjectView>>,
    down: Option<String>,
    unseen: bool,
    keys: Option<Vec<ApiKey>>,
    audit: Option<Vec<AuditEntry>>,
    unexplained: bool,
    explained: Option<Explained>,
    events: Option<Vec<EventLine>>,
    quarantine: Option<Vec<QuarantineRow>>,
    varied: Varied,
}

impl World {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other organizations in; the store's versions move.
    pub fn set_organizations(&self, organizations: Vec<OrganizationView>) {
        let mut inner = self.inner();
        inner.organizations = Some(organizations);
        inner.moved += 1;
    }

    /// Puts other projects in; the store's versions move.
    pub fn set_projects(&self, projects: Vec<ProjectView>) {
        let mut inner = self.inner();
        inner.projects = Some(projects);
        inner.moved += 1;
    }

    /// Puts other keys in; the store's versions move.
    pub fn set_keys(&self, keys: Vec<ApiKey>) {
        let mut inner = self.inner();
        inner.keys = Some(keys);
        inner.moved += 1;
    }

    /// Puts another audit log in; the store's versions move.
    pub fn set_audit(&self, entries: Vec<AuditEntry>) {
        let mut inner = self.inner();
        inner.audit = Some(entries);
        inner.moved += 1;
    }

    /// Varies all that the world has of its own; the store's versions move.
    pub fn vary(&self, varied: Varied) {
        let mut inner = self.inner();
        inner.varied = varied;
        inner.moved += 1;
    }

    /// The person at the screen may not see what is spent (R6).
    pub fn hide_spend(&self) {
        let mut inner = self.inner();
        let mut projects = projects();
        for view in &mut projects {
            (view.spend, view.requests) = (None, None);
        }
        let mut organizations = organizations();
        for view in &mut organizations {
            (view.spend, view.requests) = (None, None);
        }
        (inner.projects, inner.organizations, inner.unseen) = (Some(projects), Some(organizations), true);
        inner.moved += 1;
    }

    /// Puts another explanation in; none is as if nobody knew how.
    pub fn set_explained(&self, explained: Option<Explained>) {
        let mut inner = self.inner();
        (inner.unexplained, inner.explained) = (explained.is_none(), explained);
        inner.moved += 1;
    }

    /// Puts other events in; the store's versions move.
    pub fn set_events(&self, events: Vec<EventLine>) {
        let mut inner = self.inner();
        inner.events = Some(events);
        inner.moved += 1;
    }

    /// Puts other entries into the quarantine; the store's versions move.
    pub fn set_quarantine(&self, entries: Vec<QuarantineRow>) {
        let mut inner = self.inner();
        inner.quarantine = Some(entries);
        inner.moved += 1;
    }

    /// Nothing is answered as long as a reason is set.
    pub fn set_down(&self, reason: Option<&str>) {
        self.inner().down = reason.map(str::to_owned);
    }

    /// The answer to a query, at once.
    pub fn answer(&self, query: &Query) -> Result<Answer, QueryFailed> {
        let inner = self.inner();
        if let Some(reason) = inner.down.clone() {
            return Err(QueryFailed(reason));
        }
        let varied = inner.varied;
        Ok(match query {
            Query::Pulse(month) => {
                let (organizations, projects) = (inner.organizations(*month), inner.projects(*month));
                let alerts = if inner.unseen || organizations.is_empty() { Vec::new() } else { inner.alerts(*month) };
                Answer::Pulse(Box::new(pulse::pulse(*month, (organizations, projects), alerts)))
            }
            Query::Organizations(month) => Answer::Organizations(inner.organizations(*month)),
            Query::Projects { month, .. } => Answer::Projects(inner.projects(*month)),
            Query::Keys(_) => Answer::Keys(inner.keys()),
            Query::Spend { by, .. } if inner.unseen => Answer::Spend(*by, None),
            Query::Spend { month, by, .. } => Answer::Spend(*by, Some(inner.spend(*by, *month))),
            Query::Alerts(_) if inner.unseen => Answer::Alerts(Vec::new()),
            Query::Alerts(filter) => Answer::Alerts(inner.alerts(filter.month.unwrap())),
            Query::KeyPage(query, paging) => Answer::KeyPage(key_page(inner.keys(), query, paging)),
            Query::MemberPage { ordered: (_, month), paging, .. } => {
                let all = varied.list(members(*month), |line, it| member(&mut line.member, it));
                Answer::MemberPage(page(&all, paging, |line| line.member.id.clone()))
            }
            Query::InvitePage(_, paging) => {
                let all = varied.list(invites(), |invite, it| {
                    it.id(&mut invite.id);
                    invite.email = format!("{}@acme.test", it.name);
                });
                Answer::InvitePage(page(&all, paging, |invite| invite.id.clone()))
            }
            Query::AlertPage(filter, paging) => {
                Answer::AlertPage(page(&inner.alerts(filter.month.unwrap()), paging, |alert| alert.id.clone()))
            }
            Query::Refusals(_) => Answer::Refusals(varied.list(refusals(), |(refusal, _), it| {
                it.id(&mut refusal.scope_id);
                it.name.clone_into(&mut refusal.scope_name);
            })),
            Query::AuditPage(_, paging) => {
                let all = inner.audit.clone().unwrap_or_else(|| linked(varied.list(audit(), entry)));
                Answer::AuditPage(page(&all, paging, |entry| entry.seq.to_string()))
            }
            Query::Explain(_) if inner.unexplained => Answer::Explained(None),
            Query::Explain(asked) => Answer::Explained(Some(Box::new(inner.explain(asked)))),
            Query::Course { .. } | Query::Outlook(_) | Query::Audit(_) if inner.unseen => unseen(query),
            Query::Course { .. } => {
                let spent = if varied == Varied::Nothing { Vec::new() } else { course() };
                Answer::Course(Some((now().hour(), spent)))
            }
            Query::Outlook(_) => Answer::Outlook(Some(outlook())),
            Query::Members(_) => Answer::Members(varied.list(project_members(), member)),
            Query::ProjectLimits { .. } => {
                let limits = limits(inner.unseen);
                let parts = varied.list(limits.parts, |part, it| {
                    it.id(&mut part.part.id);
                    it.name.clone_into(&mut part.name);
                });
                Answer::ProjectLimits(ProjectLimits { parts, ..limits })
            }
            Query::Resources(_) => Answer::Resources(varied.list(resources(inner.unseen), |resource, it| {
                it.name.clone_into(&mut resource.id);
            })),
            Query::Audit(_) => Answer::Audit(Some(varied.list(project_audit(), entry))),
            query => inner.intake(query),
        })
    }
}

fn member(member: &mut Member, it: &Other<'_>) {
    it.id(&mut member.id);
    it.name.clone_into(&mut member.name);
    member.email = member.email.as_ref().map(|_| format!("{}@acme.test", it.name));
}

fn entry(entry: &mut AuditEntry, it: &Other<'_>) {
    if let Some(number) = it.number {
        entry.seq += 10 * (number as i64 + 1);
        entry.record.at = at("08:00:00").plus(-(number as i64) * MINUTE);
    }
    it.name.clone_into(&mut entry.record.target_name);
}

/// The entries as one chain, the newest first.
fn linked(mut entries: Vec<AuditEntry>) -> Vec<AuditEntry> {
    let mut previous_hash = Link::default();
    for (seq, entry) in (1..).zip(entries.iter_mut().rev()) {
        let hash = entry.record.link(previous_hash, &entry.record.change.to_string());
        (entry.seq, entry.previous_hash, entry.hash) = (seq, previous_hash, hash);
        previous_hash = hash;
    }
    entries
}

impl Inner {
    fn organizations(&self, month: Month) -> Vec<OrganizationView> {
        self.organizations.clone().unwrap_or_else(|| {
            self.varied.kept(organizations_in(month), |view, it| {
                it.id(&mut view.organization.id);
                it.name.clone_into(&mut view.organization.name);
            })
        })
    }

    fn projects(&self, month: Month) -> Vec<ProjectView> {
        self.projects.clone().unwrap_or_else(|| {
            self.varied.kept(projects_in(month), |view, it| {
                it.id(&mut view.project.id);
                it.name.clone_into(&mut view.project.name);
            })
        })
    }

    fn keys(&self) -> Vec<ApiKey> {
        self.keys.clone().unwrap_or_else(|| {
            self.varied.list(keys(), |key, it| {
                it.id(&mut key.id);
                it.name.clone_into(&mut key.name);
                key.owner = format!("{}@acme.test", it.name);
            })
        })
    }

    fn spend(&self, by: SpendBy, month: Month) -> Vec<SpendRow> {
        if by == SpendBy::Day {
            return spend(by, month);
        }
        self.varied.list(spend(by, month), |row, it| {
            it.id(&mut row.id);
            it.name.clone_into(&mut row.name);
        })
    }

    fn alerts(&self, month: Month) -> Vec<Alert> {
        self.varied.list(alerts(month), |alert, it| {
            it.id(&mut alert.id);
            alert.at = it.number.map_or(alert.at, |number| at("09:00:00").plus(-(number as i64) * SECOND));
            it.name.clone_into(&mut alert.scope_name);
        })
    }

    fn explain(&self, asked: &Asked) -> Explained {
        let mut told = self.explained.clone().unwrap_or_else(|| explained(asked));
        told.spent_by = told.spent_by.filter(|_| !self.unseen);
        for rule in &mut told.rules {
            if let Figures::Budget { spend, .. } = &mut rule.figures {
                *spend = spend.filter(|_| !self.unseen);
            }
        }
        told
    }

    fn intake(&self, query: &Query) -> Answer {
        let varied = self.varied;
        let entries = || {
            self.quarantine.clone().unwrap_or_else(|| {
                varied.list(intake::quarantine(), |entry, it| {
                    if let Some(number) = it.number {
                        entry.id = 216 + number as i64;
                        entry.at = now().plus(-entry.id * MINUTE);
                    }
                    it.name.clone_into(&mut entry.source);
                })
            })
        };
        match query {
            Query::Sources(month) => {
                let (days, files) = intake::sources(*month);
                let days = varied.list(days, |day, it| it.name.clone_into(&mut day.source));
                Answer::Sources(days, varied.list(files, |file, it| file.position.path = it.name.into()))
            }
            Query::QuarantineCounts => {
                let counts =
                    varied.list(intake::quarantine_counts(), |count, it| it.name.clone_into(&mut count.source));
                Answer::QuarantineCounts(counts)
            }
            Query::QuarantinePage(filter, paging) => {
                Answer::QuarantinePage(intake::quarantine_page(entries(), filter, paging))
            }
            Query::QuarantineEntry(id) => {
                Answer::QuarantineEntry(entries().into_iter().find(|entry| entry.id == *id).map(Box::new))
            }
            Query::Events { before, limit, .. } => {
                let events = self.events.clone().unwrap_or_else(|| {
                    varied.list(intake::events(), |line, it| {
                        if let Some(number) = it.number {
                            // the first 450 are those that there are
                            let ago = 451 + number as i64;
                            (line.event.time, line.event.id) = (now().plus(-ago * SECOND), EventId(1_000_000 - ago));
                        }
                        it.name.clone_into(&mut line.project);
                    })
                });
                Answer::Events(intake::event_page(events, *before, *limit))
            }
            _ => Answer::Settings(intake::settings()),
        }
    }
}

impl DataSource for World {
    fn ask(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryFailed>> {
        Box::pin(async move { self.answer(&query) })
    }

    fn versions(&self) -> BoxFuture<'_, Result<Versions, QueryFailed>> {
        Box::pin(async move {
            let inner = self.inner();
            match &inner.down {
                Some(reason) => Err(QueryFailed(reason.clone())),
                None => Ok(Versions { change_seq: inner.moved, ledger_version: 1 }),
            }
        })
    }

    fn describe(&self) -> String {
        "sqlite mete.db".to_owned()
    }

    fn actor(&self) -> String {
        "operator".to_owned()
    }
}
