//! SIGKILL at random moments while files grow: nothing is lost, nothing counts twice (R31).

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use mete_core::Nanos;
use mete_core::time::DAY;
use mete_tests::{TestStore, each_engine, wait};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::runtime::Handle;

use crate::support::{LIMIT, Line, Meted, Stage, stage};

/// How often each engine's daemon is killed; `METE_KILLS` sets another number.
const KILLS: u32 = 8;

/// Between the beginning of what a daemon is killed at and the kill, in milliseconds.
const DELAY: std::ops::Range<u64> = 0..250;

each_engine! {
    async fn r31_a_killed_daemon_loses_nothing_and_counts_nothing_twice(store: &TestStore) -> Result<()> {
        let kills = std::env::var("METE_KILLS").map_or(Ok(KILLS), |kills| kills.parse())?;
        // Another one in every run; the message of a failure names it.
        let seed = std::env::var("METE_SEED").map_or(Ok(u64::from(std::process::id())), |seed| seed.parse())?;
        story(store, kills, seed).await.with_context(|| format!("with METE_SEED={seed} METE_KILLS={kills}"))
    }
}

async fn story(place: &TestStore, kills: u32, seed: u64) -> Result<()> {
    let stage = Stage::new(place).await?;
    let path = stage.path("usage.jsonl");
    let config = stage.configure(&stage::source("usage.jsonl"));
    let mut random = StdRng::seed_from_u64(seed);
    let mut progress = Progress::default();

    let (stop, seed) = (AtomicBool::new(false), random.random());
    let written = scope(|threads| {
        let writer = threads.spawn(|| write(&path, StdRng::seed_from_u64(seed), &stop));
        let lives = tokio::task::block_in_place(|| {
            Handle::current().block_on(async {
                for kill in 0..kills {
                    let delay = Duration::from_millis(random.random_range(DELAY));
                    let moment = Moment::ALL[kill as usize % Moment::ALL.len()];
                    round(&stage, &config, (moment, delay), &mut progress).await?;
                }
                Ok::<_, anyhow::Error>(())
            })
        });
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().map_err(|_| anyhow!("the writer panicked"))??;
        lives.map(|()| written)
    })?;

    progress.is_worth_something(kills, written.lines)?;
    let meted = Meted::start(&config)?;
    wait::eventually("every line in the ledger", LIMIT, async || {
        (stage.store.verify().await.ok()?.events >= written.lines).then_some(())
    })
    .await?;
    meted.stop()?;

    let verification = stage.store.verify().await?;
    ensure!(verification.ok, "{verification:?}");
    ensure!(
        (verification.events, verification.total) == (written.lines, written.total),
        "{written:?} were written, and {verification:?}"
    );
    ensure!(stage.store.count_quarantine().await? == 0, "{:?}", stage.store.quarantine(3).await?);
    Ok(())
}

/// What a daemon is doing when its end draws near.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Starting,
    Ready,
    Committing,
}

impl Moment {
    /// Most of them die at work.
    const ALL: [Self; 4] = [Self::Committing, Self::Ready, Self::Committing, Self::Starting];
}

/// One life of a daemon.
async fn round(
    stage: &Stage<'_>,
    config: &Path,
    (moment, delay): (Moment, Duration),
    progress: &mut Progress,
) -> Result<()> {
    let before = stage.store.versions().await?.ledger_version;
    let mut meted = Meted::launch(config)?;
    match moment {
        Moment::Starting => {}
        Moment::Ready => meted.is_ready()?,
        Moment::Committing => {
            wait::eventually("a commit", LIMIT, async || {
                (stage.store.versions().await.ok()?.ledger_version > before).then_some(())
            })
            .await?;
        }
    }
    let early = meted.0.wait(delay);
    ensure!(early.is_err(), "the daemon left by itself: {early:?}\n{}", meted.0.output());
    meted.0.kill()?;
    let verification = stage.store.verify().await?;
    ensure!(verification.ok, "{moment:?}, {delay:?}: {verification:?}");
    progress.see(verification.events);
    Ok(())
}

/// Whether the daemon was killed while it had work.
#[derive(Debug, Default)]
struct Progress {
    events: i64,
    rounds: u32,
}

impl Progress {
    fn see(&mut self, events: i64) {
        self.rounds += u32::from(events > self.events);
        self.events = events;
    }

    fn is_worth_something(&self, kills: u32, lines: i64) -> Result<()> {
        ensure!(self.rounds >= kills / 3, "too few of {kills} lives saw commits: {self:?}");
        ensure!(self.events < lines, "everything was read before the last kill: {self:?} of {lines}");
        Ok(())
    }
}

/// What was written.
#[derive(Debug, Default)]
struct Written {
    lines: i64,
    total: Nanos,
}

/// Appends lines to a file until it is told to stop.
fn write(path: &Path, mut random: StdRng, stop: &AtomicBool) -> std::io::Result<Written> {
    let mut file = File::options().append(true).create(true).open(path)?;
    let mut written = Written::default();
    while !stop.load(Ordering::Relaxed) {
        let mut text = String::new();
        for _ in 0..random.random_range(1..20) {
            let line = line(written.lines, &mut random);
            text += &line.text;
            text.push('\n');
            written.lines += 1;
            written.total += line.cost;
        }
        // A writer's buffer ends where it ends: mostly in the middle of a line.
        let (head, tail) = text.as_bytes().split_at(random.random_range(0..text.len()));
        file.write_all(head)?;
        pause();
        file.write_all(tail)?;
        pause();
    }
    Ok(written)
}

fn line(number: i64, random: &mut StdRng) -> Line {
    let now = Stage::now();
    // Some come late, for yesterday or for another month.
    let time = now.plus(-[0, 0, 1, 40][random.random_range(0..4)] * DAY);
    if random.random_range(0..2) == 0 {
        Line::chat(&number.to_string(), time, (random.random_range(0..2_000), random.random_range(0..500)))
    } else {
        Line::own(&format!("own-{number}"), time, Nanos(random.random_range(0..5_000_000)))
    }
}

/// Paces the writer.
fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}
