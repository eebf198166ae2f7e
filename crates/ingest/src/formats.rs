//! What a line of a usage log says: one reader per format, and which one it is.
//!
//! A reader is a typed description of the fields that count; all others are skipped unread. White space and the order
//! of keys do not matter. Nothing here panics, whatever the bytes, and nothing is guessed: a line is a [`Record`], or
//! no event ([`Line::Ignored`]), or [`Bad`] with a reason for the quarantine (R34).

mod anthropic;
mod bad;
mod claude_code;
mod detect;
mod fields;
mod litellm;
mod mete;
mod openai;
mod request;

use std::fmt;
use std::str::FromStr;

pub use bad::{Bad, Reason};
use serde::Deserialize;

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
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [
        Self::Mete,
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::AnthropicMessages,
        Self::ClaudeCode,
        Self::LitellmPayload,
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

/// Reads one line, with or without its line end, and hands out what it says: one thing for most formats, several where
/// a line holds a batch.
///
/// With a `format` it is read as that. Without one its format is found; `last` is what was found before: lines of one
/// file mostly have one format, so it is tried first, and finding out costs nothing while it is right.
pub fn read<'a>(line: &'a [u8], format: Option<Format>, last: &mut Option<Format>, each: &mut impl FnMut(Line<'a>)) {
    let text = match text_of(line) {
        Ok("") => return each(Line::Ignored),
        Ok(text) => text,
        Err(bad) => return each(Line::Bad(bad)),
    };
    let read = match format {
        Some(format) => read_as(format, text),
        None => detect::read(text, last),
    };
    each(match read.and_then(|record| record.map(check).transpose()) {
        Ok(Some(record)) => Line::Record(record),
        Ok(None) => Line::Ignored,
        Err(bad) => Line::Bad(bad),
    });
}

/// The line as text without the white space around it; refuses what can be no JSON object.
fn text_of(line: &[u8]) -> Result<&str, Bad> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let text = std::str::from_utf8(line)
        .map_err(|error| Bad::new(Reason::NotJson, format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1)))?;
    let text = text.trim_ascii();
    match text.as_bytes().first() {
        None | Some(b'{') => Ok(text),
        Some(0) => Err(Bad::new(Reason::NotJson, "the line begins with NUL bytes")),
        Some(_) => Err(Bad::new(Reason::NotJson, "the line is no JSON object: it does not begin with {")),
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
fn read_as(format: Format, text: &str) -> Read<'_> {
    fn read<'a, S: Shape<'a>>(text: &'a str) -> Read<'a> {
        fields::parse::<S>(text)?.record()
    }
    match format {
        Format::Mete => match mete::read_plain(text) {
            Some(record) => Ok(Some(record)),
            None => read::<mete::Event<'_>>(text),
        },
        Format::OpenaiChat => read::<openai::Chat<'_>>(text),
        Format::OpenaiResponses => read::<openai::Response<'_>>(text),
        Format::AnthropicMessages => read::<anthropic::Message<'_>>(text),
        Format::ClaudeCode => read::<claude_code::Entry<'_>>(text),
        Format::LitellmPayload => read::<litellm::Payload<'_>>(text),
    }
}

/// Reads a line if it is surely in `format`.
fn try_as(format: Format, text: &str) -> Option<Read<'_>> {
    fn try_read<'a, S: Shape<'a>>(text: &'a str) -> Option<Read<'a>> {
        fields::parse::<S>(text).ok().filter(S::fits).map(S::record)
    }
    match format {
        Format::Mete => match mete::read_plain(text) {
            Some(record) => Some(Ok(Some(record))),
            None => try_read::<mete::Event<'_>>(text),
        },
        Format::OpenaiChat => try_read::<openai::Chat<'_>>(text),
        Format::OpenaiResponses => try_read::<openai::Response<'_>>(text),
        Format::AnthropicMessages => try_read::<anthropic::Message<'_>>(text),
        Format::ClaudeCode => try_read::<claude_code::Entry<'_>>(text),
        Format::LitellmPayload => try_read::<litellm::Payload<'_>>(text),
    }
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
