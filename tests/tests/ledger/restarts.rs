//! Postgres dies hard under load, again and again: nothing is lost, nothing is counted twice, and all goes on by itself.

use anyhow::{Context as _, Result, ensure};
use mete_tests::postgres::{Server, free_port};

use crate::log::Log;
use crate::support::world::{file, leave};
use crate::support::{Client, Load, World, events, rounds, seed};

#[test]
fn a_postgres_that_dies_again_and_again_costs_nothing() -> Result<()> {
    let mut server = Server::start_durable()?;
    let dir = tempfile::tempdir()?;
    let world = World::new(server.url(), dir.path(), None)?;
    let mut log = Log::new(seed(), events(), &world.senders);
    let lines = log.shuffled_with_copies();
    let path = world.path("usage.jsonl");
    let client = Client(free_port()?);
    let meted = world.daemon(&world.configure("meted", client.0, &file(&path)))?;
    let under_load = Load::run(client, &path, &lines, |load| {
        let mut under_load = 0;
        for round in 0..rounds() {
            // Also after the death before: it works again.
            load.goes_on()?;
            under_load += u64::from(!load.is_over());
            server.crash()?;
            if round == 0 {
                nothing_is_taken(client, &world, load)?;
            }
            server.start_again()?;
        }
        world.settles_at(&log.expected)?;
        Ok(under_load)
    })
    .with_context(|| meted.0.output())?;
    let log_of_daemon = leave(meted)?;
    ensure!(log_of_daemon.contains("the store works again"), "{log_of_daemon}");
    ensure!(under_load > rounds() / 2, "only {under_load} of {} deaths came under load", rounds());
    world.holds(&log.expected)
}

/// Without its store the daemon tells everybody, and the gate decides on.
fn nothing_is_taken(client: Client, world: &World<'_>, load: &Load) -> Result<()> {
    // What was committed just before may be told yet.
    load.is_refused(1)?;
    let acknowledged = load.acknowledged();
    load.is_refused(3)?;
    ensure!(load.acknowledged() == acknowledged, "acknowledged without a store: {load:?}");
    let answer = client.get("/readyz")?;
    ensure!(answer.0 == 503 && answer.1.contains("cannot be written since"), "{answer:?}");
    ensure!(client.authorize(&world.secret)? == 204, "the gate decides by what it knows");
    Ok(())
}
