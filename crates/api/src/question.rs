//! `POST /v1/authorize` as JSON: a question with everything in its body, an answer with everything that a gateway may
//! want to know (R37, R40).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use hyper::{HeaderMap, StatusCode};
use mete_core::EndpointGroup;
use mete_core::decision::{Refusal, Standings};
use mete_core::secret::KeyHash;
use mete_core::{Nanos, Timestamp};
use mete_gate::{Admission, Credential, Denied, Gate, Hold, Remaining, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::credentials::key_of;
use crate::holding::{Circumstances, Holding};
use crate::metrics::Metrics;
use crate::reply::{self, Reply};
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
    let is_json =
        |value: &str| value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json");
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json)
        && key_of(headers).is_none()
        && !DESCRIBING.iter().any(|name| headers.contains_key(name))
}

/// Decides on the question in `body` at the instant `now`, and counts it.
pub async fn answer(gate: &Gate, holding: &Holding, now: Timestamp, body: &[u8], metrics: &Metrics) -> Reply {
    // A list would be taken for the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return unreadable(&"it is no JSON object");
    }
    let question: Question<'_> = match serde_json::from_slice(body) {
        Ok(question) => question,
        Err(error) => return unreadable(&error),
    };
    let key = match question.credential() {
        Ok(key) => key,
        Err(problem) => return unreadable(&problem),
    };
    let request = question.request();
    let admission = if question.hold == Some(false) {
        let circumstances = question.circumstances();
        gate.look(now, key, &request, &circumstances.wanted(None))
    } else {
        holding.admit(gate, now, key, &request, &question.circumstances()).await
    };
    metrics.admitted(&admission.outcome);
    match &admission.outcome {
        Ok(hold) => reply::json(&Told::new(&admission, None, hold.as_ref())),
        Err(Denied::Refused(refusal)) => {
            tracing::debug!(status = refusal.status(), code = refusal.code(), "refused");
            reply::json(&Told::new(&admission, Some(refusal), None))
        }
        Err(denied) => reply::not_held(denied),
    }
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

/// The answer, in the order of its fields.
#[derive(Serialize)]
struct Told<'a> {
    decision: &'static str,
    status: u16,
    reason: Option<&'static str>,
    error: Option<Value>,
    retry: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
    project_id: Option<&'a str>,
    key_id: Option<&'a str>,
    hold: Option<&'a Hold>,
    remaining: Left,
    rate_limits: Option<Standings>,
}

/// How far requests are from their rate limits; none where there are none.
fn standings_of(admission: &Admission, refusal: Option<&Refusal>) -> Option<Standings> {
    let standings = match refusal {
        Some(Refusal::RateLimit(limited)) => limited.standings,
        _ => admission.caller.as_ref()?.standings,
    };
    (!standings.is_empty()).then_some(standings)
}

/// The headers that the client's answer has beside its body, as those of the header form do.
fn headers_of(refusal: &Refusal) -> BTreeMap<String, String> {
    let reply = reply::refuse(refusal);
    let told = reply.headers().iter().filter(|(name, _)| ![CONTENT_TYPE, CACHE_CONTROL].contains(name));
    told.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

/// What each budget leaves, in dollars.
#[derive(Serialize)]
struct Left {
    project: Option<Nanos>,
    organization: Option<Nanos>,
    parent_organization: Option<Nanos>,
    /// Budgets within the project are told only where they are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Nanos>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Nanos>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Nanos>,
}

impl<'a> Told<'a> {
    fn new(admission: &'a Admission, refusal: Option<&Refusal>, hold: Option<&'a Hold>) -> Self {
        let caller = admission.caller.as_ref();
        let Remaining { project, organization, parent, model, member, key } = admission.remaining;
        Self {
            decision: if refusal.is_some() { "refuse" } else { "allow" },
            status: refusal.map_or(204, Refusal::status),
            reason: refusal.map(|refusal| refusal.code().unwrap_or("missing_permission")),
            error: refusal.map(|refusal| refusal.body()["error"].take()),
            retry: refusal.map(|refusal| !refusal.forbids_retry()),
            headers: refusal.map(headers_of),
            project_id: caller.and_then(|caller| std::str::from_utf8(&caller.project_id).ok()),
            key_id: caller.and_then(|caller| std::str::from_utf8(&caller.key_id).ok()),
            hold,
            rate_limits: standings_of(admission, refusal),
            remaining: Left { project, organization, parent_organization: parent, model, member, key },
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
