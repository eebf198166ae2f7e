//! A server on a free port and on a socket of its own.

use std::path::PathBuf;
use std::sync::Arc;

use mete_api::{Api, Footing, Holding, Listener, Readiness, Settings, serve, serve_grpc};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::manual_block::ManualBlockKind;
use mete_core::permissions::{Access, PermissionKind, Permissions, Scopes};
use mete_core::rates::RateLimit;
use mete_core::secret::KeyHash;
use mete_core::{Clock, EndpointGroup, IdHasher, Nanos, Timestamp};
use mete_gate::{Gate, Terms};
use mete_prices::Catalogue;
use mete_store::{
    GateKey, GateOrganization, GateOverride, GatePart, GateProject, GateSnapshot, ProjectBytes, ProjectSpend,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, soon};
use crate::grpc::Grpc;

/// By which the server hashes the ids of requests and events.
pub const IDS: (u64, u64) = (1, 2);

/// A clock that counts how often it was asked: once for each decision.
pub struct CountingClock {
    now: watch::Sender<Timestamp>,
    asked: watch::Sender<u64>,
}

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        self.asked.send_modify(|asked| *asked += 1);
        *self.now.borrow()
    }
}

/// A running server and what it was made of.
pub struct Server {
    pub gate: Arc<Gate>,
    pub readiness: Arc<Readiness>,
    pub footing: Arc<Footing>,
    pub stop: CancellationToken,
    clock: Arc<CountingClock>,
    address: std::net::SocketAddr,
    socket: PathBuf,
    grpc: std::net::SocketAddr,
    grpc_socket: PathBuf,
    tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// With default settings, ready.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// With other settings, ready.
    pub async fn with(settings: Settings) -> Self {
        let server = Self::starting_with(settings, Footing::default()).await;
        server.readiness.set_ready();
        server
    }

    /// With default settings, not ready.
    pub async fn starting() -> Self {
        Self::starting_with(Settings::default(), Footing::default()).await
    }

    /// With default settings, ready, whose decisions stand on this.
    pub async fn standing_on(footing: Footing) -> Self {
        let server = Self::starting_with(Settings::default(), footing).await;
        server.readiness.set_ready();
        server
    }

    /// Its directory has the organization Acme, and in it projects Bot and Lab with a
    /// budget of $10 each and the keys `sk-Bot` and `sk-Lab`; it is November 23rd. Bot has two more keys: `sk-reader`,
    /// which is read-only, and `sk-chat`, which may write chat completions and read files.
    async fn starting_with(settings: Settings, footing: Footing) -> Self {
        let footing = Arc::new(footing);
        let gate = Arc::new(Gate::new(directory()).with_terms(Terms::new(IdHasher::new(IDS))));
        let readiness = Arc::new(Readiness::default());
        let clock = Arc::new(CountingClock {
            now: watch::Sender::new("2026-11-23T12:00:00Z".parse().unwrap()),
            asked: watch::Sender::new(0),
        });
        let prices = watch::Sender::new(Arc::new(Catalogue::bundled()));
        let holding = Holding::new(prices.subscribe(), Box::new(StdRng::seed_from_u64(1)));
        let api = Api::new(Arc::clone(&gate), clock.clone(), Arc::clone(&readiness), Arc::default());
        let api = Arc::new(api.with_holding(holding).with_footing(Arc::clone(&footing)));
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("meted.sock");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let listeners = [Listener::Tcp(tcp), Listener::Unix(UnixListener::bind(&socket).unwrap())];
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for listener in listeners {
            tasks.spawn(serve(listener, Arc::clone(&api), settings, stop.clone()));
        }
        let grpc_socket = folder.path().join("grpc.sock");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = tcp.local_addr().unwrap();
        for listener in [Listener::Tcp(tcp), Listener::Unix(UnixListener::bind(&grpc_socket).unwrap())] {
            tasks.spawn(serve_grpc(listener, Arc::clone(&api), settings, stop.clone()));
        }
        Self { gate, readiness, footing, stop, clock, address, socket, grpc, grpc_socket, tasks, _folder: folder }
    }

    pub async fn tcp(&self) -> Client {
        Client::new(soon("connecting", TcpStream::connect(self.address)).await.unwrap())
    }

    pub async fn unix(&self) -> Client {
        Client::new(soon("connecting", UnixStream::connect(&self.socket)).await.unwrap())
    }

    /// A client of gRPC.
    pub async fn grpc(&self) -> Grpc {
        let stream = soon("connecting", TcpStream::connect(self.grpc)).await.unwrap();
        soon("a handshake", Grpc::new(stream)).await.unwrap()
    }

    /// One of each kind.
    pub async fn grpc_clients(&self) -> [Grpc; 2] {
        let stream = soon("connecting", UnixStream::connect(&self.grpc_socket)).await.unwrap();
        [self.grpc().await, soon("a handshake", Grpc::new(stream)).await.unwrap()]
    }

    /// A connection for gRPC on which nothing is said.
    pub async fn grpc_stream(&self) -> TcpStream {
        soon("connecting", TcpStream::connect(self.grpc)).await.unwrap()
    }

    /// One client of each kind.
    pub async fn clients(&self) -> [Client; 2] {
        [self.tcp().await, self.unix().await]
    }

    pub fn set_time(&self, now: &str) {
        self.clock.now.send_replace(now.parse().unwrap());
    }

    /// Waits until the server has decided `times` times in all.
    pub async fn has_decided(&self, times: u64) {
        let mut asked = self.clock.asked.subscribe();
        soon("a decision", asked.wait_for(|asked| *asked >= times)).await.unwrap();
    }

    /// Sets the November spend of a project in dollars.
    pub fn spend(&self, project: &str, dollars: i64) {
        self.gate.set_spend(&[ProjectSpend {
            project_id: format!("proj_{project}").into(),
            month: "2026-11".parse().unwrap(),
            spend: Nanos::from_dollars(dollars),
        }]);
    }

    /// Sets the bytes that a project stores.
    pub fn store(&self, project: &str, bytes: u64) {
        self.gate.set_bytes(&[ProjectBytes { project_id: format!("proj_{project}").into(), bytes }]);
    }

    /// Has a list of models for Bot, and a block of Lab's key until the 24th.
    pub fn restrict(&self) {
        let mut directory = directory();
        directory.projects[0].models = Some(vec!["gpt-4o".into()]);
        directory.overrides = vec![GateOverride {
            scope_id: "key_Lab".into(),
            kind: ManualBlockKind::Block,
            reason: "It leaked.".into(),
            until: Some("2026-11-24T00:00:00Z".parse().unwrap()),
        }];
        self.gate.replace_directory(directory);
    }

    /// Has these budgets within projects.
    pub fn budget_parts(&self, parts: Vec<GatePart>) {
        self.gate.replace_directory(GateSnapshot { parts, ..directory() });
    }

    /// Whether a new TCP connection is refused.
    pub async fn refuses_connections(&self) -> bool {
        TcpStream::connect(self.address).await.is_err()
    }

    /// Waits until nothing is served any more.
    pub async fn has_stopped(&mut self) {
        while let Some(ended) = soon("the server's end", self.tasks.join_next()).await {
            ended.unwrap();
        }
    }
}

fn directory() -> GateSnapshot {
    let project = |name: &str| GateProject {
        id: format!("proj_{name}"),
        organization_id: "org-1".into(),
        name: name.into(),
        archived: false,
        limits: Limits { budget: Some(Nanos::from_dollars(10)), threshold: None },
        models: None,
    };
    let read_only = Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL };
    GateSnapshot {
        organizations: vec![GateOrganization {
            id: "org-1".into(),
            name: "Acme".into(),
            parent_id: None,
            limits: Limits::default(),
            models: None,
        }],
        projects: ["Bot", "Lab"].map(project).into(),
        keys: vec![
            key("Bot", "Bot", Permissions::ALL),
            key("Lab", "Lab", Permissions::ALL),
            key("reader", "Bot", read_only),
            key("chat", "Bot", chat()),
        ],
        old_secrets: Vec::new(),
        overrides: Vec::new(),
        rate_limits: vec![("proj_Lab".into(), limited())],
        parts: Vec::new(),
        file_quota: 1_000,
        change_seq: 1,
    }
}

/// Lab may ask for this model twice a minute.
fn limited() -> RateLimit {
    let mut limit = RateLimit { model: "limited".into(), ..RateLimit::default() };
    limit.rates.max_requests_per_1_minute = Some(2);
    limit.rates.max_tokens_per_1_minute = Some(6_000);
    limit
}

fn key(name: &str, project: &str, permissions: Permissions) -> GateKey {
    GateKey {
        id: format!("key_{name}"),
        project_id: format!("proj_{project}"),
        hash: KeyHash::of(&format!("sk-{name}")),
        status: KeyStatus::Active,
        expires_at: None,
        permissions,
    }
}

/// Chat completions may be written, files read.
fn chat() -> Permissions {
    let mut scopes = Scopes::default();
    scopes.grant(EndpointGroup::ChatCompletions, Access::Write).unwrap();
    scopes.grant(EndpointGroup::Files, Access::Read).unwrap();
    Permissions { kind: PermissionKind::Restricted, scopes }
}
