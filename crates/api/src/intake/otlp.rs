//! OTLP over HTTP: requests of an OpenTelemetry exporter as lines of OTLP's JSON, one span or log record each, and the
//! answers that exporters expect.
//!
//! A line by itself says all that there is to one record, its resource and scope included, so that what cannot be
//! counted can be looked at and read again by itself.

mod json;
mod schema;
mod wire;

use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::budget::Buffer;
use super::refused::Refused;
use super::request::Media;
use crate::reply::{self, Reply};
use schema::Field;
use wire::{Fields, Value};

/// What an exporter sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
}

/// Why a message is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no OTLP message: {0}")]
pub(crate) struct Malformed(&'static str);

impl From<Malformed> for Refused {
    fn from(error: Malformed) -> Self {
        Self::Unreadable(error.to_string().into())
    }
}

impl Signal {
    /// The names in JSON: of the list in a request, of the list in a resource, of the list in a scope.
    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Traces => ["resourceSpans", "scopeSpans", "spans"],
            Self::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
        }
    }

    const fn record(self) -> &'static [Field] {
        match self {
            Self::Traces => &schema::SPAN,
            Self::Logs => &schema::LOG_RECORD,
        }
    }

    /// The name in JSON of the number of records that were not taken.
    const fn rejected(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
        }
    }

    /// Appends the records of an export request to `lines`.
    ///
    /// # Errors
    /// When it is none, or comes to more than `lines` may hold.
    pub(super) fn lines_of_protobuf(self, request: &[u8], lines: &mut Buffer) -> Result<(), Refused> {
        for group in messages(request, 1) {
            let group = group?;
            let resource = part(group, &schema::RESOURCE)?;
            for scoped in messages(group, 2) {
                let scoped = scoped?;
                let scope = part(scoped, &schema::SCOPE)?;
                for record in messages(scoped, 2) {
                    let mut text = String::new();
                    json::write(&mut text, record?, self.record())?;
                    self.push_line(lines, [resource.as_deref(), scope.as_deref()], &text)?;
                }
            }
        }
        Ok(())
    }

    /// The same for a request in JSON.
    ///
    /// # Errors
    /// As [`Signal::lines_of_protobuf`].
    pub(super) fn lines_of_json(self, request: &[u8], lines: &mut Buffer) -> Result<(), Refused> {
        let request: Request<'_> = serde_json::from_slice(request)
            .map_err(|error| Refused::Unreadable(format!("it is no OTLP request in JSON: {error}").into()))?;
        let groups = match self {
            Self::Traces => request.resource_spans,
            Self::Logs => request.resource_logs,
        };
        for group in groups.unwrap_or_default() {
            let scopes = group.scope_spans.or(group.scope_logs).unwrap_or_default();
            for scoped in scopes {
                for record in scoped.spans.or(scoped.log_records).unwrap_or_default() {
                    let context = [group.resource.map(RawValue::get), scoped.scope.map(RawValue::get)];
                    self.push_line(lines, context, record.get())?;
                }
            }
        }
        Ok(())
    }

    /// Appends one record with its resource and scope as a line.
    fn push_line(self, lines: &mut Buffer, [resource, scope]: [Option<&str>; 2], record: &str) -> Result<(), Refused> {
        let [groups, scopes, records] = self.names();
        let start = lines.as_slice().len();
        lines.push(format!("{{\"{groups}\":[{{").as_bytes())?;
        if let Some(resource) = resource {
            lines.push(b"\"resource\":")?;
            lines.push(resource.as_bytes())?;
            lines.push(b",")?;
        }
        lines.push(format!("\"{scopes}\":[{{").as_bytes())?;
        if let Some(scope) = scope {
            lines.push(b"\"scope\":")?;
            lines.push(scope.as_bytes())?;
            lines.push(b",")?;
        }
        lines.push(format!("\"{records}\":[").as_bytes())?;
        lines.push(record.as_bytes())?;
        lines.push(b"]}]}]}")?;
        // In JSON a line's end is white space wherever it stands as such.
        lines.replace_from(start, b'\n', b' ');
        lines.push(b"\n")
    }
}

/// The messages of a list, or why the message around them is none.
fn messages(message: &[u8], list: u64) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields::of(message).filter_map(move |field| match field {
        Ok((number, Value::Bytes(bytes))) if number == list => Some(Ok(bytes)),
        Ok((number, _)) if number == list => Some(Err(Malformed("a field has another kind than OTLP gives it"))),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// The first field of a message, which says what all records in it share.
fn part(message: &[u8], fields: &'static [Field]) -> Result<Option<String>, Malformed> {
    let Some(shared) = messages(message, 1).last().transpose()? else { return Ok(None) };
    let mut text = String::new();
    json::write(&mut text, shared, fields)?;
    Ok(Some(text))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    resource_spans: Option<Vec<Group<'a>>>,
    #[serde(borrow)]
    resource_logs: Option<Vec<Group<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope_spans: Option<Vec<Scoped<'a>>>,
    #[serde(borrow)]
    scope_logs: Option<Vec<Scoped<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scoped<'a> {
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow)]
    spans: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    log_records: Option<Vec<&'a RawValue>>,
}

/// How an exporter is answered: in the encoding of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) signal: Signal,
    pub(crate) protobuf: bool,
}

impl Dialect {
    /// What a request with these headers is answered in; JSON where they do not say.
    pub(crate) fn asked(signal: Signal, headers: &HeaderMap) -> Self {
        Self { signal, protobuf: Media::of_otlp(headers).ok() == Some(Media::OtlpProtobuf) }
    }

    /// 200: taken, but for `rejected` records, with a word on why.
    pub(super) fn taken(self, rejected: u64, why: &str) -> Reply {
        let body = if self.protobuf {
            let mut body = Vec::new();
            if rejected > 0 {
                let mut partial = Vec::new();
                wire::push_number(&mut partial, 1, rejected);
                wire::push_bytes(&mut partial, 2, why.as_bytes());
                wire::push_bytes(&mut body, 1, &partial);
            }
            body
        } else if rejected > 0 {
            let name = self.signal.rejected();
            let partial = serde_json::json!({name: rejected.to_string(), "errorMessage": why});
            serde_json::json!({ "partialSuccess": partial }).to_string().into_bytes()
        } else {
            b"{}".to_vec()
        };
        reply::with_body(StatusCode::OK, self.content_type(), body.into())
    }

    /// A refusal, as a `google.rpc.Status` with its message.
    pub(crate) fn refusal(self, refused: &Refused) -> Reply {
        let message = refused.to_string();
        let body = if self.protobuf {
            let mut body = Vec::new();
            wire::push_bytes(&mut body, 2, message.as_bytes());
            body
        } else {
            serde_json::json!({ "message": message }).to_string().into_bytes()
        };
        let mut reply = reply::with_body(refused.status(), self.content_type(), body.into());
        refused.add_headers(&mut reply);
        reply
    }

    const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(if self.protobuf { "application/x-protobuf" } else { "application/json" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;

    /// What an exporter of the OpenTelemetry SDK for Python sent, and the same as its protocol buffers library writes it
    /// in JSON (with ids as OTLP has them).
    const SAMPLES: [(Signal, &[u8], &[u8]); 2] = [
        (
            Signal::Traces,
            include_bytes!("../../tests/samples/otlp-traces.pb"),
            include_bytes!("../../tests/samples/otlp-traces.json"),
        ),
        (
            Signal::Logs,
            include_bytes!("../../tests/samples/otlp-logs.pb"),
            include_bytes!("../../tests/samples/otlp-logs.json"),
        ),
    ];

    fn lines(write: impl FnOnce(&mut Buffer) -> Result<(), Refused>) -> Result<Vec<serde_json::Value>, Refused> {
        let mut lines = Budget::new(1 << 20).buffer(1 << 20);
        write(&mut lines)?;
        let text = std::str::from_utf8(lines.as_slice()).unwrap();
        Ok(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn both_encodings_say_the_same_a_record_a_line() {
        for (signal, protobuf, json) in SAMPLES {
            let of_protobuf = lines(|lines| signal.lines_of_protobuf(protobuf, lines)).unwrap();
            let of_json = lines(|lines| signal.lines_of_json(json, lines)).unwrap();
            assert_eq!(of_protobuf, of_json);
            assert_eq!(of_protobuf.len(), if signal == Signal::Traces { 4 } else { 1 });
        }
    }

    #[test]
    fn every_torn_message_is_refused_or_whole_up_to_there() {
        for (signal, protobuf, _) in SAMPLES {
            let whole = lines(|lines| signal.lines_of_protobuf(protobuf, lines)).unwrap();
            for cut in 1..protobuf.len() {
                match lines(|lines| signal.lines_of_protobuf(&protobuf[..cut], lines)) {
                    Ok(part) => assert!(part.len() < whole.len(), "cut at {cut}"),
                    Err(refused) => assert!(matches!(refused, Refused::Unreadable(_))),
                }
            }
        }
    }

    #[test]
    fn attributes_without_end_are_refused() {
        // An attribute's value in an attribute's value, and so on.
        let mut value = Vec::new();
        for _ in 0..200 {
            let mut outer = Vec::new();
            wire::push_bytes(&mut outer, 1, &value);
            value = Vec::new();
            wire::push_bytes(&mut value, 5, &outer);
        }
        let mut message = Vec::new();
        // In an attribute, a span, a scope, a resource, a request.
        for field in [2, 9, 2, 2, 1] {
            let mut outer = Vec::new();
            wire::push_bytes(&mut outer, field, if message.is_empty() { &value } else { &message });
            message = outer;
        }
        let refused = lines(|lines| Signal::Traces.lines_of_protobuf(&message, lines));
        assert!(refused.is_err(), "{refused:?}");
    }

    #[test]
    fn an_answer_says_what_was_not_taken() {
        use http_body_util::BodyExt;
        let body = |reply: Reply| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(reply.into_body().collect()).unwrap().to_bytes()
        };
        let dialect = |protobuf| Dialect { signal: Signal::Logs, protobuf };
        assert_eq!(body(dialect(true).taken(0, "")), "");
        assert_eq!(body(dialect(true).taken(300, "no")), &[10, 7, 8, 0xac, 2, 18, 2, b'n', b'o'][..]);
        assert_eq!(body(dialect(false).taken(0, "")), "{}");
        let partial = r#"{"partialSuccess":{"errorMessage":"no","rejectedLogRecords":"3"}}"#;
        assert_eq!(body(dialect(false).taken(3, "no")), partial);
    }
}
