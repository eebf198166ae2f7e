//! Usage that comes in all the while.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use mete_control::host::SystemClock;
use mete_core::Clock as _;
use mete_tests::bench::{Stopwatch, per_second};
use mete_tests::meted::LIMIT;
use mete_tests::wait;

use crate::place::{Place, Started};

/// How often lines are written.
const EVERY: Duration = Duration::from_millis(20);

/// Writes lines into the log that `meted` follows, on a thread of its own.
pub struct Feeder {
    stop: Arc<AtomicBool>,
    writing: JoinHandle<Result<(u64, Duration)>>,
}

impl Feeder {
    /// `rate` lines a second, by all the keys whose secrets are known.
    pub fn start(place: &Place, rate: u64) -> Result<Self> {
        let (stop, keys) = (Arc::<AtomicBool>::default(), place.key_ids.clone());
        let (stopped, mut log) = (Arc::clone(&stop), File::options().append(true).create(true).open(place.log())?);
        let writing = thread::spawn(move || {
            let (since, mut written) = (Stopwatch::start(), 0);
            while !stopped.load(Ordering::Acquire) {
                let due = (since.elapsed().as_secs_f64() * rate as f64) as u64;
                let now = SystemClock.now();
                let lines: String = (written..due).map(|number| line(number, &keys, now)).collect();
                log.write_all(lines.as_bytes())?;
                written = due;
                thread::sleep(EVERY);
            }
            Ok((written, since.elapsed()))
        });
        Ok(Self { stop, writing })
    }

    /// Stops, and waits until all of it is counted.
    pub fn stop(self, mete: &Started) -> Result<Fed> {
        self.stop.store(true, Ordering::Release);
        let (lines, time) = self.writing.join().map_err(|_| anyhow!("the feeder panicked"))??;
        let counted = || mete.accepted().ok().filter(|accepted| *accepted >= lines);
        let counted = wait::until("every line counted", LIMIT, counted).with_context(|| format!("{lines} lines"))?;
        Ok(Fed { counted, rate: per_second(lines, time) })
    }
}

/// What came in.
pub struct Fed {
    counted: u64,
    rate: f64,
}

impl fmt::Display for Fed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "taken in meanwhile: {} events, {:.0} a second", self.counted, self.rate)
    }
}

fn line(number: u64, keys: &[String], now: mete_core::Timestamp) -> String {
    let key = &keys[number as usize % keys.len()];
    format!(
        "{{\"id\":\"{number}\",\"time\":\"{now}\",\"api_key\":\"{key}\",\"model\":\"gpt-4o-mini\",\
         \"input_tokens\":1000,\"output_tokens\":100}}\n"
    )
}
