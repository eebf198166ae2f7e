//! Response bodies of Anthropic's messages API.
//!
//! Cache tokens are *outside* `input_tokens` there; here they are put inside.

use std::borrow::Cow;

use mete_core::{EndpointGroup, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bad::Bad;
use super::fields::{Object, Raw, Text, text};
use super::numbers::{count, optional_count};
use super::request::{self, Request};
use super::{Format, Read, Shape};
use crate::record::Record;

/// The provider of these messages, unless `_request` names another.
pub(super) const PROVIDER: &str = "anthropic";

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    #[serde(borrow)]
    pub usage: Option<Object<MessageUsage<'a>>>,
    /// Of errors.
    #[serde(borrow)]
    request_id: Option<Text<'a>>,
    #[serde(borrow, rename = "_request")]
    request: Option<Object<Request<'a>>>,
    #[serde(borrow, rename = "_time")]
    time: Raw<'a>,
    object: Option<IgnoredAny>,
    specversion: Option<IgnoredAny>,
    call_type: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct MessageUsage<'a> {
    #[serde(borrow)]
    input_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_creation_input_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_read_input_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_creation: Option<Object<CacheCreation<'a>>>,
    #[serde(borrow)]
    output_tokens: Raw<'a>,
    #[serde(borrow)]
    output_tokens_details: Option<Object<OutputDetails<'a>>>,
    #[serde(borrow)]
    server_tool_use: Option<Object<ServerTools<'a>>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
}

/// Cache writes by how long they are kept. Without it all are kept for five minutes.
#[derive(Default, Deserialize)]
struct CacheCreation<'a> {
    #[serde(borrow)]
    ephemeral_5m_input_tokens: Raw<'a>,
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Raw<'a>,
}

#[derive(Deserialize)]
struct OutputDetails<'a> {
    #[serde(borrow)]
    thinking_tokens: Raw<'a>,
}

#[derive(Deserialize)]
pub(super) struct ServerTools<'a> {
    #[serde(borrow)]
    pub web_search_requests: Raw<'a>,
}

impl<'a> MessageUsage<'a> {
    /// The counts, with the cache tokens inside the input.
    pub fn counts(&self) -> Result<Usage, Bad> {
        let plain = count("usage.input_tokens", self.input_tokens)?;
        let cached_input = count("usage.cache_read_input_tokens", self.cache_read_input_tokens)?;
        let split = match &self.cache_creation {
            Some(Object(split)) => (
                count("usage.cache_creation.ephemeral_5m_input_tokens", split.ephemeral_5m_input_tokens)?,
                count("usage.cache_creation.ephemeral_1h_input_tokens", split.ephemeral_1h_input_tokens)?,
            ),
            None => (0, 0),
        };
        let total = optional_count("usage.cache_creation_input_tokens", self.cache_creation_input_tokens)?;
        let cache_write = total.unwrap_or(split.0 + split.1);
        let thinking = self.output_tokens_details.as_ref().and_then(|details| details.0.thinking_tokens);
        let searches = self.server_tool_use.as_ref().and_then(|tools| tools.0.web_search_requests);
        Ok(Usage {
            input: plain + cached_input + cache_write,
            cached_input,
            cache_write,
            cache_write_1h: split.1,
            output: count("usage.output_tokens", self.output_tokens)?,
            reasoning: count("usage.output_tokens_details.thinking_tokens", thinking)?,
            searches: count("usage.server_tool_use.web_search_requests", searches)?,
            ..Usage::default()
        })
    }

    /// The service tier; `batch` is one of them.
    pub fn tier(self) -> Option<Cow<'a, str>> {
        text(self.service_tier)
    }
}

impl<'a> Shape<'a> for Message<'a> {
    fn fits(&self) -> bool {
        let foreign = [&self.object, &self.specversion, &self.call_type];
        foreign.into_iter().all(Option::is_none)
            && self.usage.is_some()
            && self.kind.as_ref().is_some_and(|kind| kind.as_str() == "message")
    }

    fn record(self) -> Read<'a> {
        let failed = self.usage.is_none() && self.kind.is_some_and(|kind| kind.as_str() == "error");
        let id = if failed { self.request_id } else { self.id };
        let mut record = Record::new(Format::AnthropicMessages, text(id).unwrap_or_default(), EndpointGroup::Messages);
        record.model = text(self.model);
        record.provider = Some(Cow::Borrowed(PROVIDER));
        if let Some(Object(usage)) = self.usage {
            record.usage = usage.counts()?;
            record.tier = usage.tier();
            record.batch = record.tier.as_deref() == Some("batch");
        } else if !failed {
            return Err(Bad::missing("usage"));
        }
        request::apply(&mut record, self.request, self.time)?;
        Ok(if failed { request::failure(record) } else { Some(record) })
    }
}
