//! Whoever sends requests through a gateway.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Its body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The error's `code`; empty where there is none.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Asks a server of this machine, on a connection of its own.
pub async fn ask(port: u16, request: Request<Full<Bytes>>) -> Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.context("cannot connect")?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the answer.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    Ok(Answer { status: head.status, headers: head.headers, body })
}

/// A request with `secret` as its key.
pub fn request(method: &str, path: &str, secret: &str, headers: &[(&str, &str)], body: &str) -> Request<Full<Bytes>> {
    let mut builder = Request::builder().method(method).uri(path).header("host", "llm.acme.test");
    builder = builder.header("authorization", format!("Bearer {secret}"));
    if body.starts_with('{') {
        builder = builder.header("content-type", "application/json");
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body.to_owned().into())).unwrap_or_default()
}

/// The body of a question to a model.
pub const QUESTION: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"How much is it?"}]}"#;
/// The same, to be answered as a stream.
pub const STREAM: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"How much is it?"}],"stream":true,"stream_options":{"include_usage":true}}"#;

/// A question to a model, through the gateway at `port`.
pub async fn chat(port: u16, secret: &str, body: &str) -> Result<Answer> {
    ask(port, request("POST", "/v1/chat/completions", secret, &[], body)).await
}
