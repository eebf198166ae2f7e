//! Transcripts of Claude Code: one line per message of a session, those of the person among them.
//!
//! A message is written several times while it streams, and again where a session is resumed: all copies have one id,
//! so that the last usage wins (R31).

use std::borrow::Cow;

use mete_core::{EndpointGroup, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::anthropic::{Message, PROVIDER};
use super::bad::Bad;
use super::fields::{self, Object, Raw, Text, text};
use super::numbers;
use super::{Format, Read, Shape};
use crate::record::Record;

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(rename = "sessionId")]
    session_id: Option<IgnoredAny>,
    #[serde(borrow, rename = "requestId")]
    request_id: Option<Text<'a>>,
    #[serde(borrow)]
    cwd: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Raw<'a>,
    /// Of any shape where the entry is not the assistant's.
    #[serde(borrow)]
    message: Raw<'a>,
    id: Option<IgnoredAny>,
    usage: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
    object: Option<IgnoredAny>,
    specversion: Option<IgnoredAny>,
    call_type: Option<IgnoredAny>,
}

impl<'a> Shape<'a> for Entry<'a> {
    fn fits(&self) -> bool {
        let foreign = [&self.id, &self.usage, &self.error, &self.object, &self.specversion, &self.call_type];
        foreign.into_iter().all(Option::is_none) && self.session_id.is_some() && self.kind.is_some()
    }

    fn record(self) -> Read<'a> {
        let assistant = self.kind.is_some_and(|kind| kind.as_str() == "assistant");
        let Some(message) = self.message.filter(|_| assistant) else { return Ok(None) };
        let message: Message<'a> = fields::parse(message.get())?;
        let Some(Object(usage)) = message.usage else { return Ok(None) };
        let counts = usage.counts()?;
        let model = text(message.model);
        // The program's own words, put as if the model had said them.
        if model.as_deref() == Some("<synthetic>") && counts == Usage::default() {
            return Ok(None);
        }
        let id = text(message.id).ok_or_else(|| Bad::missing("message.id"))?;
        let id = match text(self.request_id) {
            Some(request) => Cow::Owned(format!("{id}:{request}")),
            None => id,
        };
        let mut record = Record::new(Format::ClaudeCode, id, EndpointGroup::Messages);
        record.time = numbers::time("timestamp", self.timestamp)?;
        record.directory = text(self.cwd);
        record.model = model;
        record.provider = Some(Cow::Borrowed(PROVIDER));
        record.usage = counts;
        record.tier = usage.tier();
        record.batch = record.tier.as_deref() == Some("batch");
        Ok(Some(record))
    }
}
