//! Usage that comes over HTTP: counted, refused to strangers, never acknowledged before it is on disk.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use mete_tests::postgres::free_port;
use mete_tests::{Engine, TestStore, each_engine, wait};
use rustix::process::Signal;

use crate::pipes::make_pipe;
use crate::support::proxy::Proxy;
use crate::support::{Gateway, LIMIT, Line, Meted, Stage};

const NDJSON: &str = "content-type: application/x-ndjson\r\n";

/// Listening, with a source of requests for the project Bot.
fn answering(gateway: &Gateway, rest: &str) -> String {
    let port = gateway.0;
    format!(
        "[listen]\naddress = '127.0.0.1:{port}'\n{rest}\n[[source]]\nkind = 'http'\nname = 'http'\nproject = 'Bot'\n"
    )
}

fn text(lines: &[Line]) -> String {
    lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
}

each_engine! {
    async fn what_requests_bring_is_counted_and_refuses_at_once(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let key = stage.key("Bot").await?;
        stage.budget(Some("Bot"), 1).await?;
        let gateway = Gateway(free_port()?);
        let meted = Meted::start(&stage.configure(&answering(&gateway, "")))?;
        gateway.answers(&key.secret, 204, "")?;
        let mut lines = stage.lines(3_000);
        lines.push(Line::own("dear", Stage::now(), mete_core::Nanos::from_dollars(1)).with(&key.field()));
        let answer = gateway.post("/v1/ingest", NDJSON, &text(&lines))?;
        ensure!((answer.status, &answer.body["accepted"]) == (200, &3_001.into()), "{answer:?}");
        stage.expect(&lines);
        // Acknowledged is on disk, and known to the gate.
        stage.check().await?;
        ensure!(gateway.ask(&key.secret)?.code() == "project_spend_limit_exceeded");
        let (status, metrics) = gateway.get("/metrics")?;
        ensure!(status == 200 && metrics.contains("mete_events_accepted_total{source=\"http\"} 3001\n"), "{metrics}");
        meted.stop()?;
        stage.check().await
    }

    async fn tokens_are_read_from_files_and_again_at_a_reload(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let gateway = Gateway(free_port()?);
        fs::write(stage.path("token"), "a-token-of-some-length\n")?;
        let token = "[[source]]\nkind = 'http'\nname = 'apps'\nproject = 'Bot'\ntoken_file = 'token'\n";
        let meted = Meted::start(&stage.configure(&(answering(&gateway, "") + token)))?;
        let lines = stage.lines(2);
        let right = |token: &str| format!("{NDJSON}authorization: Bearer {token}\r\n");
        let answer = gateway.post("/v1/ingest?source=apps", NDJSON, &text(&lines))?;
        ensure!((answer.status, answer.code()) == (401, "missing_token"), "{answer:?}");
        let answer = gateway.post("/v1/ingest", &right("a-token-of-some-length"), &text(&lines[..1]))?;
        ensure!(answer.status == 200, "{answer:?}");
        fs::write(stage.path("token"), "another-token-of-some-length\n")?;
        meted.0.signal(Signal::HUP)?;
        meted.said("read again")?;
        let answer = gateway.post("/v1/ingest", &right("a-token-of-some-length"), &text(&lines))?;
        ensure!((answer.status, answer.code()) == (401, "invalid_token"), "{answer:?}");
        let answer = gateway.post("/v1/ingest", &right("another-token-of-some-length"), &text(&lines))?;
        ensure!(answer.body["accepted"] == 1 && answer.body["duplicates"] == 1, "{answer:?}");
        stage.expect(&lines);
        meted.stop()?;
        stage.check().await
    }
}

/// The store goes away: nothing is acknowledged, readiness says why, and all goes on by itself.
#[test]
fn a_store_that_is_away_is_told_and_nothing_is_acknowledged() -> Result<()> {
    mete_tests::run(Engine::Postgres, async |store| {
        let mut stage = Stage::new(store).await?;
        let gateway = Gateway(free_port()?);
        let (mut proxy, url) = Proxy::to(store.url()).await?;
        let meted = Meted::start(&stage.configure_at(&url, &answering(&gateway, "")))?;
        let lines = stage.lines(10);
        ensure!(gateway.post("/v1/ingest", NDJSON, &text(&lines[..5]))?.status == 200);
        ensure!(gateway.get("/readyz")?.0 == 200);
        proxy.cut().await;
        let answer = gateway.post("/v1/ingest", NDJSON, &text(&lines))?;
        ensure!(answer.status == 503 && answer.head.contains("retry-after: 5"), "{answer:?}");
        let (_, reason) =
            wait::until("a reason", LIMIT, || gateway.get("/readyz").ok().filter(|(status, _)| *status == 503))?;
        ensure!(reason.contains("The ledger cannot be written since 20"), "{reason}");
        let answer = gateway.post("/v1/ingest", NDJSON, &text(&lines))?;
        ensure!((answer.status, answer.code()) == (503, "ledger_unavailable"), "{answer:?}");
        proxy.mend().await?;
        wait::until("readiness", LIMIT, || gateway.get("/readyz").ok().filter(|(status, _)| *status == 200))?;
        let answer = gateway.post("/v1/ingest", NDJSON, &text(&lines))?;
        ensure!(answer.status == 200, "{answer:?}");
        stage.expect(&lines);
        stage.check().await?;
        ensure!(gateway.get("/metrics")?.1.contains("mete_store_up 1\n"));
        meted.0.signal(Signal::TERM)?;
        let mut meted = meted;
        ensure!(meted.0.wait(LIMIT)?.code() == Some(0), "{}", meted.0.output());
        stage.check().await
    })
}

/// A stop with the store away ends, and says what is lost: what a pipe held exists nowhere else.
#[test]
fn a_stop_with_the_store_away_ends_and_tells_what_is_lost() -> Result<()> {
    mete_tests::run(Engine::Postgres, async |store| {
        let mut stage = Stage::new(store).await?;
        let pipe = stage.path("usage.pipe");
        make_pipe(&pipe)?;
        let (mut proxy, url) = Proxy::to(store.url()).await?;
        let rest = "[ingest]\nstop_timeout = 1\n[[source]]\nkind = 'pipe'\npath = 'usage.pipe'\nproject = 'Bot'\n";
        let mut meted = Meted::start(&stage.configure_at(&url, rest))?;
        let lines = stage.lines(5);
        fs::write(&pipe, text(&lines[..2]))?;
        stage.expect(&lines[..2]);
        stage.counted().await?;
        proxy.cut().await;
        fs::write(&pipe, text(&lines[2..]))?;
        meted.said("cannot commit")?;
        meted.0.signal(Signal::TERM)?;
        let status = meted.0.wait(LIMIT).with_context(|| meted.0.output())?;
        let log = meted.0.output();
        ensure!(status.code() == Some(0), "{status}: {log}");
        ensure!(log.contains("are lost") && log.contains("lost=3") && log.contains("unanswered=0"), "{log}");
        stage.check().await
    })
}
