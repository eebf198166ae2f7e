//! Response bodies of OpenAI's chat completions and responses, and of the many servers that speak the same.
//!
//! Cached, written and audio tokens are inside the input count, reasoning and audio tokens inside the output.

use mete_core::{EndpointGroup, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bad::Bad;
use super::fields::{Object, Raw, Text, text};
use super::numbers::{self, count};
use super::request::{self, Request};
use super::{Format, Read, Shape};
use crate::record::Record;

/// What both kinds of bodies have beside their usage.
struct Body<'a> {
    id: Option<Text<'a>>,
    created: Raw<'a>,
    model: Option<Text<'a>>,
    provider: Option<Text<'a>>,
    service_tier: Option<Text<'a>>,
    request: Option<Object<Request<'a>>>,
    time: Raw<'a>,
}

impl<'a> Body<'a> {
    /// The record of a body with this usage; without one it tells of a failure.
    fn record(self, format: Format, endpoint: EndpointGroup, usage: Option<Usage>) -> Read<'a> {
        let mut record = Record::new(format, text(self.id).unwrap_or_default(), endpoint);
        record.time = numbers::time("created", self.created)?;
        record.model = text(self.model);
        record.provider = text(self.provider);
        record.tier = text(self.service_tier);
        request::apply(&mut record, self.request, self.time)?;
        let Some(usage) = usage else { return Ok(request::failure(record)) };
        record.usage = usage;
        Ok(Some(record))
    }
}

/// Tokens inside a count.
#[derive(Default, Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_write_tokens: Raw<'a>,
    #[serde(borrow)]
    audio_tokens: Raw<'a>,
    #[serde(borrow)]
    reasoning_tokens: Raw<'a>,
}

/// Puts the counts together: `input` and `output` are the names of the totals, for messages.
fn counts(
    (input, input_tokens, inside_input): (&str, Raw<'_>, Option<Object<Details<'_>>>),
    (output, output_tokens, inside_output): (&str, Raw<'_>, Option<Object<Details<'_>>>),
) -> Result<Usage, Bad> {
    let inside_input = inside_input.map(|object| object.0).unwrap_or_default();
    let inside_output = inside_output.map(|object| object.0).unwrap_or_default();
    Ok(Usage {
        input: count(input, input_tokens)?,
        cached_input: count("usage: cached_tokens", inside_input.cached_tokens)?,
        cache_write: count("usage: cache_write_tokens", inside_input.cache_write_tokens)?,
        audio_input: count("usage: audio_tokens of the input", inside_input.audio_tokens)?,
        output: count(output, output_tokens)?,
        reasoning: count("usage: reasoning_tokens", inside_output.reasoning_tokens)?,
        audio_output: count("usage: audio_tokens of the output", inside_output.audio_tokens)?,
        ..Usage::default()
    })
}

/// A body of chat completions, or one chunk of a stream.
#[derive(Deserialize)]
pub(super) struct Chat<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    object: Option<Text<'a>>,
    #[serde(borrow)]
    created: Raw<'a>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    usage: Option<Object<ChatUsage<'a>>>,
    error: Option<IgnoredAny>,
    #[serde(borrow, rename = "_request")]
    request: Option<Object<Request<'a>>>,
    #[serde(borrow, rename = "_time")]
    time: Raw<'a>,
}

#[derive(Deserialize)]
struct ChatUsage<'a> {
    #[serde(borrow)]
    prompt_tokens: Raw<'a>,
    #[serde(borrow)]
    completion_tokens: Raw<'a>,
    #[serde(borrow)]
    prompt_tokens_details: Option<Object<Details<'a>>>,
    #[serde(borrow)]
    completion_tokens_details: Option<Object<Details<'a>>>,
}

impl<'a> Shape<'a> for Chat<'a> {
    fn fits(&self) -> bool {
        let object = self.object.as_ref().map(Text::as_str);
        matches!(object, Some("chat.completion" | "chat.completion.chunk" | "text_completion"))
    }

    fn record(self) -> Read<'a> {
        let usage = match self.usage {
            Some(Object(usage)) => Some(counts(
                ("usage.prompt_tokens", usage.prompt_tokens, usage.prompt_tokens_details),
                ("usage.completion_tokens", usage.completion_tokens, usage.completion_tokens_details),
            )?),
            None if self.error.is_some() => None,
            // A chunk in the middle of a stream has used nothing.
            None if self.object.is_some_and(|object| object.as_str() == "chat.completion.chunk") => return Ok(None),
            None => return Err(Bad::missing("usage")),
        };
        Body {
            id: self.id,
            created: self.created,
            model: self.model,
            provider: self.provider,
            service_tier: self.service_tier,
            request: self.request,
            time: self.time,
        }
        .record(Format::OpenaiChat, EndpointGroup::ChatCompletions, usage)
    }
}

/// A body of the responses API.
#[derive(Deserialize)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    object: Option<Text<'a>>,
    #[serde(borrow)]
    created_at: Raw<'a>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    usage: Option<Object<ResponseUsage<'a>>>,
    error: Option<IgnoredAny>,
    #[serde(borrow, rename = "_request")]
    request: Option<Object<Request<'a>>>,
    #[serde(borrow, rename = "_time")]
    time: Raw<'a>,
}

#[derive(Deserialize)]
struct ResponseUsage<'a> {
    #[serde(borrow)]
    input_tokens: Raw<'a>,
    #[serde(borrow)]
    output_tokens: Raw<'a>,
    #[serde(borrow)]
    input_tokens_details: Option<Object<Details<'a>>>,
    #[serde(borrow)]
    output_tokens_details: Option<Object<Details<'a>>>,
}

impl<'a> Shape<'a> for Response<'a> {
    fn fits(&self) -> bool {
        self.object.as_ref().is_some_and(|object| object.as_str() == "response")
    }

    fn record(self) -> Read<'a> {
        let usage = match (self.usage, self.status.as_ref().map(Text::as_str)) {
            (Some(Object(usage)), _) => Some(counts(
                ("usage.input_tokens", usage.input_tokens, usage.input_tokens_details),
                ("usage.output_tokens", usage.output_tokens, usage.output_tokens_details),
            )?),
            (None, Some("queued" | "in_progress")) => return Ok(None),
            (None, Some("failed" | "cancelled")) => None,
            (None, _) if self.error.is_some() => None,
            (None, _) => return Err(Bad::missing("usage")),
        };
        Body {
            id: self.id,
            created: self.created_at,
            model: self.model,
            provider: self.provider,
            service_tier: self.service_tier,
            request: self.request,
            time: self.time,
        }
        .record(Format::OpenaiResponses, EndpointGroup::Responses, usage)
    }
}
