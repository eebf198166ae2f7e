//! Service accounts (R12 to R14).

use anyhow::{Context as _, Result};
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, fields, is_id};

const ACCOUNT: [&str; 6] = ["created_at", "id", "name", "organization_id", "project_id", "role"];

fn id_of(value: &Value) -> Result<&str> {
    value["id"].as_str().context("no id")
}

fn names(listed: &Value) -> Vec<&str> {
    listed["rows"].as_array().into_iter().flatten().filter_map(|row| row["name"].as_str()).collect()
}

each_engine! {
    async fn r13_a_service_account_comes_with_a_key_shown_once(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let made = mete.json(["service-account", "create", "ci", "--project", "Support"])?;
        let with_key: Vec<&str> = ["api_key"].into_iter().chain(ACCOUNT).collect();
        assert_eq!(fields(&made), with_key);
        assert!(is_id(&made["id"], "svc-acct-") && is_id(&made["api_key"]["id"], "key_"), "{made}");
        assert_eq!((&made["name"], &made["role"]), (&json!("ci"), &json!("member")));
        let secret = made["api_key"]["value"].as_str().context("no secret")?;
        assert!(secret.starts_with("sk-svcacct-"), "{made}");
        assert_eq!((&made["api_key"]["permissions"], &made["api_key"]["owner_id"]), (&json!("all"), &made["id"]));
        assert_eq!(mete.json(["explain", secret])?["decision"], "allow");
        for told in
            [mete.text(["service-account", "list"])?, mete.text(["key", "list"])?, mete.text(["audit", "list"])?]
        {
            assert!(!told.contains(&secret[11..]), "{told}");
        }
        let told = mete.run(["service-account", "create", "for people", "--project", "Support"])?;
        assert!(told.stdout.contains("sk-svcacct-") && told.stderr.contains("Keep the secret now"), "{told:?}");
        Ok(())
    }

    async fn r12_an_account_is_an_organizations_or_one_projects(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let billing = mete.json(["service-account", "create", "billing", "--org", "Acme", "--as", "dana@acme.test"])?;
        let default_project = mete.json(["project", "list", "--org", "Acme"])?["rows"][0]["id"].clone();
        assert_eq!(billing["project_id"], default_project);
        mete.json(["service-account", "create", "ci", "--project", "Support", "--as", "olga@acme.test"])?;
        assert_eq!(names(&mete.json(["service-account", "list", "--org", "Acme"])?), ["billing", "ci"]);
        assert_eq!(names(&mete.json(["service-account", "list", "--project", "Support"])?), ["ci"]);
        assert_eq!(fields(&mete.json(["service-account", "list"])?["rows"][0]), ACCOUNT);
        // Everybody of an organization is in its default project, and sees who else is.
        for (who, seen) in [
            ("max@acme.test", vec!["billing", "ci"]),
            ("rita@acme.test", vec!["billing"]),
            ("xena@globex.test", vec![]),
        ] {
            assert_eq!(names(&mete.json(["service-account", "list", "--as", who])?), seen, "{who}");
        }
        for (scope, name, who, code) in [
            ("--org", "Acme", "olga@acme.test", "not_permitted"),
            ("--project", "Support", "max@acme.test", "not_permitted"),
            ("--project", "Support", "rita@acme.test", "not_found"),
            ("--org", "Acme", "xena@globex.test", "not_found"),
        ] {
            let refused = mete.refused(["service-account", "create", "more", scope, name, "--as", who])?;
            assert_eq!(refused.code, code, "{who}: {refused:?}");
        }
        let default_project = default_project.as_str().context("no default project")?;
        assert_eq!(mete.refused(["service-account", "create", "x", "--project", default_project])?.code, "invalid");
        assert_eq!(mete.refused(["service-account", "create", "a\nb", "--project", "Support"])?.code, "invalid");
        assert_eq!(mete.status(["service-account", "create", "x"])?, Some(2));
        Ok(())
    }

    async fn r14_the_role_changes_like_a_persons(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let made = mete.json(["service-account", "create", "ci", "--project", "Support"])?;
        let id = id_of(&made)?;
        for role in ["owner", "none", "member"] {
            let changed = mete.json(["service-account", "role", id, role, "--as", "olga@acme.test"])?;
            assert_eq!((fields(&changed), &changed["role"]), (ACCOUNT.to_vec(), &json!(role)));
        }
        assert_eq!(mete.json(["service-account", "role", "CI", "owner"])?["id"], id);
        assert_eq!(mete.status(["service-account", "role", "ci", "reader"])?, Some(2));
        assert_eq!(mete.refused(["service-account", "role", "nobody", "owner"])?.code, "not_found");
        assert_eq!(
            mete.refused(["service-account", "role", "ci", "none", "--as", "max@acme.test"])?.code,
            "not_permitted"
        );
        assert_eq!(
            mete.refused(["service-account", "role", "ci", "none", "--as", "rita@acme.test"])?.code,
            "not_found"
        );
        // It is never added anywhere, and its role is no member's.
        assert_eq!(mete.refused(["member", "role", id, "member", "--project", "Support"])?.code, "invalid");
        Ok(())
    }

    async fn r14_removing_one_stops_its_keys_and_says_so_first(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let made = mete.json(["service-account", "create", "ci", "--project", "Support"])?;
        let secret = made["api_key"]["value"].as_str().context("no secret")?;
        let asked = mete.refused(["service-account", "remove", "ci"])?;
        assert_eq!(asked.code, "not_confirmed");
        assert!(asked.message.contains(id_of(&made)?) && asked.message.contains("stops 1 active key."), "{asked:?}");
        assert_eq!(mete.json(["explain", secret])?["decision"], "allow");
        // Whoever may not do it is refused rather than asked.
        for (who, code) in [("max@acme.test", "not_permitted"), ("rita@acme.test", "not_found")] {
            assert_eq!(mete.refused(["service-account", "remove", "ci", "--as", who])?.code, code, "{who}");
        }
        let removed = mete.json(["service-account", "remove", "ci", "--yes", "--as", "olga@acme.test"])?;
        assert_eq!((fields(&removed), &removed["id"]), (ACCOUNT.to_vec(), &made["id"]));
        assert_eq!(mete.json(["explain", secret])?["code"], "invalid_api_key");
        assert_eq!(mete.json(["service-account", "list"])?["rows"], json!([]));
        assert_eq!(mete.refused(["service-account", "remove", "ci", "--yes"])?.code, "not_found");
        Ok(())
    }
}
