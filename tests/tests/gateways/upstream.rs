//! A small LLM API behind the gateways: answers with usage, at once or as a stream, and remembers who asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What each of its answers used: of `gpt-4o-mini`, for 15 and 60 cents.
const INPUT: u64 = 1_000_000;
const OUTPUT: u64 = 1_000_000;
/// What that costs, in dollars, as LiteLLM says it.
const COST: &str = "0.75";

/// The `seed` of questions that it fails to answer.
pub const FAILING: u64 = 500;

/// A request that came through.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub headers: HeaderMap,
}

/// Runs until it is dropped.
pub struct Upstream {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Upstream {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        #[expect(clippy::disallowed_methods, reason = "owned here, and aborted with the server")]
        let serving = tokio::spawn(serve(listener, Arc::clone(&seen)));
        Ok(Self { port, seen, serving })
    }

    /// All that came through until now.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(talk(stream, Arc::clone(&seen)));
    }
}

async fn talk(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move { Ok::<_, Infallible>(answer(request, &seen).await) }
    });
    // A gateway may leave at any time.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, seen: &Mutex<Vec<Seen>>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let number = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(Seen { method: head.method.clone(), headers: head.headers });
        seen.len()
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = format!("chatcmpl-{number}");
    match (head.method, head.uri.path()) {
        (Method::POST, "/v1/chat/completions") if asked["seed"] == FAILING => {
            error(StatusCode::INTERNAL_SERVER_ERROR, "Something is broken.")
        }
        (Method::POST, "/v1/chat/completions") if asked["stream"] == true => of("text/event-stream", stream(&id)),
        (Method::POST, "/v1/chat/completions") => of("application/json", completion(&id).to_string()),
        (Method::POST, "/v1/files") => of("application/json", json!({"id": "file-1", "object": "file"}).to_string()),
        (Method::GET, "/v1/models") => of("application/json", json!({"object": "list", "data": []}).to_string()),
        _ => error(StatusCode::NOT_FOUND, "No such thing."),
    }
}

fn error(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let mut reply = of("application/json", json!({"error": {"message": message}}).to_string());
    *reply.status_mut() = status;
    reply
}

fn of(content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(body.into()));
    reply.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    if content_type == "application/json" {
        reply.headers_mut().insert("x-litellm-response-cost", hyper::header::HeaderValue::from_static(COST));
    }
    reply
}

fn usage() -> Value {
    json!({"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT})
}

fn completion(id: &str) -> Value {
    let message = json!({"role": "assistant", "content": "Gern geschehen: \u{201e}B\u{e4}r\u{201c}"});
    let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
    json!({"id": id, "object": "chat.completion", "created": 1_763_892_930, "model": "gpt-4o-mini-2024-07-18",
           "choices": choices, "usage": usage()})
}

fn stream(id: &str) -> String {
    let chunk = |choices: Value, usage: Value| {
        json!({"id": id, "object": "chat.completion.chunk", "created": 1_763_892_930,
               "model": "gpt-4o-mini-2024-07-18", "choices": choices, "usage": usage})
    };
    let words = |text: &str| json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]);
    let chunks = [
        chunk(words("Gern "), Value::Null),
        chunk(words("geschehen: \u{201e}B\u{e4}r\u{201c}"), Value::Null),
        chunk(json!([]), usage()),
    ];
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]).collect()
}
