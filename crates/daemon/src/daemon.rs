//! The daemon's life: up in the order of dependence, down in the reverse, nothing read left uncommitted.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mete_api::{Api, Bounds, Footing, Holding, Intake, Metrics, Readiness};
use mete_control::host::system_random;
use mete_core::Clock;
use mete_core::ids::random_text;
use mete_gate::Gate;
use mete_ingest::attribution::Directories;
use mete_ingest::committer::{Abandoned, Committer, Delivery, QUEUE};
use mete_notify::{Channels, OpenError, Post};
use mete_store::{GateSnapshot, Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{self, TokenError};
use crate::backlog::Backlog;
use crate::config::{Config, Listen};
use crate::gatekeeper::{GateObserver, follow_directory};
use crate::heartbeat::Heartbeat;
use crate::leases::{self, Lessee};
use crate::lookout::Lookout;
use crate::notices::Notices;
use crate::prices::{PriceError, PriceList};
use crate::{listen, quarantine, refused, retention, sources};

/// How long the committer may take to let go of what it cannot commit: a little more than a try to reach Postgres.
const LAST: Duration = Duration::from_secs(15);

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The prices.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// The tokens of those who send usage.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The channels on which alerts are told.
    #[error(transparent)]
    Notify(#[from] OpenError),
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
    sockets: Vec<PathBuf>,
    shared: sources::Shared,
    sources: sources::Running,
    intake: Arc<Intake>,
    channels: watch::Sender<Arc<Channels>>,
    committer: TaskTracker,
    /// Has the committer let go of what it cannot commit.
    give_up: CancellationToken,
    /// What answers and watches; stopped last, so that gateways are answered while the ledger drains.
    services: TaskTracker,
    stop_services: CancellationToken,
}

impl Daemon {
    /// Brings everything up, the listeners first: until what decisions need is read, they answer that it is not yet. When it
    /// returns, the gate answers and the sources are being read.
    ///
    /// # Errors
    /// When the store, the prices or the listeners are not to be had; nothing runs then.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let prices = PriceList::read(config.prices.overrides.as_deref())?;
        let access = access::read(&config, &prices.catalogue)?;
        let channels = watch::Sender::new(Arc::new(Channels::open(&config.notify)?));
        let store = Store::open(&config.store.url).await?;
        let bound = listen::bind(&config.listen)
            .await
            .map_err(|source| StartError::Listen { place: place(&config), source })?;
        let terms = config.gate.terms(store.id_hasher());
        // Nothing is in it yet: until there is, whoever asks is told so.
        let gate = Arc::new(Gate::new(GateSnapshot::default()).with_terms(terms).with_leases());
        let (readiness, metrics) = (Arc::new(Readiness::default()), Arc::new(Metrics::default()));
        let (queue, deliveries) = mpsc::channel(QUEUE);
        metrics.watch(&queue);
        let (store_away, lag) = config.gate.tolerances();
        let footing = Arc::new(Footing::new(store_away, lag, clock.now()));
        let backlog = Arc::new(Backlog::new(&queue));
        let shared = sources::Shared {
            store: store.clone(),
            directories: Directories::new(store.clone()),
            clock: Arc::clone(&clock),
            queue,
            prices: watch::Sender::new(Arc::clone(&prices.catalogue)),
            metrics: Arc::clone(&metrics),
            backlog: Arc::clone(&backlog),
        };

        let (services, stop_services) = (TaskTracker::new(), CancellationToken::new());
        let mut random = system_random();
        let daemon = random_text(&mut random, 24);
        let (ask, asked) = mpsc::channel(leases::QUEUE);
        let (known, queue) = ((Arc::clone(&shared.directories), Arc::clone(&clock)), shared.queue.clone());
        let intake = Arc::new(Intake::new(known, Arc::clone(&readiness), access, queue, Bounds::default()));
        let api = Api::new(Arc::clone(&gate), Arc::clone(&clock), Arc::clone(&readiness), Arc::clone(&metrics))
            .with_footing(Arc::clone(&footing))
            .with_store(store.clone());
        let holding = Holding::new(shared.prices.subscribe(), Box::new(random)).with_leases(ask);
        let api = Arc::new(api.with_intake(Arc::clone(&intake)).with_holding(holding));
        let settings = mete_api::Settings::default();
        for listener in bound.http {
            services.spawn(mete_api::serve(listener, Arc::clone(&api), settings, stop_services.clone()));
        }
        for listener in bound.grpc {
            services.spawn(mete_api::serve_grpc(listener, Arc::clone(&api), settings, stop_services.clone()));
        }

        let beating = (Arc::clone(&backlog), Arc::clone(&clock));
        let heartbeat = Heartbeat::new(daemon.clone(), store.clone(), beating);
        let post = Post::new(
            store.clone(),
            (Arc::clone(&clock), Box::new(system_random())),
            daemon.clone(),
            Arc::clone(&channels.borrow()),
        );
        let lessee = Lessee { daemon, store: store.clone(), gate: Arc::clone(&gate), clock: Arc::clone(&clock) };
        let news = Arc::new(Notify::new());
        let observer = GateObserver {
            gate: Arc::clone(&gate),
            readiness: Arc::clone(&readiness),
            footing: Arc::clone(&footing),
            backlog: Arc::clone(&backlog),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            news: Arc::clone(&news),
        };
        let mut sources = sources::Running::default();
        let filled = async {
            let committer = fill(&store, &lessee, observer).await?;
            // The gate may be asked while sources look for what was read of them.
            readiness.set_ready();
            sources.change(&shared, &config.sources).await?;
            Ok(committer)
        };
        let committer = match filled.await {
            Ok(committer) => committer,
            Err(error) => {
                stop_services.cancel();
                services.close();
                services.wait().await;
                remove_sockets(&bound.sockets);
                return Err(error);
            }
        };

        // From here on nothing fails.
        let (committing, give_up) = (TaskTracker::new(), CancellationToken::new());
        let until = give_up.clone();
        // On a thread of its own: the one writer neither waits for a worker nor keeps one from answering gateways.
        committing.spawn_blocking(move || Handle::current().block_on(commit(committer, deliveries, &until)));
        committing.close();

        let watched = (Arc::clone(&gate), Arc::clone(&footing));
        services.spawn(follow_directory(store.clone(), watched, Arc::clone(&clock), stop_services.clone()));
        let notices = Notices {
            post,
            store: store.clone(),
            clock: Arc::clone(&clock),
            metrics: Arc::clone(&metrics),
            channels: channels.subscribe(),
            news,
        };
        services.spawn(notices.keep(stop_services.clone()));
        let lookout = Lookout { gate: Arc::clone(&gate), footing, backlog, metrics, clock: Arc::clone(&clock) };
        services.spawn(lookout.keep(stop_services.clone()));
        services.spawn(quarantine::keep_within_limits(store.clone(), stop_services.clone()));
        services.spawn(heartbeat.beat(stop_services.clone()));
        services.spawn(retention::drop_old_months(store.clone(), Arc::clone(&clock), stop_services.clone()));
        services.spawn(lessee.lease(asked, stop_services.clone()));
        let list = Arc::clone(api.refused_list());
        services.spawn(refused::keep_file(list, config.refused.clone(), stop_services.clone()));
        services.close();
        tracing::info!(store = %store.url().describe(), address = ?bound.address, sources = config.sources.len(), "ready");
        Ok(Self {
            config,
            prices,
            store,
            gate,
            readiness,
            address: bound.address,
            sockets: bound.sockets,
            shared,
            sources,
            intake,
            channels,
            committer: committing,
            give_up,
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

    /// Goes on with another configuration: prices, sources, tokens and notifications are taken over, the rest needs a restart.
    ///
    /// # Errors
    /// When the prices, the store or what notifications need cannot be read; then everything goes on as it was.
    pub async fn reload(&mut self, config: Config) -> Result<(), StartError> {
        let prices = PriceList::read(config.prices.overrides.as_deref())?;
        let access = access::read(&config, &prices.catalogue)?;
        let channels = Channels::open(&config.notify)?;
        if config.store.url != self.config.store.url
            || config.listen != self.config.listen
            || config.gate != self.config.gate
            || config.refused != self.config.refused
        {
            tracing::warn!("[store], [listen], [gate] and [refused] are taken over at the next restart only");
        }
        self.sources.change(&self.shared, &config.sources).await?;
        if prices.differs_from(&self.prices) {
            self.shared.prices.send_replace(Arc::clone(&prices.catalogue));
        }
        self.intake.set_access(access);
        self.channels.send_replace(Arc::new(channels));
        (self.config, self.prices) = (config, prices);
        tracing::info!(sources = self.config.sources.len(), "the configuration was read again");
        Ok(())
    }

    /// Brings everything down: what was read is committed, requests under way are answered. A store that is away is
    /// waited for as long as `[ingest] stop_timeout` says.
    pub async fn stop(self) {
        self.intake.close();
        let drain = async {
            self.sources.stop().await;
            // The committer ends when the last sender is gone.
            drop(self.shared);
            self.committer.wait().await;
        };
        let mut drain = std::pin::pin!(drain);
        if timeout(Duration::from_secs(self.config.ingest.stop_timeout), &mut drain).await.is_err() {
            tracing::error!("the ledger did not take what was read in time; stopping without it");
            self.give_up.cancel();
            if timeout(LAST, &mut drain).await.is_err() {
                tracing::error!("the store does not answer; files are read again, what came otherwise may be lost");
            }
        }
        self.readiness.set_stopping();
        self.stop_services.cancel();
        self.services.wait().await;
        remove_sockets(&self.sockets);
        self.store.close().await;
        tracing::info!("stopped");
    }
}

/// Reads all that decisions need: the directory, what others hold, the totals, and what is used of rate limits by the day. The
/// committer goes on from them.
async fn fill(store: &Store, lessee: &Lessee, observer: GateObserver) -> Result<Committer, StartError> {
    lessee.gate.replace_directory(store.gate_snapshot().await?);
    lessee.assume_others().await?;
    let mut committer = Committer::new(store.clone(), Arc::clone(&lessee.clock), Box::new(observer)).await?;
    committer.read_totals().await?;
    let now = lessee.clock.now();
    lessee.gate.rebuild_usage(&store.hour_usage(Gate::usage_begin(now)).await?, now);
    Ok(committer)
}

fn remove_sockets(paths: &[PathBuf]) {
    for path in paths {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(socket = %path.display(), %error, "cannot remove the socket");
        }
    }
}

/// Commits what comes until nobody sends any more, and tells what it had to let go.
async fn commit(committer: Committer, deliveries: mpsc::Receiver<Delivery>, give_up: &CancellationToken) {
    let Abandoned { lost, unanswered } = committer.run_until(deliveries, give_up).await;
    if lost > 0 || unanswered > 0 {
        tracing::error!(
            lost,
            unanswered,
            "events of pipes and other streams are lost; those of requests were not acknowledged"
        );
    }
}

fn place(config: &Config) -> String {
    let Listen { address, socket, grpc, grpc_socket } = &config.listen;
    let addresses = [address, grpc].into_iter().flatten().map(SocketAddr::to_string);
    let sockets = [socket, grpc_socket].into_iter().flatten().map(|path| path.display().to_string());
    addresses.chain(sockets).collect::<Vec<_>>().join(" and ")
}
