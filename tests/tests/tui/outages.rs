//! What the interface says and does while its daemon or its store is away, locked, or back.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::SystemClock;
use mete_core::time::MINUTE;
use mete_core::{Clock as _, Nanos};
use mete_store::{DaemonSeen, Scope, Store};
use mete_tests::postgres::Server;
use mete_tests::terminal::Terminal;
use mete_tests::{Engine, TestStore, each_engine, process, wait};
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use crate::Place;
use crate::stage::{EMPTY_LINE, PATIENCE, Stage, leave, line_of, step};

/// Another program that writes and does not come to an end.
enum Writer {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client, JoinSet<Result<(), tokio_postgres::Error>>),
}

impl Writer {
    /// Nobody else can write from here on.
    async fn begin(store: &TestStore) -> Result<Self> {
        if store.engine() == Engine::Sqlite {
            let connection = rusqlite::Connection::open(store.path("mete.db"))?;
            connection.busy_timeout(PATIENCE)?;
            connection.execute_batch("BEGIN EXCLUSIVE")?;
            return Ok(Self::Sqlite(connection));
        }
        let (client, connection) = tokio_postgres::connect(store.url(), NoTls).await?;
        let mut connected = JoinSet::new();
        connected.spawn(connection);
        client.batch_execute("BEGIN; LOCK TABLE meta IN EXCLUSIVE MODE").await?;
        Ok(Self::Postgres(client, connected))
    }

    async fn end(self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch("COMMIT")?,
            Self::Postgres(client, _connected) => client.batch_execute("COMMIT").await?,
        }
        Ok(())
    }
}

/// A store that can go away.
enum Away {
    /// Its file can be moved.
    File { folder: TestStore, elsewhere: PathBuf },
    /// Its server can be killed.
    Server(Box<Server>),
}

impl Away {
    fn new(engine: Engine) -> Result<Self> {
        Ok(match engine {
            Engine::Sqlite => {
                let folder = TestStore::new(engine)?;
                let elsewhere = folder.path("elsewhere");
                fs::create_dir(&elsewhere)?;
                Self::File { folder, elsewhere }
            }
            Engine::Postgres => Self::Server(Box::new(Server::start_durable()?)),
        })
    }

    fn url(&self) -> String {
        match self {
            Self::File { folder, .. } => folder.url().to_owned(),
            Self::Server(server) => server.url().to_owned(),
        }
    }

    fn goes(&mut self) -> Result<()> {
        match self {
            Self::File { folder, elsewhere } => moved(|name| (folder.path(name), elsewhere.join(name))),
            Self::Server(server) => server.crash(),
        }
    }

    fn comes_back(&mut self) -> Result<()> {
        match self {
            Self::File { folder, elsewhere } => moved(|name| (elsewhere.join(name), folder.path(name))),
            Self::Server(server) => server.start_again(),
        }
    }
}

/// Moves the file and what SQLite has beside it.
fn moved(from_to: impl Fn(&str) -> (PathBuf, PathBuf)) -> Result<()> {
    for name in ["mete.db", "mete.db-wal", "mete.db-shm"] {
        let (from, to) = from_to(name);
        fs::rename(&from, &to).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

fn a_store_goes_away_and_comes_back(engine: Engine) -> Result<()> {
    let mut away = Away::new(engine)?;
    let url = away.url();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let place = runtime.block_on(Place::at(&url))?;
    let mut command = process::mete()?;
    command.args(["--store", &url, "tui"]);
    let mut operator = Terminal::start(&command, (120, 30))?;
    step(&mut operator, "", &["● live", "▸ Search"])?;
    for _ in 0..2 {
        away.goes()?;
        step(&mut operator, "", &["▲ no store, data", "It is tried again by itself"])?;
        // what was known stays, and can be walked through
        step(&mut operator, "j", &["▸ Support bot", "▲ no store"])?;
        away.comes_back()?;
        step(&mut operator, "k", &["✓ live again", "▸ Search"])?;
        operator.wait_until_gone("It is tried again by itself")?;
    }
    runtime.block_on(place.budget(77))?;
    line_of(&operator, &["Support bot", "$77.00"])?;
    leave(operator)
}

#[test]
fn a_file_that_is_moved_away_is_said_to_be_gone_and_comes_back() -> Result<()> {
    a_store_goes_away_and_comes_back(Engine::Sqlite)
}

#[test]
fn a_server_that_is_killed_is_said_to_be_gone_and_comes_back() -> Result<()> {
    a_store_goes_away_and_comes_back(Engine::Postgres)
}

each_engine! {
    async fn a_daemon_that_died_is_missed_and_one_that_takes_its_place_is_enough(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store)?;
        stage.project("Support", (100, 80))?;
        let key = stage.key(("Support", "eve@acme.test"), "ci-runner")?;
        stage.spends(&key, 1)?;
        let mut operator = stage.operator()?;
        line_of(&operator, &["▸ Support", "$1.00"])?;
        step(&mut operator, "", &["Nothing: nobody is refused"])?;
        if let Some(mut meted) = stage.meted.take() {
            meted.0.kill()?;
        }
        // it was last heard of a while ago
        let opened = Store::open(&store.url().parse()?).await?;
        let seen = opened.daemons().await?.into_iter().next().context("no daemon")?;
        let (started_at, seen_at) = (SystemClock.now().plus(-9 * MINUTE), SystemClock.now().plus(-2 * MINUTE));
        opened.forget_daemon(&seen.id).await?;
        opened.write_daemon(&DaemonSeen { started_at, seen_at, ..seen }).await?;
        line_of(&operator, &["▲ meted ", "not heard of 2m"])?;
        // nothing moves in the store, so what is shown of it is right
        step(&mut operator, "", &["● live", "$1.00"])?;

        stage.start_daemon()?;
        step(&mut operator, "", &["Nothing: nobody is refused"])?;
        stage.spends(&key, 1)?;
        line_of(&operator, &["▸ Support", "$2.00"])?;
        leave(operator)
    }

    async fn while_somebody_else_writes_for_long_it_is_read_on_and_what_is_changed_waits(
        store: &TestStore
    ) -> Result<()> {
        Place::new(store).await?;
        let mut operator = Terminal::start(&crate::interface(store)?, (120, 30))?;
        step(&mut operator, "", &["● live, now", "▸ Search"])?;
        let writer = Writer::begin(store).await?;
        step(&mut operator, "j", &["▸ Support bot"])?;
        step(&mut operator, "\r", &["[1 Overview]", "ci-runner"])?;
        step(&mut operator, "\x1b", &["● live, now", "▸ Support bot"])?;
        step(&mut operator, "$", &["Budget of Support bot"])?;
        step(&mut operator, &format!("{EMPTY_LINE}90\r"), &["… it is being done"])?;
        operator.wait_for("● live, now")?;
        writer.end().await?;
        step(&mut operator, "", &["✓ the budget is $90.00"])?;
        leave(operator)
    }

    /// A change that is under way is done to its end, though the terminal is gone.
    async fn a_change_that_is_under_way_when_the_terminal_goes_is_done(store: &TestStore) -> Result<()> {
        let place = Place::new(store).await?;
        for (signal, dollars) in [(Signal::HUP, 90), (Signal::TERM, 80)] {
            let mut operator = Terminal::start(&crate::interface(store)?, (120, 30))?;
            step(&mut operator, "", &["● live", "▸ Search"])?;
            step(&mut operator, "j", &["▸ Support bot"])?;
            let writer = Writer::begin(store).await?;
            step(&mut operator, "$", &["Budget of Support bot"])?;
            step(&mut operator, &format!("{EMPTY_LINE}{dollars}\r"), &["… it is being done"])?;
            operator.signal(signal)?;
            writer.end().await?;
            let status = operator.wait()?;
            let disorder = operator.disorder()?;
            ensure!(status.success() && disorder.is_empty(), "{signal:?}: {status:?} {disorder:?}");
            let set = place.store.limits(&Scope::project(&place.project, &place.organization)).await?;
            ensure!(set.budget == Some(Nanos::from_dollars(dollars)), "{signal:?}: {set:?}");
        }
        Ok(())
    }

    async fn an_interface_that_is_told_to_go_while_the_store_is_silent_goes(store: &TestStore) -> Result<()> {
        Place::new(store).await?;
        let mut operator = Terminal::start(&crate::interface(store)?, (120, 30))?;
        step(&mut operator, "", &["● live"])?;
        if store.engine() == Engine::Postgres {
            // readers wait as well
            let (client, connection) = tokio_postgres::connect(store.url(), NoTls).await?;
            let mut connected = JoinSet::new();
            connected.spawn(connection);
            client.batch_execute("BEGIN; LOCK TABLE meta IN ACCESS EXCLUSIVE MODE").await?;
            step(&mut operator, "", &["● store busy for"])?;
            operator.signal(Signal::TERM)?;
            ensure!(operator.wait()?.success());
            return Ok(());
        }
        // SQLite keeps no reader waiting
        let writer = Writer::begin(store).await?;
        operator.signal(Signal::TERM)?;
        ensure!(operator.wait()?.success());
        writer.end().await
    }
}

/// A file that is put in the store's place is not the store.
#[test]
fn another_file_in_the_stores_place_is_not_taken_for_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        Place::new(store).await?;
        let operator = Terminal::start(&crate::interface(store)?, (120, 30))?;
        operator.wait_for("● live")?;
        fs::copy(store.path("mete.db"), store.path("copy.db"))?;
        fs::rename(store.path("copy.db"), store.path("mete.db"))?;
        operator.wait_for("▲ no store, data")?;
        wait::until("the words", PATIENCE, || operator.screen().contains("another file").then_some(()))
            .with_context(|| operator.screen())?;
        leave(operator)
    })
}
