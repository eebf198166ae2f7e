//! Which format a line has.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bad::{Bad, Reason};
use super::fields::{self, Text};
use super::{Format, Read, read_as, try_as};

/// Reads a line whose format is not known, trying that of the line before it first.
pub(super) fn read<'a>(text: &'a str, last: &mut Option<Format>) -> Read<'a> {
    if let Some(read) = last.and_then(|last| try_as(last, text)) {
        return read;
    }
    let markers: Markers<'_> = fields::parse(text)?;
    let Some(format) = markers.format() else {
        return Err(Bad::new(
            Reason::UnknownFormat,
            "a JSON object in none of the known formats: if it is one, name the format of its source",
        ));
    };
    *last = Some(format);
    read_as(format, text)
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
}

impl Markers<'_> {
    fn format(&self) -> Option<Format> {
        let kind = self.kind.as_ref().map(Text::as_str);
        match self.object.as_ref().map(Text::as_str) {
            Some("chat.completion" | "chat.completion.chunk" | "text_completion") => return Some(Format::OpenaiChat),
            Some("response") => return Some(Format::OpenaiResponses),
            _ => {}
        }
        if self.call_type.is_some() && self.id.is_some() {
            return Some(Format::LitellmPayload);
        }
        if kind == Some("message") && self.usage.is_some() {
            return Some(Format::AnthropicMessages);
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
