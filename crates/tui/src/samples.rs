//! A small world for tests: three organizations on 23 November 2026, at 12:31 UTC.

pub mod intake;
mod within;

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use mete_core::audit::{AuditEntry, AuditOutcome, AuditRecord, Link};
use mete_core::directory::OrganizationRole;
use mete_core::directory::{ApiKey, KeyStatus, Organization, OrganizationView, Project, ProjectStatus, ProjectView};
use mete_core::limits::Limits;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::people::{Invite, InviteStatus, ListedRole, Member, MemberKind};
use mete_core::permissions::Permissions;
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{
    Alert, AlertKind, Cursor, CursorKey, EventLine, KeyLine, KeyOrder, KeyQuery, MemberLine, Page, Paging,
    QuarantineRow, Refusal, RefusalCause, ScopeKind, Seek, SpendBy, SpendRow, Versions,
};

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
    };
    match month == now().month() {
        true => vec![alert(AlertKind::Exhausted, "500", "12:04:31"), alert(AlertKind::Threshold, "400", "09:10:00")],
        false => Vec::new(),
    }
}

/// Some of the rows of a list, as the store gives them.
fn page<T: Clone>(rows: &[T], paging: &Paging, id: impl Fn(&T) -> String) -> Page<T> {
    let limit = paging.limit as usize;
    let place = |cursor: &Cursor| rows.iter().position(|row| id(row) == cursor.id).unwrap_or_default();
    let (from, to) = match &paging.seek {
        Seek::First => (0, limit),
        Seek::After(cursor) => (place(cursor) + 1, place(cursor) + 1 + limit),
        Seek::Before(cursor) => (place(cursor).saturating_sub(limit), place(cursor)),
        Seek::Last => (rows.len().saturating_sub(limit), rows.len()),
    };
    let to = to.min(rows.len());
    let cursor = |at: usize| rows.get(at).map(|row| Cursor { key: CursorKey::Number(0), id: id(row) });
    Page {
        rows: rows[from..to].to_vec(),
        previous: cursor(from).filter(|_| from > 0),
        next: cursor(to.saturating_sub(1)).filter(|_| to < rows.len()),
        middle: cursor(from + (to - from) / 2),
        total: None,
    }
}

fn key_lines(keys: Vec<ApiKey>, month: Month) -> Vec<KeyLine> {
    let spent = spend(SpendBy::Key, month);
    let line = |key: ApiKey| {
        let spend = spent.iter().find(|row| row.id == key.id).map_or(Nanos::ZERO, |row| row.spend);
        KeyLine { project: "Support bot".to_owned(), spend: Some(spend), key }
    };
    keys.into_iter().map(line).collect()
}

/// So many keys, of which each was used a second before the one before.
pub fn many_keys(number: usize) -> Vec<ApiKey> {
    let one = |place: usize| {
        let mut key = key(&format!("key {place:05}"), "kim@acme.test", None);
        key.last_used_at = Some(at("12:00:00").plus(-1_000_000 * place as i64));
        key.id = format!("key_{place:05}");
        if place % 100 == 7 {
            key.status = KeyStatus::Revoked;
        }
        key
    };
    (0..number).map(one).collect()
}

fn key_page(mut keys: Vec<ApiKey>, query: &KeyQuery, paging: &Paging) -> Page<KeyLine> {
    keys.retain(|key| query.status.is_none_or(|status| key.status == status));
    keys.retain(|key| query.owner_id.as_ref().is_none_or(|owner| key.owner_id == *owner));
    let word = query.text.clone().unwrap_or_default();
    keys.retain(|key| format!("{} {}", key.name, key.owner).contains(&word));
    match query.order {
        KeyOrder::Name => keys.sort_by_key(|key| key.name.clone()),
        _ => keys.sort_by_key(|key| std::cmp::Reverse(key.last_used_at)),
    }
    page(&key_lines(keys, query.month), paging, |line| line.key.id.clone())
}

fn members(month: Month) -> Vec<MemberLine> {
    let member = |email: &str, name: &str, role| Member {
        id: id("user-", email),
        kind: MemberKind::User,
        email: Some(email.to_owned()),
        name: name.to_owned(),
        role,
        through_organization: false,
        usage_grant: false,
        project_id: None,
        added_at: "2026-03-01T09:00:00Z".parse().unwrap(),
    };
    let line = |member, spend: &str, active_keys, projects, used: Option<&str>| MemberLine {
        member,
        spend: if month == now().month() { nanos(spend) } else { Nanos::ZERO },
        active_keys,
        projects,
        last_used_at: used.map(at),
    };
    let service = Member {
        id: "svc-acct-nightly".to_owned(),
        kind: MemberKind::ServiceAccount,
        email: None,
        project_id: Some(id("proj_", "Support bot")),
        ..member("", "nightly-eval", ListedRole::Member)
    };
    let grant = Member { usage_grant: true, ..member("lee@acme.test", "", ListedRole::Reader) };
    vec![
        line(service, "401.22", 1, 1, Some("11:58:00")),
        line(member("dana@acme.test", "Dana Meyer", ListedRole::Owner), "88.1", 2, 1, Some("12:04:00")),
        line(grant, "0", 0, 0, None),
    ]
}

fn invites() -> Vec<Invite> {
    let invite = |email: &str, status, made: &str, role| {
        let created_at: Timestamp = format!("2026-11-{made}T10:00:00Z").parse().unwrap();
        Invite {
            id: id("invite-", email),
            organization_id: id("org-", "Acme"),
            email: email.to_owned(),
            role,
            status,
            created_at,
            expires_at: created_at.plus(mete_core::people::INVITE_LIFETIME),
            accepted_at: (status == InviteStatus::Accepted).then(|| created_at.plus(mete_core::time::HOUR)),
            projects: Vec::new(),
        }
    };
    vec![
        invite("kim@acme.test", InviteStatus::Pending, "22", OrganizationRole::Reader),
        invite("lee@acme.test", InviteStatus::Accepted, "12", OrganizationRole::Reader),
        invite("pat@acme.test", InviteStatus::Expired, "02", OrganizationRole::Owner),
    ]
}

fn refusals() -> Vec<(Refusal, Option<ApiKey>)> {
    let refusal = |scope, scope_id: String, name: &str, cause, since: Option<&str>| Refusal {
        organization_id: id("org-", "Acme"),
        project_id: Some(id("proj_", "Support bot")),
        scope,
        scope_id,
        scope_name: name.to_owned(),
        cause,
        since: since.map(at),
        until: Some(now().month().end()),
        keys: 1,
        released: 0,
    };
    let budget = |budget: &str, spend: &str| RefusalCause::Budget { budget: nanos(budget), spend: Some(nanos(spend)) };
    let hand = RefusalCause::ByHand {
        id: "block_1".to_owned(),
        reason: "leaked in a paste".to_owned(),
        placed_by: "dana@acme.test".to_owned(),
    };
    let runner = key("ci-runner", "dana@acme.test", None);
    let blocked = Refusal { until: None, ..refusal("key", runner.id.clone(), "ci-runner", hand, Some("12:10:00")) };
    let project =
        refusal("project", id("proj_", "Support bot"), "Support bot", budget("500", "500.000214"), Some("12:04:31"));
    let project = Refusal { keys: 14, released: 2, ..project };
    let model = refusal("model", "gpt-5-pro".to_owned(), "gpt-5-pro", budget("40", "40.12"), None);
    vec![(blocked, Some(runner)), (project, None), (model, None)]
}

/// Entries of one chain, the newest first.
pub fn audit() -> Vec<AuditEntry> {
    let record = |time: &str, who: &str, action: &str, target: &str, change: serde_json::Value| AuditRecord {
        organization_id: id("org-", "Acme"),
        at: at(time),
        actor_kind: if who.contains('@') { "person" } else { "operator" }.to_owned(),
        actor_id: if who.contains('@') { id("user-", who) } else { String::new() },
        actor_name: who.to_owned(),
        os_user: "pat".to_owned(),
        host: "gate-1".to_owned(),
        action: action.to_owned(),
        outcome: AuditOutcome::Done,
        project_id: id("proj_", "Support bot"),
        target_id: id("proj_", target),
        target_name: target.to_owned(),
        reason: String::new(),
        change,
    };
    let budget =
        |before: &str, after: &str| serde_json::json!({"before": {"budget": before}, "after": {"budget": after}});
    let refused = AuditRecord {
        outcome: AuditOutcome::Refused,
        reason: "kim@acme.test may not archive the project: that takes an owner".to_owned(),
        ..record("11:20:00", "kim@acme.test", "project.archived", "Support bot", serde_json::Value::Null)
    };
    let blocked = AuditRecord {
        reason: "leaked in a paste".to_owned(),
        ..record(
            "12:10:00",
            "dana@acme.test",
            "block.created",
            "ci-runner",
            serde_json::json!({"after": {"until": null}}),
        )
    };
    let records = [
        record(
            "09:00:00",
            "pat",
            "project.created",
            "Support bot",
            serde_json::json!({"after": {"name": "Support bot"}}),
        ),
        record("09:05:00", "dana@acme.test", "limits.updated", "Support bot", budget("300", "500")),
        refused,
        blocked,
    ];
    let (mut entries, mut previous_hash) = (Vec::new(), Link::default());
    for (seq, record) in (1..).zip(records) {
        let hash = record.link(previous_hash, &record.change.to_string());
        entries.push(AuditEntry { seq, record, previous_hash, hash });
        previous_hash = hash;
    }
    entries.reverse();
    entries
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
