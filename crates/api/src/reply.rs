//! Answers and error bodies.

mod limits;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body as _;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Response, StatusCode};
use mete_core::decision::Refusal;
use mete_core::time::SECOND;
use mete_gate::{Caller, Denied, Hold};
use serde::Serialize;
use serde_json::json;

use crate::footing::Doubt;

/// Every answer of this crate: whole in memory, and mostly empty.
pub type Reply = Response<Full<Bytes>>;

/// An answer that may still be without its head.
#[derive(Debug)]
pub enum Answer {
    Reply(Reply),
    /// 200 with this JSON, which holds for its instant only: what most questions are answered with.
    Json(String),
    /// 204 with the caller's ids, which are good in a header as they are, and nothing else: the same in the header form.
    Allowed(Caller),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl Answer {
    /// With its head.
    pub fn into_reply(self) -> Reply {
        match self {
            Self::Reply(reply) => reply,
            Self::Json(text) => with_body(StatusCode::OK, JSON, text.into()),
            Self::Allowed(caller) => allow(caller, None),
        }
    }
}

pub const KEY_ID: HeaderName = HeaderName::from_static("x-mete-key-id");
pub const PROJECT_ID: HeaderName = HeaderName::from_static("x-mete-project-id");
pub const HOLD: HeaderName = HeaderName::from_static("x-mete-hold");
const STALE: HeaderName = HeaderName::from_static("x-mete-stale");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The content type of most answers.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
/// A decision holds for its instant only (R39).
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The same for a caller who is let through without a hold.
pub fn let_through(caller: Caller) -> Answer {
    let is_short = caller.standings.is_empty() && is_plain(&caller.key_id) && is_plain(&caller.project_id);
    if is_short { Answer::Allowed(caller) } else { allow(caller, None).into() }
}

/// Whether an id stands in a header, and in JSON, as it is.
pub fn is_plain(id: &[u8]) -> bool {
    id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// 204 with the caller's ids, and that of the hold if one was taken.
pub fn allow(caller: Caller, hold: Option<&Hold>) -> Reply {
    // The constructor checks each byte: an id can never begin another header.
    let (Ok(key_id), Ok(project_id)) =
        (HeaderValue::from_bytes(&caller.key_id), HeaderValue::from_maybe_shared(caller.project_id))
    else {
        let message =
            "The id of this key or of its project has characters that no header may carry. Mend it in the store.";
        return error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "invalid_id", message);
    };
    let mut headers = HeaderMap::with_capacity(4);
    limits::tell(&caller.standings, &mut headers);
    headers.insert(KEY_ID, key_id);
    headers.insert(PROJECT_ID, project_id);
    // Letters and digits: every hold's id is a header's value.
    if let Some(id) = hold.and_then(|hold| HeaderValue::from_str(&hold.id).ok()) {
        headers.insert(HOLD, id);
    }
    headers.insert(CACHE_CONTROL, NO_STORE);
    reply(StatusCode::NO_CONTENT, headers, Bytes::new())
}

/// R37's status and body, and what tells SDKs whether to try again.
pub fn refuse(refusal: &Refusal) -> Reply {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    if let Refusal::RateLimit(limited) = refusal {
        limits::refuse(limited, &mut headers);
    }
    if refusal.forbids_retry() {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply(status, headers, refusal.body().to_string().into())
}

/// 200 with a word for people.
pub fn ok(word: impl Into<Bytes>) -> Reply {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, NO_STORE)]);
    reply(StatusCode::OK, headers, word.into())
}

/// 204: done.
pub fn no_content() -> Reply {
    reply(StatusCode::NO_CONTENT, HeaderMap::from_iter([(CACHE_CONTROL, NO_STORE)]), Bytes::new())
}

/// 200 with a document.
pub fn json(document: &impl Serialize) -> Reply {
    // Enough for the answer to a question, in one allocation.
    let mut body = Vec::with_capacity(512);
    match serde_json::to_writer(&mut body, document) {
        Ok(()) => with_body(StatusCode::OK, JSON, body.into()),
        Err(problem) => {
            let message = format!("The answer cannot be written: {problem}.");
            error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "unwritable_answer", &message)
        }
    }
}

/// 503: no money can be held now.
pub fn not_held(denied: &Denied) -> Reply {
    let code = if *denied == Denied::Full { "too_many_holds" } else { "holds_unavailable" };
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, "server_error", code, &denied.to_string());
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// 503: not now, for this reason.
pub fn unavailable(reason: &str) -> Reply {
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, "server_error", "not_ready", reason);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// 503: what is known is too old to decide by.
pub fn degraded(doubt: &Doubt) -> Reply {
    let message = format!("Nothing is decided while what Mete knows is too old: {doubt}. Ask again soon.");
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, "server_error", "gate_degraded", &message);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// The same answer, which says how old what it was decided by is.
pub fn stale(mut reply: Reply, doubt: &Doubt) -> Reply {
    // Digits and a letter are good in any header.
    if let Ok(age) = HeaderValue::try_from(format!("{}s", doubt.age / SECOND)) {
        reply.headers_mut().insert(STALE, age);
    }
    reply
}

/// 404: there is nothing at this path.
pub fn not_found(method: &str, path: &str) -> Reply {
    let path: String = path.chars().take(200).collect();
    let message = format!("Unknown request URL: {method} {path}. {}", advice_on(&path));
    error(StatusCode::NOT_FOUND, "invalid_request_error", "unknown_url", &message)
}

/// Where to ask instead.
fn advice_on(path: &str) -> &'static str {
    if path == "/v1/metrics" {
        return "Mete takes no OTLP metrics: send traces to /v1/traces and logs to /v1/logs. Its own are at /metrics.";
    }
    "The gate answers at /v1/authorize, explains itself at /v1/explain, and lists what it refuses at /v1/refused; usage is taken at /v1/ingest, and from OpenTelemetry at /v1/traces and /v1/logs."
}

/// 405: there is something at this path, for the methods `allowed`.
pub fn method_not_allowed(method: &str, allowed: &'static str) -> Reply {
    let method: String = method.chars().take(20).collect();
    let message = format!("The method {method} is not supported here. Use one of {allowed}.");
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "method_not_supported", &message);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// The same answer, which tells SDKs that trying again is in vain.
pub fn in_vain(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    reply
}

/// An error in the shape of R37.
pub fn error(status: StatusCode, kind: &str, code: &str, message: &str) -> Reply {
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    with_body(status, JSON, body.to_string().into())
}

/// All of an answer's body.
pub fn whole(mut body: Full<Bytes>) -> Bytes {
    // It is whole in memory: there is one frame, or none.
    match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    }
}

/// An answer with a body.
pub fn with_body(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, NO_STORE);
    reply(status, headers, body)
}

fn reply(status: StatusCode, headers: HeaderMap, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}

#[cfg(test)]
mod tests {
    use mete_core::decision::Standings;

    use super::*;

    #[test]
    fn an_id_can_never_begin_another_header() {
        let caller = |key_id: &'static str| Caller {
            key_id: key_id.as_bytes().into(),
            project_id: "proj_1".into(),
            standings: Standings::default(),
        };
        assert_eq!(allow(caller("key_1"), None).status(), 204);
        assert!(matches!(let_through(caller("key_1")), Answer::Allowed(_)));
        assert_eq!(let_through(caller("key_1\r\nx-admin: yes")).into_reply().status(), 500);
        let injected = allow(caller("key_1\r\nx-admin: yes"), None);
        assert_eq!(injected.status(), 500);
        assert!(!injected.headers().contains_key("x-admin") && !injected.headers().contains_key(KEY_ID));
    }
}
