//! Two daemons on one Postgres: whoever reads a line, it counts once, and neither is ever in the other's way for good.

use std::fs;
use std::process::Command;
use std::thread::scope;

use anyhow::{Context as _, Result, anyhow, ensure};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::{free_port, programs};
use mete_tests::process::Run;
use mete_tests::{Engine, TestStore, run, wait};

use crate::same_totals::{send, set_up};
use crate::support::world::file;
use crate::support::{Client, World};

/// The log is split between them; what is copied may be with the other one.
#[test]
fn a_log_split_between_two_daemons_comes_to_the_same() -> Result<()> {
    run(Engine::Postgres, async |store| {
        let (world, mut log) = set_up(store)?;
        let lines = log.shuffled_with_copies();
        let parts: Vec<&[String]> = lines.chunks(lines.len().div_ceil(4)).collect();
        fed_to_two(&world, [(parts[0], parts[1]), (parts[2], parts[3])], || world.settles_at(&log.expected))?;
        world.holds(&log.expected)?;
        no_deadlock(store)
    })
}

/// Each of them gets all of it twice, in another order.
#[test]
fn two_daemons_that_read_the_same_log_count_it_once() -> Result<()> {
    run(Engine::Postgres, async |store| {
        let (world, mut log) = set_up(store)?;
        let is_good = |line: &String| !crate::log::is_bad(line);
        // Each copy of a bad line would be an entry of its own.
        log.expected.quarantined.clear();
        let [first, second, third] = [(); 3].map(|()| log.shuffled_with_copies());
        let orders = [log.lines.clone(), first, second, third];
        let [first, second, third, fourth] = orders.map(|lines| lines.into_iter().filter(is_good).collect::<Vec<_>>());
        fed_to_two(&world, [(&first, &second), (&third, &fourth)], || world.settles_at(&log.expected))?;
        world.holds(&log.expected)?;
        no_deadlock(store)
    })
}

/// Starts two daemons, each with a file and with requests, and stops them when `settled` says so.
fn fed_to_two(
    world: &World<'_>,
    parts: [(&[String], &[String]); 2],
    settled: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut daemons = Vec::new();
    for (name, (by_file, _)) in ["one", "two"].into_iter().zip(parts) {
        let path = world.path(&format!("{name}.jsonl"));
        fs::write(&path, by_file.join("\n") + "\n")?;
        let client = Client(free_port()?);
        daemons.push((client, world.configure(name, client.0, &file(&path))));
    }
    // Together: neither has a start on the other.
    let running = scope(|threads| {
        let starting = daemons.iter().map(|(_, config)| threads.spawn(|| world.daemon(config))).collect::<Vec<_>>();
        starting
            .into_iter()
            .map(|start| start.join().map_err(|_| anyhow!("a start panicked"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    scope(|threads| {
        let sending = daemons.iter().zip(parts).map(|((client, _), (_, by_request))| {
            let client = *client;
            threads.spawn(move || send(client, by_request))
        });
        let sending: Vec<_> = sending.collect();
        sending.into_iter().try_for_each(|sent| sent.join().map_err(|_| anyhow!("a sender panicked"))?)
    })?;
    settled().with_context(|| running.iter().map(|meted| meted.0.output()).collect::<Vec<_>>().join("\n---\n"))?;
    running.into_iter().try_for_each(|meted| meted.stop().map(drop))
}

/// Postgres ends a deadlock after a second, and the commit is tried again; the sums do not tell.
fn no_deadlock(store: &TestStore) -> Result<()> {
    let ask = |query: &str| -> Result<String> {
        let mut psql = Command::new(programs()?.join("psql"));
        let run = Run::of(psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", query, store.url()]))?;
        ensure!(run.status.success(), "{run:?}");
        Ok(run.stdout.trim().to_owned())
    };
    // Sessions report their last figures when they end.
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    wait::until("the end of all sessions", LIMIT, || (ask(others).ok()? == "0").then_some(()))?;
    let deadlocks = ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")?;
    ensure!(deadlocks == "0", "{deadlocks} deadlocks");
    Ok(())
}
