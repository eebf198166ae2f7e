//! Projects: making, changing, archiving them, and who sees them; organizations above and under them.

use anyhow::{Result, ensure};
use mete_tests::terminal::Terminal;
use mete_tests::{Engine, TestStore, each_engine};
use serde_json::{Value, json};

use crate::cast::{MEMBER, OUTSIDER, OWNER, PROJECT_OWNER, READER, UNKNOWN, column, stage};
use crate::support::{Mete, event, fields, now};

each_engine! {
    async fn r19_a_project_is_described_and_renamed(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let website = "https://search.acme.test";
        let create = ["project", "create", "Search", "--org", "Acme", "--description", "Finds", "--website", website];
        let made = mete.json(create)?;
        assert_eq!((&made["description"], &made["website"]), (&json!("Finds"), &json!(website)));
        let edited = mete.json(["project", "edit", "Search", "--website", ""])?;
        assert_eq!((&edited["description"], &edited["website"]), (&json!("Finds"), &json!("")));
        let renamed = mete.json(["project", "rename", "search", "SEARCH engine"])?;
        assert_eq!((&renamed["id"], &renamed["name"]), (&made["id"], &json!("SEARCH engine")));
        assert!(mete.text(["project", "show", "Search engine"])?.contains("Finds"));
        assert_eq!(mete.refused(["project", "rename", "Support", "search ENGINE"])?.code, "conflict");
        for website in ["ftp://acme.test", "acme.test", "https://"] {
            assert_eq!(mete.refused(["project", "edit", "Support", "--website", website])?.code, "invalid", "{website}");
        }
        for name in ["", "a\u{1b}[2J", &"x".repeat(10_000)] {
            assert_eq!(mete.refused(["project", "rename", "Support", name])?.code, "invalid");
        }
        assert_eq!(mete.refused(["project", "rename", "Default project", "Mine"])?.code, "invalid", "R2");
        assert_eq!(mete.refused(["project", "rename", "Nothing", "Mine"])?.code, "not_found");
        assert_eq!(mete.status(["project", "edit", "Support"])?, Some(2));
        Ok(())
    }

    async fn r21_archiving_is_final_and_asks_for_the_name(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "312")])?;
        let asked = mete.refused(["project", "archive", "Support"])?;
        assert!(asked.code == "not_confirmed" && asked.message.contains("stops 1 key, $312.00 this month"), "{asked:?}");
        assert!(asked.message.contains("--confirm NAME"), "{asked:?}");
        for wrong in ["support", " Support", "Support bot", ""] {
            assert_eq!(mete.refused(["project", "archive", "Support", "--confirm", wrong])?.code, "invalid", "{wrong:?}");
        }
        assert_eq!(mete.json(["explain", "ci"])?["decision"], "allow");
        let archived = mete.json(["project", "archive", "Support", "--confirm", "Support"])?;
        assert!(archived["status"] == "archived" && archived["archived_at"].is_string(), "{archived}");

        assert_eq!(mete.json(["explain", "ci"])?["decision"], "refuse");
        assert_eq!(column(&mete.json(["project", "list"])?, "name"), ["Default project"]);
        let listed = mete.json(["project", "list", "--archived"])?;
        assert_eq!((column(&listed, "name"), column(&listed, "spend")), (vec!["Support".to_owned()], vec!["312".to_owned()]));
        assert_eq!(mete.json(["project", "show", "Support"])?["active_keys"], 0);
        for change in [
            &["project", "rename", "Support", "Other"][..],
            &["project", "edit", "Support", "--description", "x"],
            &["project", "archive", "Support"],
            &["project", "archive", "Support", "--confirm", "Support"],
            &["limits", "set", "--project", "Support", "--budget", "1"],
            &["key", "create", "--project", "Support"],
            &["key", "enable", "ci"],
            &["key", "edit", "ci", "--name", "x"],
        ] {
            let run = mete.run(change.iter().copied().chain(["--json"]))?;
            ensure!(run.stderr.contains("\"code\":\"conflict\""), "{change:?}: {run:?}");
        }
        // Its name is free again, and its history is found by its id.
        mete.json(["project", "create", "Support", "--org", "Acme"])?;
        let id = archived["id"].as_str().unwrap_or_default();
        assert_eq!(mete.json(["spend", "--project", id])?["total"], "312");
        assert_eq!(mete.json(["spend", "--project", "Support"])?["total"], "0");
        assert_eq!(mete.refused(["project", "archive", "Default project", "--confirm", "Default project"])?.code, "invalid");
        Ok(())
    }

    /// R6: what somebody may not see does not exist for them, in lists, counts, sums and errors.
    async fn r6_projects_are_listed_to_those_who_may_see_them(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "5"), &event("e2", &now().to_string(), "Search", "7")])?;
        let everything = ["Default project", "Search", "Support"];
        for (who, projects, spend, counted) in [
            (OWNER, &everything[..], ["0", "7", "5"].as_slice(), 2),
            (PROJECT_OWNER, &["Default project", "Support"], &["null", "5"], 1),
            (MEMBER, &["Default project", "Support"], &["null", "null"], 1),
            (READER, &["Default project"], &["null"], 0),
            (OUTSIDER, &["Default project", "Secret"], &["0", "0"], 1),
        ] {
            let listed = mete.json_as(who, ["project", "list"])?;
            assert_eq!((column(&listed, "name"), column(&listed, "spend")), (owned(projects), owned(spend)), "{who}");
            let organizations = mete.json_as(who, ["org", "list"])?;
            let own = if who == OUTSIDER { "Globex" } else { "Acme" };
            assert_eq!(column(&organizations, "name"), [own], "{who}");
            assert_eq!(organizations["rows"][0]["active_projects"], counted, "{who}");
            let sum = if who == OWNER { json!("12") } else if who == OUTSIDER { json!("0") } else { Value::Null };
            assert_eq!(organizations["rows"][0]["spend"], sum, "{who}");
        }
        assert_eq!(mete.refused_as(UNKNOWN, ["project", "list"])?.0, "not_found");
        for (who, hidden) in [(PROJECT_OWNER, "Search"), (READER, "Support"), (OUTSIDER, "Support"), (OWNER, "Secret")] {
            for args in [["project", "show", hidden], ["project", "archive", hidden]] {
                let told = mete.refused_as(who, args)?;
                assert_eq!(told, ("not_found".to_owned(), format!("there is no project {hidden:?}")), "{who} {args:?}");
            }
        }
        assert!(mete.run(["project", "show", "Support", "--as", MEMBER])?.stdout.contains('—'));
        Ok(())
    }

    async fn r6_projects_are_changed_by_those_who_may(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        for who in [MEMBER, PROJECT_OWNER, READER] {
            assert_eq!(mete.refused_as(who, ["project", "create", "New", "--org", "Acme"])?.0, "not_permitted", "{who}");
        }
        assert_eq!(mete.refused_as(OUTSIDER, ["project", "create", "New", "--org", "Acme"])?.0, "not_found");
        for args in [["project", "rename", "Support", "Mine"], ["project", "archive", "Support", "--confirm=Support"]] {
            assert_eq!(mete.refused_as(MEMBER, args)?.0, "not_permitted");
            assert_eq!(mete.refused_as(READER, args)?.0, "not_found");
        }
        // Nobody is asked for a name where the answer would be no.
        let (code, message) = mete.refused_as(MEMBER, ["project", "archive", "Support"])?;
        assert!(code == "not_permitted" && message.contains("an owner of the project"), "{message}");
        mete.json_as(PROJECT_OWNER, ["project", "rename", "Support", "Support desk"])?;
        mete.json_as(PROJECT_OWNER, ["project", "archive", "Support desk", "--confirm", "Support desk"])?;
        let archived = mete.json_as(MEMBER, ["project", "list", "--archived"])?;
        assert_eq!(column(&archived, "name"), ["Support desk"]);
        assert!(column(&mete.json_as(READER, ["project", "list", "--archived"])?, "name").is_empty());
        Ok(())
    }

    /// R41: what was placed by hand is shown, to those who see what it is on.
    async fn r41_a_project_shows_what_was_placed_by_hand(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        assert_eq!(mete.json(["project", "show", "Support"])?["manual_blocks"], json!([]));
        mete.json(["block", "add", "--project", "Support", "--reason", "leaked", "--until", "2h"])?;
        mete.json(["block", "release", "--key", "pats", "--reason", "demo day"])?;
        let told = mete.text(["project", "show", "Support"])?;
        for seen in ["Blocked by hand", "the project, until 20", ": leaked", "Released by hand", "until it is lifted", ": demo day"] {
            assert!(told.contains(seen), "{seen}: {told}");
        }
        for (who, seen) in [(OWNER, 2), (PROJECT_OWNER, 2), (MEMBER, 1)] {
            let shown = mete.json_as(who, ["project", "show", "Support"])?;
            assert_eq!(shown["manual_blocks"].as_array().map(Vec::len), Some(seen), "{who}");
        }
        Ok(())
    }

    async fn r3_sub_organizations_stand_under_their_parent(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        mete.json_as(OWNER, ["org", "create", "Aardvark", "--owner", "lab@acme.test", "--parent", "Acme"])?;
        assert_eq!(mete.refused_as(OWNER, ["org", "create", "Free", "--owner", "lab@acme.test"])?.0, "not_permitted");
        let below = ["org", "create", "Free", "--owner", "lab@acme.test", "--parent", "Acme"];
        assert_eq!(mete.refused_as(MEMBER, below)?.0, "not_permitted");
        assert_eq!(mete.refused_as(OUTSIDER, below)?.0, "not_found");
        let table = mete.text(["org", "list"])?;
        let names: Vec<_> = table.lines().skip(1).filter_map(|line| line.split("  ").next()).collect();
        assert_eq!(names, ["Acme", "└ Aardvark", "Globex"], "{table}");

        let shown = mete.json(["org", "show", "acme"])?;
        assert_eq!(
            fields(&shown),
            [
                "active_projects", "blocked_projects", "blocked_since", "created_at", "id", "limits", "month", "name",
                "parent_id", "requests", "spend", "sub_organizations",
            ]
        );
        assert_eq!(shown["sub_organizations"][0]["name"], "Aardvark");
        assert_eq!(mete.json_as(MEMBER, ["org", "show", "Acme"])?["sub_organizations"], json!([]));
        assert!(mete.text(["org", "show", "Acme"])?.contains("Under it, and in its spend:"));
        assert!(mete.run(["org", "list", "--as", "lab@acme.test"])?.stdout.contains("\nAardvark"));
        let hidden = mete.refused_as(OUTSIDER, ["org", "show", "Acme"])?;
        assert_eq!(hidden, ("not_found".to_owned(), "there is no organization \"Acme\"".to_owned()));
        Ok(())
    }

    async fn an_organization_is_renamed_by_its_owners(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        let rename = ["org", "rename", "Acme", "Acme Corporation"];
        for who in [PROJECT_OWNER, MEMBER, READER] {
            assert_eq!(mete.refused_as(who, rename)?.0, "not_permitted", "{who}");
        }
        assert_eq!(mete.refused_as(OUTSIDER, rename)?.0, "not_found");
        let renamed = mete.json_as(OWNER, rename)?;
        assert_eq!((fields(&renamed), &renamed["name"]), (vec!["created_at", "id", "name", "parent_id"], &json!("Acme Corporation")));
        assert_eq!(mete.refused(["org", "rename", "Acme", "x"])?.code, "not_found");
        assert_eq!(mete.refused(["org", "rename", "Acme Corporation", "a\nb"])?.code, "invalid");
        Ok(())
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn r21_a_person_types_the_name() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    for (typed, archived) in
        [("\u{4}", false), ("\r", false), ("y\r", false), ("support\r", false), ("Support\r", true)]
    {
        let mut terminal = Terminal::start(&mete.command(["project", "archive", "Support"]), (140, 20))?;
        terminal
            .wait_for("Archiving \"Support\" is final: it stops 0 keys, $0.00 this month. Type its name to go on:")?;
        terminal.keys(typed)?;
        let status = terminal.wait()?;
        let listed = column(&mete.json(["project", "list", "--archived"])?, "name");
        ensure!(status.success() == archived && listed.is_empty() != archived, "{typed:?}: {}", terminal.screen());
    }
    Ok(())
}
