//! What a request says of its body: source, format, media type, idempotency key.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use mete_ingest::formats::Format;

use super::refused::Refused;

/// What `/v1/ingest` takes.
const TAKEN: &str = "application/x-ndjson (one record a line), application/json (a list, or one record), \
                     application/cloudevents+json, application/cloudevents-batch+json";

/// What the paths of OTLP take.
const TAKEN_OTLP: &str = "application/x-protobuf, application/json";

/// The longest idempotency key.
const LONGEST_KEY: usize = 200;

/// What kind of body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// One record a line.
    Lines,
    /// A JSON list, or one record.
    Json,
    /// CloudEvents in their JSON formats: a list, or one.
    CloudEvents,
    /// A CloudEvent whose attributes are headers.
    BinaryCloudEvent,
    /// OTLP as JSON.
    OtlpJson,
    /// OTLP as protocol buffers.
    OtlpProtobuf,
}

impl Media {
    /// What a request to `/v1/ingest` brings. It must say so: a page in a browser can send what it likes to anybody
    /// without being asked, but not with one of these types.
    ///
    /// # Errors
    /// When it is none of those.
    pub(super) fn of_usage(headers: &HeaderMap) -> Result<Self, Refused> {
        let name = essence(headers);
        match &*name {
            "application/cloudevents+json" | "application/cloudevents-batch+json" => Ok(Self::CloudEvents),
            "application/json" | "text/json" if headers.contains_key("ce-specversion") => Ok(Self::BinaryCloudEvent),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/jsonlines" => Ok(Self::Lines),
            "application/json" | "text/json" => Ok(Self::Json),
            _ => Err(Refused::MediaType(shown(&name), TAKEN)),
        }
    }

    /// What a request to a path of OTLP brings.
    ///
    /// # Errors
    /// When it is none of its two encodings.
    pub(super) fn of_otlp(headers: &HeaderMap) -> Result<Self, Refused> {
        let name = essence(headers);
        match &*name {
            "application/x-protobuf" => Ok(Self::OtlpProtobuf),
            "application/json" => Ok(Self::OtlpJson),
            _ => Err(Refused::MediaType(shown(&name), TAKEN_OTLP)),
        }
    }

    /// The format that it has in itself.
    pub(super) const fn format(self) -> Option<Format> {
        match self {
            Self::CloudEvents | Self::BinaryCloudEvent => Some(Format::Cloudevents),
            Self::OtlpJson | Self::OtlpProtobuf => Some(Format::OtelGenai),
            Self::Lines | Self::Json => None,
        }
    }
}

/// The media type without its parameters, in lower case.
fn essence(headers: &HeaderMap) -> Cow<'_, str> {
    let value = headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    String::from_utf8_lossy(essence.trim_ascii()).to_ascii_lowercase().into()
}

fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}

/// What the query says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// The source that is written to.
    pub(super) source: Option<String>,
    /// The format of each record.
    pub(super) format: Option<Format>,
}

impl Query {
    /// Reads it.
    ///
    /// # Errors
    /// When it has something else: what is misspelt must not be ignored.
    pub(super) fn of(head: &Parts) -> Result<Self, Refused> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "source" => query.source = Some(value.into_owned()),
                "format" => {
                    query.format = Some(value.parse().map_err(|error| Refused::Query(format!("{error}")))?);
                }
                _ => return Err(Refused::Query(format!("{:?} means nothing here", shown(&name)))),
            }
        }
        Ok(query)
    }
}

/// The idempotency key, where the request has one. The draft of its header makes it a quoted string; bare ones are as
/// common.
///
/// # Errors
/// When it is empty, too long or no text.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<Arc<str>>, Refused> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Refused::BadKey)?.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if text.is_empty() || text.len() > LONGEST_KEY || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    {
        return Err(Refused::BadKey);
    }
    Ok(Some(text.into()))
}
