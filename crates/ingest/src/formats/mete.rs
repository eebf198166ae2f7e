//! Mete's own format: docs/formats.md and docs/mete-event.schema.json.

mod plain;

use mete_core::{EndpointGroup, Usage, event};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bad::Bad;
use super::fields::{Object, Raw, Text, text};
use super::numbers::{self, count};
use super::{Format, Read, Shape, request};
use crate::record::Record;

/// What a line says, if it is surely in this format and reads easily, as nearly all do; else [`Event`] is asked.
pub(super) fn read_plain(text: &str) -> Option<Record<'_>> {
    plain::read(text)
}

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    time: Raw<'a>,
    #[serde(borrow)]
    organization: Option<Text<'a>>,
    #[serde(borrow)]
    project: Option<Text<'a>>,
    #[serde(borrow)]
    api_key: Option<Text<'a>>,
    #[serde(borrow)]
    api_key_sha256: Option<Text<'a>>,
    #[serde(borrow)]
    member: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    endpoint: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    batch: Option<bool>,
    #[serde(borrow)]
    input_tokens: Raw<'a>,
    #[serde(borrow)]
    cached_input_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_write_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_write_1h_tokens: Raw<'a>,
    #[serde(borrow)]
    output_tokens: Raw<'a>,
    #[serde(borrow)]
    reasoning_tokens: Raw<'a>,
    #[serde(borrow)]
    audio_input_tokens: Raw<'a>,
    #[serde(borrow)]
    audio_output_tokens: Raw<'a>,
    #[serde(borrow)]
    images: Raw<'a>,
    #[serde(borrow)]
    seconds: Raw<'a>,
    #[serde(borrow)]
    searches: Raw<'a>,
    #[serde(borrow)]
    bytes: Raw<'a>,
    #[serde(borrow)]
    cost: Raw<'a>,
    #[serde(borrow)]
    resource: Option<Object<Resource<'a>>>,
    #[serde(borrow)]
    hold: Option<Text<'a>>,
    // What other formats have at this place: with one of these, the line may be something else.
    object: Option<IgnoredAny>,
    #[serde(rename = "type")]
    kind: Option<IgnoredAny>,
    usage: Option<IgnoredAny>,
    specversion: Option<IgnoredAny>,
    call_type: Option<IgnoredAny>,
    _request: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
}

impl<'a> Shape<'a> for Event<'a> {
    fn fits(&self) -> bool {
        let foreign = [&self.object, &self.kind, &self.usage, &self.specversion, &self.call_type, &self._request];
        self.error.is_none() && self.id.is_some() && self.time.is_some() && foreign.into_iter().all(Option::is_none)
    }

    fn record(self) -> Read<'a> {
        let usage = self.counts()?;
        let id = text(self.id).ok_or_else(|| Bad::missing("id"))?;
        let endpoint = text(self.endpoint).map_or(EndpointGroup::Other, |endpoint| {
            EndpointGroup::from_name(&endpoint).unwrap_or_else(|| EndpointGroup::of_path(&endpoint))
        });
        let mut record = Record::new(Format::Mete, id, endpoint);
        record.time = Some(numbers::time("time", self.time)?.ok_or_else(|| Bad::missing("time"))?);
        record.key = request::key(self.api_key_sha256, self.api_key)?;
        record.cost = numbers::cost("cost", self.cost)?;
        record.resource = self.resource.map(resource).transpose()?;
        record.organization = text(self.organization);
        record.project = text(self.project);
        record.member = text(self.member);
        record.model = text(self.model);
        record.provider = text(self.provider);
        record.tier = text(self.service_tier);
        record.batch = self.batch.unwrap_or(false);
        record.hold = text(self.hold);
        record.usage = usage;
        Ok(Some(record))
    }
}

impl Event<'_> {
    fn counts(&self) -> Result<Usage, Bad> {
        Ok(Usage {
            input: count("input_tokens", self.input_tokens)?,
            cached_input: count("cached_input_tokens", self.cached_input_tokens)?,
            cache_write: count("cache_write_tokens", self.cache_write_tokens)?,
            cache_write_1h: count("cache_write_1h_tokens", self.cache_write_1h_tokens)?,
            output: count("output_tokens", self.output_tokens)?,
            reasoning: count("reasoning_tokens", self.reasoning_tokens)?,
            audio_input: count("audio_input_tokens", self.audio_input_tokens)?,
            audio_output: count("audio_output_tokens", self.audio_output_tokens)?,
            images: count("images", self.images)?,
            milliseconds: numbers::milliseconds("seconds", self.seconds)?,
            searches: count("searches", self.searches)?,
            bytes: numbers::bytes("bytes", self.bytes)?,
        })
    }
}

fn resource(resource: Object<Resource<'_>>) -> Result<event::Resource, Bad> {
    let kind = text(resource.0.kind).ok_or_else(|| Bad::missing("resource.type"))?;
    let id = text(resource.0.id).ok_or_else(|| Bad::missing("resource.id"))?;
    Ok(event::Resource { kind: kind.into_owned(), id: id.into_owned() })
}
