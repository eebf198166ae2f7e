//! Postgres dies hard under load, again and again: nothing is lost, nothing is counted twice, and all goes on by itself.

use anyhow::{Context as _, Result, ensure};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::{Server, free_port};
use mete_tests::wait;

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
        for _ in 0..rounds() {
            load.goes_on()?;
            under_load += u64::from(!load.is_over());
            server.crash()?;
            ensure!(client.authorize(&world.secret)? == 204, "the gate decides by what it knows");
            let (before, is_over) = (load.acknowledged(), load.is_over());
            if !is_over {
                // Of what was on its way: one more may have been committed just before.
                load.is_refused(1)?;
                ensure!(load.acknowledged() <= before + 1, "acknowledged without a store: {load:?}");
            }
            server.start_again()?;
            wait::until("readiness", LIMIT, || client.is_ready().then_some(()))?;
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
