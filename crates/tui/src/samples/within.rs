//! What is known of `Support bot` in the small world: a decision, people, limits, resources, the audit log.

use mete_control::{Outlook, SeenPart, SeenResource};
use mete_core::Nanos;
use mete_core::audit::{AuditEntry, AuditOutcome, AuditRecord, Link};
use mete_core::forecast::{Burn, Forecast};
use mete_core::parts::{Part, PartKind};
use mete_core::people::{ListedRole, Member, MemberKind};
use mete_core::rates::{RateLimit, Rates};
use mete_store::ResourceKind;

use super::{at, id, nanos, now};
use crate::data::ProjectLimits;
use crate::explaining::{About, Asked, Explained, Figures, Refused, Rule, SpentBy, Verdict};

/// What refuses the keys of `Support bot`.
pub fn explained(asked: &Asked) -> Explained {
    let budget = |name: &str, spend: &str, budget: &str| Figures::Budget {
        name: name.to_owned(),
        spend: Some(nanos(spend)),
        budget: Some(nanos(budget)),
        held: None,
        overshoot: None,
    };
    let words = |words: &str| Figures::Words(words.to_owned());
    let rule = |name, about, verdict, figures| Rule { name, about, verdict, figures };
    let of_key = [
        rule("key known", About::Key, Verdict::Ok, words("")),
        rule("key active", About::Key, Verdict::Ok, words("active")),
    ];
    let rules = [
        rule("project active", About::Project, Verdict::Ok, words("Support bot")),
        rule("permission", About::Key, Verdict::Ok, words("all")),
        rule("model", About::Project, Verdict::Ok, words("project: gpt-4o-mini, claude-sonnet-4-5")),
        rule("organization budget", About::Organization, Verdict::Ok, budget("Acme", "18204.112", "25000")),
        rule("project budget", About::Project, Verdict::Refused, budget("Support bot", "500.000214", "500")),
        rule("file quota", About::Project, Verdict::NotAsked, words("1,204 of 1,000,000,000 bytes")),
    ];
    Explained {
        refused: Some(Refused {
            status: 429,
            code: "project_spend_limit_exceeded".to_owned(),
            message: "The monthly budget of the project 'Support bot' is used up.".to_owned(),
            since: Some(at("12:04:31")),
            until: Some(now().month().end()),
            ends: "a higher budget",
        }),
        rules: of_key.into_iter().filter(|_| asked.key_id.is_some()).chain(rules).collect(),
        spent_by: Some(SpentBy {
            scope: "Support bot".to_owned(),
            total: nanos("500.000214"),
            spenders: vec![
                ("key", "nightly-eval".to_owned(), nanos("401.22")),
                ("key", "ci-runner".to_owned(), nanos("88.1")),
                ("key", String::new(), nanos("10.680214")),
                ("model", "gpt-4o-mini".to_owned(), nanos("320.4")),
                ("model", "claude-sonnet-4-5".to_owned(), nanos("179.600214")),
                ("member", "nightly".to_owned(), nanos("401.22")),
                ("member", "dana@acme.test".to_owned(), nanos("98.780214")),
            ],
        }),
        last_commit_at: Some(at("12:30:48")),
        newest_event_at: Some(at("12:30:40")),
        not_known: vec!["what is held and under way: only the running daemon knows (--daemon)".to_owned()],
        ..Explained::default()
    }
}

pub fn course() -> Vec<Nanos> {
    (0..24).map(|hour| Nanos::from_dollars([1, 1, 2, 0, 1, 3][hour % 6] + if hour > 18 { 4 } else { 0 })).collect()
}

pub fn outlook() -> Outlook {
    let forecast =
        Forecast { spent: nanos("500.000214"), point: nanos("640"), low: nanos("610"), high: nanos("702.5") };
    let burn = Burn { now: nanos("5.5"), usual: nanos("2") };
    Outlook { budget: Some(nanos("500")), forecast, burn, factor_per_mille: burn.factor(), runs_out: None }
}

pub fn members() -> Vec<Member> {
    let member = |name: &str, role, kind, through_organization| Member {
        id: id(if kind == MemberKind::User { "user-" } else { "svc-acct-" }, name),
        kind,
        email: (kind == MemberKind::User).then(|| name.to_owned()),
        name: if kind == MemberKind::User { String::new() } else { name.to_owned() },
        role,
        through_organization,
        usage_grant: false,
        project_id: None,
        added_at: "2026-03-03T09:00:00Z".parse().unwrap(),
    };
    vec![
        member("dana@acme.test", ListedRole::Owner, MemberKind::User, true),
        member("kim@acme.test", ListedRole::Member, MemberKind::User, false),
        member("nightly", ListedRole::Member, MemberKind::ServiceAccount, false),
    ]
}

pub fn limits(unseen: bool) -> ProjectLimits {
    let part = |kind, name: &str, budget: &str, spend: &str| SeenPart {
        part: Part { kind, id: id("user-", name) },
        name: name.to_owned(),
        budget: nanos(budget),
        spend: Some(nanos(spend)).filter(|_| !unseen),
    };
    let rates = |requests, tokens| Rates {
        max_requests_per_1_minute: Some(requests),
        max_tokens_per_1_minute: tokens,
        ..Rates::default()
    };
    ProjectLimits {
        models: Some(vec!["gpt-4o-mini".to_owned(), "claude-sonnet-4-5".to_owned()]),
        organization_models: None,
        rates: vec![RateLimit { model: "gpt-4o-mini".to_owned(), rates: rates(500, Some(200_000)) }],
        organization_rates: vec![RateLimit { model: "gpt-4o-mini".to_owned(), rates: rates(5_000, None) }],
        parts: vec![
            part(PartKind::Model, "claude-sonnet-4-5", "200", "179.600214"),
            part(PartKind::Member, "dana@acme.test", "90", "98.780214"),
        ],
    }
}

pub fn resources(unseen: bool) -> Vec<SeenResource> {
    let resource = |kind, name: &str, bytes, time: &str| SeenResource {
        project_id: id("proj_", "Support bot"),
        kind,
        id: name.to_owned(),
        first_seen_at: "2026-11-03T09:00:00Z".parse().unwrap(),
        last_seen_at: at(time),
        bytes,
        requests: Some(12).filter(|_| !unseen),
        spend: Some(nanos("0.42")).filter(|_| !unseen),
    };
    vec![
        resource(ResourceKind::File, "file-abc123", 1_204, "12:00:00"),
        resource(ResourceKind::VectorStore, "vs_67f1", 88_120_001, "11:31:00"),
    ]
}

pub fn audit() -> Vec<AuditEntry> {
    let entry = |seq, action: &str, outcome, time: &str| AuditEntry {
        seq,
        record: AuditRecord {
            organization_id: id("org-", "Acme"),
            at: at(time),
            actor_kind: "person".to_owned(),
            actor_id: id("user-", "dana"),
            actor_name: "dana@acme.test".to_owned(),
            os_user: "dana".to_owned(),
            host: "desk".to_owned(),
            action: action.to_owned(),
            outcome,
            project_id: id("proj_", "Support bot"),
            target_id: id("proj_", "Support bot"),
            target_name: "Support bot".to_owned(),
            reason: if outcome == AuditOutcome::Done { "launch".to_owned() } else { "takes an owner".to_owned() },
            change: serde_json::Value::Null,
        },
        previous_hash: Link::default(),
        hash: Link::default(),
    };
    vec![
        entry(8, "project.limits_changed", AuditOutcome::Done, "09:00:00"),
        entry(9, "project.archived", AuditOutcome::Refused, "10:15:00"),
    ]
}
