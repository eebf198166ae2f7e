//! SIGKILL at random moments, with requests under way and a file that grows.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_tests::postgres::free_port;
use mete_tests::{TestStore, each_engine};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::same_totals::set_up;
use crate::support::world::file;
use crate::support::{Client, Load, rounds, seed};

/// Between an acknowledgement and the kill, in milliseconds.
const DELAY: std::ops::Range<u64> = 0..120;

each_engine! {
    async fn a_log_read_by_daemons_that_are_killed_comes_to_the_same(store: &TestStore) -> Result<()> {
        let (world, mut log) = set_up(store)?;
        let path = world.path("usage.jsonl");
        let client = Client(free_port()?);
        let config = world.configure("meted", client.0, &file(&path));
        let mut random = StdRng::seed_from_u64(seed());
        // Later states before the first ones as well, and copies by both ways.
        let lines = log.shuffled_with_copies();
        let at_work = Load::run(client, &path, &lines, |load| {
            let mut at_work = 0;
            for _ in 0..rounds() {
                let mut meted = world.daemon(&config)?;
                load.goes_on()?;
                // It may not leave by itself meanwhile.
                let early = meted.0.wait(Duration::from_millis(random.random_range(DELAY)));
                ensure!(early.is_err(), "the daemon left by itself: {early:?}\n{}", meted.0.output());
                at_work += u64::from(!load.is_over());
                meted.0.kill()?;
            }
            let meted = world.daemon(&config)?;
            world.settles_at(&log.expected).with_context(|| meted.0.output())?;
            meted.stop()?;
            Ok(at_work)
        })?;
        ensure!(at_work > rounds() / 2, "only {at_work} of {} kills came before all was sent", rounds());
        world.holds(&log.expected)
    }
}
