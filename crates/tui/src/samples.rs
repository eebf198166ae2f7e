//! A small world for tests: three organizations on 23 November 2026, at 12:31 UTC.

pub mod intake;
mod people;
mod pulse;
mod within;

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use mete_core::audit::AuditEntry;
use mete_core::directory::{ApiKey, KeyStatus, Organization, OrganizationView, Project, ProjectStatus, ProjectView};
use mete_core::limits::Limits;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::people::MemberKind;
use mete_core::permissions::Permissions;
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, AlertKind, EventLine, QuarantineRow, ScopeKind, SpendBy, SpendRow, Versions};
pub use people::{audit, many_keys};
use people::{invites, key_page, members, page, refusals};

use crate::data::{Answer, DataSource, Query, QueryFailed};
use crate::explaining::{Explained, Figures};
pub use within::explained;
use within::{audit as project_audit, course, limits, members as project_members, outlook, resources};

/// The present.
pub fn now() -> Timestamp {
    at("12:31:00")
}

/// A time of day of today.
pub fn at(time: &str) -> Timestamp {
    format!("2026-11-23T{time}Z").parse().unwrap()
}

pub fn nanos(amount: &str) -> Nanos {
    amount.parse().unwrap()
}

fn id(prefix: &str, name: &str) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{prefix}{letters:0<24}")
}

pub fn organization(name: &str, spend: &str, budget: Option<&str>) -> OrganizationView {
    OrganizationView {
        organization: Organization {
            id: id("org-", name),
            name: name.to_owned(),
            parent_id: None,
            created_at: "2026-03-01T09:00:00Z".parse().unwrap(),
        },
        limits: Limits { budget: budget.map(nanos), threshold: None },
        spend: Some(nanos(spend)),
        requests: Some(1_204_311),
        active_projects: 6,
        blocked_projects: 0,
        blocked_since: None,
    }
}

pub fn project(name: &str, spend: &str, budget: Option<&str>) -> ProjectView {
    ProjectView {
        project: Project {
            id: id("proj_", name),
            organization_id: id("org-", "Acme"),
            name: name.to_owned(),
            description: String::new(),
            website: String::new(),
            status: ProjectStatus::Active,
            is_default: false,
            created_at: "2026-03-03T09:00:00Z".parse().unwrap(),
            archived_at: None,
        },
        limits: Limits { budget: budget.map(nanos), threshold: None },
        spend: Some(nanos(spend)),
        requests: Some(41_204),
        active_keys: 3,
        blocked_since: None,
        manual_blocks: Vec::new(),
    }
}

/// The organizations with their figures of a month; only November has any.
fn organizations_in(month: Month) -> Vec<OrganizationView> {
    let mut views = organizations();
    if month != now().month() {
        for view in &mut views {
            (view.spend, view.requests, view.blocked_projects) = (Some(Nanos::ZERO), Some(0), 0);
        }
    }
    views
}

fn organizations() -> Vec<OrganizationView> {
    let mut acme = organization("Acme", "18204.112", Some("25000"));
    acme.limits.threshold = Some(nanos("20000"));
    acme.blocked_projects = 1;
    let mut labs = organization("Acme Labs", "312.5", None);
    labs.organization.parent_id = Some(acme.organization.id.clone());
    let mut globex = organization("Globex", "4120.9", Some("5000"));
    globex.requests = Some(88_120);
    vec![organization("Initech", "0", None), labs, globex, acme]
}

/// The projects with their figures of a month; only November has any.
fn projects_in(month: Month) -> Vec<ProjectView> {
    let mut views = projects();
    if month != now().month() {
        for view in &mut views {
            (view.spend, view.requests, view.blocked_since) = (Some(Nanos::ZERO), Some(0), None);
        }
    }
    views
}

fn projects() -> Vec<ProjectView> {
    let mut support = project("Support bot", "500.000214", Some("500"));
    support.limits.threshold = Some(nanos("400"));
    support.blocked_since = Some(at("12:04:31"));
    support.active_keys = 14;
    let mut nightly = project("Eval nightly", "251.4", Some("300"));
    nightly.limits.threshold = Some(nanos("240"));
    let mut archived = project("Pilot 2025", "0", None);
    archived.project.status = ProjectStatus::Archived;
    vec![
        project("Default project", "0.0042", None),
        project("Search", "4120.9", Some("6000")),
        nightly,
        support,
        archived,
    ]
}

/// Something placed by hand at noon, on what has this id, for an hour.
pub fn block(kind: ManualBlockKind, scope_id: &str) -> ManualBlock {
    ManualBlock {
        id: "block_1".into(),
        organization_id: id("org-", "Acme"),
        project_id: id("proj_", "Support bot"),
        scope_kind: if scope_id.starts_with("key_") { ManualBlockScope::Key } else { ManualBlockScope::Project },
        scope_id: scope_id.to_owned(),
        kind,
        reason: "abuse".into(),
        placed_by: "dana".into(),
        placed_at: at("12:00:00"),
        until: Some(at("13:00:00")),
        lifted_by: None,
        lifted_at: None,
    }
}

pub fn key(name: &str, owner: &str, last_used: Option<&str>) -> ApiKey {
    ApiKey {
        id: id("key_", name),
        organization_id: id("org-", "Acme"),
        project_id: id("proj_", "Support bot"),
        owner_id: id("user-", owner),
        owner_kind: MemberKind::User,
        owner: owner.to_owned(),
        name: name.to_owned(),
        redacted_value: "sk-proj-…x4Qa".to_owned(),
        status: KeyStatus::Active,
        created_at: "2026-03-03T09:00:00Z".parse().unwrap(),
        last_used_at: last_used.map(at),
        expires_at: None,
        permissions: Permissions::ALL,
    }
}

fn keys() -> Vec<ApiKey> {
    let mut old = key("laptop of dana", "dana@acme.test", None);
    old.status = KeyStatus::Revoked;
    vec![
        key("ci-runner", "dana@acme.test", Some("12:04:00")),
        key("nightly-eval", "svc-acct-nightly", Some("11:58:00")),
        old,
    ]
}

fn row(id: String, name: &str, spend: &str, requests: u64) -> SpendRow {
    SpendRow {
        id,
        name: name.to_owned(),
        spend: nanos(spend),
        requests,
        input_tokens: requests * 812,
        cached_input_tokens: 0,
        output_tokens: requests * 120,
    }
}

/// Spend of `Support bot` in November; nothing in any other month.
fn spend(by: SpendBy, month: Month) -> Vec<SpendRow> {
    if month != now().month() {
        return Vec::new();
    }
    match by {
        SpendBy::Key => vec![
            row(id("key_", "nightly-eval"), "nightly-eval", "401.22", 30_112),
            row(id("key_", "ci-runner"), "ci-runner", "88.1", 9_804),
            row(String::new(), "", "10.680214", 1_288),
        ],
        SpendBy::Member => vec![
            row(id("user-", "dana@acme.test"), "dana@acme.test", "98.780214", 11_092),
            row(id("user-", "svc-acct-nightly"), "nightly", "401.22", 30_112),
        ],
        SpendBy::Endpoint => vec![
            row("chat_completions".to_owned(), "chat_completions", "480.1", 39_000),
            row("embeddings".to_owned(), "embeddings", "19.900214", 2_204),
        ],
        SpendBy::Model => vec![
            row("gpt-4o-mini".to_owned(), "gpt-4o-mini", "320.4", 38_000),
            row("claude-sonnet-4-5".to_owned(), "claude-sonnet-4-5", "179.600214", 3_204),
        ],
        SpendBy::Day => (1..=23)
            .map(|day| {
                let label = format!("2026-11-{day:02}");
                row(label.clone(), &label, &format!("{}.5", day * 7 % 41), 1_000)
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn alerts(month: Month) -> Vec<Alert> {
    let alert = |kind, amount: &str, time: &str| Alert {
        id: id("alert_", amount),
        organization_id: id("org-", "Acme"),
        scope_kind: ScopeKind::Project,
        scope_id: id("proj_", "Support bot"),
        scope_name: "Support bot".to_owned(),
        part: None,
        kind,
        month,
        amount: nanos(amount),
        spend: nanos(amount),
        at: at(time),
        acknowledged_at: None,
        acknowledged_by: None,
    };
    match month == now().month() {
        true => vec![alert(AlertKind::Exhausted, "500", "12:04:31"), alert(AlertKind::Threshold, "400", "09:10:00")],
        false => Vec::new(),
    }
}

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
    /// Whether members, invites, alerts, refusals and entries are none.
    empty: bool,
    unexplained: bool,
    explained: Option<Explained>,
    events: Option<Vec<EventLine>>,
    quarantine: Option<Vec<QuarantineRow>>,
    /// Whether nothing ever came in.
    idle: bool,
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

    /// There are no keys, people, invites, alerts, blocks and entries.
    pub fn set_empty(&self) {
        let mut inner = self.inner();
        (inner.empty, inner.keys, inner.audit) = (true, Some(Vec::new()), Some(Vec::new()));
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

    /// Nothing ever came in.
    pub fn set_idle(&self) {
        let mut inner = self.inner();
        (inner.events, inner.quarantine, inner.idle) = (Some(Vec::new()), Some(Vec::new()), true);
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
        Ok(match query {
            Query::Pulse(month) => {
                let organizations = inner.organizations.clone().unwrap_or_else(|| organizations_in(*month));
                let projects = inner.projects.clone().unwrap_or_else(|| projects_in(*month));
                let alerts = if inner.unseen || organizations.is_empty() { Vec::new() } else { alerts(*month) };
                Answer::Pulse(Box::new(pulse::pulse(*month, (organizations, projects), alerts)))
            }
            Query::Organizations(month) => {
                Answer::Organizations(inner.organizations.clone().unwrap_or_else(|| organizations_in(*month)))
            }
            Query::Projects { month, .. } => {
                Answer::Projects(inner.projects.clone().unwrap_or_else(|| projects_in(*month)))
            }
            Query::Keys(_) => Answer::Keys(keys()),
            Query::Spend { by, .. } if inner.unseen => Answer::Spend(*by, None),
            Query::Spend { month, by, .. } => Answer::Spend(*by, Some(spend(*by, *month))),
            Query::Alerts(_) if inner.unseen => Answer::Alerts(Vec::new()),
            Query::Alerts(filter) => Answer::Alerts(alerts(filter.month.unwrap())),
            Query::KeyPage(query, paging) => {
                Answer::KeyPage(key_page(inner.keys.clone().unwrap_or_else(keys), query, paging))
            }
            Query::MemberPage { ordered: (_, month), paging, .. } => {
                let all = if inner.empty { Vec::new() } else { members(*month) };
                Answer::MemberPage(page(&all, paging, |line| line.member.id.clone()))
            }
            Query::InvitePage(_, paging) => {
                let all = if inner.empty { Vec::new() } else { invites() };
                Answer::InvitePage(page(&all, paging, |invite| invite.id.clone()))
            }
            Query::AlertPage(filter, paging) => {
                let all = if inner.empty { Vec::new() } else { alerts(filter.month.unwrap()) };
                Answer::AlertPage(page(&all, paging, |alert| alert.id.clone()))
            }
            Query::Refusals(_) => Answer::Refusals(if inner.empty { Vec::new() } else { refusals() }),
            Query::AuditPage(_, paging) => {
                let all = inner.audit.clone().unwrap_or_else(audit);
                Answer::AuditPage(page(&all, paging, |entry| entry.seq.to_string()))
            }
            Query::Explain(_) if inner.unexplained => Answer::Explained(None),
            Query::Explain(asked) => {
                let mut told = inner.explained.clone().unwrap_or_else(|| explained(asked));
                told.spent_by = told.spent_by.filter(|_| !inner.unseen);
                for rule in &mut told.rules {
                    if let Figures::Budget { spend, .. } = &mut rule.figures {
                        *spend = spend.filter(|_| !inner.unseen);
                    }
                }
                Answer::Explained(Some(Box::new(told)))
            }
            Query::Course { .. } | Query::Outlook(_) | Query::Audit(_) if inner.unseen => unseen(query),
            Query::Course { .. } => Answer::Course(Some((now().hour(), course()))),
            Query::Outlook(_) => Answer::Outlook(Some(outlook())),
            Query::Members(_) => Answer::Members(project_members()),
            Query::ProjectLimits { .. } => Answer::ProjectLimits(limits(inner.unseen)),
            Query::Resources(_) => Answer::Resources(resources(inner.unseen)),
            Query::Audit(_) => Answer::Audit(Some(project_audit())),
            query => inner.intake(query),
        })
    }
}

impl Inner {
    fn intake(&self, query: &Query) -> Answer {
        let entries = || self.quarantine.clone().unwrap_or_else(intake::quarantine);
        match query {
            Query::Sources(month) => {
                let (days, files) = if self.idle { Default::default() } else { intake::sources(*month) };
                Answer::Sources(days, files)
            }
            Query::QuarantineCounts if self.idle => Answer::QuarantineCounts(Vec::new()),
            Query::QuarantineCounts => Answer::QuarantineCounts(intake::quarantine_counts()),
            Query::QuarantinePage(filter, paging) => {
                Answer::QuarantinePage(intake::quarantine_page(entries(), filter, paging))
            }
            Query::QuarantineEntry(id) => {
                Answer::QuarantineEntry(entries().into_iter().find(|entry| entry.id == *id).map(Box::new))
            }
            Query::Events { before, limit, .. } => {
                let events = self.events.clone().unwrap_or_else(intake::events);
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
