//! Access logs of Envoy AI Gateway: flat keys that the operator names, in its own suggestion.

use std::borrow::Cow;
use std::fmt;

use mete_core::EndpointGroup;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::bad::Bad;
use super::fields::Text;
use super::gen_ai::Attributes;
use super::numbers::{self, loose_count};
use super::{Format, Read, Shape};
use crate::record::Record;

/// The line's keys. Those that count are kept.
pub(super) struct Entry<'a> {
    keys: Attributes<'a>,
    /// Whether it has a key by which another format is told.
    is_foreign: bool,
}

/// Keys by which other formats are told; see `detect`.
const FOREIGN: [&str; 7] = ["id", "time", "object", "type", "error", "specversion", "call_type"];

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Entry<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut kept: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                let mut is_foreign = false;
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    is_foreign |= FOREIGN.contains(&key.as_str());
                    if !counts(key.as_str()) {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    if kept.iter().any(|(other, _)| other == key.as_str()) {
                        return Err(serde::de::Error::custom(format_args!("duplicate field `{}`", key.as_str())));
                    }
                    kept.push((key.into_inner(), map.next_value()?));
                }
                Ok(Entry { keys: Attributes(kept), is_foreign })
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// Whether a key is one of those that are read.
fn counts(key: &str) -> bool {
    matches!(key, "start_time" | "response_code" | "x-request-id" | "path" | "x-envoy-original-path")
        || key.starts_with("gen_ai.usage.")
        || key.starts_with("x-mete-")
        || matches!(
            key,
            "gen_ai.request.model"
                | "gen_ai.response.model"
                | "gen_ai.provider.name"
                | "gen_ai.system"
                | "gen_ai.operation.name"
        )
}

impl<'a> Shape<'a> for Entry<'a> {
    fn fits(&self) -> bool {
        let has = |name: &str| self.keys.0.iter().any(|(own, raw)| own == name && raw.get() != "null");
        has("x-request-id") && has("response_code") && !self.is_foreign
    }

    fn record(self) -> Read<'a> {
        let Self { keys, .. } = self;
        let usage = keys.usage()?;
        let code = loose_count("response_code", keys.first(&["response_code"]))?;
        if usage.is_none() && keys.model().is_none() {
            // A request that is none of a model's, such as a health check.
            return Ok(None);
        }
        let endpoint = keys.text(&["x-envoy-original-path", "path"]);
        let endpoint = endpoint.map_or_else(|| keys.endpoint(), |path| EndpointGroup::of_path(&path));
        let id = keys.text(&["x-request-id"]).ok_or_else(|| Bad::missing("x-request-id"))?;
        let mut record = Record::new(Format::EnvoyAiGateway, id, endpoint);
        let time = keys.first(&["start_time"]).ok_or_else(|| Bad::missing("start_time"))?;
        record.time = numbers::time("start_time", Some(time))?;
        record.organization = keys.text(&["x-mete-organization"]);
        record.project = keys.text(&["x-mete-project"]);
        record.key = keys.key(&["x-mete-key-sha256"], &["x-mete-key-id"])?;
        record.member = keys.text(&["x-mete-member"]);
        record.hold = keys.text(&["x-mete-hold"]);
        record.model = keys.model();
        record.provider = keys.provider();
        match (usage, code) {
            // 0 is what Envoy writes when nobody was there any more to get an answer.
            (_, Some(400..)) | (None, Some(0)) => return Ok(Some(record.failed())),
            (Some(usage), _) => record.usage = usage,
            (None, _) => return Err(Bad::missing("gen_ai.usage.input_tokens")),
        }
        Ok(Some(record))
    }
}
