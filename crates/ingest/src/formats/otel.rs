//! OTLP/JSON: one export request, with all its spans or log records, a line. The file exporter of OpenTelemetry's
//! collector writes it, and OTLP over HTTP carries it.
//!
//! A span or log record with usage is an event. An agent's own spans sum up the requests under them, which are spans
//! themselves: they are passed over, or each token would count twice.

use std::borrow::Cow;
use std::fmt;

use mete_core::Timestamp;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::bad::{Bad, Reason};
use super::fields::{self, Object, Raw, Text, scalar, shown, text};
use super::gen_ai::Attributes;
use super::{Format, Line, Out, Read, numbers};
use crate::record::Record;

/// Operations that are no request to a model themselves.
const AROUND: [&str; 5] = ["invoke_agent", "create_agent", "invoke_workflow", "execute_tool", "plan"];
/// Places of a nanosecond in picoseconds.
const NANOSECONDS: u32 = 3;
/// The status of a span that failed.
const ERROR: [&str; 2] = ["2", "STATUS_CODE_ERROR"];

/// An export request of spans or of log records; one of metrics has no events.
#[derive(Deserialize)]
pub(super) struct Export<'a> {
    #[serde(borrow, default, rename = "resourceSpans")]
    spans: List<Object<Part<'a>>>,
    #[serde(borrow, default, rename = "resourceLogs")]
    logs: List<Object<Part<'a>>>,
}

/// What one resource sent.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    resource: Option<Object<Resource<'a>>>,
    #[serde(borrow, default, alias = "scopeLogs", rename = "scopeSpans")]
    scopes: List<Object<Scope<'a>>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    attributes: Attributes<'a>,
}

/// Spans or log records of one instrumentation. Each is read by itself, so that a bad one spoils no other.
#[derive(Deserialize)]
struct Scope<'a> {
    #[serde(borrow, default, alias = "logRecords", rename = "spans")]
    items: List<&'a RawValue>,
}

/// An array, or nothing.
type List<T> = Option<Vec<T>>;

/// A span or a log record.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "traceId")]
    trace_id: Option<Text<'a>>,
    #[serde(borrow, rename = "spanId")]
    span_id: Option<Text<'a>>,
    #[serde(borrow, rename = "endTimeUnixNano")]
    end: Raw<'a>,
    #[serde(borrow, rename = "timeUnixNano")]
    time: Raw<'a>,
    #[serde(borrow, rename = "observedTimeUnixNano")]
    observed: Raw<'a>,
    #[serde(borrow)]
    status: Option<Object<Status<'a>>>,
    #[serde(borrow, default)]
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    code: Raw<'a>,
}

impl<'a> Export<'a> {
    /// Reads every span and log record.
    pub fn read(self, out: &mut Out<'a, '_, impl FnMut(Line<'a>)>) {
        let mut events = false;
        for Object(part) in self.spans.into_iter().chain(self.logs).flatten() {
            let resource = part.resource.map(|object| object.0.attributes).unwrap_or_default();
            for item in part.scopes.into_iter().flatten().flat_map(|scope| scope.0.items).flatten() {
                match fields::parse(item.get()).and_then(|item: Item<'a>| item.record(&resource)) {
                    Ok(None) => {}
                    read => {
                        events = true;
                        out.read(read);
                    }
                }
            }
        }
        if !events {
            out.read(Ok(None));
        }
    }
}

impl<'a> Item<'a> {
    fn record(self, resource: &Attributes<'a>) -> Read<'a> {
        let own = &self.attributes;
        let operation = own.text(&["gen_ai.operation.name"]);
        if operation.as_deref().is_some_and(|operation| AROUND.contains(&operation)) {
            return Ok(None);
        }
        let usage = own.usage()?;
        if usage.is_none() && !self.has_failed() {
            return Ok(None);
        }
        let time = self.time()?.ok_or_else(|| Bad::missing("endTimeUnixNano"))?;
        let mut record = Record::new(Format::OtelGenai, self.id()?, own.endpoint());
        record.time = Some(time);
        let said = |names: &[&str]| own.text(names).or_else(|| resource.text(names));
        record.organization = said(&["mete.organization"]);
        record.project = said(&["mete.project"]);
        record.member = said(&["mete.member"]);
        record.hold = own.text(&["mete.hold"]);
        let key = |of: &Attributes<'a>| of.key(&["mete.api_key_sha256"], &["mete.api_key_id", "mete.api_key"]);
        record.key = key(own)?.map_or_else(|| key(resource), |key| Ok(Some(key)))?;
        record.cost = numbers::cost("mete.cost", own.first(&["mete.cost"]))?;
        record.model = own.model();
        record.provider = own.provider();
        record.tier = own.tier();
        let Some(usage) = usage else { return Ok(Some(record.failed())) };
        record.usage = usage;
        Ok(Some(record))
    }

    /// The provider's id of the answer, which span and log record of one request have in common; else the span's.
    fn id(&self) -> Result<Cow<'a, str>, Bad> {
        if let Some(id) = self.attributes.text(&["gen_ai.response.id"]) {
            return Ok(id);
        }
        let of = |id: &Option<Text<'a>>| id.as_ref().map(Text::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
        match (of(&self.trace_id), of(&self.span_id)) {
            (Some(trace), Some(span)) => Ok(Cow::Owned(format!("{trace}:{span}"))),
            _ => Err(Bad::missing("gen_ai.response.id, or traceId and spanId,")),
        }
    }

    /// When the span ended or the record was written; 0 is no time.
    fn time(&self) -> Result<Option<Timestamp>, Bad> {
        let known = |raw: Raw<'a>| raw.filter(|raw| scalar(raw).is_none_or(|text| text != "0"));
        let fields =
            [("endTimeUnixNano", self.end), ("timeUnixNano", self.time), ("observedTimeUnixNano", self.observed)];
        let Some((field, raw)) = fields.into_iter().find_map(|(field, raw)| Some((field, known(raw)?))) else {
            return Ok(None);
        };
        let time = scalar(raw).and_then(|text| numbers::unix_time(&text, NANOSECONDS));
        time.map(Some).ok_or_else(|| {
            let what = format!("{field} is {}: write nanoseconds since 1970", shown(raw.get()));
            Bad::new(Reason::BadTime, what).at(raw.get())
        })
    }

    /// Whether it is a request to a model, and failed.
    fn has_failed(&self) -> bool {
        let code = self.status.as_ref().and_then(|status| status.0.code).and_then(scalar);
        let failed =
            code.is_some_and(|code| ERROR.contains(&&*code)) || self.attributes.text(&["error.type"]).is_some();
        failed && self.attributes.model().is_some()
    }
}

/// One attribute.
#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    value: Raw<'a>,
}

/// A value; of other kinds (bytes, arrays, lists) none counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value<'a> {
    #[serde(borrow)]
    string_value: Raw<'a>,
    #[serde(borrow)]
    int_value: Raw<'a>,
    #[serde(borrow)]
    double_value: Raw<'a>,
    #[serde(borrow)]
    bool_value: Raw<'a>,
}

impl<'a, 'de: 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Attributes<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of attributes")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Attributes::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
                let mut kept = Vec::new();
                while let Some(Object(pair)) = pairs.next_element::<Object<Pair<'de>>>()? {
                    let (Some(key), Some(raw)) = (text(pair.key), pair.value) else { continue };
                    if !counts(&key) {
                        continue;
                    }
                    let Object(value) = serde_json::from_str::<Object<Value<'de>>>(raw.get())
                        .map_err(|error| de::Error::custom(format_args!("the value of {key}: {error}")))?;
                    let value = value.string_value.or(value.int_value).or(value.double_value).or(value.bool_value);
                    kept.extend(value.map(|value| (key, value)));
                }
                Ok(Attributes(kept))
            }
        }

        deserializer.deserialize_any(Pairs).map(|attributes: Attributes<'de>| attributes)
    }
}

/// Whether an attribute is one of those that are read.
fn counts(key: &str) -> bool {
    ["gen_ai.usage.", "gen_ai.response.", "mete."].iter().any(|prefix| key.starts_with(prefix))
        || matches!(
            key,
            "gen_ai.operation.name"
                | "gen_ai.provider.name"
                | "gen_ai.system"
                | "gen_ai.request.model"
                | "gen_ai.openai.response.service_tier"
                | "openai.response.service_tier"
                | "openai.api.type"
                | "error.type"
        )
}
