//! Organizations, projects and keys.

use anyhow::Result;
use mete_control::host::SystemClock;
use mete_core::Clock;
use mete_core::directory::OrganizationRole;
use mete_store::Store;
use mete_tests::{Engine, TestStore, each_engine};
use serde_json::json;

use crate::support::{Mete, fields, is_id};

const PROJECT: [&str; 9] =
    ["archived_at", "created_at", "description", "id", "is_default", "name", "organization_id", "status", "website"];

each_engine! {
    async fn init_makes_an_organization_with_its_default_project_once(store: &TestStore) -> Result<()> {
        let mete = Mete::on(store);
        assert_eq!(mete.refused(["org", "list"])?.code, "not_found");
        let made = mete.json(["init", "--org", " Acme ", "--owner", "Dana@Acme.test"])?;
        assert_eq!(fields(&made), ["default_project", "organization"]);
        assert_eq!(fields(&made["organization"]), ["created_at", "id", "name", "parent_id"]);
        assert_eq!(fields(&made["default_project"]), PROJECT);
        assert!(is_id(&made["organization"]["id"], "org-") && is_id(&made["default_project"]["id"], "proj_"));
        assert_eq!(made["organization"]["name"], "Acme");
        assert_eq!(made["default_project"]["organization_id"], made["organization"]["id"]);
        assert_eq!(made["default_project"]["is_default"], true);

        let before = mete.json(["org", "list"])?;
        let refused = mete.refused(["init", "--org", "Other", "--owner", "kim@acme.test"])?;
        assert_eq!(refused.code, "conflict", "{refused:?}");
        assert_eq!(mete.json(["org", "list"])?, before);
        Ok(())
    }

    async fn a_refused_name_leaves_no_store_behind(store: &TestStore) -> Result<()> {
        let mete = Mete::on(store);
        for (org, owner) in [("", "dana@acme.test"), ("a\u{1b}[2J", "dana@acme.test"), ("Acme", "dana")] {
            assert_eq!(mete.refused(["init", "--org", org, "--owner", owner])?.code, "invalid", "{org:?} {owner:?}");
        }
        assert_eq!(mete.refused(["org", "list"])?.code, "not_found");
        Ok(())
    }

    async fn sub_organizations_have_one_level(store: &TestStore) -> Result<()> {
        let mete = Mete::with_acme(store)?;
        let acme = mete.json(["org", "list"])?["rows"][0]["id"].clone();
        let labs = mete.json(["org", "create", "Labs", "--owner", "lee@acme.test", "--parent", "acme"])?;
        assert_eq!(fields(&labs), ["created_at", "default_project", "id", "name", "parent_id"]);
        assert_eq!(labs["parent_id"], acme);
        let create = |parent| mete.refused(["org", "create", "Deep", "--owner", "lee@acme.test", "--parent", parent]);
        assert_eq!(create("Labs")?.code, "invalid");
        assert_eq!(create("Nobody")?.code, "not_found");
        assert_eq!(mete.refused(["project", "create", "X", "--org", "Labs"])?.code, "invalid");

        let listed = mete.json(["org", "list"])?;
        assert_eq!(fields(&listed), ["month", "rows"]);
        let names: Vec<_> = listed["rows"].as_array().into_iter().flatten().map(|row| row["name"].clone()).collect();
        assert_eq!(names, ["Acme", "Labs"]);
        Ok(())
    }

    async fn projects_are_made_listed_and_shown(store: &TestStore) -> Result<()> {
        let mete = Mete::with_acme(store)?;
        let made = mete.json(["project", "create", "Support bot", "--org", "Acme"])?;
        assert_eq!(fields(&made), PROJECT);
        assert!(is_id(&made["id"], "proj_"));
        assert_eq!((&made["name"], &made["status"]), (&json!("Support bot"), &json!("active")));
        assert_eq!(mete.refused(["project", "create", "SUPPORT BOT", "--org", "Acme"])?.code, "conflict");
        assert_eq!(mete.refused(["project", "create", "X", "--org", "Nobody"])?.code, "not_found");

        let shown = mete.json(["project", "show", "support BOT"])?;
        for field in PROJECT {
            assert_eq!(shown[field], made[field], "{field}");
        }
        assert_eq!(shown["limits"], json!({"budget": null, "threshold": null}));
        assert_eq!((&shown["spend"], &shown["requests"], &shown["blocked_since"]), (&json!("0"), &json!(0), &json!(null)));
        assert_eq!(mete.refused(["project", "show", "Nothing"])?.code, "not_found");

        let listed = mete.json(["project", "list", "--org", "Acme"])?;
        assert_eq!(fields(&listed), ["month", "rows"]);
        assert_eq!(listed["rows"][0]["name"], "Default project");
        assert_eq!(listed["rows"][1]["id"], made["id"]);
        assert_eq!(mete.json(["project", "list", "--archived"])?["rows"], json!([]));
        Ok(())
    }

    async fn a_name_that_two_have_needs_the_id_or_the_organization(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["org", "create", "Globex", "--owner", "kim@globex.test"])?;
        let theirs = mete.json(["project", "create", "Support", "--org", "Globex"])?;
        let refused = mete.refused(["project", "show", "Support"])?;
        assert!(refused.code == "not_found" && refused.message.contains("by its id"), "{refused:?}");
        let id = theirs["id"].as_str().unwrap_or_default();
        assert_eq!(mete.json(["project", "show", id])?["id"], id);
        mete.json(["key", "create", "--project", id])?;
        let keys = mete.json(["key", "list", "--org", "Globex", "--project", "support"])?;
        assert_eq!(keys["rows"][0]["owner"], "kim@globex.test");
        assert_eq!(mete.json(["key", "list", "--org", "Acme", "--project", "Support"])?["rows"], json!([]));
        assert_eq!(mete.refused(["key", "list", "--org", "Acme", "--project", id])?.code, "not_found");
        Ok(())
    }

    /// R15: whoever missed the secret makes another key.
    async fn r15_a_secret_is_shown_once_and_kept_nowhere(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let made = mete.json(["key", "create", "--project", "Support", "--member", "Kim@acme.test", "--name", "ci"])?;
        assert_eq!(
            fields(&made),
            [
                "created_at", "expires_at", "id", "last_used_at", "name", "organization_id", "owner", "owner_id",
                "owner_kind", "permissions", "project_id", "redacted_value", "scopes", "secret", "status",
            ]
        );
        assert!(is_id(&made["id"], "key_") && is_id(&made["owner_id"], "user-"));
        assert_eq!((&made["owner"], &made["status"]), (&json!("kim@acme.test"), &json!("active")));
        let secret = made["secret"].as_str().unwrap_or_default();
        assert!(secret.starts_with("sk-proj-") && secret.len() == 72);
        let last = &secret[secret.len() - 4..];
        assert_eq!(made["redacted_value"], format!("sk-proj-…{last}"));

        let listed = mete.json(["key", "list"])?;
        assert_eq!(fields(&listed), ["rows"]);
        assert_eq!(listed["rows"][0]["redacted_value"], made["redacted_value"]);
        let told = [listed.to_string(), mete.json(["explain", secret])?.to_string(), mete.text(["explain", secret])?];
        assert!(told.iter().all(|text| !text.contains(&secret[8..])), "{told:?}");
        if store.engine() == Engine::Sqlite {
            let kept: Vec<u8> = std::fs::read_dir(store.dir())?
                .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_file()))
                .flat_map(|entry| std::fs::read(entry.path()).unwrap_or_default())
                .collect();
            let holds = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(holds("kim@acme.test"), "the search finds nothing");
            assert!(!holds(secret) && !holds(&secret[8..]));
        }
        let unknown = mete.refused(["explain", &secret.replace("sk-proj-", "sk-proj-X")])?;
        assert!(unknown.code == "not_found" && !unknown.message.contains(&secret[8..]), "{unknown:?}");
        Ok(())
    }

    async fn a_key_without_a_member_is_the_only_owners(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let made = mete.json(["key", "create", "--project", "Support"])?;
        assert_eq!((&made["owner"], &made["name"]), (&json!("dana@acme.test"), &json!("")));

        let direct = Store::open(&store.url().parse()?).await?;
        let mut tx = direct.begin().await?;
        let (at, organization) = (SystemClock.now(), made["organization_id"].as_str().unwrap_or_default());
        let kim = tx.upsert_person("kim@acme.test", "user-000000000000000000000000", at).await?;
        tx.insert_organization_member(organization, &kim, OrganizationRole::Owner, at).await?;
        tx.commit().await?;
        direct.close().await;
        let refused = mete.refused(["key", "create", "--project", "Support"])?;
        assert!(refused.code == "invalid" && refused.message.contains("--member"), "{refused:?}");
        assert_eq!(mete.json(["key", "list"])?["rows"].as_array().map(Vec::len), Some(1));
        Ok(())
    }

    async fn a_disabled_key_is_refused(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let made = mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        assert_eq!(mete.json(["explain", "ci"])?["decision"], "allow");
        for _ in 0..2 {
            let disabled = mete.json(["key", "disable", "ci"])?;
            assert_eq!((&disabled["id"], &disabled["status"]), (&made["id"], &json!("disabled")));
        }
        let explained = mete.json(["explain", "ci"])?;
        assert_eq!((&explained["decision"], &explained["status"]), (&json!("refuse"), &json!(401)));
        assert_eq!(explained["code"], "invalid_api_key");
        assert_eq!(mete.refused(["key", "disable", "nobody"])?.code, "not_found");
        Ok(())
    }

    async fn names_that_a_terminal_would_obey_are_refused_and_others_are_kept(store: &TestStore) -> Result<()> {
        let mete = Mete::with_acme(store)?;
        for name in ["a\nb", "a\u{1b}[31mb", "a\u{9b}2Jb", "a\u{202e}b", "\t", "\u{7f}x"] {
            let refused = mete.refused(["project", "create", name, "--org", "Acme"])?;
            assert_eq!(refused.code, "invalid", "{name:?}: {refused:?}");
        }
        let quoted = r#"Bobby's "table"; DROP TABLE project;-- \ 🦀"#;
        assert_eq!(mete.json(["project", "create", quoted, "--org", "Acme"])?["name"], quoted);
        assert_eq!(mete.json(["project", "show", quoted])?["name"], quoted);
        assert!(mete.text(["project", "list"])?.contains(quoted));
        Ok(())
    }
}
