//! The daemon's own life: start, reload, stop, and what it says when it cannot.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use mete_tests::gateway::ask_socket;
use mete_tests::postgres::free_port;
use mete_tests::{Engine, Run, TestStore, each_engine, process, wait};
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use crate::support::{Gateway, LIMIT, Meted, Stage, stage};

/// Processor time that a process has used: fields 14 and 15 of its `stat`, after the name in parentheses.
fn processor_ticks(process: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Ok(fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?)
}

each_engine! {
    async fn a_stop_commits_what_was_written_just_before(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        for lines in [1, 100, 2_000] {
            let meted = stage.follow("usage.jsonl")?;
            stage.write(&path, lines);
            meted.stop()?;
            stage.check().await?;
        }
        Ok(())
    }

    async fn a_daemon_with_nothing_to_do_does_nothing(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.write(&stage.path("usage.jsonl"), 1);
        // A pattern makes it look into a folder that it watches, which must not wake it again.
        let meted = stage.follow("*.jsonl")?;
        stage.counted().await?;
        let before = processor_ticks(meted.0.id())?;
        let idle = wait::Deadline::after(Duration::from_secs(2));
        wait::until("two seconds to pass", LIMIT, || idle.passed().then_some(()))?;
        let used = processor_ticks(meted.0.id())? - before;
        // A hundred ticks are a second of one core.
        ensure!(used < 80, "{used} ticks in two seconds");
        meted.stop()?;
        Ok(())
    }

    async fn a_signal_before_the_daemon_is_ready_is_heeded(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.write(&stage.path("usage.jsonl"), 10);
        let config = stage.configure(&stage::source("usage.jsonl"));
        let meted = Meted::launch(&config)?;
        // Its log begins after its signals are caught, and before it is ready.
        meted.said("following")?;
        meted.stop()?;
        stage.check().await
    }

    async fn a_reload_takes_new_sources_and_leaves_a_wrong_configuration_alone(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let (one, two) = (stage.path("one.jsonl"), stage.path("two.jsonl"));
        stage.write(&one, 1);
        let meted = stage.follow("one.jsonl")?;
        stage.counted().await?;
        stage.write(&two, 3);
        stage.configure(&(stage::source("one.jsonl") + &stage::source("two.jsonl")));
        meted.0.signal(Signal::HUP)?;
        meted.said("read again")?;
        stage.write(&one, 2);
        stage.counted().await?;

        for (wrong, complaint) in [
            ("[[source]]\nkind = 'udp'\n", "unknown variant"),
            ("[prices]\noverrides = 'nowhere.toml'\n", "nowhere.toml"),
        ] {
            stage.configure(wrong);
            meted.0.signal(Signal::HUP)?;
            meted.0.wait_for_line(LIMIT, |line| line.contains("everything goes on") && line.contains(complaint))?;
            stage.write(&one, 1);
            stage.write(&two, 1);
            stage.counted().await?;
        }

        // A source that is gone is read no more; a stop afterwards is a stop.
        stage.configure(&stage::source("two.jsonl"));
        meted.0.signal(Signal::HUP)?;
        meted.0.wait_for_line(LIMIT, |line| line.contains("sources=1") && line.contains("read again"))?;
        stage.write(&two, 1);
        stage.counted().await?;
        meted.0.signal(Signal::TERM)?;
        let mut meted = meted;
        ensure!(meted.0.wait(LIMIT)?.code() == Some(0), "{}", meted.0.output());
        stage.check().await
    }

    async fn a_missing_store_is_told_and_ends_the_start(store: &TestStore) -> Result<()> {
        let config = store.path("meted.toml");
        fs::write(&config, format!("[store]\nurl = '{}'\n", store.url()))?;
        let run = Run::of(&mut Meted::command(&config)?)?;
        ensure!(run.status.code() == Some(1), "{run:?}");
        ensure!(run.stderr.contains("there is no store at") && run.stderr.contains("mete init"), "{run:?}");
        Ok(())
    }
}

/// Postgres can be made to keep a reader waiting, so that the start is seen while it lasts.
#[test]
fn whoever_asks_a_daemon_that_is_still_reading_the_directory_is_told_so() -> Result<()> {
    mete_tests::run(Engine::Postgres, async |store| {
        let mut stage = Stage::new(store).await?;
        let key = stage.key("Bot").await?;
        let (mut client, connection) = tokio_postgres::connect(store.url(), NoTls).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let lock = client.transaction().await?;
        lock.batch_execute("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE").await?;

        let gateway = Gateway(free_port()?);
        let config = stage.configure(&format!("[listen]\naddress = '127.0.0.1:{}'\n", gateway.0));
        let meted = Meted::launch(&config)?;
        gateway.answers(&key.secret, 503, "not_ready")?;
        let (status, said) = gateway.get("/readyz")?;
        ensure!(status == 503 && said.contains("is starting"), "{status} {said}");
        ensure!(gateway.get("/healthz")?.0 == 200);

        lock.rollback().await?;
        meted.is_ready()?;
        ensure!(gateway.ask(&key.secret)?.status == 204);
        meted.stop().map(drop)
    })
}

#[test]
fn a_socket_goes_with_its_daemon_and_a_stale_one_is_replaced() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let mut stage = Stage::new(store).await?;
        let key = stage.key("Bot").await?;
        let socket = stage.path("meted.sock");
        let config = stage.configure("[listen]\nsocket = 'meted.sock'\n");
        let mut meted = Meted::start(&config)?;
        ensure!(ask_socket(&socket, &key.secret)?.status == 204);

        // Whoever comes second does not take it away.
        let second = Run::of(&mut Meted::command(&config)?)?;
        ensure!(second.status.code() == Some(1) && second.stderr.contains("another process answers"), "{second:?}");
        ensure!(ask_socket(&socket, &key.secret)?.status == 204);

        meted.0.kill()?;
        ensure!(socket.exists(), "a killed daemon leaves its socket");
        let meted = Meted::start(&config)?;
        ensure!(ask_socket(&socket, &key.secret)?.status == 204);
        meted.stop()?;
        ensure!(!socket.exists());

        fs::write(&socket, "precious")?;
        let run = Run::of(&mut Meted::command(&config)?)?;
        ensure!(run.status.code() == Some(1) && run.stderr.contains("in the way"), "{run:?}");
        ensure!(fs::read_to_string(&socket)? == "precious");
        Ok(())
    })
}

/// The first signal waits for the ledger, which here never comes; the second one does not.
#[test]
fn a_second_signal_leaves_at_once() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let mut meted = stage.follow("usage.jsonl")?;
        stage.write(&path, 1);
        stage.counted().await?;
        let held = stage.store.begin().await?;
        stage.write(&path, 1);
        meted.0.signal(Signal::TERM)?;
        meted.said("a second signal leaves at once")?;
        meted.0.signal(Signal::TERM)?;
        let status = meted.0.wait(LIMIT)?;
        ensure!(status.code() == Some(1), "{status}");
        held.rollback().await?;
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    })
}

#[test]
fn an_address_in_use_is_told() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let stage = Stage::new(store).await?;
        let gateway = Gateway(free_port()?);
        let config = stage.configure(&format!("[listen]\naddress = '127.0.0.1:{}'\n", gateway.0));
        let meted = Meted::start(&config)?;
        let run = Run::of(&mut Meted::command(&config)?)?;
        ensure!(run.status.code() == Some(1), "{run:?}");
        ensure!(run.stderr.contains(&format!("cannot listen on 127.0.0.1:{}", gateway.0)), "{run:?}");
        meted.stop()?;
        let refused = wait::until("the end of the listener", LIMIT, || gateway.ask("sk-proj-x").err());
        refused.map(drop)
    })
}

#[test]
fn check_config_tells_good_from_bad() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("meted.toml");
    let check = |text: &str| -> Result<Run> {
        fs::write(&path, text)?;
        Run::of(process::meted()?.arg("check-config").arg(&path))
    };
    let good = check("[store]\nurl = 'sqlite:mete.db'\n[[source]]\nkind = 'file'\npath = '*.jsonl'\n")?;
    ensure!(good.status.code() == Some(0) && good.stdout.contains("is valid"), "{good:?}");
    for (text, part) in [
        ("", "missing field `store`"),
        ("[store]\nurl = 'sqlite:mete.db'\nurk = 1\n", "unknown field `urk`"),
        ("[store]\nurl = 'mysql://x'\n", "sqlite:PATH"),
        ("[store]\nurl = 'sqlite:mete.db'\n[prices]\noverrides = 'nowhere.toml'\n", "nowhere.toml"),
        ("[store]\nurl = 'sqlite:mete.db'\n[[source]]\nkind = 'pipe'\n", "it needs a path"),
    ] {
        let bad = check(text)?;
        ensure!(bad.status.code() == Some(1), "{text:?}: {bad:?}");
        ensure!(bad.stderr.contains(part) && bad.stdout.is_empty(), "{text:?}: {bad:?}");
    }
    let missing = Run::of(process::meted()?.arg("check-config").arg(Path::new("/nonexistent/meted.toml")))?;
    ensure!(missing.status.code() == Some(1) && missing.stderr.contains("/nonexistent/meted.toml"), "{missing:?}");
    let usage = Run::of(process::meted()?.arg("--no-such-option"))?;
    ensure!(usage.status.code() == Some(2), "{usage:?}");
    Ok(())
}
