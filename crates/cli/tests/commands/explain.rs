//! Why a key is let through or not (R38), for a request, and as far as who asks may see it (R6).

use anyhow::{Context as _, Result};
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, event, now};

/// The rule of that name.
fn rule<'a>(explained: &'a Value, name: &str) -> Result<&'a Value> {
    let mut rules = explained["rules"].as_array().into_iter().flatten();
    rules.find(|rule| rule["rule"] == name).with_context(|| format!("no rule {name} in {explained}"))
}

const CHAT: [&str; 4] = ["--method", "POST", "--path", "/v1/chat/completions"];

each_engine! {
    async fn r16_what_a_key_may_do_is_explained_for_a_request(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci", "--permissions", "read-only"])?;
        let untold = mete.json(["explain", "ci"])?;
        assert_eq!((&untold["decision"], &rule(&untold, "permission")?["verdict"]), (&json!("allow"), &json!("not_asked")));
        let [method, post, path, chat] = CHAT;
        let refused = mete.json(["explain", "ci", method, post, path, chat])?;
        assert_eq!((&refused["status"], &refused["code"]), (&json!(403), &Value::Null));
        let permission = rule(&refused, "permission")?;
        assert_eq!(
            (&permission["permissions"], &permission["needed"], &permission["verdict"]),
            (&json!("read_only"), &json!("chat_completions.write"), &json!("refused"))
        );
        assert_eq!(rule(&refused, "organization_budget")?["verdict"], "not_asked");
        let told = mete.text(["explain", "ci", method, post, path, chat])?;
        assert!(told.contains("Missing scopes: chat_completions.write"), "{told}");
        assert_eq!(mete.json(["explain", "ci", method, "GET", path, "/v1/models"])?["decision"], "allow");
        assert_eq!(mete.status(["explain", "ci", method, post])?, Some(2), "a method without a path");
        Ok(())
    }

    async fn r28_the_file_quota_is_explained(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "0").replace("\"model\"", "\"bytes\":900,\"model\"")])?;
        let upload = |bytes| mete.json(["explain", "ci", "--method", "POST", "--path", "/v1/files", "--bytes", bytes]);
        let quota = 100_000_000_000_u64;
        let allowed = upload("99999999100")?;
        let file_quota = rule(&allowed, "file_quota")?;
        assert_eq!((&file_quota["stored"], &file_quota["quota"]), (&json!(900), &json!(quota)));
        assert_eq!((&allowed["decision"], &file_quota["verdict"]), (&json!("allow"), &json!("ok")));
        let refused = upload("99999999101")?;
        assert_eq!((&refused["status"], &refused["code"]), (&json!(413), &json!("file_storage_quota_exceeded")));
        Ok(())
    }

    /// Whoever has a key may ask why it is refused; what others spent is told to those who may see it.
    async fn r6_spend_is_explained_to_those_who_may_see_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let key = mete.json(["key", "create", "--project", "Support", "--name", "ci", "--member", "kim@acme.test"])?;
        mete.json(["key", "create", "--project", "Support", "--name", "hers", "--member", "dana@acme.test"])?;
        let api_key = format!("\"api_key\":{},\"model\"", key["id"]);
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "7").replace("\"model\"", &api_key)])?;
        let owner = mete.json(["explain", "ci", "--as", "dana@acme.test"])?;
        assert_eq!((&rule(&owner, "project_budget")?["spend"], &owner["spent_by"]["total"]), (&json!("7"), &json!("7")));
        let member = mete.json(["explain", "ci", "--as", "kim@acme.test"])?;
        assert_eq!(member["decision"], "allow");
        for budget in ["project_budget", "organization_budget"] {
            assert_eq!(rule(&member, budget)?["spend"], Value::Null, "{member}");
        }
        assert_eq!(member["spent_by"], Value::Null);
        let told = mete.text(["explain", "ci", "--as", "kim@acme.test"])?;
        assert!(!told.contains("7.00") && told.contains("(not shown)"), "{told}");
        assert_eq!(mete.refused(["explain", "hers", "--as", "kim@acme.test"])?.code, "not_found");
        Ok(())
    }
}
