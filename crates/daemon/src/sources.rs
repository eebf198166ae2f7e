//! Starting and stopping the configured sources.

use std::sync::Arc;

use mete_core::Clock;
use mete_ingest::committer::Delivery;
use mete_ingest::reader::{Reader, Settings};
use mete_ingest::sources::{Feed, SourceError, follow, follow_pipe, follow_stdin};
use mete_prices::Catalogue;
use mete_store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::config::{Source, SourceKind};

/// What every source needs.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: mpsc::Sender<Delivery>,
}

/// Sources that run, each on a thread of its own.
#[derive(Default)]
pub(crate) struct Running(Vec<Active>);

/// A source that runs, or has ended by itself.
struct Active {
    source: Source,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Runs `sources`, and no others. One that runs already goes on undisturbed, unless `prices_changed`: to stop
    /// reading a pipe is to end its writer.
    ///
    /// # Errors
    /// When the store cannot be read; then everything goes on as it was.
    pub(crate) async fn change(
        &mut self,
        shared: &Shared,
        sources: &[Source],
        (catalogue, prices_changed): (&Arc<Catalogue>, bool),
    ) -> Result<(), StoreError> {
        let stays =
            |active: &&Active| !prices_changed && !active.task.is_finished() && sources.contains(&active.source);
        // Asked once: a source may end at any time.
        let staying: Vec<Source> = self.0.iter().filter(stays).map(|active| active.source.clone()).collect();
        let mut fresh = Vec::new();
        // Requests come by themselves.
        let to_read = sources.iter().filter(|source| source.kind != SourceKind::Http);
        for source in to_read.filter(|source| !staying.contains(source)) {
            fresh.push((source.clone(), reader(shared, source, catalogue).await?));
        }
        let (stay, go): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|active| staying.contains(&active.source));
        self.0 = stay;
        // One may be read anew under other settings: never by two at a time.
        Self(go).stop().await;
        self.0.extend(fresh.into_iter().map(|(source, reader)| start(shared, source, reader)));
        Ok(())
    }

    /// Stops them; returns when all that they had read is handed over.
    pub(crate) async fn stop(self) {
        for active in &self.0 {
            active.stop.cancel();
        }
        for active in self.0 {
            if let Err(error) = active.task.await {
                tracing::error!(source = active.source.name(), %error, "the source failed");
            }
        }
    }
}

fn start(shared: &Shared, source: Source, reader: Reader) -> Active {
    let stop = CancellationToken::new();
    let feed = Feed { reader, queue: shared.queue.clone(), clock: Arc::clone(&shared.clock), stop: stop.clone() };
    let (read, store) = (source.clone(), shared.store.clone());
    let task = spawn_blocking(move || {
        let name = read.name();
        match run(feed, &read, &store) {
            Ok(()) => tracing::info!(source = name, "the source has ended"),
            // The queue is closed only when the daemon goes.
            Err(SourceError::Stopped) => {}
            Err(error) => tracing::error!(source = name, %error, "the source is given up; the others go on"),
        }
    });
    Active { source, stop, task }
}

async fn reader(shared: &Shared, source: &Source, catalogue: &Arc<Catalogue>) -> Result<Reader, StoreError> {
    let mut settings: Settings = source.settings();
    if source.kind != SourceKind::File {
        // A stream's offsets start anew with each run: the run is part of what its quarantine entries are told by.
        settings.run = shared.clock.now().to_string();
    }
    let reader = Reader::new(settings, shared.store.clone(), Arc::clone(catalogue), Arc::clone(&shared.clock)).await?;
    // It may be created yet; until then what depends on it is quarantined with this reason.
    for error in reader.missing() {
        tracing::warn!(source = source.name(), %error, "the source or one of its tables names what is not there: records that need it cannot be counted");
    }
    Ok(reader)
}

fn run(feed: Feed, source: &Source, store: &Store) -> Result<(), SourceError> {
    match (source.kind, &source.path) {
        (SourceKind::File, Some(path)) => follow(feed, &path.to_string_lossy(), store),
        (SourceKind::Pipe, Some(path)) => follow_pipe(feed, path),
        _ => follow_stdin(feed),
    }
}
