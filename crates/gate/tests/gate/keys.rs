//! Keys that end: by their expiry, or because their secret was replaced (R18).

use crate::support::{CHAT, at, code, organization, project, refusal, snapshot};
use mete_core::decision::{Decision, Refusal};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_gate::{Gate, KeyNamed, Rule};
use mete_store::{GateKey, GateOldSecret, GateSnapshot};

const BEFORE: &str = "2026-11-23T11:59:59.999999Z";
const END: &str = "2026-11-23T12:00:00Z";

fn directory() -> GateSnapshot {
    snapshot(1, vec![organization("Acme", None, Limits::default())], vec![project("Bot", "Acme", Limits::default())])
}

/// Bot's key was rotated: `sk-old` is the secret that it had, good until [`END`].
fn rotated() -> GateSnapshot {
    let old = GateOldSecret { key_id: "key_Bot".into(), hash: KeyHash::of("sk-old"), valid_until: at(END) };
    GateSnapshot { old_secrets: vec![old], ..directory() }
}

#[test]
fn a_key_expires_at_its_very_instant() {
    let mut expiring = directory();
    expiring.keys[0].expires_at = Some(at(END));
    let gate = Gate::new(expiring);
    assert_eq!(refusal(&gate, "Bot", at(BEFORE)), None);
    for now in [END, "2027-01-01T00:00:00Z"] {
        let refused = refusal(&gate, "Bot", at(now)).unwrap();
        assert_eq!(refused, Refusal::KeyExpired { at: at(END) });
        assert_eq!((refused.status(), refused.code()), (401, Some("invalid_api_key")));
        assert!(refused.message().contains("expired on 2026-11-23T12:00:00Z"), "{}", refused.message());
    }
}

#[test]
fn a_replaced_secret_is_good_until_its_grace_is_over() {
    let gate = Gate::new(rotated());
    for now in [BEFORE, END] {
        assert_eq!(refusal(&gate, "Bot", at(now)), None, "the new secret");
    }
    let caller = gate.admit(at(BEFORE), Some("sk-old"), &CHAT).unwrap();
    assert_eq!(&caller.key_id[..], b"key_Bot");
    let refused = refusal(&gate, "old", at(END)).unwrap();
    assert_eq!(refused, Refusal::SecretReplaced { at: at(END) });
    assert!(refused.message().contains("was rotated"), "{}", refused.message());
}

#[test]
fn a_key_is_found_by_its_id_as_its_present_secret_opens_it() {
    let mut many = rotated();
    many.projects.push(project("Web", "Acme", Limits::default()));
    let bot = many.keys[0].clone();
    let of_web = |number: usize| GateKey {
        id: format!("key_{number}"),
        project_id: "proj_Web".into(),
        hash: KeyHash::of(&number.to_string()),
        ..bot.clone()
    };
    many.keys.extend((0..1_000).map(of_web));
    // While a snapshot was read, the secret of key_7 was replaced: the old one is in both lists, and good.
    let replaced = GateOldSecret { key_id: "key_7".into(), hash: KeyHash::of("7"), valid_until: at(END) };
    many.old_secrets.push(replaced);
    let gate = Gate::new(many);
    let found = |id: &str| gate.key_and_project(KeyNamed::Id(id));
    assert_eq!(found("key_Bot"), Some(("key_Bot".into(), "proj_Bot".into())));
    for number in 0..1_000 {
        let id = format!("key_{number}");
        assert_eq!(found(&id), Some((id, "proj_Web".into())));
    }
    assert_eq!((found("key_1000"), found("")), (None, None));
    // Bot's old secret is over by then, and is not what the id stands for.
    let explained = gate.explain_id(at(END), "key_Bot", &CHAT);
    assert_eq!(explained.decision, Decision::Allow);
}

#[test]
fn whatever_stops_a_key_stops_its_old_secrets() {
    let mut stopped = rotated();
    stopped.keys[0].status = KeyStatus::Disabled;
    let gate = Gate::new(stopped.clone());
    assert_eq!(refusal(&gate, "old", at(BEFORE)), Some(Refusal::KeyDisabled));
    stopped.keys[0].status = KeyStatus::Active;
    stopped.keys[0].expires_at = Some(at(BEFORE));
    gate.replace_directory(stopped);
    assert_eq!(refusal(&gate, "old", at(BEFORE)), Some(Refusal::KeyExpired { at: at(BEFORE) }));
}

#[test]
fn a_secret_that_was_replaced_while_the_snapshot_was_read_is_good() {
    let mut torn = rotated();
    torn.keys[0].hash = KeyHash::of("sk-old");
    assert_eq!(refusal(&Gate::new(torn), "old", at(END)), None);
}

#[test]
fn r38_an_explanation_by_id_is_about_the_present_secret() {
    let mut directory = rotated();
    // Enough old secrets for a hash map to have every order.
    directory.old_secrets.extend((0..50).map(|n| GateOldSecret {
        key_id: "key_Bot".into(),
        hash: KeyHash::of(&format!("sk-older-{n}")),
        valid_until: at(BEFORE),
    }));
    let gate = Gate::new(directory);
    assert_eq!(gate.explain_id(at(END), "key_Bot", &CHAT).decision, Decision::Allow);
    let by_secret = gate.explain(at(END), KeyHash::of("sk-old"), &CHAT);
    assert_eq!(by_secret.refusal(), Some(&Refusal::SecretReplaced { at: at(END) }));
    let shown = Rule::KeyStatus { status: KeyStatus::Active, expires_at: None, secret_valid_until: Some(at(END)) };
    assert_eq!(by_secret.rules[1].rule, shown);
    assert_eq!(code(&gate, "older-7", at(END)), "invalid_api_key");
}

#[test]
fn of_a_key_that_changed_nothing_stays_as_it_was() {
    let gate = Gate::new(rotated());
    let now = at(BEFORE);
    // Rotated once more, with less time for both secrets that it had.
    let old = |secret: &str| GateOldSecret {
        key_id: "key_Bot".into(),
        hash: KeyHash::of(secret),
        valid_until: at("2026-11-23T11:00:00Z"),
    };
    let mut again = GateSnapshot { change_seq: 2, ..rotated() };
    again.keys[0].hash = KeyHash::of("sk-newest");
    again.old_secrets = vec![old("sk-old"), old("sk-Bot")];
    assert!(gate.change_directory(again.clone()));
    let gone = Some(Refusal::SecretReplaced { at: at("2026-11-23T11:00:00Z") });
    assert_eq!((refusal(&gate, "Bot", now), refusal(&gate, "old", now)), (gone.clone(), gone));
    assert_eq!(refusal(&gate, "newest", now), None);
    assert_eq!(gate.explain_id(now, "key_Bot", &CHAT).decision, Decision::Allow);
    // Revoked: with each of its secrets.
    again.keys[0].status = KeyStatus::Revoked;
    assert!(gate.change_directory(GateSnapshot { change_seq: 3, ..again.clone() }));
    for name in ["Bot", "old", "newest"] {
        assert_eq!(refusal(&gate, name, now), Some(Refusal::KeyRevoked), "{name}");
    }
    assert_eq!(gate.refused(now).keys.len(), 3, "no secret is there twice");
    // A change that was overtaken.
    again.keys[0].status = KeyStatus::Active;
    assert!(gate.change_directory(GateSnapshot { change_seq: 2, ..again }));
    assert_eq!(refusal(&gate, "newest", now), Some(Refusal::KeyRevoked));
}

#[test]
fn a_new_project_may_come_with_its_first_key() {
    let gate = Gate::new(directory());
    let both = || {
        let projects = vec![project("Web", "Acme", Limits::default()), project("Bot", "Acme", Limits::default())];
        snapshot(2, vec![organization("Acme", None, Limits::default())], projects)
    };
    // A store tells projects in any order; keys that did not change are not told.
    let mut changes = both();
    changes.keys.retain(|key| key.id == "key_Web");
    assert!(gate.change_directory(changes.clone()));
    for name in ["Bot", "Web"] {
        assert_eq!(refusal(&gate, name, at(BEFORE)), None);
        let id = format!("key_{name}");
        assert_eq!(gate.key_and_project(KeyNamed::Id(&id)), Some((id.clone(), format!("proj_{name}"))));
    }
    // One whose project nobody knows is refused, and so is one that was known.
    let stray = |name: &str| GateKey {
        id: format!("key_{name}"),
        project_id: "proj_Stray".into(),
        hash: KeyHash::of(&format!("sk-{name}")),
        ..changes.keys[0].clone()
    };
    let strays = vec![stray("Stray"), stray("Web")];
    assert!(gate.change_directory(GateSnapshot { change_seq: 3, keys: strays, ..both() }));
    for name in ["Stray", "Web"] {
        assert_eq!(refusal(&gate, name, at(BEFORE)), Some(Refusal::UnknownKey), "{name}");
    }
    assert_eq!(refusal(&gate, "Bot", at(BEFORE)), None);
}

#[test]
fn keys_stay_only_where_all_their_projects_do() {
    let both = || {
        let projects = vec![project("Bot", "Acme", Limits::default()), project("Web", "Acme", Limits::default())];
        snapshot(1, vec![organization("Acme", None, Limits::default())], projects)
    };
    let gate = Gate::new(both());
    let now = at(BEFORE);
    let archived = |name: &str| {
        let mut next = GateSnapshot { change_seq: 2, keys: vec![], ..both() };
        next.projects.iter_mut().filter(|project| project.name == name).for_each(|project| project.archived = true);
        next
    };
    let mut torn = archived("Web");
    torn.projects.retain(|project| project.name == "Web");
    assert!(!gate.change_directory(torn));
    assert_eq!((gate.change_seq(), refusal(&gate, "Web", now)), (1, None), "as if it had not been tried");
    assert!(gate.change_directory(archived("Web")));
    assert_eq!((gate.change_seq(), refusal(&gate, "Bot", now)), (2, None));
    assert!(refusal(&gate, "Web", now).is_some());
    // One that was overtaken changes nothing.
    assert!(gate.change_directory(GateSnapshot { change_seq: 1, keys: vec![], ..both() }));
    assert!(refusal(&gate, "Web", now).is_some());
}
