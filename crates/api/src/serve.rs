//! Connections: accepted up to a bound, and finished or cut at the end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Api;
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

/// Answers HTTP/1.1 on `listener` until `stop` is cancelled; then closes the listener and idle connections at once,
/// lets requests under way end within [`Settings::grace`], and returns when no connection is left.
pub async fn serve(listener: Listener, api: Arc<Api>, settings: Settings, stop: CancellationToken) {
    let connections = Connections::new(api, settings, stop);
    match listener {
        Listener::Tcp(listener) => {
            let accept = || async {
                listener.accept().await.map(|(stream, address)| (without_delay(stream), Peer::at(address)))
            };
            connections.accept_until_stop(accept).await;
        }
        Listener::Unix(listener) => {
            let accept = || async { listener.accept().await.map(|(stream, _)| (stream, Peer::Socket)) };
            connections.accept_until_stop(accept).await;
        }
    }
    connections.finish().await;
}

/// Answers are single small writes: waiting to join them only costs time.
fn without_delay(stream: tokio::net::TcpStream) -> tokio::net::TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused; answers may be slower");
    }
    stream
}

/// The connections of one listener.
struct Connections {
    api: Arc<Api>,
    http: http1::Builder,
    head_timeout: Duration,
    grace: Duration,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    /// No new connections and requests.
    stop: CancellationToken,
    /// The grace is over.
    cut: CancellationToken,
}

impl Connections {
    fn new(api: Arc<Api>, settings: Settings, stop: CancellationToken) -> Self {
        let mut http = http1::Builder::new();
        // Without `pipeline_flush`: it would hold an answer back while half of the next request is in the buffer.
        // Most answers are small: head and body are sent sooner as one piece than as two.
        http.writev(false).max_header_size(settings.max_head_bytes);
        Self {
            api,
            http,
            head_timeout: settings.head_timeout,
            grace: settings.grace,
            places: Arc::new(Semaphore::new(settings.max_connections)),
            tasks: TaskTracker::new(),
            stop,
            cut: CancellationToken::new(),
        }
    }

    async fn accept_until_stop<S, F>(&self, accept: impl Fn() -> F)
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
                    Ok((stream, peer)) => {
                        let connection = self.connection(stream, peer);
                        self.tasks.spawn(async move {
                            connection.await;
                            drop(place);
                        });
                    }
                    Err(error) => pause_after(&error).await,
                },
            }
        }
    }

    /// One connection, from its first request to its end. Borrows nothing, so that it can be a task.
    fn connection<S>(&self, stream: S, peer: Peer) -> impl Future<Output = ()> + Send + 'static
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (api, activity) = (Arc::clone(&self.api), Arc::<Activity>::default());
        let stream = Watched { stream, activity: Arc::clone(&activity) };
        let service = service_fn({
            let activity = Arc::clone(&activity);
            move |request| {
                let (api, activity) = (Arc::clone(&api), Arc::clone(&activity));
                async move { Ok::<_, Infallible>(activity.during(api.answer(peer, request)).await) }
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let head_timeout = self.head_timeout;
        // A token of its own: polling a shared one would make all connections meet at its lock.
        let (stop, cut) = (self.stop.child_token(), self.cut.clone());
        async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = &mut connection => Some(ended),
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = &mut connection => Some(ended),
                        () = cut.cancelled() => None,
                    }
                }
                () = activity.silent_for(head_timeout) => {
                    tracing::debug!("a connection was silent for too long and is closed");
                    None
                }
            };
            if let Some(Err(error)) = ended {
                tracing::debug!(%error, "connection ended");
            }
        }
    }

    /// Waits until no connection is left, and cuts those that outlast the grace.
    async fn finish(self) {
        self.tasks.close();
        if tokio::time::timeout(self.grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "requests outlasted the grace at the stop and are cut");
            self.cut.cancel();
            self.tasks.wait().await;
        }
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
