//! The mapping file: TOML, in which nothing is overlooked.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use super::rule::{Rule, RuleConfig};
use super::tree::{Pointer, Tree};
use super::units::Units;
use super::{Mapping, Place};

/// Why a mapping is refused: the line, what is wrong with it and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MappingError(String);

/// What a line is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Framing {
    /// A JSON object.
    #[default]
    Json,
    /// `key=value` with spaces between them.
    Logfmt,
}

/// Whether cached and written tokens are part of the input's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cached {
    #[default]
    Inside,
    Outside,
}

/// What can be mapped: the keys of Mete's own format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Field {
    Id,
    Time,
    Organization,
    Project,
    ApiKey,
    #[serde(rename = "api_key_sha256")]
    ApiKeySha256,
    Member,
    Model,
    Provider,
    Endpoint,
    ServiceTier,
    Batch,
    InputTokens,
    CachedInputTokens,
    CacheWriteTokens,
    #[serde(rename = "cache_write_1h_tokens")]
    CacheWrite1hTokens,
    OutputTokens,
    ReasoningTokens,
    AudioInputTokens,
    AudioOutputTokens,
    Images,
    Seconds,
    Searches,
    Bytes,
    Cost,
    ResourceType,
    ResourceId,
    Hold,
}

/// The names of [`Field`], in its order.
const FIELDS: [&str; 28] = [
    "id",
    "time",
    "organization",
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
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "images",
    "seconds",
    "searches",
    "bytes",
    "cost",
    "resource_type",
    "resource_id",
    "hold",
];

impl Field {
    /// Its name in mappings.
    pub fn name(self) -> &'static str {
        FIELDS[self as usize]
    }

    /// Whether it says what was used or what it cost.
    fn is_countable(self) -> bool {
        (Self::InputTokens..=Self::Cost).contains(&self)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    framing: Framing,
    #[serde(default)]
    cached: Cached,
    #[serde(default)]
    units: Units,
    fields: BTreeMap<Field, Source>,
    #[serde(default)]
    skip: Vec<RuleConfig>,
    #[serde(default)]
    failed: Vec<RuleConfig>,
}

/// Where a field stands: a pointer, several of which the first that is there counts, or always the same value.
enum Source {
    Pointers(Vec<Pointer>),
    Constant(String),
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Constant {
            value: String,
        }

        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Source;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON pointer like \"/usage/input\", an array of them, or { value = \"always this\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Source, E> {
                text.parse().map(|pointer| Source::Pointers(vec![pointer])).map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Source, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(Source::Pointers)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Source, A::Error> {
                let constant = Constant::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Source::Constant(constant.value))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// Reads a mapping file's text.
pub(super) fn parse(text: &str) -> Result<Mapping, MappingError> {
    let file: File = toml::from_str(text).map_err(|error| MappingError(error.to_string()))?;
    let refuse = |what: &str| Err(MappingError(what.to_owned()));
    if file.name.is_empty() || file.name.len() > 64 || file.name.chars().any(char::is_control) {
        return refuse("name: a mapping has a name of 1 to 64 characters");
    }
    for (field, why) in
        [(Field::Id, "without it no event is recognised when it comes again"), (Field::Time, "it decides the month")]
    {
        if !matches!(file.fields.get(&field), Some(Source::Pointers(_))) {
            return refuse(&format!("[fields]: {} needs a pointer: {why}", field.name()));
        }
    }
    if !file.fields.keys().any(|field| field.is_countable()) {
        return refuse("[fields]: map a count, such as input_tokens, or the cost: there is nothing to be counted");
    }
    let mut tree = Tree::default();
    let mut sources: Vec<Vec<Place>> = std::iter::repeat_with(Vec::new).take(FIELDS.len()).collect();
    for (field, source) in file.fields {
        sources[field as usize] = match source {
            Source::Pointers(pointers) => pointers.into_iter().map(|pointer| Place::Slot(tree.slot(pointer))).collect(),
            Source::Constant(text) => vec![Place::Constant(text)],
        };
    }
    let rules = |rules: Vec<RuleConfig>, tree: &mut Tree| -> Vec<Rule> {
        rules.into_iter().map(|rule| rule.compile(tree)).collect()
    };
    let (skip, failed) = (rules(file.skip, &mut tree), rules(file.failed, &mut tree));
    if let Some(nested) = tree.nested().filter(|_| file.framing == Framing::Logfmt) {
        return refuse(&format!("{nested}: logfmt has no fields inside of others; write a / in a key as ~1"));
    }
    let (name, framing, cached, units) = (file.name, file.framing, file.cached, file.units);
    Ok(Mapping { name, framing, cached, units, tree, sources, skip, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_those_of_the_file() {
        for (number, name) in FIELDS.into_iter().enumerate() {
            let field = Field::deserialize(de::value::StrDeserializer::<de::value::Error>::new(name)).unwrap();
            assert_eq!((field as usize, field.name()), (number, name));
        }
        assert_eq!(Field::Hold as usize + 1, FIELDS.len());
    }
}
