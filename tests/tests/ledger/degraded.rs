//! Postgres dies and stays away: the gate goes on by what it knows, or closes, as it is configured; and says so.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use mete_control::host::SystemClock;
use mete_core::Clock;
use mete_tests::postgres::{Server, free_port};
use mete_tests::wait;

use crate::support::world::{file, leave};
use crate::support::{Client, World};

const LIMIT: Duration = Duration::from_secs(60);

/// Whether a metric has this value.
fn tells(client: Client, line: &str) -> bool {
    client.get("/metrics").is_ok_and(|(_, text)| text.lines().any(|told| told == line))
}

/// What happens while the server is away. Nothing refuses the key: its answers are `away`.
fn story(settings: &str, away: u16, dir: &Path) -> Result<()> {
    let mut server = Server::start_durable()?;
    let world = World::new(server.url(), dir, None)?;
    let client = Client(free_port()?);
    let usage = world.path("usage.jsonl");
    std::fs::write(&usage, "")?;
    let gate = format!("[gate]\nstore_away_seconds = 3\nlag_seconds = 3\n{settings}{}", file(&usage));
    let meted = world.daemon(&world.configure("meted", client.0, &gate))?;
    ensure!(client.authorize(&world.secret)? == 204);
    let degraded = |cause: &str, is: u8| tells(client, &format!("mete_gate_degraded{{cause=\"{cause}\"}} {is}"));
    wait::until("good knowledge", LIMIT, || (degraded("store_away", 0) && degraded("ingest_lags", 0)).then_some(()))?;

    meted.said("following")?;
    server.crash()?;
    wait::until("a store that is away", LIMIT, || degraded("store_away", 1).then_some(()))?;
    ensure!(client.authorize(&world.secret)? == away);
    let reason = wait::until("a reason", LIMIT, || client.get("/readyz").ok().filter(|(status, _)| *status == 503))?.1;
    ensure!(reason.contains("the store has not answered for"), "{reason}");
    meted.said("degraded: the store has not answered")?;
    // What is held against the ledger cannot be told, and all else can.
    let (status, explained) = client.get("/v1/explain?project=Bot")?;
    ensure!(status == 200 && explained.contains("\"decision\":\"allow\""), "{explained}");
    ensure!(explained.contains("who spent it: the store has not answered"), "{explained}");
    // What is written meanwhile waits.
    let now = SystemClock.now();
    std::fs::write(&usage, format!("{{\"id\":\"e1\",\"time\":\"{now}\",\"model\":\"gpt-4o-mini\",\"cost\":\"1\"}}\n"))?;
    wait::until("usage that lags", LIMIT, || degraded("ingest_lags", 1).then_some(()))?;
    ensure!(client.authorize(&world.secret)? == away);

    server.start_again()?;
    let well = || (degraded("store_away", 0) && degraded("ingest_lags", 0) && client.is_ready()).then_some(());
    wait::until("good knowledge again", LIMIT, well)?;
    ensure!(client.authorize(&world.secret)? == 204);
    let log = leave(meted)?;
    for cause in ["store_away", "ingest_lags"] {
        let lines = |what: &str| log.lines().filter(|line| line.contains(what) && line.contains(cause)).count();
        ensure!(lines(" degraded: ") == 1 && lines("not degraded any more") == 1, "{cause} once each:\n{log}");
    }
    Ok(())
}

#[test]
fn a_gate_that_stays_open_goes_on_without_its_store() -> Result<()> {
    story("", 204, tempfile::tempdir()?.path())
}

#[test]
fn a_gate_that_closes_answers_503_without_its_store() -> Result<()> {
    story("store_away = 'closed'\nlag = 'closed'\n", 503, tempfile::tempdir()?.path())
}
