//! Members of organizations and projects (R5 to R8, R10, R11).

use anyhow::{Context as _, Result};
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, fields, is_id};

const MEMBER: [&str; 9] =
    ["added_at", "email", "id", "kind", "name", "project_id", "role", "through_organization", "usage_grant"];

/// Who is listed, and as what, each as in `kim@acme.test: owner`.
fn roles(listed: &Value) -> Vec<String> {
    let name = |row: &Value| row["email"].as_str().or(row["name"].as_str()).unwrap_or_default().to_owned();
    let rows = listed["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().map(|row| format!("{}: {}", name(row), row["role"].as_str().unwrap_or_default())).collect()
}

/// The status of the key with this name.
fn status_of(mete: &Mete<'_>, name: &str) -> Result<Value> {
    let keys = mete.json(["key", "list"])?;
    let found = keys["rows"].as_array().into_iter().flatten().find(|key| key["name"] == name);
    Ok(found.with_context(|| format!("no key {name}"))?["status"].clone())
}

each_engine! {
    async fn r7_members_are_listed_with_their_roles(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.json(["service-account", "create", "ci", "--project", "Support"])?;
        let of_acme = mete.json(["member", "list", "--org", "Acme"])?;
        assert_eq!(
            roles(&of_acme),
            [
                "dana@acme.test: owner",
                "max@acme.test: reader",
                "olga@acme.test: reader",
                "rita@acme.test: reader",
                "ci: member",
            ]
        );
        assert_eq!((fields(&of_acme), fields(&of_acme["rows"][0])), (vec!["rows"], MEMBER.to_vec()));
        assert!(is_id(&of_acme["rows"][0]["id"], "user-") && is_id(&of_acme["rows"][4]["id"], "svc-acct-"));
        let of_support = mete.json(["member", "list", "--project", "support"])?;
        assert_eq!(
            roles(&of_support),
            ["dana@acme.test: owner", "max@acme.test: member", "olga@acme.test: owner", "ci: member"]
        );
        assert_eq!(of_support["rows"][0]["through_organization"], true);
        let told = mete.text(["member", "list", "--project", "Support"])?;
        assert!(told.contains("owner, of the organization") && told.contains("service account"), "{told}");
        Ok(())
    }

    async fn r6_members_are_seen_by_those_who_may(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        for who in ["dana@acme.test", "olga@acme.test", "max@acme.test"] {
            assert_eq!(roles(&mete.json(["member", "list", "--project", "Support", "--as", who])?).len(), 3, "{who}");
        }
        for who in ["rita@acme.test", "xena@globex.test"] {
            assert_eq!(
                mete.refused(["member", "list", "--project", "Support", "--as", who])?.code,
                "not_found",
                "{who}"
            );
        }
        for (who, code) in [
            ("olga@acme.test", "not_permitted"),
            ("rita@acme.test", "not_permitted"),
            ("xena@globex.test", "not_found"),
        ] {
            let refused = mete.refused(["member", "list", "--org", "Acme", "--as", who])?;
            assert_eq!(refused.code, code, "{who}: {refused:?}");
        }
        Ok(())
    }

    async fn r10_those_who_can_be_added_are_added(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let candidates = mete.json(["member", "candidates", "--project", "Support", "--as", "olga@acme.test"])?;
        assert_eq!(roles(&candidates), ["rita@acme.test: reader"]);
        let added = mete.json(["member", "add", "Rita@acme.test", "--project", "Support", "--as", "olga@acme.test"])?;
        assert_eq!(
            (fields(&added), &added["email"], &added["role"]),
            (MEMBER.to_vec(), &json!("rita@acme.test"), &json!("member"))
        );
        assert_eq!(mete.json(["member", "candidates", "--project", "Support"])?["rows"], json!([]));
        for (email, project, code) in [
            ("rita@acme.test", "Support", "conflict"),
            ("dana@acme.test", "Support", "conflict"),
            ("xena@globex.test", "Support", "not_found"),
            ("nobody@acme.test", "Support", "not_found"),
            ("no address", "Support", "invalid"),
            ("rita@acme.test", "Nothing", "not_found"),
        ] {
            let refused = mete.refused(["member", "add", email, "--project", project])?;
            assert_eq!(refused.code, code, "{email}: {refused:?}");
        }
        let default_project = mete.json(["project", "list", "--org", "Acme"])?["rows"][0]["id"].clone();
        let default_project = default_project.as_str().context("no default project")?;
        assert_eq!(mete.refused(["member", "add", "rita@acme.test", "--project", default_project])?.code, "invalid");
        let refused =
            mete.refused(["member", "add", "rita@acme.test", "--project", "Support", "--as", "max@acme.test"])?;
        assert!(refused.code == "not_permitted" && refused.message.contains("an owner of the project"), "{refused:?}");
        assert_eq!(
            mete.refused(["member", "candidates", "--project", "Support", "--as", "max@acme.test"])?.code,
            "not_permitted"
        );
        Ok(())
    }

    async fn r5_roles_are_words_of_the_scope(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let raised =
            mete.json(["member", "role", "max@acme.test", "owner", "--project", "Support", "--as", "olga@acme.test"])?;
        assert_eq!((&raised["email"], &raised["role"]), (&json!("max@acme.test"), &json!("owner")));
        assert_eq!(mete.json(["member", "role", "rita@acme.test", "owner", "--org", "Acme"])?["role"], "owner");
        for (role, scope, name) in
            [("reader", "--project", "Support"), ("member", "--org", "Acme"), ("king", "--org", "Acme")]
        {
            let refused = mete.refused(["member", "role", "max@acme.test", role, scope, name])?;
            assert!(refused.code == "invalid" && refused.message.contains("owner"), "{role}: {refused:?}");
        }
        // Owners of the organization are owners of each project.
        assert_eq!(
            mete.refused(["member", "role", "rita@acme.test", "member", "--project", "Support"])?.code,
            "conflict"
        );
        assert_eq!(
            mete.refused(["member", "role", "max@acme.test", "owner", "--org", "Acme", "--as", "olga@acme.test"])?.code,
            "not_permitted"
        );
        assert_eq!(
            mete.refused(["member", "role", "max@acme.test", "owner", "--org", "Acme", "--as", "xena@globex.test"])?
                .code,
            "not_found"
        );
        assert_eq!(mete.status(["member", "role", "max@acme.test", "owner"])?, Some(2));
        assert_eq!(
            mete.status(["member", "role", "max@acme.test", "owner", "--org", "Acme", "--project", "Support"])?,
            Some(2)
        );
        Ok(())
    }

    async fn r7_the_last_owner_stays(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let before = mete.json(["member", "list", "--org", "Acme"])?;
        let demoted = mete.refused(["member", "role", "dana@acme.test", "reader", "--org", "Acme"])?;
        let removed = mete.refused(["member", "remove", "dana@acme.test", "--org", "Acme", "--yes"])?;
        assert!(
            [&demoted, &removed]
                .iter()
                .all(|refused| refused.code == "conflict" && refused.message.contains("last owner")),
            "{demoted:?} {removed:?}"
        );
        assert_eq!(mete.json(["member", "list", "--org", "Acme"])?, before);
        Ok(())
    }

    async fn r11_leaving_stops_the_keys_and_says_so_first(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.json(["project", "create", "Search", "--org", "Acme"])?;
        mete.json(["member", "add", "max@acme.test", "--project", "Search"])?;
        for (project, name) in [("Support", "one"), ("Support", "two"), ("Search", "three")] {
            mete.json(["key", "create", "--project", project, "--name", name, "--as", "max@acme.test"])?;
        }
        let asked = mete.refused(["member", "remove", "Max@acme.test", "--project", "Support"])?;
        assert_eq!(asked.code, "not_confirmed");
        assert!(
            asked.message.contains(r#"takes max@acme.test out of the project "Support" and stops 2 active keys"#),
            "{asked:?}"
        );
        let asked = mete.refused(["member", "remove", "max@acme.test", "--org", "Acme"])?;
        assert!(asked.message.contains("all its projects and stops 3 active keys"), "{asked:?}");
        assert_eq!(status_of(&mete, "one")?, "active");

        let removed = mete.json(["member", "remove", "max@acme.test", "--project", "Support", "--yes"])?;
        assert_eq!((fields(&removed), &removed["role"]), (MEMBER.to_vec(), &json!("member")));
        assert_eq!((status_of(&mete, "one")?, status_of(&mete, "three")?), (json!("disabled"), json!("active")));
        let asked = mete.refused(["member", "remove", "max@acme.test", "--org", "Acme"])?;
        assert!(asked.message.contains("stops 1 active key."), "{asked:?}");
        mete.json(["member", "remove", "max@acme.test", "--org", "Acme", "-y"])?;
        assert_eq!(status_of(&mete, "three")?, "disabled");
        // Coming back does not enable them again.
        mete.join(["max@acme.test", "--project", "Support"])?;
        assert_eq!(status_of(&mete, "one")?, "disabled");
        Ok(())
    }

    /// Whoever may not do it is refused rather than asked, and the audit log has it.
    async fn r6_a_refused_removal_is_not_asked_about(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        for (who, scope, name, code) in [
            ("max@acme.test", "--project", "Support", "not_permitted"),
            ("rita@acme.test", "--project", "Support", "not_found"),
            ("olga@acme.test", "--org", "Acme", "not_permitted"),
            ("xena@globex.test", "--org", "Acme", "not_found"),
        ] {
            let refused = mete.refused(["member", "remove", "olga@acme.test", scope, name, "--as", who])?;
            assert_eq!(refused.code, code, "{who}: {refused:?}");
            let logged = mete.json(["audit", "list", "--actor", who, "--limit", "1"])?;
            assert_eq!(logged["rows"][0]["outcome"], "refused", "{who}: {logged}");
        }
        assert_eq!(mete.refused(["member", "remove", "nobody@acme.test", "--org", "Acme"])?.code, "not_found");
        assert_eq!(mete.json(["member", "list", "--project", "Support"])?["rows"].as_array().map(Vec::len), Some(3));
        Ok(())
    }

    async fn r8_a_grant_is_given_and_taken_back(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let granted =
            mete.json(["member", "grant-usage", "rita@acme.test", "--org", "Acme", "--as", "dana@acme.test"])?;
        assert_eq!((&granted["email"], &granted["usage_grant"]), (&json!("rita@acme.test"), &json!(true)));
        let told = mete.text(["member", "list", "--org", "Acme"])?;
        assert!(told.lines().any(|line| line.starts_with("rita@acme.test") && line.contains(" yes ")), "{told}");
        // It is nobody else's business.
        mete.json(["member", "add", "rita@acme.test", "--project", "Support"])?;
        let seen = mete.json(["member", "list", "--project", "Support", "--as", "max@acme.test"])?;
        assert!(seen["rows"].as_array().into_iter().flatten().all(|row| row["usage_grant"] == false), "{seen}");
        assert_eq!(mete.json(["member", "revoke-usage", "rita@acme.test", "--org", "Acme"])?["usage_grant"], false);
        assert_eq!(
            mete.refused(["member", "grant-usage", "rita@acme.test", "--org", "Acme", "--as", "rita@acme.test"])?.code,
            "not_permitted"
        );
        assert_eq!(mete.refused(["member", "grant-usage", "xena@globex.test", "--org", "Acme"])?.code, "not_found");
        Ok(())
    }

    async fn r21_the_members_of_an_archived_project_stay_as_they_are(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.json(["project", "archive", "Support", "--confirm", "Support"])?;
        for args in [
            ["member", "add", "rita@acme.test", "--project", "Support", "--role", "member"],
            ["member", "remove", "max@acme.test", "--project", "Support", "--yes", "--json"],
        ] {
            let run = mete.run(args)?;
            assert!(run.status.code() == Some(1) && run.stderr.contains("archived"), "{args:?}: {run:?}");
        }
        assert_eq!(
            mete.refused(["member", "role", "max@acme.test", "owner", "--project", "Support"])?.code,
            "conflict"
        );
        assert_eq!(mete.json(["member", "list", "--project", "Support"])?["rows"].as_array().map(Vec::len), Some(3));
        Ok(())
    }
}
