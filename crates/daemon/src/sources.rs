//! Starting and stopping the configured sources.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use mete_api::Metrics;
use mete_core::Clock;
use mete_ingest::attribution::Directories;
use mete_ingest::committer::Delivery;
use mete_ingest::reader::{Reader, Settings};
use mete_ingest::sources::{Feed, Listener, SourceError, follow, follow_connections, follow_pipe, follow_stdin};
use mete_prices::Catalogue;
use mete_store::{Store, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::backlog::Backlog;
use crate::config::{Source, SourceKind};
use crate::listen::bind_socket;

/// What every source needs.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) directories: Arc<Directories>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: mpsc::Sender<Delivery>,
    /// The prices, which running sources take over as they change.
    pub(crate) prices: watch::Sender<Arc<Catalogue>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) backlog: Arc<Backlog>,
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
    /// Runs `sources`, and no others. One that runs already goes on undisturbed: to stop reading a pipe is to end its
    /// writer.
    ///
    /// # Errors
    /// When the store cannot be read; then everything goes on as it was.
    pub(crate) async fn change(&mut self, shared: &Shared, sources: &[Source]) -> Result<(), StoreError> {
        let stays = |active: &&Active| !active.task.is_finished() && sources.contains(&active.source);
        // Asked once: a source may end at any time.
        let staying: Vec<Source> = self.0.iter().filter(stays).map(|active| active.source.clone()).collect();
        let mut fresh = Vec::new();
        // Requests come by themselves.
        let to_read = sources.iter().filter(|source| source.kind != SourceKind::Http);
        for source in to_read.filter(|source| !staying.contains(source)) {
            fresh.push((source.clone(), reader(shared, source).await?));
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
    let (metrics, name) = (Arc::clone(&shared.metrics), source.name());
    let feed = Feed::new(reader, shared.queue.clone(), Arc::clone(&shared.clock), stop.clone())
        .with_refusals(move || metrics.connection_refused(&name));
    let (backlog, clock, name) = (Arc::clone(&shared.backlog), Arc::clone(&shared.clock), source.name());
    let feed = feed.with_backlog(move |is_behind| backlog.is_behind(&name, is_behind, clock.now()));
    let (read, store) = (source.clone(), shared.store.clone());
    let (backlog, clock) = (Arc::clone(&shared.backlog), Arc::clone(&shared.clock));
    // Writers find it as soon as the daemon is ready.
    let listener = listener(&source);
    let task = spawn_blocking(move || {
        let name = read.name();
        let outcome = match listener {
            Ok(Some(listener)) => serve(feed, &read, listener),
            Ok(None) => run(feed, &read, &store),
            Err(error) => Err(SourceError::Listen(error)),
        };
        // What it left unread is nobody's to wait for.
        backlog.is_behind(&name, false, clock.now());
        match outcome {
            Ok(()) => tracing::info!(source = name, "the source has ended"),
            // The queue is closed only when the daemon goes.
            Err(SourceError::Stopped) => {}
            Err(error) => tracing::error!(source = name, %error, "the source is given up; the others go on"),
        }
    });
    Active { source, stop, task }
}

/// Takes what is sent to `listener`. A socket's file goes with it.
fn serve(feed: Feed, source: &Source, listener: Listener) -> Result<(), SourceError> {
    let outcome = follow_connections(feed, listener);
    if let (SourceKind::Socket, Some(path)) = (source.kind, &source.path)
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::warn!(source = source.name(), %error, "cannot remove the socket");
    }
    outcome
}

/// A reader whose prices are those of `shared`, also when they change.
async fn reader(shared: &Shared, source: &Source) -> Result<Reader, StoreError> {
    let mut settings: Settings = source.settings();
    if source.kind != SourceKind::File {
        // A stream's offsets start anew with each run: the run is part of what its quarantine entries are told by.
        settings.run = shared.clock.now().to_string();
    }
    let prices = shared.prices.subscribe();
    let catalogue = Arc::clone(&prices.borrow());
    let reader = Reader::new(settings, Arc::clone(&shared.directories), catalogue, Arc::clone(&shared.clock)).await?;
    // It may be created yet; until then what depends on it is quarantined with this reason.
    for error in reader.missing() {
        tracing::warn!(source = source.name(), %error, "the source or one of its tables names what is not there: records that need it cannot be counted");
    }
    Ok(reader.with_prices(prices))
}

/// What a source listens on, bound, if it is one that listens.
fn listener(source: &Source) -> io::Result<Option<Listener>> {
    match (source.kind, &source.path, source.listen) {
        (SourceKind::Socket, Some(path), _) => bind_shared(source, path).map(Some),
        (SourceKind::Tcp, _, Some(address)) => Ok(Some(Listener::Tcp(TcpListener::bind(address)?))),
        _ => Ok(None),
    }
}

fn bind_shared(source: &Source, path: &Path) -> io::Result<Listener> {
    let peers = source.peers().map_err(io::Error::other)?;
    let mode = source.socket_mode().map_err(io::Error::other)?;
    Ok(Listener::Unix(bind_socket(path, Some(mode))?, peers))
}

fn run(feed: Feed, source: &Source, store: &Store) -> Result<(), SourceError> {
    match (source.kind, &source.path) {
        (SourceKind::File, Some(path)) => follow(feed, &path.to_string_lossy(), store),
        (SourceKind::Pipe, Some(path)) => follow_pipe(feed, path),
        _ => follow_stdin(feed),
    }
}
