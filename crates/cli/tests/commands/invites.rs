//! Invites (R9).

use anyhow::{Context as _, Result};
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, fields, is_id};

const INVITE: [&str; 9] =
    ["accepted_at", "created_at", "email", "expires_at", "id", "organization_id", "projects", "role", "status"];

fn id_of(value: &Value) -> Result<&str> {
    value["id"].as_str().context("no id")
}

/// To whom the listed invites are.
fn invited(listed: &Value) -> Vec<&str> {
    listed["rows"].as_array().into_iter().flatten().filter_map(|row| row["email"].as_str()).collect()
}

each_engine! {
    async fn r9_an_invite_brings_its_projects(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        // The name has a colon and what looks like a role.
        let colon = mete.json(["project", "create", "a:owner", "--org", "Acme"])?;
        let projects = ["--project", "Support:owner", "--project", "a:owner:member"];
        let [first, support, second, odd] = projects;
        let invite = mete.json(["invite", "create", "Kim@acme.test", "--org", "Acme", first, support, second, odd])?;
        assert_eq!(fields(&invite), INVITE);
        assert!(is_id(&invite["id"], "invite-"));
        assert_eq!(
            (&invite["email"], &invite["role"], &invite["status"], &invite["accepted_at"]),
            (&json!("kim@acme.test"), &json!("reader"), &json!("pending"), &Value::Null)
        );
        assert_eq!(invite["projects"][0]["role"], "owner");
        assert_eq!(invite["projects"][1], json!({"id": colon["id"], "role": "member"}));

        let accepted =
            mete.json(["invite", "accept", id_of(&invite)?, "--name", "Kim Lee", "--as", "kim@acme.test"])?;
        assert_eq!((fields(&accepted), &accepted["status"]), (INVITE.to_vec(), &json!("accepted")));
        let members = mete.json(["member", "list", "--project", "Support", "--as", "kim@acme.test"])?;
        let kim = &members["rows"][1];
        assert_eq!(
            (&kim["email"], &kim["name"], &kim["role"]),
            (&json!("kim@acme.test"), &json!("Kim Lee"), &json!("owner"))
        );
        assert_eq!(mete.json(["member", "list", "--project", "a:owner"])?["rows"][1]["role"], "member");
        Ok(())
    }

    async fn r9_invites_are_listed_to_those_whom_they_concern(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.json(["invite", "create", "kim@acme.test", "--org", "Acme", "--as", "dana@acme.test"])?;
        mete.json(["invite", "create", "dana@acme.test", "--org", "Globex", "--as", "xena@globex.test"])?;
        assert_eq!(invited(&mete.json(["invite", "list"])?).len(), 5);
        assert_eq!(invited(&mete.json(["invite", "list", "--org", "Globex"])?), ["dana@acme.test"]);
        // An owner sees those of the organization and her own, everybody else their own.
        let hers = mete.json(["invite", "list", "--as", "dana@acme.test"])?;
        assert_eq!(invited(&hers).len(), 5);
        for (who, seen) in [
            ("kim@acme.test", "kim@acme.test"),
            ("rita@acme.test", "rita@acme.test"),
            ("xena@globex.test", "dana@acme.test"),
        ] {
            assert_eq!(invited(&mete.json(["invite", "list", "--as", who])?), [seen], "{who}");
        }
        assert_eq!(mete.refused(["invite", "list", "--org", "Acme", "--as", "olga@acme.test"])?.code, "not_permitted");
        assert_eq!(mete.refused(["invite", "list", "--org", "Acme", "--as", "kim@acme.test"])?.code, "not_found");
        let told = mete.text(["invite", "list", "--org", "Acme"])?;
        assert!(told.lines().any(|line| line.starts_with("kim@acme.test") && line.contains("pending")), "{told}");
        assert_eq!(mete.text(["invite", "list", "--as", "xena@globex.test", "--org", "Globex"])?.lines().count(), 2);
        Ok(())
    }

    async fn r9_an_invite_is_refused_with_its_reason(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.json(["project", "create", "Old", "--org", "Acme"])?;
        mete.json(["project", "archive", "Old", "--confirm", "Old"])?;
        let invite = |email, project| mete.refused(["invite", "create", email, "--org", "Acme", "--project", project]);
        for (email, project, code) in [
            ("max@acme.test", "Support", "conflict"),
            ("kim", "Support", "invalid"),
            ("kim@acme.test", "Nothing", "not_found"),
            ("kim@acme.test", "Support:king", "not_found"),
            ("kim@acme.test", "Old", "conflict"),
            ("kim@acme.test", "Default project", "invalid"),
        ] {
            let refused = invite(email, project)?;
            assert_eq!(refused.code, code, "{email} {project}: {refused:?}");
        }
        mete.json(["invite", "create", "kim@acme.test", "--org", "Acme"])?;
        assert_eq!(invite("kim@acme.test", "Support")?.code, "conflict");
        let as_olga = mete.refused(["invite", "create", "lee@acme.test", "--org", "Acme", "--as", "olga@acme.test"])?;
        assert!(
            as_olga.code == "not_permitted" && as_olga.message.contains("an owner of the organization"),
            "{as_olga:?}"
        );
        assert_eq!(
            mete.refused(["invite", "create", "lee@acme.test", "--org", "Acme", "--as", "xena@globex.test"])?.code,
            "not_found"
        );
        assert_eq!(mete.status(["invite", "create", "lee@acme.test", "--org", "Acme", "--role", "member"])?, Some(2));
        Ok(())
    }

    async fn r9_only_the_invited_accept_and_only_once(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let invite = mete.json(["invite", "create", "kim@acme.test", "--org", "Acme"])?;
        let id = id_of(&invite)?;
        for (who, code) in [
            ("olga@acme.test", "not_permitted"),
            ("dana@acme.test", "not_permitted"),
            ("xena@globex.test", "not_found"),
        ] {
            assert_eq!(mete.refused(["invite", "accept", id, "--name", "Kim", "--as", who])?.code, code, "{who}");
        }
        assert_eq!(mete.refused(["invite", "accept", id, "--name", "a\u{1b}[2J"])?.code, "invalid");
        mete.json(["invite", "accept", id, "--name", "Kim"])?;
        assert_eq!(mete.refused(["invite", "accept", id, "--name", "Kim"])?.code, "conflict");
        assert_eq!(mete.refused(["invite", "revoke", id])?.code, "conflict");
        assert_eq!(mete.refused(["invite", "accept", "invite-0", "--name", "Kim"])?.code, "not_found");
        Ok(())
    }

    async fn r9_a_pending_invite_is_revoked(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let invite = mete.json(["invite", "create", "kim@acme.test", "--org", "Acme"])?;
        let id = id_of(&invite)?;
        assert_eq!(mete.refused(["invite", "revoke", id, "--as", "olga@acme.test"])?.code, "not_permitted");
        assert_eq!(mete.refused(["invite", "revoke", id, "--as", "xena@globex.test"])?.code, "not_found");
        assert_eq!(fields(&mete.json(["invite", "revoke", id, "--as", "dana@acme.test"])?), INVITE);
        assert_eq!(mete.refused(["invite", "accept", id, "--name", "Kim"])?.code, "not_found");
        assert_eq!(mete.json(["invite", "list", "--as", "kim@acme.test"])?["rows"], json!([]));
        Ok(())
    }
}
