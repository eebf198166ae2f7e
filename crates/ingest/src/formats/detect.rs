//! Which format a line has.

use serde::Deserialize;
use serde::de::IgnoredAny;

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

/// What tells the formats apart.
#[derive(Deserialize)]
struct Markers<'a> {
    #[serde(borrow)]
    object: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    id: Option<IgnoredAny>,
    usage: Option<IgnoredAny>,
    call_type: Option<IgnoredAny>,
    #[serde(rename = "sessionId")]
    session_id: Option<IgnoredAny>,
    #[serde(rename = "leafUuid")]
    leaf_uuid: Option<IgnoredAny>,
    uuid: Option<IgnoredAny>,
    specversion: Option<IgnoredAny>,
    _request: Option<IgnoredAny>,
    time: Option<IgnoredAny>,
    input_tokens: Option<IgnoredAny>,
    output_tokens: Option<IgnoredAny>,
    cost: Option<IgnoredAny>,
    endpoint: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
    _time: Option<IgnoredAny>,
    request_id: Option<IgnoredAny>,
    source: Option<IgnoredAny>,
    #[serde(rename = "resourceSpans")]
    resource_spans: Option<IgnoredAny>,
    #[serde(rename = "resourceLogs")]
    resource_logs: Option<IgnoredAny>,
    #[serde(rename = "resourceMetrics")]
    resource_metrics: Option<IgnoredAny>,
    #[serde(rename = "x-request-id")]
    x_request_id: Option<IgnoredAny>,
    response_code: Option<IgnoredAny>,
}

impl Markers<'_> {
    fn format(&self) -> Option<Format> {
        let kind = self.kind.as_ref().map(Text::as_str);
        match self.object.as_ref().map(Text::as_str) {
            Some("chat.completion" | "chat.completion.chunk" | "text_completion") => return Some(Format::OpenaiChat),
            Some("response") => return Some(Format::OpenaiResponses),
            _ => {}
        }
        if [&self.resource_spans, &self.resource_logs, &self.resource_metrics].into_iter().any(Option::is_some) {
            return Some(Format::OtelGenai);
        }
        if self.specversion.is_some() && self.source.is_some() {
            return Some(Format::Cloudevents);
        }
        if self.call_type.is_some() && self.id.is_some() {
            return Some(Format::LitellmPayload);
        }
        if self.call_type.is_some() && self.request_id.is_some() {
            return Some(Format::LitellmSpendlogs);
        }
        if self.x_request_id.is_some() && self.response_code.is_some() {
            return Some(Format::EnvoyAiGateway);
        }
        if kind == Some("message") && self.usage.is_some() || kind == Some("error") && self.error.is_some() {
            return Some(Format::AnthropicMessages);
        }
        // The body of an error says nothing of itself; what stands beside it tells that it is one.
        if self.error.is_some() && (self._request.is_some() || self._time.is_some()) {
            return Some(Format::OpenaiChat);
        }
        if self.is_transcript(kind) {
            return Some(Format::ClaudeCode);
        }
        self.is_mete().then_some(Format::Mete)
    }

    fn is_transcript(&self, kind: Option<&str>) -> bool {
        let kinds = ["file-history-snapshot", "queue-operation", "summary"];
        kind.is_some()
            && self.id.is_none()
            && (self.session_id.is_some()
                || self.leaf_uuid.is_some()
                || self.uuid.is_some()
                || kind.is_some_and(|kind| kinds.contains(&kind)))
    }

    /// At least two of its fields, and nothing that another format counts by.
    fn is_mete(&self) -> bool {
        let own = [&self.id, &self.time, &self.input_tokens, &self.output_tokens, &self.cost, &self.endpoint];
        let foreign = [&self.usage, &self.specversion, &self._request, &self.call_type];
        (self.id.is_some() || self.time.is_some())
            && own.into_iter().flatten().count() >= 2
            && foreign.into_iter().flatten().count() == 0
    }
}
