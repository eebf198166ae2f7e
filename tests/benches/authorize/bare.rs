//! The baseline: hyper without anything around it, and a constant answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;

use crate::clients::Server;

/// On one thread of its own, as `meted` is here. It stops when it is dropped.
pub struct Bare {
    _runtime: Runtime,
    address: SocketAddr,
    socket: PathBuf,
}

impl Bare {
    pub fn start(socket: &Path) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let tcp = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let unix = runtime.block_on(async { UnixListener::bind(socket) })?;
        let address = tcp.local_addr()?;
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
        Ok(Self { _runtime: runtime, address, socket: socket.to_owned() })
    }
}

impl Server for Bare {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn socket(&self) -> &Path {
        &self.socket
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
