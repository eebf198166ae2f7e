//! An application's side of the gate: asks over HTTP, on one connection that stays open.

use std::net::SocketAddr;

use anyhow::Context;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The gate's answer.
pub(super) struct Answer {
    /// HTTP status: 204 lets the request through.
    pub(super) status: u16,
    /// The error's code and message, where it refuses.
    pub(super) refusal: Option<(String, String)>,
}

/// A connection to the gate.
pub(super) struct Asking {
    address: SocketAddr,
    sender: SendRequest<Empty<Bytes>>,
    /// Drives the connection; ends with this value.
    _connection: JoinSet<()>,
}

impl Asking {
    pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot reach the gate")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the gate ended");
            }
        });
        Ok(Self { address, sender, _connection: driver })
    }

    /// Whether a request with this key may go through.
    pub(super) async fn may(&mut self, secret: &str) -> anyhow::Result<Answer> {
        let request = hyper::Request::get("/v1/authorize")
            .header("host", self.address.to_string())
            .header("authorization", format!("Bearer {secret}"))
            .header("x-original-method", "POST")
            .header("x-original-uri", "/v1/chat/completions")
            .body(Empty::new())?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await.context("the gate does not answer")?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        let refusal = serde_json::from_slice::<serde_json::Value>(&body).ok().map(|body| {
            let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
            (text("code"), text("message"))
        });
        Ok(Answer { status, refusal })
    }
}
