//! A server that takes usage, with its committer, over a store with the organization Acme and its project Bot.

use std::sync::Arc;
use std::time::Duration;

use mete_api::{Access, Api, Bounds, HttpSource, Intake, Listener, Metrics, Readiness, Settings, serve};
use mete_control::{Control, NewOrganizationInput, NewProjectInput};
use mete_core::actor::{Actor, Origin};
use mete_core::secret::KeyHash;
use mete_core::{Clock, ManualClock};
use mete_gate::Gate;
use mete_ingest::attribution::Directories;
use mete_ingest::committer::{Commit, Committer, Delivery, Observer};
use mete_ingest::reader;
use mete_prices::Catalogue;
use mete_store::{PartSpend, ProjectBytes, ProjectSpend, Store, StoreError, Verification};
use mete_tests::TestStore;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client, request, soon};

/// One line a record.
pub const NDJSON: &str = "content-type: application/x-ndjson";
/// A JSON document.
pub const JSON: &str = "content-type: application/json";

/// Counts commits.
struct Watch(Arc<Metrics>, Arc<ManualClock>);

impl Observer for Watch {
    fn committed(&mut self, commit: &Commit<'_>) {
        self.0.committed(commit, self.1.now());
    }

    fn totals(&mut self, _: &[ProjectSpend], _: &[PartSpend], _: &[ProjectBytes]) {}

    fn health(&mut self, error: Option<&StoreError>) {
        self.0.store_is(error.is_none());
    }
}

/// A running server and what it was made of.
pub struct Desk {
    pub store: Store,
    pub intake: Arc<Intake>,
    pub readiness: Arc<Readiness>,
    pub clock: Arc<ManualClock>,
    pub catalogue: Arc<Catalogue>,
    metrics: Arc<Metrics>,
    deliveries: Option<mpsc::Receiver<Delivery>>,
    address: std::net::SocketAddr,
    socket: std::path::PathBuf,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Desk {
    /// With default bounds; its committer commits. It is noon on November 23rd.
    pub async fn open(place: &TestStore) -> anyhow::Result<Self> {
        let mut desk = Self::asleep(place, Bounds::default(), 64).await?;
        desk.wake().await?;
        Ok(desk)
    }

    /// The same with other bounds.
    pub async fn within(place: &TestStore, bounds: Bounds) -> anyhow::Result<Self> {
        let mut desk = Self::asleep(place, bounds, 64).await?;
        desk.wake().await?;
        Ok(desk)
    }

    /// With a queue of this length that nobody takes anything from.
    pub async fn asleep(place: &TestStore, bounds: Bounds, queue: usize) -> anyhow::Result<Self> {
        let mut random = StdRng::seed_from_u64(7);
        let store = Store::create(&place.url().parse()?, &mut random).await?;
        let clock = Arc::new(ManualClock::new("2026-11-23T12:00:00Z".parse()?));
        let operator = Actor::operator(Origin { os_user: "test".into(), host: "test".into() });
        let input = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
        let control = Control::new(&store, &*clock, &mut random);
        let organization = control.init(&operator, &input).await?.organization.id;
        control.create_project(&operator, &NewProjectInput::named(&organization, "Bot")).await?;

        let (sender, deliveries) = mpsc::channel(queue);
        let (readiness, metrics) = (Arc::new(Readiness::default()), Arc::new(Metrics::default()));
        metrics.watch(&sender);
        readiness.set_ready();
        let catalogue = Arc::new(Catalogue::bundled());
        let known: (_, Arc<dyn Clock>) = (Directories::new(store.clone()), clock.clone());
        let access = Access::new(Vec::new(), None, &catalogue);
        let intake = Arc::new(Intake::new(known, Arc::clone(&readiness), access, sender, bounds));
        let gate = Arc::new(Gate::new(store.gate_snapshot().await?));
        let api = Api::new(gate, clock.clone(), Arc::clone(&readiness), Arc::clone(&metrics));
        let api = Arc::new(api.with_intake(Arc::clone(&intake)).with_store(store.clone()));

        let (tcp, socket) = (TcpListener::bind("127.0.0.1:0").await?, place.path("meted.sock"));
        let address = tcp.local_addr()?;
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for listener in [Listener::Tcp(tcp), Listener::Unix(UnixListener::bind(&socket)?)] {
            tasks.spawn(serve(listener, Arc::clone(&api), Settings::default(), stop.clone()));
        }
        let deliveries = Some(deliveries);
        Ok(Self { store, intake, readiness, clock, catalogue, metrics, deliveries, address, socket, tasks, stop })
    }

    /// Has the committer commit.
    pub async fn wake(&mut self) -> anyhow::Result<()> {
        let observer = Box::new(Watch(Arc::clone(&self.metrics), Arc::clone(&self.clock)));
        let committer = Committer::new(self.store.clone(), self.clock.clone(), observer).await?;
        if let Some(deliveries) = self.deliveries.take() {
            self.tasks.spawn_blocking(move || Handle::current().block_on(committer.run(deliveries)));
        }
        Ok(())
    }

    /// Takes usage for other sources.
    pub fn admit(&self, sources: &[(&str, Option<&str>)], token: Option<&str>) {
        let source = |(name, token): &(&str, Option<&str>)| HttpSource {
            settings: reader::Settings { name: (*name).to_owned(), ..reader::Settings::default() },
            token: token.map(KeyHash::of),
        };
        let sources = sources.iter().map(source).collect();
        self.intake.set_access(Access::new(sources, token.map(KeyHash::of), &self.catalogue));
    }

    pub async fn tcp(&self) -> Client {
        Client::new(soon("connecting", TcpStream::connect(self.address)).await.unwrap())
    }

    pub async fn unix(&self) -> Client {
        Client::new(soon("connecting", UnixStream::connect(&self.socket)).await.unwrap())
    }

    /// Sends a body on a connection of its own.
    pub async fn post(&self, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        self.tcp().await.post(path, headers, body).await
    }

    /// Sends lines to `/v1/ingest`, and reads what became of them.
    pub async fn ingest(&self, lines: impl AsRef<[u8]>) -> Value {
        told(&self.post("/v1/ingest", &[NDJSON], lines).await)
    }

    /// What `path` tells.
    pub async fn get(&self, path: &str) -> Answer {
        self.tcp().await.ask(&format!("GET {path}"), &[]).await
    }

    /// What the ledger has, which must be right in itself.
    pub async fn ledger(&self) -> anyhow::Result<Verification> {
        let verification = self.store.verify().await?;
        assert!(verification.ok, "{verification:?}");
        Ok(verification)
    }

    /// Stops taking anything, and waits until all that was taken is on disk.
    pub async fn close(mut self) {
        self.intake.close();
        self.stop.cancel();
        while let Some(ended) = soon("the end", self.tasks.join_next()).await {
            ended.unwrap();
        }
    }
}

impl Client {
    /// Sends a body and reads the answer.
    pub async fn post(&mut self, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let length = format!("content-length: {}", body.as_ref().len());
        let headers: Vec<&str> = headers.iter().copied().chain([length.as_str()]).collect();
        self.send(request(&format!("POST {path}"), &headers)).await;
        self.send(body).await;
        self.read().await
    }
}

/// What became of a body that was taken.
pub fn told(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_str(&answer.body).unwrap()
}

/// The counts of an answer: accepted, duplicates, amended, quarantined, ignored.
pub fn counts(answer: &Value) -> [u64; 5] {
    ["accepted", "duplicates", "amended", "quarantined", "ignored"].map(|name| answer[name].as_u64().unwrap())
}

/// A record of Mete's own format, which costs a millionth of a dollar.
pub fn record(id: &str) -> String {
    format!(r#"{{"id":"{id}","time":"2026-11-23T11:00:00Z","project":"Bot","model":"gpt-4o","cost":"0.000001"}}"#)
}

/// Such records, one a line.
pub fn records(ids: std::ops::Range<usize>) -> String {
    ids.map(|id| record(&id.to_string()) + "\n").collect()
}

/// So short that a test need not wait for it to pass.
pub const IMPATIENT: Duration = Duration::from_millis(200);
