//! How long it takes until the gate knows that one of its keys changed.

use std::time::Duration;

use anyhow::{Context as _, Result};
use mete_control::host::SystemClock;
use mete_core::Clock as _;
use mete_core::directory::KeyStatus;
use mete_store::Store;
use mete_tests::bench::{Asking, Stopwatch, Table, median, question};
use mete_tests::meted::LIMIT;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use crate::clients::Server as _;
use crate::place::{Place, Started};

/// How often `meted` looks at the change feed. Changes are made at times that are spread over it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Between two questions whether it is known.
const PAUSE: Duration = Duration::from_millis(1);

/// What the feed says of the change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Which key it was.
    Key,
    /// Something that nobody knows, so that everything is read again.
    Riddle,
}

/// Milliseconds until the gate answers otherwise, run by run.
#[derive(Default)]
pub struct Changes {
    one_key: Vec<f64>,
    everything: Vec<f64>,
}

impl Changes {
    /// Disables and enables a key `runs` times, told each way in turns.
    pub fn measure(place: &Place, mete: &Started, runs: u64) -> Result<Self> {
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let store = place.open().await?;
            let mut changes = Self::default();
            for run in 0..runs {
                for (told, times) in [(Told::Riddle, &mut changes.everything), (Told::Key, &mut changes.one_key)] {
                    for status in [KeyStatus::Disabled, KeyStatus::Active] {
                        sleep(LOOK_EVERY * run as u32 / runs as u32).await;
                        times.push(known_after(&store, (place, mete), status, told).await?);
                    }
                }
            }
            store.close().await;
            Ok(changes)
        })
    }

    /// With so many keys in memory.
    pub fn table(&self, keys: u64) -> Table {
        let heading = format!("{keys} keys, one changed");
        let mut table = Table::new(&[heading.as_str(), "ms until the gate knows", "of baseline"]);
        let base = median(&self.everything);
        for (what, times) in [("all keys are read (baseline)", &self.everything), ("the key is read", &self.one_key)] {
            let time = median(times);
            table.row([what.to_owned(), format!("{time:.0}"), format!("{:.3}", time / base)]);
        }
        table
    }
}

/// Changes the first key, and tells how many milliseconds later the gate decides by it.
async fn known_after(store: &Store, (place, mete): (&Place, &Started), status: KeyStatus, told: Told) -> Result<f64> {
    let (id, secret) = place.key_ids.first().zip(place.secrets.first()).context("there is no key")?;
    let organization = &store.find_key(id).await?.organization_id;
    let mut tx = store.begin().await?;
    tx.set_key_status(id, status).await?;
    tx.tell(SystemClock.now(), organization, "api_key.updated", id).await?;
    if told == Told::Riddle {
        tx.tell(SystemClock.now(), organization, "benchmark.riddle", id).await?;
    }
    tx.commit().await?;
    let since = Stopwatch::start();
    let mut asking = Asking::new(TcpStream::connect(mete.address()).await?);
    let (expected, question) = (if status == KeyStatus::Active { 204 } else { 401 }, question(secret));
    let known = async {
        while asking.ask(&question).await? != expected {
            sleep(PAUSE).await;
        }
        anyhow::Ok(since.elapsed().as_secs_f64() * 1e3)
    };
    timeout(LIMIT, known).await.context("the gate never knew")?
}
