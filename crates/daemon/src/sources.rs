//! Starting and stopping the configured sources.

use std::sync::Arc;

use mete_core::Clock;
use mete_ingest::committer::Delivery;
use mete_ingest::reader::{Reader, Settings};
use mete_ingest::sources::{Feed, SourceError, follow, follow_pipe, follow_stdin};
use mete_prices::Catalogue;
use mete_store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Source, SourceKind};

/// What every source needs.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: mpsc::Sender<Delivery>,
}

/// Sources that run.
pub(crate) struct Running {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A source that can be started.
pub(crate) struct Prepared {
    source: Source,
    reader: Reader,
}

/// Does all of starting `sources` that can fail.
pub(crate) async fn prepare(
    shared: &Shared,
    sources: &[Source],
    catalogue: &Arc<Catalogue>,
) -> Result<Vec<Prepared>, StoreError> {
    let mut prepared = Vec::with_capacity(sources.len());
    for source in sources {
        prepared.push(Prepared { source: source.clone(), reader: reader(shared, source, catalogue).await? });
    }
    Ok(prepared)
}

/// Starts sources, each on a thread of its own.
pub(crate) fn start(shared: &Shared, sources: Vec<Prepared>) -> Running {
    let running = Running { stop: CancellationToken::new(), tasks: TaskTracker::new() };
    for Prepared { source, reader } in sources {
        let feed = Feed {
            reader,
            queue: shared.queue.clone(),
            clock: Arc::clone(&shared.clock),
            stop: running.stop.clone(),
        };
        let store = shared.store.clone();
        running.tasks.spawn_blocking(move || {
            let name = source.name();
            match run(feed, &source, &store) {
                Ok(()) => tracing::info!(source = name, "the source has ended"),
                // The queue is closed only when the daemon goes.
                Err(SourceError::Stopped) => {}
                Err(error) => tracing::error!(source = name, %error, "the source is given up; the others go on"),
            }
        });
    }
    running.tasks.close();
    running
}

async fn reader(shared: &Shared, source: &Source, catalogue: &Arc<Catalogue>) -> Result<Reader, StoreError> {
    let mut settings: Settings = source.settings();
    if source.kind != SourceKind::File {
        // A stream's offsets start anew with each run: the run is part of what its quarantine entries are told by.
        settings.name = format!("{}@{}", settings.name, shared.clock.now());
    }
    let reader = Reader::new(settings, shared.store.clone(), Arc::clone(catalogue), Arc::clone(&shared.clock)).await?;
    if let Err(error) = reader.check_home() {
        // It may be created yet; until then its records are quarantined with this reason.
        tracing::warn!(source = source.name(), %error, "records of this source that do not say whose they are cannot be counted");
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

impl Running {
    /// Stops them; returns when all that they had read is handed over.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}
