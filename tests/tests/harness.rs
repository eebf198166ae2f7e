//! The harness keeps its own promises.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use mete_tests::postgres::{SERVER_VARIABLE, Server};
use mete_tests::{Engine, Process, TestStore, each_engine, wait};

const LIMIT: Duration = Duration::from_secs(60);

each_engine! {
    async fn a_test_runs_on_each_engine(store: &TestStore) {
        let expected = match store.engine() {
            Engine::Sqlite => "sqlite:/",
            Engine::Postgres => "postgres://",
        };
        assert!(store.url().starts_with(expected), "{}", store.url());
        assert!(store.dir().is_dir());
    }

    async fn no_two_tests_share_a_store(store: &TestStore) -> Result<()> {
        let other = TestStore::new(store.engine())?;
        assert_ne!(store.url(), other.url());
        assert_ne!(store.dir(), other.dir());
        Ok(())
    }
}

#[test]
fn a_store_goes_with_its_files() {
    let store = TestStore::new(Engine::Sqlite).unwrap();
    let file = store.path("x");
    fs::write(&file, "x").unwrap();
    drop(store);
    assert!(!file.exists());
}

/// The other half of [`a_killed_test_leaves_no_server`]: holds a server until its standard input ends.
#[test]
#[ignore = "the test that kills it starts it"]
fn holds_a_server() {
    let server = Server::start().unwrap();
    println!("server at {}", server.url());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_killed_test_leaves_no_server() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
    let mut holder = Process::start(
        Command::new(std::env::current_exe()?)
            .args(["holds_a_server", "--exact", "--ignored", "--nocapture"])
            .env("TMPDIR", folder.path())
            .env_remove(SERVER_VARIABLE)
            .stdin(Stdio::piped()),
    )?;
    let line = holder.wait_for_line(LIMIT, |line| line.contains("server at "))?;
    let address = line.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).context("no address")?.to_owned();
    TcpStream::connect(&address)?;
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);

    holder.kill()?;

    wait::until("the server's end", LIMIT, || TcpStream::connect(&address).is_err().then_some(()))?;
    wait::until("the folder's end", LIMIT, || (fs::read_dir(folder.path()).ok()?.count() == 0).then_some(()))
}

#[tokio::test]
async fn waiting_has_an_end() {
    let mut asked = 0;
    let value = wait::eventually("a third look", LIMIT, async || {
        asked += 1;
        (asked == 3).then_some(asked)
    });
    assert_eq!(value.await.unwrap(), 3);

    let never = wait::eventually("Godot", Duration::from_millis(20), async || None::<()>).await;
    assert!(never.unwrap_err().to_string().contains("Godot"));
}
