//! Resources that usage named (R36).

use anyhow::Result;
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, event, fields, now};

const RESOURCE: [&str; 8] = ["bytes", "first_seen_at", "id", "last_seen_at", "project_id", "requests", "spend", "type"];

/// An event about a resource of Support.
fn about(id: &str, kind: &str, resource: &str, bytes: i64) -> String {
    let named = format!(r#""resource":{{"type":"{kind}","id":{}}},"bytes":{bytes},"model""#, json!(resource));
    event(id, &now().to_string(), "Support", "1.5").replace("\"model\"", &named)
}

fn ids(listed: &Value) -> Vec<&str> {
    listed["rows"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str()).collect()
}

each_engine! {
    async fn r36_resources_are_listed_with_what_was_booked_on_them(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        assert_eq!(mete.text(["resource", "list", "--project", "Support"])?, "usage named no such resources\n");
        let counted = mete.ingest(&[
            &about("e1", "file", "file-1", 900),
            &about("e2", "file", "file-1", -100),
            &about("e3", "thread", "a\u{1b}[2Jb", 0),
        ])?;
        assert_eq!(counted["accepted"], 3, "{counted}");
        let files = mete.json(["resource", "list", "--project", "support", "--type", "file"])?;
        let file = &files["rows"][0];
        assert_eq!((ids(&files), fields(file)), (vec!["file-1"], RESOURCE.to_vec()));
        assert_eq!(
            (&file["type"], &file["requests"], &file["bytes"], &file["spend"]),
            (&json!("file"), &json!(2), &json!(800), &json!("3"))
        );
        assert_eq!(ids(&mete.json(["resource", "list", "--project", "Support"])?).len(), 2);
        assert_eq!(ids(&mete.json(["resource", "list", "--project", "Support", "--limit", "1"])?), ["a\u{1b}[2Jb"]);
        let told = mete.text(["resource", "list", "--project", "Support"])?;
        assert!(told.contains(r"a\u{1b}[2Jb") && told.contains("$3.00") && !told.contains('\u{1b}'), "{told}");
        assert_eq!(mete.refused(["resource", "list", "--project", "Nothing"])?.code, "not_found");
        assert_eq!(mete.status(["resource", "list", "--project", "Support", "--type", "batch"])?, Some(2));
        assert_eq!(mete.status(["resource", "list", "--project", "Support", "--limit", "0"])?, Some(2));
        assert_eq!(mete.status(["resource", "list"])?, Some(2));
        Ok(())
    }

    async fn r36_only_the_projects_people_see_them_and_r6_not_all_see_what_they_cost(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.ingest(&[&about("e1", "assistant", "asst-1", 0)])?;
        let seen = |who| mete.json(["resource", "list", "--project", "Support", "--as", who]);
        for who in ["dana@acme.test", "olga@acme.test"] {
            let listed = seen(who)?;
            assert_eq!(
                (&listed["rows"][0]["requests"], &listed["rows"][0]["spend"]),
                (&json!(1), &json!("1.5")),
                "{who}"
            );
        }
        let listed = seen("max@acme.test")?;
        assert_eq!((ids(&listed), fields(&listed["rows"][0])), (vec!["asst-1"], RESOURCE.to_vec()));
        assert_eq!((&listed["rows"][0]["requests"], &listed["rows"][0]["spend"]), (&Value::Null, &Value::Null));
        assert!(!mete.text(["resource", "list", "--project", "Support", "--as", "max@acme.test"])?.contains('$'));
        mete.json(["member", "grant-usage", "max@acme.test", "--org", "Acme"])?;
        assert_eq!(seen("max@acme.test")?["rows"][0]["spend"], "1.5");
        for who in ["rita@acme.test", "xena@globex.test"] {
            assert_eq!(
                mete.refused(["resource", "list", "--project", "Support", "--as", who])?.code,
                "not_found",
                "{who}"
            );
        }
        Ok(())
    }
}
