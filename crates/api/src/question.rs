//! `POST /v1/authorize` as JSON: a question with everything in its body, an answer with everything that a gateway may
//! want to know (R37, R40).

mod told;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::{HeaderMap, StatusCode};
use mete_core::EndpointGroup;
use mete_core::Timestamp;
use mete_core::secret::KeyHash;
use mete_gate::{Credential, Gate, Lease, Request};
use serde::Deserialize;

use crate::credentials::key_of;
use crate::holding::{Circumstances, Holding};
use crate::metrics::Metrics;
use crate::reply::{self, Answer, Reply};
use crate::request_body::Unread;

/// A question has at most so many bytes.
pub const MOST_BYTES: usize = 64 * 1024;

/// Where gateways tell in the header form for which request they ask.
const DESCRIBING: [HeaderName; 2] =
    [HeaderName::from_static("x-original-uri"), HeaderName::from_static("x-forwarded-uri")];

/// What a gateway asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Question<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    key_sha256: Option<Text<'a>>,
    #[serde(borrow)]
    method: Option<Text<'a>>,
    #[serde(borrow)]
    path: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    input_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    bytes: Option<u64>,
    images: Option<u64>,
    audio_megabytes: Option<u64>,
    #[serde(borrow)]
    request_id: Option<Text<'a>>,
    hold: Option<bool>,
}

/// A text of a question; a copy only where JSON's escapes stand in it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Whether a POST asks in this form. A gateway that passes the client's own headers and body on asks in the other one:
/// there the key stands in a header.
pub fn is_question(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| is_json(value.as_bytes()))
        && key_of(headers).is_none()
        && !DESCRIBING.iter().any(|name| headers.contains_key(name))
}

/// Whether this type of content is JSON.
pub fn is_json(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Decides on the question in `body` at the instant `now`, and counts it.
///
/// # Errors
/// What must be leased before; then nothing has happened.
pub fn answer(gate: &Gate, holding: &Holding, now: Timestamp, body: &[u8], metrics: &Metrics) -> Result<Answer, Lease> {
    // A list would be taken for the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Ok(unreadable(&"it is no JSON object").into());
    }
    let question: Question<'_> = match serde_json::from_slice(body) {
        Ok(question) => question,
        Err(error) => return Ok(unreadable(&error).into()),
    };
    let key = match question.credential() {
        Ok(key) => key,
        Err(problem) => return Ok(unreadable(&problem).into()),
    };
    let request = question.request();
    let admission = if question.hold == Some(false) {
        let circumstances = question.circumstances();
        gate.look(now, key, &request, &circumstances.wanted(None))
    } else {
        holding.admit(gate, now, key, &request, &question.circumstances())?
    };
    metrics.admitted(&admission.outcome);
    Ok(told::answer(&admission))
}

impl Question<'_> {
    fn credential(&self) -> Result<Credential<'_>, &'static str> {
        match (&self.key, &self.key_sha256) {
            (Some(_), Some(_)) => Err("it has both key and key_sha256: leave one of them out"),
            (secret, None) => Ok(Credential::Secret(secret.as_deref())),
            (None, Some(hash)) => {
                KeyHash::from_hex(hash).map(Credential::Hash).ok_or("key_sha256 must be 64 hexadecimal digits")
            }
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: self.method.as_deref(),
            path: self.path.as_deref(),
            model: self.model.as_deref(),
            bytes: self.bytes,
        }
    }

    /// Whether its tokens are those of a batch.
    fn is_batch(&self) -> bool {
        let is_batches = |path: &str| EndpointGroup::of_path(path) == EndpointGroup::Batches;
        self.service_tier.as_deref() == Some("batch") || self.path.as_deref().is_some_and(is_batches)
    }

    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            provider: self.provider.as_deref(),
            tier: self.service_tier.as_deref(),
            input_tokens: self.input_tokens,
            max_output_tokens: self.max_output_tokens,
            images: self.images.unwrap_or_default(),
            audio_megabytes: self.audio_megabytes.unwrap_or_default(),
            is_batch: self.is_batch(),
            request_id: self.request_id.as_deref().filter(|id| !id.is_empty()),
        }
    }
}

/// The answer to a question whose body could not be read.
pub fn unread(unread: Unread) -> Reply {
    match unread {
        Unread::TooLarge => {
            let message = format!("A question has at most {MOST_BYTES} bytes: leave the client's body out.");
            reply::error(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", "body_too_large", &message)
        }
        Unread::Torn => unreadable(&"its body did not arrive whole in time"),
    }
}

fn unreadable(problem: &dyn fmt::Display) -> Reply {
    let message = format!("This is no question that can be answered: {problem}. docs/http.md shows one.");
    reply::error(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_question", &message)
}
