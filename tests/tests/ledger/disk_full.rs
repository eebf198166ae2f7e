//! The disk under a SQLite store is full: nothing is acknowledged that is not kept, everybody is told, the gate decides
//! on, and all goes on by itself when there is room.

use anyhow::{Context as _, Result, ensure};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::wait;

use crate::log::Log;
use crate::support::disk::Disk;
use crate::support::world::{file, leave};
use crate::support::{Client, Load, World, events, seed};

/// The disk, and the events that it has ample room for.
const MEGABYTES: u32 = 64;
const MOST_EVENTS: u64 = 50_000;

#[test]
fn a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let disk = Disk::mount(&dir.path().join("disk"), MEGABYTES)?;
    let url = format!("sqlite:{}", dir.path().join("disk/mete.db").display());
    let world = World::new(&url, dir.path(), Some(&disk))?;
    let mut log = Log::new(seed(), events().min(MOST_EVENTS), &world.senders);
    let lines = log.shuffled_with_copies();
    let path = world.path("usage.jsonl");
    let client = Client(free_port()?);
    let meted = world.daemon(&world.configure("meted", client.0, &file(&path)))?;
    Load::run(client, &path, &lines, |load| {
        load.goes_on()?;
        disk.fill()?;
        let refusal = wait::until("a refusal", LIMIT, || client.get("/readyz").ok().filter(|answer| answer.0 == 503))?;
        ensure!(refusal.1.contains("cannot be written since") && refusal.1.contains("full"), "{refusal:?}");

        // From the first refusal on, not before: an answer may be on its way.
        load.is_refused(1)?;
        let acknowledged = load.acknowledged();
        load.is_refused(3)?;
        ensure!(load.acknowledged() == acknowledged, "acknowledged on a full disk: {load:?}");
        let answer = client.post(&lines[0])?;
        ensure!(answer.0 == 503 && answer.1.contains("ledger_unavailable"), "{answer:?}");
        ensure!(client.authorize(&world.secret)? == 204, "the gate decides by what it knows");
        ensure!(client.authorize("sk-mete-nobody")? == 401, "the gate decides by what it knows");

        disk.make_room()?;
        wait::until("readiness", LIMIT, || client.is_ready().then_some(()))?;
        world.settles_at(&log.expected)
    })
    .with_context(|| meted.0.output())?;
    leave(meted)?;
    world.holds(&log.expected)
}
