//! Answers of `/v1/authorize` per second and how long one takes, beside a bare hyper server that answers 204.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use mete_api::{Api, Listener, Readiness, Settings, serve};
use mete_control::host::SystemClock;
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::permissions::Permissions;
use mete_core::secret::{Secret, SecretKind};
use mete_core::{Clock as _, Nanos};
use mete_gate::Gate;
use mete_store::{GateKey, GateOrganization, GateProject, GateSnapshot, ProjectSpend};
use mete_tests::bench::{self, Asking, Size, Stopwatch, Table, median, per_second, quantile, question, thread_time};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Projects over which the keys are spread.
const PROJECTS: u64 = 100;

fn main() -> Result<()> {
    bench::main("authorize", run)
}

fn run(size: Size) -> Result<()> {
    let keys = size.number("METE_BENCH_KEYS", 10_000, 50)?;
    let requests = size.number("METE_BENCH_REQUESTS", 100_000, 64)?;
    let runs = size.number("METE_BENCH_RUNS", 5, 1)?;
    let connections = size.number("METE_BENCH_CONNECTIONS", 32, 4)?;

    let folder = tempfile::tempdir()?;
    let (gate, questions) = gate(keys);
    let servers = [Server::bare(&folder.path().join("bare"))?, Server::mete(&folder.path().join("mete"), gate)?];
    let clients = Clients { runtime: Builder::new_current_thread().enable_all().build()?, questions };
    clients.check(&servers[1])?;

    let mut out = io::stdout();
    writeln!(out, "\n{keys} keys, {requests} requests a run, {runs} interleaved runs, medians")?;
    for (transport, connections, requests) in [
        (Transport::Tcp, connections, requests),
        (Transport::Unix, connections, requests),
        (Transport::Tcp, 1, requests / 4),
        (Transport::Unix, 1, requests / 4),
    ] {
        let load = Load { transport, connections, requests };
        write!(out, "\n{}", compare(&clients, &servers, load, runs)?)?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Transport {
    Tcp,
    Unix,
}

/// What the clients do in one run.
#[derive(Clone, Copy)]
struct Load {
    transport: Transport,
    connections: u64,
    requests: u64,
}

/// What was measured, run by run.
#[derive(Default)]
struct Measured {
    rates: Vec<f64>,
    /// Microseconds from question to answer that half of them, and 99 of 100, did not exceed.
    medians: Vec<f64>,
    slowest: Vec<f64>,
    /// Microseconds of the server's processor for one request.
    costs: Vec<f64>,
}

/// Puts the same load on both servers in turns.
fn compare(clients: &Clients, servers: &[Server; 2], load: Load, runs: u64) -> Result<Table> {
    let mut measured = [Measured::default(), Measured::default()];
    for _ in 0..runs {
        for (server, measured) in servers.iter().zip(&mut measured) {
            clients.load(server, load, measured)?;
        }
    }
    let heading = format!("{:?}, keep-alive, connections: {}", load.transport, load.connections);
    let mut table =
        Table::new(&[&heading, "requests/s", "of bare hyper", "p50 µs", "p99 µs", "server's CPU µs/request"]);
    let base = median(&measured[0].rates);
    for (what, measured) in ["bare hyper, 204 (baseline)", "mete, /v1/authorize"].into_iter().zip(&measured) {
        let rate = median(&measured.rates);
        let [half, most, cost] = [&measured.medians, &measured.slowest, &measured.costs].map(|values| median(values));
        table.row([
            what.into(),
            format!("{rate:.0}"),
            format!("{:.2}", rate / base),
            format!("{half:.0}"),
            format!("{most:.0}"),
            format!("{cost:.1}"),
        ]);
    }
    Ok(table)
}

/// A gate with `count` keys that may all go on, and the questions about them.
fn gate(count: u64) -> (Gate, Arc<[Vec<u8>]>) {
    let mut random = StdRng::seed_from_u64(1);
    let month = SystemClock.now().month();
    let limits = Limits { budget: Some(Nanos::from_dollars(1_000)), threshold: None };
    let organization = GateOrganization {
        id: "org-1".into(),
        name: "Acme".into(),
        parent_id: None,
        limits: Limits::default(),
        models: None,
    };
    let project = |number| GateProject {
        id: format!("proj_{number}"),
        organization_id: "org-1".into(),
        name: format!("Project {number}"),
        archived: false,
        limits,
        models: None,
    };
    let (mut keys, mut questions) = (Vec::new(), Vec::new());
    for number in 0..count {
        let secret = Secret::generate(SecretKind::Person, &mut random);
        questions.push(question(secret.reveal()));
        keys.push(GateKey {
            id: format!("key_{number}"),
            project_id: format!("proj_{}", number % PROJECTS),
            hash: secret.hash(),
            status: KeyStatus::Active,
            expires_at: None,
            permissions: Permissions::ALL,
        });
    }
    let gate = Gate::new(GateSnapshot {
        organizations: vec![organization],
        projects: (0..PROJECTS).map(project).collect(),
        keys,
        old_secrets: Vec::new(),
        overrides: Vec::new(),
        file_quota: 100_000_000_000,
        change_seq: 1,
    });
    let spend = |number: u64| ProjectSpend {
        project_id: format!("proj_{number}").into(),
        month,
        spend: Nanos::from_dollars(number.cast_signed()),
    };
    gate.set_spend(&(0..PROJECTS).map(spend).collect::<Vec<_>>());
    (gate, questions.into())
}

/// A server on one thread of its own. It stops when it is dropped.
struct Server {
    runtime: Runtime,
    address: SocketAddr,
    socket: PathBuf,
}

impl Server {
    /// Binds, and answers with what `answer` makes of the listeners.
    fn start(socket: &Path, answer: impl FnOnce(&Runtime, TcpListener, UnixListener)) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let tcp = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let unix = runtime.block_on(async { UnixListener::bind(socket) })?;
        let address = tcp.local_addr()?;
        answer(&runtime, tcp, unix);
        Ok(Self { runtime, address, socket: socket.to_owned() })
    }

    /// Mete's gate as `meted` serves it.
    fn mete(socket: &Path, gate: Gate) -> Result<Self> {
        let readiness = Arc::new(Readiness::default());
        readiness.set_ready();
        let api = Arc::new(Api::new(Arc::new(gate), Arc::new(SystemClock), readiness, Arc::default()));
        Self::start(socket, |runtime, tcp, unix| {
            for listener in [Listener::Tcp(tcp), Listener::Unix(unix)] {
                runtime.spawn(serve(listener, Arc::clone(&api), Settings::default(), CancellationToken::new()));
            }
        })
    }

    /// The baseline: hyper without anything around it, and a constant answer.
    fn bare(socket: &Path) -> Result<Self> {
        Self::start(socket, |runtime, tcp, unix| {
            runtime.spawn(async move {
                let tasks = TaskTracker::new();
                while let Ok((stream, _)) = tcp.accept().await {
                    // The same for both servers.
                    if stream.set_nodelay(true).is_ok() {
                        tasks.spawn(answer_204(stream));
                    }
                }
            });
            runtime.spawn(async move {
                let tasks = TaskTracker::new();
                while let Ok((stream, _)) = unix.accept().await {
                    tasks.spawn(answer_204(stream));
                }
            });
        })
    }

    /// Processor time of its thread so far.
    fn time(&self) -> Result<Duration> {
        Ok(self.runtime.block_on(self.runtime.spawn(async { thread_time() }))?)
    }
}

async fn answer_204(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(async |_| {
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok::<_, Infallible>(response)
    });
    // The client closes the connection without a word.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Who asks, all of them on the calling thread.
struct Clients {
    runtime: Runtime,
    questions: Arc<[Vec<u8>]>,
}

impl Clients {
    /// Whether the server looks at the key at all.
    fn check(&self, server: &Server) -> Result<()> {
        self.runtime.block_on(async {
            let mut asking = Asking::new(connect(server, Transport::Tcp).await?);
            let (known, unknown) = (asking.ask(&self.questions[0]).await?, asking.ask(&question("sk-unknown")).await?);
            ensure!((known, unknown) == (204, 401), "a known key got {known}, an unknown one {unknown}");
            Ok(())
        })
    }

    /// Asks `load.requests` times, each connection one question after the other.
    fn load(&self, server: &Server, load: Load, measured: &mut Measured) -> Result<()> {
        let before = server.time()?;
        let (time, answers) = self.runtime.block_on(self.ask(server, load))?;
        let cost = server.time()? - before;
        measured.rates.push(per_second(answers.len() as u64, time));
        measured.medians.push(median(&answers));
        measured.slowest.push(quantile(&answers, 0.99));
        measured.costs.push(cost.as_secs_f64() * 1e6 / answers.len() as f64);
        Ok(())
    }

    /// How long all of it took, and how many microseconds each question.
    async fn ask(&self, server: &Server, load: Load) -> Result<(Duration, Vec<f64>)> {
        let mut streams = Vec::new();
        for _ in 0..load.connections {
            streams.push(connect(server, load.transport).await?);
        }
        let since = Stopwatch::start();
        let mut asking = JoinSet::new();
        for (number, stream) in streams.into_iter().enumerate() {
            let step = load.connections as usize;
            let turns = (number..load.requests as usize).step_by(step);
            asking.spawn(ask_all(Asking::new(stream), Arc::clone(&self.questions), turns));
        }
        let mut answers = Vec::new();
        while let Some(times) = asking.join_next().await {
            answers.extend(times??);
        }
        Ok((since.elapsed(), answers))
    }
}

type Stream = Either<TcpStream, UnixStream>;

async fn connect(server: &Server, transport: Transport) -> Result<Stream> {
    Ok(match transport {
        Transport::Tcp => {
            let stream = TcpStream::connect(server.address).await?;
            stream.set_nodelay(true)?;
            Either::Left(stream)
        }
        Transport::Unix => Either::Right(UnixStream::connect(&server.socket).await?),
    })
}

/// Asks about the keys whose turn it is. Tells how many microseconds each answer took.
async fn ask_all(
    mut asking: Asking<Stream>,
    questions: Arc<[Vec<u8>]>,
    turns: impl Iterator<Item = usize>,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for turn in turns {
        let since = Stopwatch::start();
        let status = asking.ask(&questions[turn % questions.len()]).await?;
        times.push(since.elapsed().as_secs_f64() * 1e6);
        ensure!(status == 204, "the server answered {status}");
    }
    Ok(times)
}
