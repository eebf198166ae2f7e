//! Which reason is given (R37).

use crate::support::{
    at, block, budget, code_of, key, models, organization, part, part_spend, project, refusal, refusal_of, restricted,
    snapshot, spend, store, upload,
};
use mete_core::Nanos;
use mete_core::Timestamp;
use mete_core::decision::{Decision, Refusal};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_gate::{Gate, Request};
use mete_store::{GateOldSecret, GateSnapshot};

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// The sub-organization Lab of Acme with the project Bot; every budget is $10.
fn directory() -> GateSnapshot {
    let organizations = vec![organization("Acme", None, budget(10)), organization("Lab", Some("Acme"), budget(10))];
    snapshot(1, organizations, vec![project("Bot", "Lab", budget(10))])
}

const PARTS: [(PartKind, &str); 3] =
    [(PartKind::Model, "o3"), (PartKind::Member, "user-1"), (PartKind::Key, "key_Bot")];

/// Everything that can be wrong with a request of Bot's: budgets are spent, and a file of 1 byte does not fit.
fn all_wrong() -> GateSnapshot {
    let mut wrong = directory();
    wrong.keys[0].status = KeyStatus::Revoked;
    wrong.keys[0].expires_at = Some(now());
    wrong.keys[0].permissions = restricted(&["files=read"]);
    wrong.projects[0].archived = true;
    wrong.projects[0].models = models(&[]);
    wrong.organizations[1].models = models(&["gpt-4o"]);
    wrong.overrides = vec![block("proj_Bot", None), block("key_Bot", None)];
    wrong.parts = PARTS.map(|what| part("Bot", what, Nanos::from_dollars(10), &["key_Bot"])).into();
    wrong
}

/// The rule that a refusal comes from.
fn rule(refusal: Option<&Refusal>) -> &'static str {
    match refusal {
        None => "allowed",
        Some(Refusal::NoKey | Refusal::UnknownKey | Refusal::AdminKey) => "unknown",
        Some(Refusal::KeyDisabled) => "disabled",
        Some(Refusal::KeyRevoked) => "revoked",
        Some(Refusal::KeyExpired { .. }) => "expired",
        Some(Refusal::SecretReplaced { .. }) => "replaced",
        Some(Refusal::ProjectArchived { .. }) => "archived",
        Some(Refusal::RequestUntold | Refusal::Permission(_)) => "permission",
        Some(Refusal::Model(foreign)) => match foreign.kind {
            "project" => "project's models",
            _ => "organization's models",
        },
        Some(Refusal::Blocked(blocked)) => match blocked.project {
            None => "key blocked",
            Some(_) => "project blocked",
        },
        Some(Refusal::OrganizationBudget(figures)) => match figures.scope.as_str() {
            "Lab" => "organization's budget",
            _ => "parent's budget",
        },
        Some(Refusal::ProjectBudget(_)) => "project's budget",
        Some(Refusal::ModelBudget(_)) => "model's budget",
        Some(Refusal::MemberBudget(_)) => "member's budget",
        Some(Refusal::KeyBudget(_)) => "key's budget",
        Some(Refusal::FileQuota(_)) => "quota",
        Some(Refusal::RateLimit(_)) => "rate limit",
    }
}

/// Everything is wrong, and one after another is put right, in the order of the table: what is still wrong decides.
#[test]
fn r37_the_first_reason_of_the_table_is_given() {
    type Mend = fn(&mut GateSnapshot);
    let steps: [(&str, Mend); 17] = [
        ("revoked", |s| s.keys[0].status = KeyStatus::Disabled),
        ("disabled", |s| s.keys[0].status = KeyStatus::Active),
        ("expired", |s| s.keys[0].expires_at = None),
        ("archived", |s| s.projects[0].archived = false),
        ("permission", |s| s.keys[0].permissions = restricted(&["files=write"])),
        ("project's models", |s| s.projects[0].models = models(&["o3"])),
        ("organization's models", |s| s.organizations[1].models = None),
        ("key blocked", |s| s.overrides.truncate(1)),
        ("project blocked", |s| s.overrides.clear()),
        ("organization's budget", |s| s.organizations[1].limits = Limits::default()),
        ("parent's budget", |s| s.organizations[0].limits = Limits::default()),
        ("project's budget", |s| s.projects[0].limits = Limits::default()),
        ("model's budget", |s| drop(s.parts.remove(0))),
        ("member's budget", |s| drop(s.parts.remove(0))),
        ("key's budget", |s| s.parts.clear()),
        ("quota", |s| s.file_quota += 1),
        ("allowed", |_| ()),
    ];
    let mut wrong = all_wrong();
    let gate = Gate::new(wrong.clone());
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(11));
    gate.set_part_spend(&PARTS.map(|what| part_spend("Bot", what, Nanos::from_dollars(10), 1)));
    store(&gate, "Bot", 1_000);
    let request = Request { model: Some("o3"), ..upload(1) };
    for (expected, mend) in steps {
        gate.replace_directory(wrong.clone());
        let refused = refusal_of(&gate, "Bot", now(), &request);
        assert_eq!(rule(refused.as_ref()), expected);
        let explained = gate.explain_id(now(), "key_Bot", &request);
        assert_eq!(explained.refusal(), refused.as_ref(), "the explanation agrees");
        mend(&mut wrong);
    }
}

#[test]
fn r37_no_key_and_unknown_keys_are_refused() {
    let gate = Gate::new(directory());
    let decide = |key| gate.decide(now(), key, &Request::default());
    assert_eq!(decide(None), Decision::Refuse(Refusal::NoKey));
    for secret in ["", "sk-bot", "sk-Bot ", "key_Bot"] {
        assert_eq!(decide(Some(secret)), Decision::Refuse(Refusal::UnknownKey), "{secret:?}");
    }
    let caller = gate.admit(now(), Some("sk-Bot"), &Request::default()).unwrap();
    assert_eq!((&caller.key_id[..], &caller.project_id[..]), (&b"key_Bot"[..], &b"proj_Bot"[..]));
}

#[test]
fn r17_administration_keys_work_on_the_administration_api_only() {
    let gate = Gate::new(directory());
    let refused = gate.decide(now(), Some("sk-admin-x"), &Request::default());
    assert_eq!(refused, Decision::Refuse(Refusal::AdminKey));
    let Decision::Refuse(refusal) = refused else { unreachable!() };
    assert_eq!(code_of(Some(&refusal)), "invalid_api_key");
    assert!(refusal.message().contains("administration API only"), "{}", refusal.message());
}

/// What a snapshot points to and does not hold must never let a key through without its limits.
#[test]
fn keys_without_their_project_or_organization_are_refused() {
    let mut torn = directory();
    torn.keys.push(key("missing"));
    torn.projects.push(project("stray", "nowhere", Limits::default()));
    torn.keys.push(key("stray"));
    torn.organizations.push(organization("orphan", Some("nowhere"), Limits::default()));
    torn.projects.push(project("orphaned", "orphan", Limits::default()));
    torn.keys.push(key("orphaned"));
    let (hash, valid_until) = (mete_core::secret::KeyHash::of("sk-old"), at("2027-01-01T00:00:00Z"));
    torn.old_secrets.push(GateOldSecret { key_id: "key_missing".into(), hash, valid_until });
    let gate = Gate::new(torn);
    for name in ["missing", "stray", "orphaned", "old"] {
        assert_eq!(refusal(&gate, name, now()), Some(Refusal::UnknownKey), "{name}");
    }
    assert_eq!(refusal(&gate, "Bot", now()), None);
}
