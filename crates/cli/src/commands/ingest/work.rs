//! The run itself: one reader a file on a thread that may block, one committer behind them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mete_core::Clock;
use mete_ingest::attribution::{Directories, Home};
use mete_ingest::committer::{Committer, Delivery, QUEUE};
use mete_ingest::formats::Layout;
use mete_ingest::reader::{Reader, Settings};
use mete_ingest::sources::{Progress, read_all};
use mete_prices::Catalogue;
use mete_store::{Store, Tally};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::bar;
use super::booked::Booked;
use super::input::Input;
use crate::error::CliError;

/// Whether a person wants the run to stop; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether it is to stop.
    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Awaits `work`. The first Ctrl-C asks it to finish what it is at; with the second one it is given up, and there
    /// is no result.
    pub async fn unless_pressed_twice<T>(&self, work: impl Future<Output = T>) -> Result<Option<T>, CliError> {
        let mut presses = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(Some(done)),
                _ = presses.recv() => {
                    if self.0.swap(true, Ordering::Relaxed) {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

/// What a run needs.
pub struct Work {
    /// Where events go.
    pub store: Store,
    /// Tells what is ahead of its time.
    pub clock: Arc<dyn Clock>,
    /// The prices.
    pub catalogue: Arc<Catalogue>,
    /// Where records belong that do not say it.
    pub home: Home,
    /// How every line is written, if it is given.
    pub format: Option<Layout>,
}

/// What came of a run.
pub struct Finished {
    /// Lines read.
    pub lines: u64,
    /// Lines that are no usage events.
    pub ignored: u64,
    /// All that was committed.
    pub tally: Tally,
    /// Whether every input was read to its end. What was read before a failure is committed nevertheless.
    pub outcome: Result<(), CliError>,
}

impl Work {
    /// Reads the inputs one after the other, so that of two copies of an event the later one amends the earlier.
    /// Returns when all that was read is on disk.
    pub async fn run(self, inputs: Vec<Input>) -> Result<Finished, CliError> {
        let (booked, progress) = (Booked::default(), Arc::new(Progress::default()));
        let committer = Committer::new(self.store.clone(), Arc::clone(&self.clock), Box::new(booked.clone())).await?;
        let (sender, queue) = mpsc::channel(QUEUE);
        let length = inputs.iter().map(Input::length).sum();
        let mut finished = Finished { lines: 0, ignored: 0, tally: Tally::default(), outcome: Ok(()) };
        let read = async { finished.outcome = self.read(inputs, sender, &progress).await };
        // The committer is done when the last sender is gone and all is on disk.
        let write = async { tokio::join!(read, Box::pin(committer.run(queue))) };
        tokio::select! {
            ((), ()) = write => {}
            () = bar::draw(length, Arc::clone(&progress), booked.clone()) => {}
        }
        finished.tally = booked.tally();
        finished.lines = progress.lines.load(Ordering::Relaxed);
        finished.ignored = progress.ignored.load(Ordering::Relaxed);
        Ok(finished)
    }

    async fn read(
        &self,
        inputs: Vec<Input>,
        queue: mpsc::Sender<Delivery>,
        progress: &Arc<Progress>,
    ) -> Result<(), CliError> {
        let directories = Directories::new(self.store.clone());
        for input in inputs {
            let settings = Settings {
                name: input.name(),
                format: self.format.clone(),
                home: self.home.clone(),
                ..Settings::default()
            };
            let mut reader =
                Reader::new(settings, Arc::clone(&directories), Arc::clone(&self.catalogue), Arc::clone(&self.clock))
                    .await?;
            let (queue, progress) = (queue.clone(), Arc::clone(progress));
            spawn_blocking(move || {
                let path = input.path();
                read_all(&mut reader, (&path, input), &queue, &progress)
            })
            .await??;
        }
        Ok(())
    }
}
