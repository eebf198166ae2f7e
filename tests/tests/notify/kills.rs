//! SIGKILL at random moments between crossing, sending and marking: each owner has each alert at least once, and twice only
//! where the kill fell between sending and marking (R27).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_store::{AlertFilter, DeliveryState};
use mete_tests::meted::LIMIT;
use mete_tests::{Meted, TestStore, each_engine, wait};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::server::Server;
use crate::stage::{OWNERS, Stage};

/// How often each engine's daemon is killed; `METE_TEST_ROUNDS` sets another number.
const ROUNDS: u32 = 8;

/// Seconds that a message may take. A claim lasts twice as long.
const TIMEOUT: u16 = 1;

/// Milliseconds between taking a message and saying so: wide enough for kills to fall into.
const DELAY: u64 = 20;

/// What a daemon is doing when its end draws near, and how many milliseconds later it comes at most.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Starting,
    Crossing,
    Sending,
}

impl Moment {
    const ALL: [(Self, u64); 4] =
        [(Self::Sending, 40), (Self::Crossing, 120), (Self::Sending, 80), (Self::Starting, 400)];
}

each_engine! {
    async fn r27_a_killed_daemon_tells_each_owner_at_least_once(place: &TestStore) -> Result<()> {
        let rounds = std::env::var("METE_TEST_ROUNDS").map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
        // Another one in every run; the message of a failure names it.
        let seed = std::env::var("METE_TEST_SEED").map_or(Ok(u64::from(std::process::id())), |seed| seed.parse())?;
        story(place, rounds, seed).await.with_context(|| format!("with METE_TEST_SEED={seed} METE_TEST_ROUNDS={rounds}"))
    }
}

async fn story(place: &TestStore, rounds: u32, seed: u64) -> Result<()> {
    let mut stage = Stage::new(place).await?;
    let server = Server::start(place.dir(), &json!({"delay": DELAY}))?;
    let config = stage.configure(&server.plain_settings(TIMEOUT))?;
    let mut random = StdRng::seed_from_u64(seed);
    // The messages, and which try of each, that a daemon had claimed and not marked when it was killed.
    let mut unmarked: BTreeSet<(String, u32)> = BTreeSet::new();
    for round in 0..rounds {
        let (moment, longest) = Moment::ALL[round as usize % Moment::ALL.len()];
        let delay = Duration::from_millis(random.random_range(0..longest));
        unmarked.extend(life(&mut stage, (&server, &config), (round, moment, delay)).await?);
    }

    let meted = Meted::start(&config)?;
    wait::eventually("everybody is told", LIMIT, async || {
        let deliveries = stage.deliveries().await.ok()?;
        let is_planned = !stage.store.has_unplanned_alerts().await.ok()?;
        (is_planned && deliveries.iter().all(|it| it.state == DeliveryState::Sent)).then_some(())
    })
    .await
    .with_context(|| format!("{:?}", meted.0.output()))?;
    meted.stop()?;

    let alerts = stage.store.alerts(&AlertFilter::default()).await?;
    ensure!(alerts.len() >= rounds as usize / 3, "only {} alerts in {rounds} rounds", alerts.len());
    let expected: BTreeSet<(String, &str)> =
        alerts.iter().flat_map(|alert| OWNERS.map(|owner| (alert.id.clone(), owner))).collect();
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for taken in server.taken() {
        *arrived.entry(taken.id().to_owned()).or_default() += 1;
    }
    let deliveries = stage.deliveries().await?;
    let told: BTreeSet<(String, &str)> = deliveries
        .iter()
        .filter(|it| arrived.contains_key(&it.message_id))
        .map(|it| (it.alert_id.clone(), it.address.as_str()))
        .collect();
    ensure!(told == expected, "{expected:?} were to be told, and were: {told:?}");
    ensure!(arrived.len() == expected.len(), "messages that nobody planned: {arrived:?}");
    let mut twice = 0;
    for (id, times) in &arrived {
        let kills = unmarked.iter().filter(|(of, _)| of == id).count();
        ensure!(*times <= 1 + kills, "{id} arrived {times} times, and {kills} kills fell between sending and marking");
        twice += times - 1;
    }
    let kills = unmarked.len();
    eprintln!(
        "{rounds} kills, {} messages; {kills} kills fell on a message under way, {twice} arrived again",
        arrived.len()
    );
    ensure!(rounds < 8 || kills > 0, "no kill fell on a message under way");
    Ok(())
}

/// One life of a daemon. Tells which messages were claimed and not marked when it ended.
async fn life(
    stage: &mut Stage<'_>,
    (server, config): (&Server, &Path),
    (round, moment, delay): (u32, Moment, Duration),
) -> Result<Vec<(String, u32)>> {
    let before = server.taken().len();
    // What no daemon has counted yet counts with this round's.
    stage.threshold(i64::from(round) + 1).await?;
    let mut meted = Meted::launch(config)?;
    if !matches!(moment, Moment::Starting) {
        meted.is_ready()?;
    }
    stage.spend()?;
    if let Moment::Sending = moment {
        wait::until("a message", LIMIT, || (server.taken().len() > before).then_some(()))
            .with_context(|| meted.0.output())?;
    }
    let early = meted.0.wait(delay);
    ensure!(early.is_err(), "the daemon left by itself: {early:?}\n{}", meted.0.output());
    meted.0.kill()?;
    let waiting = stage.deliveries().await?.into_iter().filter(|it| it.state == DeliveryState::Waiting);
    Ok(waiting.filter(|it| it.claimed_until.is_some()).map(|it| (it.message_id, it.tries)).collect())
}
