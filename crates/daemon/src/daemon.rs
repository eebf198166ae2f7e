//! The daemon's life: up in the order of dependence, down in the reverse, nothing read left uncommitted.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use mete_api::{Api, Readiness};
use mete_core::Clock;
use mete_gate::Gate;
use mete_ingest::committer::{Committer, QUEUE};
use mete_store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::gatekeeper::{GateObserver, follow_directory};
use crate::prices::{PriceError, PriceList};
use crate::{listen, sources};

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The prices.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// The listeners.
    #[error("cannot listen on {place}: {source}")]
    Listen {
        /// Where.
        place: String,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// A daemon that runs.
pub struct Daemon {
    config: Config,
    prices: PriceList,
    store: Store,
    gate: Arc<Gate>,
    readiness: Arc<Readiness>,
    address: Option<SocketAddr>,
    socket: Option<PathBuf>,
    shared: sources::Shared,
    sources: sources::Running,
    committer: TaskTracker,
    /// What answers and watches; stopped last, so that gateways are answered while the ledger drains.
    services: TaskTracker,
    stop_services: CancellationToken,
}

impl Daemon {
    /// Brings everything up. When it returns, the gate answers and the sources are being read.
    ///
    /// # Errors
    /// When the store, the prices or the listeners are not to be had; nothing runs then.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let prices = PriceList::read(config.prices.overrides.as_deref())?;
        let store = Store::open(&config.store.url).await?;
        let bound = listen::bind(&config.listen)
            .await
            .map_err(|source| StartError::Listen { place: place(&config), source })?;
        let gate = Arc::new(Gate::new(store.gate_snapshot().await?));

        let (queue, deliveries) = mpsc::channel(QUEUE);
        let observer = Box::new(GateObserver::new(Arc::clone(&gate)));
        let mut committer = Committer::new(store.clone(), Arc::clone(&clock), observer).await?;
        committer.read_totals().await?;
        let current = watch::Sender::new(Arc::clone(&prices.catalogue));
        let shared = sources::Shared { store: store.clone(), clock: Arc::clone(&clock), queue, prices: current };
        let mut sources = sources::Running::default();
        sources.change(&shared, &config.sources).await?;

        // From here on nothing fails.
        let committing = TaskTracker::new();
        // On a thread of its own: the one writer neither waits for a worker nor keeps one from answering gateways.
        committing.spawn_blocking(move || Handle::current().block_on(committer.run(deliveries)));
        committing.close();

        let (services, stop_services) = (TaskTracker::new(), CancellationToken::new());
        services.spawn(follow_directory(store.clone(), Arc::clone(&gate), stop_services.clone()));
        let readiness = Arc::new(Readiness::default());
        let api = Arc::new(Api::new(Arc::clone(&gate), Arc::clone(&clock), Arc::clone(&readiness)));
        for listener in bound.listeners {
            let settings = mete_api::Settings::default();
            services.spawn(mete_api::serve(listener, Arc::clone(&api), settings, stop_services.clone()));
        }
        services.close();

        readiness.set_ready();
        tracing::info!(store = %store.describe(), address = ?bound.address, sources = config.sources.len(), "ready");
        Ok(Self {
            config,
            prices,
            store,
            gate,
            readiness,
            address: bound.address,
            socket: bound.socket,
            shared,
            sources,
            committer: committing,
            services,
            stop_services,
        })
    }

    /// The TCP address on which the gate answers.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The gate, for whoever shares the process.
    #[must_use]
    pub const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Goes on with another configuration: prices and sources are taken over, the rest needs a restart.
    ///
    /// # Errors
    /// When the prices or the store cannot be read; then everything goes on as it was.
    pub async fn reload(&mut self, config: Config) -> Result<(), StartError> {
        let prices = PriceList::read(config.prices.overrides.as_deref())?;
        if config.store.url != self.config.store.url
            || config.listen.address != self.config.listen.address
            || config.listen.socket != self.config.listen.socket
        {
            tracing::warn!("[store] and [listen] are taken over at the next restart only");
        }
        self.sources.change(&self.shared, &config.sources).await?;
        if prices.differs_from(&self.prices) {
            self.shared.prices.send_replace(Arc::clone(&prices.catalogue));
        }
        (self.config, self.prices) = (config, prices);
        tracing::info!(sources = self.config.sources.len(), "the configuration was read again");
        Ok(())
    }

    /// Brings everything down: what was read is committed, requests under way are answered.
    pub async fn stop(self) {
        self.sources.stop().await;
        // The committer ends when the last sender is gone.
        drop(self.shared);
        self.committer.wait().await;
        self.readiness.set_stopping();
        self.stop_services.cancel();
        self.services.wait().await;
        if let Some(socket) = &self.socket
            && let Err(error) = std::fs::remove_file(socket)
        {
            tracing::warn!(socket = %socket.display(), %error, "cannot remove the socket");
        }
        self.store.close().await;
        tracing::info!("stopped");
    }
}

fn place(config: &Config) -> String {
    let address = config.listen.address.map(|address| address.to_string());
    let socket = config.listen.socket.as_ref().map(|socket| socket.display().to_string());
    [address, socket].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
