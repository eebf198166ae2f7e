//! What a line of a usage log says: one reader per format, and which one it is.
//!
//! A reader is a typed description of the fields that count; all others are skipped unread. White space and the order
//! of keys do not matter. Nothing here panics, whatever the bytes, and nothing is guessed: a line is a [`Record`], or
//! no event ([`Line::Ignored`]), or [`Bad`] with a reason for the quarantine (R34).

mod anthropic;
mod bad;
mod claude_code;
mod cloudevents;
mod detect;
mod envoy;
mod fields;
mod gen_ai;
mod litellm;
mod litellm_spendlogs;
mod mapping;
mod mete;
mod numbers;
mod openai;
mod otel;
mod request;

use std::fmt;
use std::str::FromStr;

pub use bad::{Bad, Reason};
pub use mapping::{Layout, Mapping, MappingError};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::record::Record;

/// A format of usage logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Mete's own: docs/formats.md and docs/mete-event.schema.json.
    Mete,
    /// Response bodies of OpenAI's chat completions, also of other servers that speak it.
    OpenaiChat,
    /// Response bodies of OpenAI's responses API.
    OpenaiResponses,
    /// Response bodies of Anthropic's messages API.
    AnthropicMessages,
    /// Transcripts of Claude Code.
    ClaudeCode,
    /// LiteLLM's standard logging payload.
    LitellmPayload,
    /// Rows of LiteLLM's table SpendLogs.
    LitellmSpendlogs,
    /// OTLP/JSON: spans and log records of OpenTelemetry's conventions for generative AI.
    OtelGenai,
    /// CloudEvents 1.0.
    Cloudevents,
    /// Access logs of Envoy AI Gateway.
    EnvoyAiGateway,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Mete,
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::AnthropicMessages,
        Self::ClaudeCode,
        Self::LitellmPayload,
        Self::LitellmSpendlogs,
        Self::OtelGenai,
        Self::Cloudevents,
        Self::EnvoyAiGateway,
    ];

    /// Its name in configurations and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mete => "mete",
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::AnthropicMessages => "anthropic-messages",
            Self::ClaudeCode => "claude-code",
            Self::LitellmPayload => "litellm-payload",
            Self::LitellmSpendlogs => "litellm-spendlogs",
            Self::OtelGenai => "otel-genai",
            Self::Cloudevents => "cloudevents",
            Self::EnvoyAiGateway => "envoy-ai-gateway",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no format's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format: write one of {names}", names = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// What a line is.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every line is a record; a box for each would cost more")]
pub enum Line<'a> {
    /// A usage event.
    Record(Record<'a>),
    /// Nothing to count: an empty line, or one that its format does not use for events.
    Ignored,
    /// Something that should have been counted and cannot be (R34).
    Bad(Bad),
}

/// What a reader makes of a line: `Ok(None)` is a line that is no event.
type Read<'a> = Result<Option<Record<'a>>, Bad>;

/// How many things of one line go to the quarantine one by one: each takes a copy of the line along.
const MAX_BAD: usize = 16;

/// Reads one line, with or without its line end, and hands out what it says: one thing for most formats, several where
/// a line holds a batch. A line that is an array of objects is read as if each of them were a line.
///
/// With a `format` it is read as that. Without one its format is found; `last` is what was found before: lines of one
/// file mostly have one format, so it is tried first, and finding out costs nothing while it is right.
pub fn read<'a>(line: &'a [u8], format: Option<Format>, last: &mut Option<Format>, each: &mut impl FnMut(Line<'a>)) {
    read_objects(line, each, |text, out| match format {
        Some(format) => read_as(format, text, out),
        None => detect::read(text, last, out),
    });
}

/// The same for lines of which it may be known how they are written.
pub fn read_laid_out<'a>(
    line: &'a [u8],
    layout: Option<&'a Layout>,
    last: &mut Option<Format>,
    each: &mut impl FnMut(Line<'a>),
) {
    match layout {
        None => read(line, None, last, each),
        Some(Layout::BuiltIn(format)) => read(line, Some(*format), last, each),
        Some(Layout::Custom(mapping)) => mapping.read(line, each),
    }
}

/// Reads the object that a line is, or each of those that it has.
fn read_objects<'a, F: FnMut(Line<'a>)>(
    line: &'a [u8],
    each: &mut F,
    mut read: impl FnMut(&'a str, &mut Out<'a, '_, F>),
) {
    let mut out = Out::new(line, each);
    match text_of(line) {
        Ok("") => out.read(Ok(None)),
        Ok(text) if text.starts_with('[') => match elements(text) {
            Ok(objects) if objects.is_empty() => out.read(Ok(None)),
            Ok(objects) => objects.into_iter().for_each(|object| read(object.get(), &mut out)),
            Err(bad) => out.read(Err(bad)),
        },
        Ok(text) => read(text, &mut out),
        Err(bad) => out.read(Err(bad)),
    }
    out.finish();
}

/// Checks what is read and hands it out.
struct Out<'a, 'o, F: FnMut(Line<'a>)> {
    line: &'a [u8],
    each: &'o mut F,
    bad: usize,
    /// What of this line is bad beyond [`MAX_BAD`] things.
    more: Option<Bad>,
}

impl<'a, 'o, F: FnMut(Line<'a>)> Out<'a, 'o, F> {
    fn new(line: &'a [u8], each: &'o mut F) -> Self {
        Self { line, each, bad: 0, more: None }
    }

    /// Takes what a reader makes of a line, one thing after the other.
    fn read(&mut self, read: Read<'a>) {
        match read.and_then(|record| record.map(check).transpose()) {
            Ok(Some(record)) => (self.each)(Line::Record(record)),
            Ok(None) => (self.each)(Line::Ignored),
            Err(bad) => self.refuse(bad),
        }
    }

    fn refuse(&mut self, bad: Bad) {
        self.bad += 1;
        match self.bad {
            ..=MAX_BAD => (self.each)(Line::Bad(bad.located(self.line))),
            _ => drop(self.more.get_or_insert(bad)),
        }
    }

    /// Tells of what was held back, in one.
    fn finish(&mut self) {
        if let Some(mut bad) = self.more.take() {
            bad.detail = format!("{}; with this, {} more are bad in this line", bad.detail, self.bad - MAX_BAD);
            (self.each)(Line::Bad(bad.located(self.line)));
        }
    }
}

/// The line as text without the white space around it.
fn utf8(line: &[u8]) -> Result<&str, Bad> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    std::str::from_utf8(line).map(str::trim_ascii).map_err(|error| {
        let bad = Bad::new(Reason::NotJson, format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1));
        bad.at_bytes(&line[error.valid_up_to()..])
    })
}

/// The same; refuses what can be no JSON object and no array of them.
fn text_of(line: &[u8]) -> Result<&str, Bad> {
    let text = utf8(line)?;
    match text.as_bytes().first() {
        None | Some(b'{' | b'[') => Ok(text),
        Some(0) => Err(Bad::new(Reason::NotJson, "the line begins with NUL bytes").at(text)),
        Some(_) => Err(Bad::new(Reason::NotJson, "the line is no JSON object: it does not begin with {").at(text)),
    }
}

/// The objects of an array.
fn elements(text: &str) -> Result<Vec<&RawValue>, Bad> {
    let elements: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| Bad::new(Reason::NotJson, error.to_string()).at_byte(text, fields::column(text, &error)))?;
    match elements.iter().find(|element| !element.get().starts_with('{')) {
        Some(other) => Err(Bad::new(Reason::NotJson, "not all in the array are JSON objects").at(other.get())),
        None => Ok(elements),
    }
}

/// The fields of a format that count.
trait Shape<'a>: Deserialize<'a> {
    /// Whether they are there that only this format has, and none that only others have.
    fn fits(&self) -> bool;

    /// What the line says.
    fn record(self) -> Read<'a>;
}

/// Reads a line that is in `format`.
fn read_as<'a>(format: Format, text: &'a str, out: &mut Out<'a, '_, impl FnMut(Line<'a>)>) {
    fn one<'a, S: Shape<'a>>(text: &'a str) -> Read<'a> {
        fields::parse::<S>(text)?.record()
    }
    out.read(match format {
        Format::Mete => mete::read_plain(text).map_or_else(|| one::<mete::Event<'_>>(text), |record| Ok(Some(record))),
        Format::OpenaiChat => one::<openai::Chat<'_>>(text),
        Format::OpenaiResponses => one::<openai::Response<'_>>(text),
        Format::AnthropicMessages => one::<anthropic::Message<'_>>(text),
        Format::ClaudeCode => one::<claude_code::Entry<'_>>(text),
        Format::LitellmPayload => one::<litellm::Payload<'_>>(text),
        Format::LitellmSpendlogs => one::<litellm_spendlogs::Row<'_>>(text),
        Format::Cloudevents => one::<cloudevents::CloudEvent<'_>>(text),
        Format::EnvoyAiGateway => one::<envoy::Entry<'_>>(text),
        Format::OtelGenai => match fields::parse::<otel::Export<'_>>(text) {
            Ok(export) => return export.read(out),
            Err(bad) => Err(bad),
        },
    });
}

/// Reads a line if it is surely in `format`, and says whether it is.
fn try_as<'a>(format: Format, text: &'a str, out: &mut Out<'a, '_, impl FnMut(Line<'a>)>) -> bool {
    fn one<'a, S: Shape<'a>>(text: &'a str) -> Option<Read<'a>> {
        fields::parse::<S>(text).ok().filter(S::fits).map(S::record)
    }
    let read = match format {
        Format::Mete => match mete::read_plain(text) {
            Some(record) => Some(Ok(Some(record))),
            None => one::<mete::Event<'_>>(text),
        },
        Format::OpenaiChat => one::<openai::Chat<'_>>(text),
        Format::OpenaiResponses => one::<openai::Response<'_>>(text),
        Format::AnthropicMessages => one::<anthropic::Message<'_>>(text),
        Format::ClaudeCode => one::<claude_code::Entry<'_>>(text),
        Format::LitellmPayload => one::<litellm::Payload<'_>>(text),
        Format::LitellmSpendlogs => one::<litellm_spendlogs::Row<'_>>(text),
        Format::Cloudevents => one::<cloudevents::CloudEvent<'_>>(text),
        Format::EnvoyAiGateway => one::<envoy::Entry<'_>>(text),
        // Told by its first keys as fast as by trying.
        Format::OtelGenai => None,
    };
    read.map(|read| out.read(read)).is_some()
}

/// What must hold for a record of any format.
fn check(record: Record<'_>) -> Result<Record<'_>, Bad> {
    if let Some(problem) = record.usage.problem() {
        return Err(Bad::new(Reason::BadUsage, problem));
    }
    if record.id.is_empty() {
        return Err(Bad::missing("id"));
    }
    let texts = [
        ("id", Some(&record.id)),
        ("organization", record.organization.as_ref()),
        ("project", record.project.as_ref()),
        ("member", record.member.as_ref()),
        ("model", record.model.as_ref()),
        ("provider", record.provider.as_ref()),
        ("service tier", record.tier.as_ref()),
        ("hold", record.hold.as_ref()),
        ("team", record.team.as_ref()),
        ("directory", record.directory.as_ref()),
        ("service", record.service.as_ref()),
        ("key alias", record.key_alias.as_ref()),
        ("user", record.user.as_ref()),
    ];
    for (field, text) in texts {
        text.map_or(Ok(()), |text| fields::check_text(field, text))?;
    }
    if let Some(resource) = &record.resource {
        fields::check_text("resource.type", &resource.kind)?;
        fields::check_text("resource.id", &resource.id)?;
    }
    Ok(record)
}
