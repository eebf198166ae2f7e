//! A small world for tests: three organizations on 23 November 2026, at 12:31 UTC.

pub mod intake;
mod people;
mod pulse;
mod varied;
mod within;
mod world;

use mete_core::directory::{ApiKey, KeyStatus, Organization, OrganizationView, Project, ProjectStatus, ProjectView};
use mete_core::limits::Limits;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::people::MemberKind;
use mete_core::permissions::Permissions;
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, AlertKind, ScopeKind, SpendBy, SpendRow};
pub use people::{audit, many_keys};
pub use varied::Varied;
pub use within::explained;
pub use world::World;

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
