//! API keys and administration keys: making, changing, ending them.

use anyhow::{Context as _, Result, ensure};
use mete_core::Timestamp;
use mete_core::time::DAY;
use mete_tests::process::Run;
use mete_tests::terminal::Terminal;
use mete_tests::{Engine, TestStore, each_engine};
use serde_json::{Value, json};

use crate::cast::{MEMBER, OUTSIDER, OWNER, PROJECT_OWNER, READER, UNKNOWN, column, stage};
use crate::support::{Mete, fields, is_id, now};

/// A text field.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Days from now to an instant, rounded.
fn days_ahead(instant: &Value) -> Result<i64> {
    let instant: Timestamp = instant.as_str().context("no instant")?.parse()?;
    Ok((instant.since(now()) + DAY / 2) / DAY)
}

each_engine! {
    async fn r16_permissions_are_given_and_changed(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let create = ["key", "create", "--project", "Support", "--name", "ci", "--scope", "chat-completions=write"];
        let made = mete.json(create)?;
        assert_eq!((text(&made, "permissions"), &made["scopes"]), ("restricted", &json!({"chat_completions": "write"})));
        assert_eq!((text(&made, "owner_kind"), &made["expires_at"]), ("user", &Value::Null));
        let edited = mete.json(["key", "edit", "ci", "--scope", "models=read", "--scope", "files=none"])?;
        assert_eq!(edited["scopes"], json!({"models": "read"}), "scopes are given as a whole");
        assert_eq!(text(&mete.json(["key", "edit", "ci", "--name", "runner"])?, "permissions"), "restricted");
        let read_only = mete.json(["key", "edit", "runner", "--permissions", "read-only"])?;
        assert_eq!((text(&read_only, "permissions"), &read_only["scopes"]), ("read_only", &json!({})));
        let both = mete.refused(["key", "edit", "runner", "--permissions", "all", "--scope", "models=read"])?;
        assert_eq!(both.code, "invalid", "{both:?}");
        for bad in ["models", "cats=read", "models=all"] {
            assert_eq!(mete.status(["key", "edit", "runner", "--scope", bad])?, Some(2), "{bad}");
        }
        assert_eq!(mete.status(["key", "edit", "runner"])?, Some(2));
        let nothing = mete.run(["key", "edit", "runner", "--permissions", "restricted"])?;
        assert!(nothing.status.success() && nothing.stderr.contains("may do nothing"), "{nothing:?}");
        assert_eq!(column(&mete.json(["key", "list"])?, "permissions"), ["restricted"]);
        Ok(())
    }

    async fn a_key_expires_when_it_was_told_to(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let made = mete.json(["key", "create", "--project", "Support", "--name", "ci", "--expires-in", "90d"])?;
        assert_eq!(days_ahead(&made["expires_at"])?, 90);
        assert_eq!(days_ahead(&mete.json(["key", "edit", "ci", "--expires-in", "2w"])?["expires_at"])?, 14);
        assert_eq!(mete.json(["key", "edit", "ci", "--expires-in", "never"])?["expires_at"], Value::Null);
        assert_eq!(mete.refused(["key", "edit", "ci", "--expires-in", "0"])?.code, "invalid");
        assert_eq!(mete.status(["key", "edit", "ci", "--expires-in", "soon"])?, Some(2));
        assert_eq!(mete.status(["key", "create", "--project", "Support", "--expires-in", "never"])?, Some(2));
        Ok(())
    }

    async fn r18_a_key_is_disabled_enabled_and_revoked_for_good(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        for (command, status, decision) in
            [("disable", "disabled", "refuse"), ("enable", "active", "allow"), ("enable", "active", "allow")]
        {
            assert_eq!(text(&mete.json(["key", command, "ci"])?, "status"), status);
            assert_eq!(text(&mete.json(["explain", "ci"])?, "decision"), decision, "{command}");
        }
        let asked = mete.refused(["key", "revoke", "ci"])?;
        assert!(asked.code == "not_confirmed" && asked.message.contains("of dana@acme.test in \"Support\""), "{asked:?}");
        assert_eq!(text(&mete.json(["explain", "ci"])?, "decision"), "allow");
        assert_eq!(text(&mete.json(["key", "revoke", "ci", "--yes"])?, "status"), "revoked");
        for command in ["disable", "enable", "revoke", "rotate"] {
            assert_eq!(mete.refused(["key", command, "ci"])?.code, "conflict", "{command}");
        }
        assert_eq!(mete.refused(["key", "edit", "ci", "--name", "x"])?.code, "conflict");
        assert_eq!(mete.refused(["key", "revoke", "nobody"])?.code, "not_found");
        Ok(())
    }

    async fn a_rotated_key_has_two_secrets_for_a_while(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let made = mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        let rotated = mete.json(["key", "rotate", "ci"])?;
        assert_eq!(days_ahead(&rotated["old_valid_until"])?, 1);
        assert_eq!(rotated["id"], made["id"]);
        let (old, new) = (text(&made, "secret"), text(&rotated, "secret"));
        assert!(new.starts_with("sk-proj-") && new != old && new.ends_with(&text(&rotated, "redacted_value")[11..]));
        for secret in [old, new] {
            assert_eq!(text(&mete.json(["explain", secret])?, "decision"), "allow");
        }
        let last = mete.json(["key", "rotate", "ci", "--grace", "0"])?;
        assert_eq!(text(&mete.json(["explain", new])?, "decision"), "refuse");
        assert_eq!(text(&mete.json(["explain", text(&last, "secret")])?, "decision"), "allow");
        assert_eq!(mete.refused(["key", "rotate", "ci", "--grace", "31d"])?.code, "invalid");
        assert_eq!(mete.status(["key", "rotate", "ci", "--grace", "forever"])?, Some(2));
        for shown in [mete.text(["key", "list"])?, mete.json(["audit", "list"])?.to_string()] {
            assert!([old, new, text(&last, "secret")].iter().all(|secret| !shown.contains(&secret[8..])), "{shown}");
        }
        Ok(())
    }

    /// R20: nothing is moved between projects, and whoever tries is told so.
    async fn r20_a_key_stays_in_its_project(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Search", "--org", "Acme"])?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        let moved = mete.refused(["key", "edit", "ci", "--project", "Search"])?;
        assert!(moved.code == "invalid" && moved.message.contains("never moved between projects"), "{moved:?}");
        Ok(())
    }

    async fn r12_a_service_accounts_key_belongs_to_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let account = mete.json(["service-account", "create", "nightly", "--project", "Support"])?;
        let id = text(&account, "id");
        let made = mete.json(["key", "create", "--project", "Support", "--service-account", id, "--name", "second"])?;
        assert_eq!((text(&made, "owner_kind"), text(&made, "owner_id")), ("service_account", id));
        assert!(text(&made, "secret").starts_with("sk-svcacct-"));
        assert_eq!(column(&mete.json(["key", "list", "--member", id])?, "name"), ["", "second"]);
        let twice = ["key", "create", "--project", "Support", "--service-account", id, "--member", "kim@acme.test"];
        assert_eq!(mete.status(twice)?, Some(2));
        let elsewhere = ["key", "create", "--project", "Default project", "--service-account", id];
        assert_eq!(mete.refused(elsewhere)?.code, "invalid");
        Ok(())
    }

    async fn r17_administration_keys_are_made_listed_and_revoked(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let made = mete.json(["key", "create", "--admin", "--org", "Acme", "--member", OWNER, "--name", "ops"])?;
        assert_eq!(
            fields(&made),
            [
                "created_at", "expires_at", "id", "last_used_at", "name", "organization_id", "owner", "owner_id",
                "redacted_value", "secret", "status",
            ]
        );
        assert!(is_id(&made["id"], "key_") && text(&made, "secret").starts_with("sk-admin-"));
        assert_eq!(mete.json(["key", "list"])?["rows"], json!([]));
        let listed = mete.json(["key", "list", "--admin", "--org", "Acme"])?;
        assert_eq!((column(&listed, "name"), column(&listed, "owner")), (vec!["ops".to_owned()], vec![OWNER.to_owned()]));
        assert!(!listed.to_string().contains(text(&made, "secret")));
        assert!(mete.text(["key", "list", "--admin"])?.contains("sk-admin-…"));
        let (id, redacted) = (text(&made, "id"), text(&made, "redacted_value"));
        assert_eq!(mete.refused(["key", "revoke", id])?.code, "not_confirmed");
        assert_eq!(text(&mete.json(["key", "revoke", redacted, "--yes"])?, "status"), "revoked");
        assert_eq!(mete.refused(["key", "revoke", id])?.code, "conflict");
        assert_eq!(mete.refused(["key", "create", "--admin", "--org", "Acme"])?.code, "invalid");
        assert_eq!(mete.refused(["key", "create", "--admin", "--org", "Acme", "--member", UNKNOWN])?.code, "not_found");
        for wrong in [["--admin", "--project", "Support"], ["--admin", "--scope", "models=read"]] {
            assert_eq!(mete.status(["key", "create", wrong[0], wrong[1], wrong[2]])?, Some(2), "{wrong:?}");
        }
        assert_eq!(mete.status(["key", "create", "--admin"])?, Some(2));
        assert_eq!(mete.status(["key", "create", "--project", "Support", "--org", "Acme"])?, Some(2));
        Ok(())
    }

    /// A person makes keys for themselves: a key that is handed out carries somebody else's name.
    async fn r6_everybody_has_their_own_keys(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        let own = mete.json_as(MEMBER, ["key", "create", "--project", "Support", "--name", "laptop"])?;
        assert_eq!(text(&own, "owner"), MEMBER);
        let create_for = |other| ["key", "create", "--project", "Support", "--member", other];
        assert_eq!(text(&mete.json_as(MEMBER, create_for("Kim@Acme.test"))?, "owner"), MEMBER);
        for who in [MEMBER, PROJECT_OWNER, OWNER] {
            assert_eq!(mete.refused_as(who, create_for(READER))?.0, "not_permitted", "{who}");
        }
        assert_eq!(mete.refused_as(READER, ["key", "create", "--project", "Support"])?.0, "not_found");
        assert_eq!(text(&mete.json_as(READER, ["key", "create", "--project", "Default project"])?, "owner"), READER);
        let admin = ["key", "create", "--admin", "--org", "Acme"];
        let danas = mete.json_as(OWNER, admin)?;
        assert_eq!(text(&danas, "owner"), OWNER);
        let revoke = ["key", "revoke", text(&danas, "id"), "--yes"];
        assert_eq!(mete.refused_as(PROJECT_OWNER, revoke)?.0, "not_permitted");
        assert_eq!(mete.refused_as(OUTSIDER, revoke)?.0, "not_found");
        let tried = mete.json(["audit", "list", "--action", "admin_api_key.deleted"])?;
        assert_eq!(column(&tried, "outcome"), ["refused", "refused"]);
        assert_eq!(mete.refused_as(MEMBER, admin)?.0, "not_permitted");
        assert_eq!(mete.refused_as(OUTSIDER, admin)?.0, "not_found");
        let for_another = ["key", "create", "--admin", "--org", "Acme", "--member", MEMBER];
        assert_eq!(mete.refused_as(OWNER, for_another)?.0, "not_permitted");
        for (who, seen) in [(OWNER, 1), (PROJECT_OWNER, 0), (MEMBER, 0), (READER, 0), (OUTSIDER, 0)] {
            assert_eq!(column(&mete.json_as(who, ["key", "list", "--admin"])?, "id").len(), seen, "{who}");
        }
        Ok(())
    }

    async fn r6_keys_are_listed_to_those_who_may_see_them(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        for (who, seen) in [
            (OWNER, vec!["pats", "kims", "lees", "danas"]),
            (PROJECT_OWNER, vec!["pats", "kims", "lees"]),
            (MEMBER, vec!["kims"]),
            (READER, vec![]),
            (OUTSIDER, vec![]),
        ] {
            assert_eq!(column(&mete.json_as(who, ["key", "list"])?, "name"), seen, "{who}");
        }
        assert_eq!(column(&mete.json_as(OWNER, ["key", "list", "--member", "Kim@acme.test"])?, "name"), ["kims"]);
        assert!(column(&mete.json_as(MEMBER, ["key", "list", "--member", PROJECT_OWNER])?, "name").is_empty());
        assert_eq!(mete.refused_as(UNKNOWN, ["key", "list"])?.0, "not_found");
        // What is hidden is told of as what is not there.
        for (who, hidden) in [(READER, "Support"), (MEMBER, "Search"), (OUTSIDER, "Support")] {
            let told = mete.refused_as(who, ["key", "list", "--project", hidden])?;
            assert_eq!(told, ("not_found".to_owned(), format!("there is no project {hidden:?}")), "{who}");
        }
        Ok(())
    }

    async fn r6_keys_are_changed_by_those_who_may(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        for (who, key, code) in [
            (MEMBER, "pats", "not_permitted"),
            (MEMBER, "danas", "not_found"),
            (READER, "kims", "not_found"),
            (OUTSIDER, "kims", "not_found"),
            (PROJECT_OWNER, "danas", "not_found"),
        ] {
            for args in [["key", "disable", key], ["key", "revoke", key], ["key", "rotate", key]] {
                assert_eq!(mete.refused_as(who, args)?.0, code, "{who} {args:?}");
            }
        }
        mete.json_as(MEMBER, ["key", "disable", "kims"])?;
        let enable = ["key", "enable", "kims"];
        assert_eq!(mete.refused_as(MEMBER, enable)?.0, "not_permitted", "R11: an owner enables");
        mete.json_as(PROJECT_OWNER, enable)?;
        assert_eq!(text(&mete.json_as(MEMBER, ["key", "revoke", "kims", "--yes"])?, "status"), "revoked");
        assert_eq!(mete.refused_as(OWNER, ["key", "enable", "lees"])?.0, "conflict", "R11: Lee is not in the project");
        Ok(())
    }
}

#[test]
fn a_person_is_asked_before_a_key_is_revoked() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
    for (typed, status) in [("n\r", "active"), ("y\r", "revoked")] {
        let mut terminal = Terminal::start(&mete.command(["key", "revoke", "ci"]), (120, 20))?;
        terminal.wait_for("for good. Go on? [y/N]")?;
        terminal.keys(typed)?;
        terminal.wait()?;
        let listed = mete.json(["key", "list"])?;
        ensure!(column(&listed, "status") == [status], "{}", terminal.screen());
    }
    Ok(())
}

/// A script that captures standard output gets the secret, and a person the hint to keep it.
#[test]
fn the_hint_to_keep_a_secret_is_for_people() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
    for args in [&["key", "create", "--project", "Support"][..], &["key", "rotate", "ci"]] {
        let run = Run::of(&mut mete.command(args))?;
        ensure!(run.stderr.contains("Keep the secret now") && run.stdout.contains("Support (proj_"), "{run:?}");
    }
    Ok(())
}
