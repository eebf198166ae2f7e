//! Connections: accepted up to a bound, and finished or cut at the end.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::envoy::rpc::Checks;
use crate::lane::Lane;
use crate::peer::Peer;
use crate::silence::{Activity, Watched};

/// A bound listener; whoever bound it knows its address and, for a Unix socket, removes its file.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Connections open at once. More wait in the kernel's queue until one closes.
    pub max_connections: usize,
    /// How long a client may take at least for a request's head, and stay silent between requests; twice that at most.
    /// Longer than the minute for which gateways keep unused connections, so that it is they who close them.
    pub head_timeout: Duration,
    /// The longest request head in bytes; a longer one is answered with 431.
    pub max_head_bytes: usize,
    /// How long requests under way may take to end after the stop; then they are cut.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            head_timeout: Duration::from_secs(75),
            max_head_bytes: 16 * 1024,
            grace: Duration::from_secs(10),
        }
    }
}

/// Pause after an error of `accept` that comes again at once, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a connection of HTTP/2 is asked for a sign of life, and how long that may take.
const PING: Duration = Duration::from_secs(20);

/// Answers HTTP/1.1 on `listener` until `stop` is cancelled; then closes the listener and idle connections at once,
/// lets requests under way end within [`Settings::grace`], and returns when no connection is left.
pub async fn serve(listener: Listener, api: Arc<Api>, settings: Settings, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    // Without `pipeline_flush`: it would hold an answer back while half of the next request is in the buffer.
    // Most answers are small: head and body are sent sooner as one piece than as two.
    http.writev(false).max_header_size(settings.max_head_bytes);
    Connections::new(settings, stop)
        .serve(listener, &Protocol::Http { http, max_head_bytes: settings.max_head_bytes, api })
        .await;
}

/// Answers Envoy's checks over gRPC in the same way, on HTTP/2 without TLS. A connection may be silent for as long as its
/// client answers pings.
pub async fn serve_grpc(listener: Listener, api: Arc<Api>, settings: Settings, stop: CancellationToken) {
    let connections = Connections::new(settings, stop);
    let mut http = http2::Builder::new(connections.tasks.clone());
    http.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PING);
    http.max_header_list_size(u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX));
    connections.serve(listener, &Protocol::Grpc { http, checks: Arc::new(Checks::new(api)) }).await;
}

/// Answers are single small writes: waiting to join them only costs time.
fn without_delay(stream: tokio::net::TcpStream) -> tokio::net::TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused; answers may be slower");
    }
    stream
}

/// What is spoken on connections, and who answers.
enum Protocol {
    Http { http: http1::Builder, max_head_bytes: usize, api: Arc<Api> },
    Grpc { http: http2::Builder<Tasks>, checks: Arc<Checks> },
}

/// All that runs for the connections of one listener: themselves, and the requests that share one.
#[derive(Clone)]
struct Tasks {
    tracker: TaskTracker,
    /// The grace is over.
    cut: CancellationToken,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, request: F) {
        let cut = self.cut.clone();
        self.tracker.spawn(async move { cut.run_until_cancelled_owned(request).await.is_some() });
    }
}

/// The connections of one listener.
struct Connections {
    head_timeout: Duration,
    grace: Duration,
    places: Arc<Semaphore>,
    tasks: Tasks,
    /// No new connections and requests.
    stop: CancellationToken,
}

impl Connections {
    fn new(settings: Settings, stop: CancellationToken) -> Self {
        Self {
            head_timeout: settings.head_timeout,
            grace: settings.grace,
            places: Arc::new(Semaphore::new(settings.max_connections)),
            tasks: Tasks { tracker: TaskTracker::new(), cut: CancellationToken::new() },
            stop,
        }
    }

    async fn serve(self, listener: Listener, protocol: &Protocol) {
        match listener {
            Listener::Tcp(listener) => {
                let accept = || async {
                    listener.accept().await.map(|(stream, address)| (without_delay(stream), Peer::at(address)))
                };
                self.accept_until_stop(protocol, accept).await;
            }
            Listener::Unix(listener) => {
                let accept = || async { listener.accept().await.map(|(stream, _)| (stream, Peer::Socket)) };
                self.accept_until_stop(protocol, accept).await;
            }
        }
        self.finish().await;
    }

    async fn accept_until_stop<S, F>(&self, protocol: &Protocol, accept: impl Fn() -> F)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = io::Result<(S, Peer)>>,
    {
        let stop = self.stop.cancelled();
        let mut stop = pin!(stop);
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (place, accept().await)
            };
            tokio::select! {
                biased;
                () = &mut stop => return,
                (place, accepted) = next => match accepted {
                    Ok((stream, peer)) => self.begin(protocol, stream, peer, place),
                    Err(error) => pause_after(&error).await,
                },
            }
        }
    }

    /// Has a task for one connection, from its first request to its end, that gives its place back then.
    fn begin<S, P>(&self, protocol: &Protocol, stream: S, peer: Peer, place: P)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        P: Send + 'static,
    {
        let activity = Arc::<Activity>::default();
        let stream = Watched { stream, activity: Arc::clone(&activity), unread: Bytes::new() };
        // A token of its own: polling a shared one would make all connections meet at its lock.
        let (stop, cut) = (self.stop.child_token(), self.tasks.cut.clone());
        let ends = Ends { stop, cut, activity: Arc::clone(&activity), head_timeout: self.head_timeout };
        match protocol {
            Protocol::Http { http, max_head_bytes, api } => {
                let (http, api, max_head_bytes) = (http.clone(), Arc::clone(api), *max_head_bytes);
                self.tasks.tracker.spawn(async move {
                    let stopping = AtomicBool::new(false);
                    let lane = Lane { stream, api: &api, activity: &activity, max_head_bytes, stopping: &stopping };
                    let lane = pin!(lane.answer());
                    if let Some(Some(stream)) = ends.of(lane, |_| stopping.store(true, Ordering::Relaxed)).await {
                        let answer =
                            async |request| Ok::<_, Infallible>(activity.during(api.answer(peer, request)).await);
                        let connection = http.serve_connection(TokioIo::new(stream), service_fn(answer));
                        ends.of(pin!(connection), http1::Connection::graceful_shutdown).await;
                    }
                    drop(place);
                });
            }
            Protocol::Grpc { http, checks } => {
                let checks = Arc::clone(checks);
                let service = service_fn(move |request| {
                    let checks = Arc::clone(&checks);
                    async move { Ok::<_, Infallible>(checks.answer(request).await) }
                });
                let connection = http.serve_connection(TokioIo::new(stream), service);
                self.tasks.tracker.spawn(async move {
                    ends.of(pin!(connection), http2::Connection::graceful_shutdown).await;
                    drop(place);
                });
            }
        }
    }

    /// Waits until no connection is left, and cuts those that outlast the grace.
    async fn finish(self) {
        self.tasks.tracker.close();
        if tokio::time::timeout(self.grace, self.tasks.tracker.wait()).await.is_err() {
            tracing::warn!(
                connections = self.tasks.tracker.len(),
                "requests outlasted the grace at the stop and are cut"
            );
            self.tasks.cut.cancel();
            self.tasks.tracker.wait().await;
        }
    }
}

/// What ends a connection but for its client.
struct Ends {
    stop: CancellationToken,
    cut: CancellationToken,
    activity: Arc<Activity>,
    head_timeout: Duration,
}

impl Ends {
    /// Waits for the end of `connection`, which `shut_down` has refuse further requests; `None` if it failed or was cut.
    async fn of<T, E: Display, C>(&self, mut connection: Pin<&mut C>, shut_down: impl FnOnce(Pin<&mut C>)) -> Option<T>
    where
        C: Future<Output = Result<T, E>>,
    {
        let Self { stop, cut, activity, head_timeout } = self;
        let ended = tokio::select! {
            biased;
            ended = &mut connection => ended,
            () = stop.cancelled() => {
                shut_down(connection.as_mut());
                cut.run_until_cancelled(connection).await?
            }
            () = activity.silent_for(*head_timeout) => {
                tracing::debug!("a connection was silent for too long and is closed");
                return None;
            }
        };
        ended.inspect_err(|error| tracing::debug!(%error, "connection ended")).ok()
    }
}

/// After an error of one client there is nothing to wait for; after one of this process or machine there is.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    tracing::warn!(%error, "a connection could not be accepted; raise the limit of open files if it says so");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
