//! CloudEvents 1.0, as clients of OpenMeter and others write them: the usage is in `data`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mete_core::{EndpointGroup, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bad::{Bad, Reason};
use super::fields::{self, Raw, Text, scalar, shown, text};
use super::numbers::{self, loose_count};
use super::{Format, Read, Shape, request};
use crate::record::{KeyRef, Record};

#[derive(Deserialize)]
pub(super) struct CloudEvent<'a> {
    #[serde(borrow)]
    specversion: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    #[serde(borrow)]
    subject: Option<Text<'a>>,
    #[serde(borrow)]
    time: Raw<'a>,
    #[serde(borrow)]
    data: Raw<'a>,
    #[serde(borrow)]
    data_base64: Option<Text<'a>>,
    object: Option<IgnoredAny>,
}

/// What `data` says. Numbers may stand in text.
#[derive(Deserialize)]
struct Data<'a> {
    /// Of which kind `tokens` are.
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    tokens: Raw<'a>,
    #[serde(borrow, alias = "prompt_tokens")]
    input_tokens: Raw<'a>,
    #[serde(borrow)]
    cached_input_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_write_tokens: Raw<'a>,
    #[serde(borrow, alias = "completion_tokens")]
    output_tokens: Raw<'a>,
    #[serde(borrow)]
    reasoning_tokens: Raw<'a>,
    #[serde(borrow)]
    images: Raw<'a>,
    #[serde(borrow)]
    seconds: Raw<'a>,
    #[serde(borrow)]
    searches: Raw<'a>,
    #[serde(borrow)]
    cost: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
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
}

impl<'a> Shape<'a> for CloudEvent<'a> {
    fn fits(&self) -> bool {
        self.specversion.is_some() && self.source.is_some() && self.object.is_none()
    }

    fn record(mut self) -> Read<'a> {
        let subject = text(self.subject.take());
        if let Some(data) = self.data {
            let record = self.envelope()?;
            return fill(record, subject, fields::parse(data.get())?).map(Some);
        }
        let encoded = self.data_base64.take().ok_or_else(|| Bad::missing("data"))?.into_inner();
        let wrong = |what: &str| Bad::new(Reason::BadField, format!("data_base64 is no {what}")).at(&encoded);
        let bytes = STANDARD.decode(encoded.as_bytes()).map_err(|_| wrong("base64"))?;
        let json = String::from_utf8(bytes).map_err(|_| wrong("text in UTF-8"))?;
        let record = self.envelope()?;
        let read = fields::parse(&json).and_then(|data| fill(record, subject, data).map(Record::into_owned));
        // What stands there decoded is not in the line: the whole text is the spot.
        read.map(Some).map_err(|bad| bad.at(&encoded))
    }
}

impl<'a> CloudEvent<'a> {
    /// What the event says outside of its data. It is one event by its source and its id together.
    fn envelope(self) -> Result<Record<'a>, Bad> {
        let id = text(self.id).ok_or_else(|| Bad::missing("id"))?;
        let source = text(self.source).ok_or_else(|| Bad::missing("source"))?;
        // No source has a space in it: it is a URI.
        let mut record = Record::new(Format::Cloudevents, format!("{source} {id}").into(), EndpointGroup::Other);
        record.time = numbers::time("time", self.time)?;
        Ok(record)
    }
}

/// Adds what the data says. What it names goes before the subject.
fn fill<'a>(mut record: Record<'a>, subject: Option<Cow<'a, str>>, data: Data<'a>) -> Result<Record<'a>, Bad> {
    let failed = failed(data.status);
    if !failed {
        record.usage = data.usage()?;
        record.cost = numbers::cost("data.cost", data.cost)?;
    }
    if let Some(endpoint) = text(data.endpoint) {
        record.endpoint = EndpointGroup::from_name(&endpoint).unwrap_or_else(|| EndpointGroup::of_path(&endpoint));
    }
    record.organization = text(data.organization);
    record.project = text(data.project);
    record.key = request::key(data.api_key_sha256, data.api_key)?;
    record.member = text(data.member);
    record.model = text(data.model);
    record.provider = text(data.provider);
    record.tier = text(data.service_tier);
    if let Some(subject) = subject {
        attribute(&mut record, subject);
    }
    Ok(if failed { record.failed() } else { record })
}

/// The subject is a key or a member where its beginning says so, else the project.
fn attribute<'a>(record: &mut Record<'a>, subject: Cow<'a, str>) {
    let is_key = subject.starts_with("key_") || matches!(KeyRef::of(Cow::Borrowed(&*subject)), Some(KeyRef::Hash(_)));
    if is_key {
        record.key = record.key.take().or_else(|| KeyRef::of(subject));
    } else if subject.starts_with("user-") || subject.starts_with("svc-acct-") {
        record.member.get_or_insert(subject);
    } else {
        record.project.get_or_insert(subject);
    }
}

/// Whether a status tells of a failure: a number from 400 on, or in words.
fn failed(status: Raw<'_>) -> bool {
    let Some(status) = status.and_then(scalar) else { return false };
    status.parse().map_or(matches!(&*status, "failure" | "failed" | "error"), |code: u16| code >= 400)
}

impl Data<'_> {
    fn usage(&self) -> Result<Usage, Bad> {
        let of = |field: &str, raw: Raw<'_>| loose_count(field, raw);
        let (input, output) =
            (of("data.input_tokens", self.input_tokens)?, of("data.output_tokens", self.output_tokens)?);
        let images = of("data.images", self.images)?;
        let searches = of("data.searches", self.searches)?;
        let milliseconds = numbers::milliseconds("data.seconds", self.seconds)?;
        let mut usage = Usage {
            input: input.unwrap_or(0),
            cached_input: of("data.cached_input_tokens", self.cached_input_tokens)?.unwrap_or(0),
            cache_write: of("data.cache_write_tokens", self.cache_write_tokens)?.unwrap_or(0),
            output: output.unwrap_or(0),
            reasoning: of("data.reasoning_tokens", self.reasoning_tokens)?.unwrap_or(0),
            images: images.unwrap_or(0),
            milliseconds,
            searches: searches.unwrap_or(0),
            ..Usage::default()
        };
        if let Some(tokens) = of("data.tokens", self.tokens)? {
            self.add(tokens, &mut usage)?;
        } else if [input, output, images, searches].iter().all(Option::is_none)
            && self.seconds.is_none()
            && self.cost.is_none()
        {
            return Err(Bad::missing("data.input_tokens"));
        }
        Ok(usage)
    }

    /// Adds tokens of the kind that `type` names: OpenMeter's way, an event for each kind.
    fn add(&self, tokens: u64, usage: &mut Usage) -> Result<(), Bad> {
        let (whole, part) = match self.kind.as_ref().map(Text::as_str) {
            Some("input" | "prompt" | "system") => (&mut usage.input, None),
            Some("cached_input" | "cache_read") => (&mut usage.input, Some(&mut usage.cached_input)),
            Some("output" | "completion") => (&mut usage.output, None),
            Some("reasoning") => (&mut usage.output, Some(&mut usage.reasoning)),
            Some(other) => {
                let what = format!(
                    "data.type is {}: tokens are of the type input, cached_input, output or reasoning",
                    shown(other)
                );
                return Err(Bad::new(Reason::BadField, what).at(other));
            }
            None => return Err(Bad::missing("data.type")),
        };
        *whole += tokens;
        part.into_iter().for_each(|part| *part += tokens);
        Ok(())
    }
}
