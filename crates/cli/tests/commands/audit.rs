//! The audit log (R42).

use anyhow::{Context as _, Result, ensure};
use mete_tests::{Engine, TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, fields, now};

const ENTRY: [&str; 17] = [
    "action",
    "actor_id",
    "actor_kind",
    "actor_name",
    "at",
    "change",
    "hash",
    "host",
    "organization_id",
    "os_user",
    "outcome",
    "previous_hash",
    "project_id",
    "reason",
    "seq",
    "target_id",
    "target_name",
];

fn rows(listed: &Value) -> &[Value] {
    listed["rows"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn actions(listed: &Value) -> Vec<&str> {
    rows(listed).iter().filter_map(|row| row["action"].as_str()).collect()
}

/// What `audit verify` tells scripts and people when it ends with 1.
fn broken(mete: &Mete<'_>) -> Result<(Value, String)> {
    let (for_scripts, for_people) = (mete.run(["audit", "verify", "--json"])?, mete.run(["audit", "verify"])?);
    for run in [&for_scripts, &for_people] {
        ensure!(run.status.code() == Some(1) && run.stderr.is_empty(), "{run:?}");
    }
    Ok((serde_json::from_str(&for_scripts.stdout)?, for_people.stdout))
}

each_engine! {
    async fn r42_each_change_is_listed_with_all_that_is_known_of_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Search", "--org", "Acme", "--as", "dana@acme.test"])?;
        let listed = mete.json(["audit", "list", "--org", "Acme"])?;
        let newest = &rows(&listed)[0];
        assert_eq!((fields(&listed), fields(newest)), (vec!["rows"], ENTRY.to_vec()));
        assert_eq!(
            (
                &newest["action"],
                &newest["actor_kind"],
                &newest["actor_name"],
                &newest["outcome"],
                &newest["target_name"]
            ),
            (&json!("project.created"), &json!("person"), &json!("dana@acme.test"), &json!("done"), &json!("Search"))
        );
        for known in ["os_user", "host", "project_id", "target_id", "hash"] {
            assert!(newest[known].as_str().is_some_and(|text| !text.is_empty()), "{known}: {newest}");
        }
        assert_eq!(newest["change"]["after"]["name"], "Search");
        let told = mete.text(["audit", "list"])?;
        let line = told.lines().nth(1).context("no first entry")?;
        for shown in ["dana@acme.test (person)", "project.created", "done", "Search"] {
            assert!(line.contains(shown), "{told}");
        }
        assert!(told.contains("(operator)"), "{told}");
        Ok(())
    }

    async fn r42_entries_are_found_by_what_is_asked(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci", "--as", "max@acme.test"])?;
        mete.json(["block", "add", "--key", "ci", "--reason", "leaked", "--as", "olga@acme.test"])?;
        let list = |args: [&str; 2]| mete.json(["audit", "list", args[0], args[1]]);
        assert_eq!(actions(&list(["--actor", "max@acme.test"])?), ["api_key.created"]);
        assert_eq!(actions(&list(["--action", "block.created"])?), ["block.created"]);
        assert_eq!(actions(&list(["--action", "block"])?), ["block.created"]);
        assert_eq!(actions(&list(["--action", "bloc"])?), [""; 0]);
        assert_eq!(actions(&list(["--project", "Support"])?), ["block.created", "api_key.created", "project.created"]);
        assert_eq!(actions(&list(["--limit", "1"])?), ["block.created"]);
        assert!(rows(&list(["--org", "Globex"])?).iter().all(|row| row["target_name"] == "Globex"));
        // A span back from now, a day, an instant.
        let all = rows(&list(["--since", "1h"])?).len();
        assert!(all > 10, "{all}");
        assert_eq!(rows(&list(["--since", "2020-01-01"])?).len(), all);
        assert_eq!(rows(&list(["--since", &now().plus(1_000_000).to_string()])?).len(), 0);
        assert_eq!(mete.text(["audit", "list", "--actor", "nobody"])?, "there are no such entries\n");
        assert_eq!(mete.status(["audit", "list", "--since", "yesterday"])?, Some(2));
        assert_eq!(mete.status(["audit", "list", "--limit", "0"])?, Some(2));
        assert_eq!(mete.refused(["audit", "list", "--org", "Nobody"])?.code, "not_found");
        Ok(())
    }

    async fn r6_the_log_is_read_by_those_who_may(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let project_ids = |who| -> Result<Vec<Value>> {
            let listed = mete.json(["audit", "list", "--as", who])?;
            Ok(rows(&listed).iter().map(|row| row["project_id"].clone()).collect())
        };
        let support = mete.json(["project", "show", "Support"])?["id"].clone();
        let hers = project_ids("olga@acme.test")?;
        assert!(!hers.is_empty() && hers.iter().all(|id| *id == support), "{hers:?}");
        assert!(project_ids("dana@acme.test")?.len() > hers.len());
        for (who, code) in [("max@acme.test", "not_permitted"), ("rita@acme.test", "not_permitted")] {
            assert_eq!(mete.refused(["audit", "list", "--as", who])?.code, code, "{who}");
        }
        for (who, code) in
            [("max@acme.test", "not_permitted"), ("rita@acme.test", "not_found"), ("xena@globex.test", "not_found")]
        {
            assert_eq!(mete.refused(["audit", "list", "--project", "Support", "--as", who])?.code, code, "{who}");
        }
        assert_eq!(mete.refused(["audit", "list", "--org", "Acme", "--as", "xena@globex.test"])?.code, "not_found");
        // A chain is verified by those who may read all of it.
        let hers = mete.json(["audit", "verify", "--as", "dana@acme.test"])?;
        assert_eq!((&hers["ok"], hers["chains"].as_array().map(Vec::len)), (&json!(true), Some(1)));
        assert_eq!(mete.refused(["audit", "verify", "--as", "olga@acme.test"])?.code, "not_permitted");
        assert_eq!(mete.refused(["audit", "verify", "--org", "Acme", "--as", "xena@globex.test"])?.code, "not_found");
        Ok(())
    }

    async fn r42_an_untouched_log_is_proven_whole(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let verified = mete.json(["audit", "verify", "--org", "acme"])?;
        assert_eq!((fields(&verified), &verified["ok"]), (vec!["chains", "ok"], &json!(true)));
        let (chain, newest) = (&verified["chains"][0], &mete.json(["audit", "list", "--org", "Acme"])?["rows"][0]);
        assert_eq!(fields(chain), ["breaks", "entries", "head", "organization", "organization_id"]);
        assert_eq!((&chain["organization"], &chain["breaks"]), (&json!("Acme"), &json!([])));
        assert_eq!((&chain["entries"], &chain["head"]), (&newest["seq"], &newest["hash"]));
        let told = mete.text(["audit", "verify"])?;
        let head = newest["hash"].as_str().context("no hash")?;
        assert!(told.starts_with("ok: ") && told.contains("Globex") && told.contains(head), "{told}");
        Ok(())
    }
}

/// Somebody with another version of the truth writes to the store's file without Mete.
#[test]
fn r42_tampering_is_told_with_its_place() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    mete.json(["org", "create", "Globex", "--owner", "xena@globex.test"])?;
    mete.json(["block", "add", "--project", "Support", "--reason", "Max leaked the key"])?;
    let blocked = mete.json(["audit", "list", "--action", "block"])?["rows"][0].clone();
    mete.json(["project", "create", "Search", "--org", "Acme"])?;
    assert_eq!(mete.json(["audit", "verify"])?["ok"], true);

    rewrite(&store, b"Max leaked the key", b"Kim leaked the key")?;
    assert_eq!(mete.json(["audit", "list", "--action", "block"])?["rows"][0]["reason"], "Kim leaked the key");
    let (verified, told) = broken(&mete)?;
    assert_eq!(verified["ok"], false);
    let chains = verified["chains"].as_array().context("no chains")?;
    let breaks = |name: &str| chains.iter().find(|chain| chain["organization"] == name).map(|chain| &chain["breaks"]);
    assert_eq!(breaks("Acme"), Some(&json!([{"seq": blocked["seq"], "fault": "changed"}])));
    assert_eq!(breaks("Globex"), Some(&json!([])));
    let place = format!("TAMPERED WITH:\n  Acme: entry {} was changed after it was written\n", blocked["seq"]);
    assert!(told.starts_with(&place), "{told}");
    // Another organization's owner has nothing to worry about.
    assert_eq!(mete.json(["audit", "verify", "--as", "xena@globex.test"])?["ok"], true);
    Ok(())
}

/// Puts `new` in the place of `old`, wherever it stands in the store's file.
fn rewrite(store: &TestStore, old: &[u8], new: &[u8]) -> Result<()> {
    ensure!(old.len() == new.len(), "the file's structure must stay as it is");
    let path = store.path("mete.db");
    let mut bytes = std::fs::read(&path)?;
    let places: Vec<usize> =
        bytes.windows(old.len()).enumerate().filter(|(_, part)| *part == old).map(|(at, _)| at).collect();
    ensure!(!places.is_empty(), "what is to be rewritten is not in the file");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    Ok(std::fs::write(&path, bytes)?)
}
