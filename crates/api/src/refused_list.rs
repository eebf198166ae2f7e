//! `GET /v1/refused`: the keys that the gate refuses now, for gateways that cannot ask.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY};
use hyper::{Response, StatusCode};
use mete_core::Clock;
use mete_gate::{Gate, RefusedKey, RefusedKeys};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::reply::{self, Reply};

const NDJSON: &str = "application/x-ndjson";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

/// The list, made anew only when somebody is refused or let in. Shared by `Arc`.
pub struct RefusedList {
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<Arc<Listed>>>,
}

/// The list in one form.
#[derive(Clone, Debug)]
pub struct Listing {
    /// A line a key, in the order of their hashes.
    pub body: Bytes,
    /// The strong entity tag of it, in quotes.
    pub etag: HeaderValue,
}

/// The list at one instant, in the forms that were asked for.
struct Listed {
    refused: RefusedKeys,
    text: OnceLock<Listing>,
    ndjson: OnceLock<Listing>,
}

impl RefusedList {
    /// The keys that `gate` refuses at the present instant of `clock`.
    #[must_use]
    pub const fn new(gate: Arc<Gate>, clock: Arc<dyn Clock>) -> Self {
        Self { gate, clock, last: Mutex::new(None) }
    }

    /// As text: the SHA-256 of each secret in hexadecimal digits, a space, the code of R37, and, where that is known, a
    /// space and when the reason ends.
    ///
    /// Takes time in proportion to the projects, and to the keys where something changed: for a blocking thread.
    #[must_use]
    pub fn text(&self) -> Listing {
        let listed = self.listed();
        listed.text.get_or_init(|| Listing::of(&listed.refused.keys, text_line)).clone()
    }

    /// The same as JSON lines: `{"key_sha256","code","until"}`, the last one null where that is not known.
    #[must_use]
    pub fn ndjson(&self) -> Listing {
        let listed = self.listed();
        listed.ndjson.get_or_init(|| Listing::of(&listed.refused.keys, json_line)).clone()
    }

    fn listed(&self) -> Arc<Listed> {
        let now = self.clock.now();
        // Nothing that runs under this lock panics. Who comes meanwhile waits for the same list.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listed) = last.as_ref().filter(|listed| self.gate.is_current(&listed.refused, now)) {
            return Arc::clone(listed);
        }
        let refused = self.gate.refused(now);
        Arc::clone(last.insert(Arc::new(Listed { refused, text: OnceLock::new(), ndjson: OnceLock::new() })))
    }

    /// The answer to a request with these headers.
    pub(crate) async fn reply(self: &Arc<Self>, headers: &HeaderMap) -> Reply {
        let (list, wants_json) = (Arc::clone(self), accepts_ndjson(headers));
        let made = spawn_blocking(move || if wants_json { list.ndjson() } else { list.text() });
        let Ok(listing) = made.await else {
            return reply::unavailable("The list could not be made.");
        };
        let media = if wants_json { HeaderValue::from_static(NDJSON) } else { TEXT };
        let mut answer = if matches(headers, &listing.etag) {
            let mut answer = Response::new(Full::new(Bytes::new()));
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            answer
        } else {
            let mut answer = Response::new(Full::new(listing.body));
            answer.headers_mut().insert(CONTENT_TYPE, media);
            answer
        };
        let headers = answer.headers_mut();
        headers.insert(ETAG, listing.etag);
        // Kept by whoever asks, and asked about each time.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept, authorization"));
        answer
    }
}

impl Listing {
    fn of(keys: &[RefusedKey], line: fn(&RefusedKey) -> String) -> Self {
        let mut body = String::new();
        for key in keys {
            body += &line(key);
            body.push('\n');
        }
        let digest: String = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        // Hexadecimal digits in quotes are good in any header.
        let etag = HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { body: body.into(), etag }
    }
}

fn text_line(key: &RefusedKey) -> String {
    let (hash, code) = (key.hash.to_hex(), key.code);
    key.until.map_or_else(|| format!("{hash} {code}"), |until| format!("{hash} {code} {until}"))
}

fn json_line(key: &RefusedKey) -> String {
    json!({"key_sha256": key.hash.to_hex(), "code": key.code, "until": key.until}).to_string()
}

fn accepts_ndjson(headers: &HeaderMap) -> bool {
    items(headers.get_all(ACCEPT).iter()).any(|item| {
        let media = item.split(';').next().unwrap_or_default();
        media.trim().eq_ignore_ascii_case(NDJSON)
    })
}

/// Whether the client has it already.
fn matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    items(headers.get_all(IF_NONE_MATCH).iter())
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item).as_bytes() == etag.as_bytes())
}

/// The items of headers that are lists. Neither media types nor Mete's tags have a comma.
fn items<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> impl Iterator<Item = &'a str> {
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}
