//! What holds for every command: exit statuses, errors, places, pipes that close.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use mete_tests::process::Run;
use mete_tests::terminal::Terminal;
use mete_tests::{Engine, TestStore};

use crate::cast::{MEMBER, OWNER, stage};
use crate::support::{Mete, event, now};

#[test]
fn wrong_usage_is_status_2() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    assert_eq!(mete.status([])?, Some(2));
    assert_eq!(mete.status(["frobnicate"])?, Some(2));
    assert_eq!(mete.status(["init", "--org", "Acme"])?, Some(2));
    assert_eq!(mete.status(["limits", "show"])?, Some(2));
    assert_eq!(mete.status(["limits", "show", "--org", "Acme", "--project", "Support"])?, Some(2));
    assert_eq!(mete.status(["limits", "set", "--org", "Acme"])?, Some(2));
    for amount in ["twelve", "1.0000000001", "", "1e3", "99999999999"] {
        assert_eq!(mete.status(["limits", "set", "--org", "Acme", "--budget", amount])?, Some(2), "{amount:?}");
    }
    assert_eq!(mete.status(["spend", "--month", "2026-13"])?, Some(2));
    assert_eq!(mete.status(["spend", "--by", "phase-of-the-moon"])?, Some(2));
    assert_eq!(mete.status(["quarantine", "list", "--limit", "0"])?, Some(2));
    Ok(())
}

/// A store's URL may hold a password: neither help nor errors repeat it.
#[test]
fn a_password_is_not_repeated() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::on(&store);
    for (url, status) in [("postgre://dana:canary@db.test/mete", 2), ("postgres://dana:canary@127.0.0.1:1/mete", 1)] {
        let run = Run::of(mete.command(["spend"]).env("METE_STORE", url))?;
        assert_eq!(run.status.code(), Some(status), "{run:?}");
        assert!(!run.stderr.contains("canary"), "{run:?}");
    }
    let help = Run::of(mete.command(["--help"]).env("METE_STORE", "postgres://dana:canary@db.test/mete"))?;
    assert!(help.status.success() && !help.stdout.contains("canary"), "{help:?}");
    Ok(())
}

#[test]
fn the_store_is_in_the_data_directory_unless_said_otherwise() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::on(&store);
    let init = ["init", "--org", "Acme", "--owner", "dana@acme.test"];
    let run = Run::of(mete.command(init).env_remove("METE_STORE"))?;
    assert!(run.status.success(), "{run:?}");
    let file = store.path("data/mete/mete.db");
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    // An empty variable is one that is not set, and the option comes before both.
    let listed = Run::of(mete.command(["org", "list", "--json"]).env("METE_STORE", ""))?.json()?;
    assert_eq!(listed["rows"][0]["name"], "Acme");
    let other = format!("sqlite:{}", store.path("other.db").display());
    assert_eq!(mete.refused(["org", "list", "--store", &other])?.code, "not_found");
    assert!(!store.path("other.db").exists());
    Ok(())
}

/// `mete … | head -0`: the reader is gone before anything is written.
#[test]
fn a_reader_that_leaves_is_no_error() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    for args in [["completions", "bash"], ["org", "list"], ["spend", "--json"]] {
        let mut child = mete.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().context("no standard error")?.read_to_string(&mut stderr)?;
        let status = child.wait()?;
        assert!(status.success() && stderr.is_empty(), "{args:?}: {status} {stderr}");
    }
    Ok(())
}

/// R6: the interface is a way of looking, and shows nobody more than the commands do.
#[test]
fn r6_the_interface_shows_a_person_what_they_may_see() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = stage(&store)?;
    mete.ingest(&[&event("e1", &now().to_string(), "Support", "5")])?;
    for (who, spend) in [(OWNER, "$5.00"), (MEMBER, "—")] {
        let mut terminal = Terminal::start(&mete.command(["tui", "--as", who]), (140, 30))?;
        terminal.wait_for("Acme")?;
        terminal.keys(":projects\r")?;
        terminal.wait_for("› Acme")?;
        terminal.wait_for("Support")?;
        let screen = terminal.screen();
        assert!(screen.contains(who) && screen.contains(spend), "{screen}");
        assert_eq!((screen.contains("Search"), screen.contains("$5.00")), (who == OWNER, who == OWNER), "{screen}");
        terminal.keys("q")?;
        assert!(terminal.wait()?.success());
    }
    Ok(())
}

#[test]
fn the_interface_needs_a_terminal() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    assert_eq!(mete.refused(["tui"])?.code, "terminal");
    Ok(())
}
