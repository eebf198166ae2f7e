//! What nearly all lines of Mete's own format are: one flat object of the format's own keys, texts without escapes,
//! whole numbers. Such a line is read here in one pass, several times faster than by a general reader.
//!
//! Whatever is unusual, wrong included, is `None` and left to the reader that can explain itself. What is read here
//! means what it means there.

mod scan;

use std::borrow::Cow;

use mete_core::event::MAX_COUNT;
use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Nanos, Usage};
use mete_prices::decimal::parse_nanos;

use crate::formats::Format;
use crate::record::{KeyRef, Record};
use scan::{Scanner, Value};

/// The values of the keys; all are nothing at first.
#[derive(Default)]
struct Fields<'a> {
    id: Value<'a>,
    time: Value<'a>,
    organization: Value<'a>,
    project: Value<'a>,
    api_key: Value<'a>,
    api_key_sha256: Value<'a>,
    member: Value<'a>,
    model: Value<'a>,
    provider: Value<'a>,
    endpoint: Value<'a>,
    service_tier: Value<'a>,
    batch: Value<'a>,
    input_tokens: Value<'a>,
    cached_input_tokens: Value<'a>,
    cache_write_tokens: Value<'a>,
    cache_write_1h_tokens: Value<'a>,
    output_tokens: Value<'a>,
    reasoning_tokens: Value<'a>,
    audio_input_tokens: Value<'a>,
    audio_output_tokens: Value<'a>,
    images: Value<'a>,
    seconds: Value<'a>,
    searches: Value<'a>,
    bytes: Value<'a>,
    cost: Value<'a>,
    hold: Value<'a>,
}

impl<'a> Fields<'a> {
    /// Where the value of `key` goes; `None` for a key that is looked at elsewhere, or is not the format's.
    fn place(&mut self, key: &str) -> Option<&mut Value<'a>> {
        Some(match key {
            "id" => &mut self.id,
            "time" => &mut self.time,
            "organization" => &mut self.organization,
            "project" => &mut self.project,
            "api_key" => &mut self.api_key,
            "api_key_sha256" => &mut self.api_key_sha256,
            "member" => &mut self.member,
            "model" => &mut self.model,
            "provider" => &mut self.provider,
            "endpoint" => &mut self.endpoint,
            "service_tier" => &mut self.service_tier,
            "batch" => &mut self.batch,
            "input_tokens" => &mut self.input_tokens,
            "cached_input_tokens" => &mut self.cached_input_tokens,
            "cache_write_tokens" => &mut self.cache_write_tokens,
            "cache_write_1h_tokens" => &mut self.cache_write_1h_tokens,
            "output_tokens" => &mut self.output_tokens,
            "reasoning_tokens" => &mut self.reasoning_tokens,
            "audio_input_tokens" => &mut self.audio_input_tokens,
            "audio_output_tokens" => &mut self.audio_output_tokens,
            "images" => &mut self.images,
            "seconds" => &mut self.seconds,
            "searches" => &mut self.searches,
            "bytes" => &mut self.bytes,
            "cost" => &mut self.cost,
            "hold" => &mut self.hold,
            _ => return None,
        })
    }

    fn read(text: &'a str) -> Option<Self> {
        let mut scanner = Scanner::new(text);
        let mut fields = Self::default();
        scanner.eat(b'{')?;
        loop {
            let key = scanner.key()?;
            let value = scanner.value()?;
            let place = fields.place(key)?;
            // Twice the same key is an error, also where one is null.
            if !matches!(place, Value::Absent) {
                return None;
            }
            *place = value;
            if scanner.eat(b',').is_none() {
                scanner.eat(b'}')?;
                return scanner.is_at_end().then_some(fields);
            }
        }
    }

    fn record(self) -> Option<Record<'a>> {
        let id = self.id.text()??;
        let endpoint = self.endpoint.text()?.map_or(EndpointGroup::Other, endpoint);
        let mut record = Record::new(Format::Mete, Cow::Borrowed(id), endpoint);
        // A time in the form of RFC 3339; one with a number in it is read elsewhere.
        let time = self.time.text()??;
        record.time = Some(time.as_bytes().get(10).filter(|b| **b == b'T').and_then(|_| time.parse().ok())?);
        record.key = match self.api_key_sha256.text()? {
            Some(hash) => Some(KeyRef::Hash(KeyHash::from_hex(hash)?)),
            None => self.api_key.text()?.map(Cow::Borrowed).and_then(KeyRef::of),
        };
        record.cost = self.cost.dollars()?;
        record.organization = self.organization.text()?.map(Cow::Borrowed);
        record.project = self.project.text()?.map(Cow::Borrowed);
        record.member = self.member.text()?.map(Cow::Borrowed);
        record.model = self.model.text()?.map(Cow::Borrowed);
        record.provider = self.provider.text()?.map(Cow::Borrowed);
        record.tier = self.service_tier.text()?.map(Cow::Borrowed);
        record.batch = self.batch.truth()?;
        record.hold = self.hold.text()?.map(Cow::Borrowed);
        record.usage = self.counts()?;
        // The texts that are not used above must be texts nevertheless.
        self.api_key.text()?;
        Some(record)
    }

    fn counts(&self) -> Option<Usage> {
        Some(Usage {
            input: self.input_tokens.count()?,
            cached_input: self.cached_input_tokens.count()?,
            cache_write: self.cache_write_tokens.count()?,
            cache_write_1h: self.cache_write_1h_tokens.count()?,
            output: self.output_tokens.count()?,
            reasoning: self.reasoning_tokens.count()?,
            audio_input: self.audio_input_tokens.count()?,
            audio_output: self.audio_output_tokens.count()?,
            images: self.images.count()?,
            milliseconds: self.seconds.count()?.checked_mul(1000).filter(|count| *count <= MAX_COUNT)?,
            searches: self.searches.count()?,
            bytes: self.bytes.count()?.cast_signed(),
        })
    }
}

/// A path begins with a slash, the name of a group never does.
fn endpoint(text: &str) -> EndpointGroup {
    let named = if text.starts_with('/') { None } else { EndpointGroup::from_name(text) };
    named.unwrap_or_else(|| EndpointGroup::of_path(text))
}

impl<'a> Value<'a> {
    /// A text that is not empty, or nothing; `None` for anything else.
    fn text(&self) -> Option<Option<&'a str>> {
        match self {
            Self::Absent | Self::Null | Self::Text("") => Some(None),
            Self::Text(text) => Some(Some(text)),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        match self {
            Self::Absent | Self::Null => Some(0),
            Self::Whole { number, .. } => Some(*number),
            _ => None,
        }
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Self::Absent | Self::Null => Some(false),
            Self::Truth(truth) => Some(*truth),
            _ => None,
        }
    }

    fn dollars(&self) -> Option<Option<Nanos>> {
        match self {
            Self::Absent | Self::Null => Some(None),
            Self::Text(text) | Self::Decimal(text) | Self::Whole { text, .. } => {
                parse_nanos(text).ok().filter(|cost| *cost >= Nanos::ZERO).map(Some)
            }
            Self::Truth(_) => None,
        }
    }
}

/// What a line says; `None` where it is not plain.
pub(super) fn read(text: &str) -> Option<Record<'_>> {
    Fields::read(text)?.record()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Shape, fields};
    use proptest::prelude::*;

    const PLAIN: &str = r#"{"id":"evt_1","time":"2026-11-23T10:15:30.123456Z","project":"proj_1","api_key":"key_7f3a","model":"gpt-4o-mini","endpoint":"/v1/chat/completions","input_tokens":1200,"cached_input_tokens":1024,"output_tokens":310}"#;

    /// What the general reader makes of it.
    fn general(text: &str) -> Option<Record<'_>> {
        fields::parse::<super::super::Event<'_>>(text).ok().filter(Shape::fits)?.record().ok()?
    }

    #[test]
    fn the_lines_that_are_plain_are_read_here() {
        for line in [
            PLAIN.to_owned(),
            PLAIN.replace(',', " , ").replace(':', "\t:\n").replace("\t:\n1", ":1").replace("\t:\n3", ":3"),
            PLAIN.replace("\"project\"", "\"cost\":\"0.015\",\"batch\":true,\"hold\":null,\"organization\""),
            PLAIN.replace("310", "310,\"cost\":0.25,\"seconds\":3,\"bytes\":77,\"member\":\"\""),
            PLAIN.replace("\"api_key\":\"key_7f3a\"", "\"api_key\":\"sk-proj-abcdefghijklmnopqrstuv\""),
            PLAIN.replace("/v1/chat/completions", "embeddings"),
        ] {
            let record = read(&line);
            assert!(record.is_some(), "{line}");
            assert_eq!(record, general(&line), "{line}");
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_the_general_reader() {
        for (from, to) in [
            ("\"id\"", "\"i\\u0064\""),
            ("evt_1", "evt\\n1"),
            ("1200", "1200.0"),
            ("1200", "-1"),
            ("1200", "01"),
            ("1200", "1234567890123"),
            ("1200", "\"1200\""),
            ("\"model\"", "\"id\":null,\"model\""),
            ("\"model\"", "\"object\":\"x\",\"model\""),
            ("\"model\"", "\"unknown\":1,\"model\""),
            ("\"model\"", "\"resource\":{\"type\":\"file\",\"id\":\"f\"},\"model\""),
            ("\"evt_1\"", "null"),
            ("\"evt_1\"", "\"\""),
            ("\"2026-11-23T10:15:30.123456Z\"", "1796083199"),
            ("key_7f3a\"", "key_7f3a\",\"api_key_sha256\":\"beef\""),
            ("310}", "310,}"),
            ("310}", "310}}"),
            ("310}", "310"),
        ] {
            let line = PLAIN.replacen(from, to, 1);
            assert_ne!(line, PLAIN);
            assert_eq!(read(&line), None, "{line}");
        }
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9]{1,13}",
            "-?[0-9]{1,3}\\.[0-9]{0,4}(e[0-9])?",
            "\"[a-z/.0-9]{0,12}\"",
            Just("\"2026-11-23T10:15:30Z\"".to_owned()),
            Just("\"sk-...x4Qa\"".to_owned()),
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("{}".to_owned()),
            Just("\"\\u0061\"".to_owned()),
        ]
    }

    fn key() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "project",
            "api_key",
            "api_key_sha256",
            "member",
            "model",
            "provider",
            "endpoint",
            "service_tier",
            "batch",
            "input_tokens",
            "cached_input_tokens",
            "output_tokens",
            "seconds",
            "bytes",
            "cost",
            "hold",
            "id",
            "type",
        ])
    }

    proptest! {
        #[test]
        fn what_is_read_here_means_the_same_there(members in prop::collection::vec((key(), value()), 0..6), cut in 0..200_usize) {
            let more: String = members.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
            let line = format!("{{\"id\":\"e\",\"time\":\"2026-11-23T10:15:30Z\"{more}}}");
            for text in [line.as_str(), &line[..cut.min(line.len())]] {
                if let Some(record) = read(text) {
                    prop_assert_eq!(Some(record), general(text));
                }
            }
        }

        #[test]
        fn no_bytes_do_harm(text in "\\PC{0,60}", at in 0..PLAIN.len()) {
            let torn = format!("{}{text}{}", &PLAIN[..at], &PLAIN[at..]);
            for text in [text.as_str(), &torn] {
                if let Some(record) = read(text) {
                    prop_assert_eq!(Some(record), general(text));
                }
            }
        }
    }
}
