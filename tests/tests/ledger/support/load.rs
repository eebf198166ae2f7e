//! Usage that keeps coming, by requests and by a file, while something happens to the daemon or its store.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::scope;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use mete_tests::wait::{self, Deadline};

use super::{Client, patience, rounds};

/// Into how many requests, and writes to the file, a log is cut.
const PARTS: usize = 400;

/// What a fault may cost in time: the daemon tries again after ten seconds at most.
const FAULT: Duration = Duration::from_secs(30);

/// What was told of the requests so far.
#[derive(Debug, Default)]
pub struct Load {
    acknowledged: AtomicU64,
    refused: AtomicU64,
    /// Everything was sent, or nobody wants it any more.
    over: AtomicBool,
}

impl Load {
    /// Sends one half of `lines` by requests, each until it is acknowledged, and appends the other half to the file
    /// `path`, while `meanwhile` runs. Returns when both have come to their end.
    ///
    /// # Errors
    /// Those of `meanwhile`, else when the daemon never takes a request.
    pub fn run<T>(
        client: Client,
        path: &Path,
        lines: &[String],
        meanwhile: impl FnOnce(&Self) -> Result<T>,
    ) -> Result<T> {
        let load = Self::default();
        let deadline = Deadline::after(patience(lines.len() as u64) + FAULT * u32::try_from(rounds())?);
        let (sent, written) = lines.split_at(lines.len() / 2);
        scope(|threads| {
            let sender = threads.spawn(|| load.send(client, sent, deadline));
            let writer = threads.spawn(|| write(path, written));
            let result = meanwhile(&load);
            if result.is_err() {
                load.over.store(true, Ordering::Relaxed);
            }
            let sent = sender.join().map_err(|_| anyhow!("the sender panicked"))?;
            writer.join().map_err(|_| anyhow!("the writer panicked"))??;
            // Why nobody took it is rather in what happened meanwhile.
            let result = result?;
            sent.map(|()| result)
        })
    }

    fn send(&self, client: Client, lines: &[String], deadline: Deadline) -> Result<()> {
        for part in lines.chunks(lines.len().div_ceil(PARTS).max(1)) {
            let again = || {
                self.refused.fetch_add(1, Ordering::Relaxed);
                ensure!(!self.is_over(), "nobody waits for it any more");
                Ok(())
            };
            client.deliver(part, deadline, again)?;
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
            pace();
        }
        self.over.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Requests that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until more requests are acknowledged, or all are.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn goes_on(&self) -> Result<()> {
        let before = self.acknowledged();
        let more = || (self.acknowledged() > before || self.is_over()).then_some(());
        wait::until("another request that is acknowledged", mete_tests::meted::LIMIT, more)
    }

    /// Waits until `number` more requests are refused.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn is_refused(&self, number: u64) -> Result<()> {
        let before = self.refused.load(Ordering::Relaxed);
        let more = || (self.refused.load(Ordering::Relaxed) >= before + number).then_some(());
        wait::until("requests that are refused", mete_tests::meted::LIMIT, more).with_context(|| format!("{self:?}"))
    }

    /// Whether nothing is left to be sent.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Appends lines, as a writer whose buffer ends where it ends: mostly in the middle of a line.
fn write(path: &Path, lines: &[String]) -> Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    for block in text.as_bytes().chunks(text.len().div_ceil(PARTS).max(1)) {
        file.write_all(block)?;
        pace();
    }
    Ok(())
}

/// Lets a load last for some seconds.
fn pace() {
    std::thread::sleep(Duration::from_millis(5));
}
