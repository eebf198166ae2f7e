//! Lists of people, of keys, of who is refused, and the audit log, a page at a time.

use mete_core::audit::{AuditEntry, AuditOutcome, AuditRecord, Link};
use mete_core::directory::{ApiKey, KeyStatus, OrganizationRole};
use mete_core::people::{Invite, InviteStatus, ListedRole, Member, MemberKind};
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{
    Cursor, CursorKey, KeyLine, KeyOrder, KeyQuery, MemberLine, Page, Paging, Refusal, RefusalCause, Seek, SpendBy,
};

use super::{at, id, key, nanos, now, spend};

/// Some of the rows of a list, as the store gives them.
pub fn page<T: Clone>(rows: &[T], paging: &Paging, id: impl Fn(&T) -> String) -> Page<T> {
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

pub fn key_lines(keys: Vec<ApiKey>, month: Month) -> Vec<KeyLine> {
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

pub fn key_page(mut keys: Vec<ApiKey>, query: &KeyQuery, paging: &Paging) -> Page<KeyLine> {
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

pub fn members(month: Month) -> Vec<MemberLine> {
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

pub fn invites() -> Vec<Invite> {
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

pub fn refusals() -> Vec<(Refusal, Option<ApiKey>)> {
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
