//! Which format a line has.
//!
//! The rules are tried in their order. A format that the line before had is tried first nevertheless, so its shape's
//! `fits` must refuse whatever an earlier rule would take: else the same line would be read in two ways.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::bad::{Bad, Reason};
use super::fields::{self, Text};
use super::{Format, Line, Out, read_as, try_as};

/// Reads a line whose format is not known, trying that of the line before it first.
pub(super) fn read<'a>(text: &'a str, last: &mut Option<Format>, out: &mut Out<'a, '_, impl FnMut(Line<'a>)>) {
    if last.is_some_and(|last| try_as(last, text, out)) {
        return;
    }
    match fields::parse::<Markers<'_>>(text).and_then(|markers| markers.format().ok_or_else(unknown)) {
        Ok(format) => {
            *last = Some(format);
            read_as(format, text, out);
        }
        Err(bad) => out.read(Err(bad)),
    }
}

fn unknown() -> Bad {
    let what = "a JSON object in none of the known formats: if it is one, name the format of its source";
    Bad::new(Reason::UnknownFormat, what)
}

/// The keys that tell the formats apart, beside `object` and `type`, of which the value does.
const KEYS: [&str; 22] = [
    "id",
    "usage",
    "call_type",
    "sessionId",
    "leafUuid",
    "uuid",
    "specversion",
    "source",
    "_request",
    "_time",
    "time",
    "input_tokens",
    "output_tokens",
    "cost",
    "endpoint",
    "error",
    "request_id",
    "resourceSpans",
    "resourceLogs",
    "resourceMetrics",
    "x-request-id",
    "response_code",
];

/// What of all that a line has.
#[derive(Default)]
struct Markers<'a> {
    object: Option<Text<'a>>,
    kind: Option<Text<'a>>,
    /// A bit for each of [`KEYS`] that is there and not null.
    keys: u32,
}

impl<'de> Deserialize<'de> for Markers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Markers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Markers::default();
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    found.note(key.as_str(), value.get());
                }
                Ok(found)
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

impl<'a> Markers<'a> {
    /// What is wrong with a value is for the format's reader to find.
    fn note(&mut self, key: &str, value: &'a str) {
        match key {
            "object" => self.object = serde_json::from_str(value).ok(),
            "type" => self.kind = serde_json::from_str(value).ok(),
            _ if value == "null" => {}
            _ => self.keys |= KEYS.iter().position(|known| *known == key).map_or(0, |place| 1 << place),
        }
    }

    fn has(&self, key: &str) -> bool {
        KEYS.iter().zip(0..).any(|(known, place)| *known == key && self.keys & (1 << place) != 0)
    }

    fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.has(key))
    }

    fn format(&self) -> Option<Format> {
        let kind = self.kind.as_ref().map(Text::as_str);
        match self.object.as_ref().map(Text::as_str) {
            Some("chat.completion" | "chat.completion.chunk" | "text_completion") => return Some(Format::OpenaiChat),
            Some("response") => return Some(Format::OpenaiResponses),
            _ => {}
        }
        // The body of an error says nothing of itself; what stands beside it tells that it is one.
        let bare_error = self.has("error") && self.has_any(&["_request", "_time"]);
        let is_message = kind == Some("message") && self.has("usage") || kind == Some("error") && self.has("error");
        let rules = [
            (self.has("specversion") && self.has("source"), Format::Cloudevents),
            (self.has("call_type") && self.has("id"), Format::LitellmPayload),
            (self.has("call_type") && self.has("request_id"), Format::LitellmSpendlogs),
            (is_message, Format::AnthropicMessages),
            (self.is_transcript(kind), Format::ClaudeCode),
            (bare_error, Format::OpenaiChat),
            (self.is_mete(), Format::Mete),
            (self.has("x-request-id") && self.has("response_code"), Format::EnvoyAiGateway),
            (self.has_any(&["resourceSpans", "resourceLogs", "resourceMetrics"]), Format::OtelGenai),
        ];
        rules.into_iter().find_map(|(holds, format)| holds.then_some(format))
    }

    fn is_transcript(&self, kind: Option<&str>) -> bool {
        let kinds = ["file-history-snapshot", "queue-operation", "summary"];
        !self.has("id")
            && kind.is_some_and(|kind| self.has_any(&["sessionId", "leafUuid", "uuid"]) || kinds.contains(&kind))
    }

    /// At least two of its fields, and nothing that another format counts by.
    fn is_mete(&self) -> bool {
        let own = ["id", "time", "input_tokens", "output_tokens", "cost", "endpoint"];
        self.has_any(&["id", "time"])
            && own.into_iter().filter(|key| self.has(key)).count() >= 2
            && !self.has_any(&["usage", "specversion", "_request", "call_type"])
    }
}
