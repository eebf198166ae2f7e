//! OpenTelemetry's conventions for generative AI: the attributes `gen_ai.*`, new names and old ones, and Mete's own
//! beside them. Spans, log records and the access logs of gateways have them.
//!
//! Cached and written tokens are inside the input by the conventions ("SHOULD be included in
//! `gen_ai.usage.input_tokens`"), reasoning tokens inside the output. Writers of before that left Anthropic's cache
//! tokens outside: where the parts are more than the whole, they are put inside.

use std::borrow::Cow;

use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Usage};
use serde_json::value::RawValue;

use super::bad::{Bad, Reason};
use super::fields::{Raw, scalar};
use super::numbers::loose_count;
use crate::record::KeyRef;

const INPUT: &[&str] = &["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"];
const OUTPUT: &[&str] = &["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"];
const CACHED: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.input_tokens.cached",
];
const WRITTEN: &[&str] = &[
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.input_tokens.cache_write",
];
const REASONING: &[&str] =
    &["gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.output_tokens.reasoning"];
const TIER: &[&str] = &["openai.response.service_tier", "gen_ai.openai.response.service_tier"];
/// What no text and no number is written as: by nobody, and by Envoy.
const NOTHING: [&str; 2] = ["", "-"];

/// Attributes by name, as they came; of two with one name the first counts.
#[derive(Default)]
pub(super) struct Attributes<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Attributes<'a> {
    /// The first of these that there is.
    pub fn first(&self, names: &[&str]) -> Raw<'a> {
        let of = |name: &str| self.0.iter().find(|(own, raw)| own == name && is_something(raw)).map(|(_, raw)| *raw);
        names.iter().find_map(|name| of(name))
    }

    /// The text or number of the first of these that there is.
    pub fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        self.first(names).and_then(scalar)
    }

    /// What was used; `None` if no attribute says it.
    pub fn usage(&self) -> Result<Option<Usage>, Bad> {
        let count = |names: &[&str]| loose_count(names[0], self.first(names));
        let (input, output) = (count(INPUT)?, count(OUTPUT)?);
        let (cached, written, reasoning) = (count(CACHED)?, count(WRITTEN)?, count(REASONING)?);
        if [input, output, cached, written, reasoning].iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut usage = Usage {
            input: input.unwrap_or(0),
            cached_input: cached.unwrap_or(0),
            cache_write: written.unwrap_or(0),
            output: output.unwrap_or(0),
            reasoning: reasoning.unwrap_or(0),
            ..Usage::default()
        };
        if usage.cached_input + usage.cache_write > usage.input {
            usage.input += usage.cached_input + usage.cache_write;
        }
        Ok(Some(usage))
    }

    /// The model that answered, else the one that was asked for.
    pub fn model(&self) -> Option<Cow<'a, str>> {
        self.text(&["gen_ai.response.model", "gen_ai.request.model"])
    }

    /// The service tier that was charged.
    pub fn tier(&self) -> Option<Cow<'a, str>> {
        self.text(TIER)
    }

    /// Who served the model, as the price catalogue calls it.
    pub fn provider(&self) -> Option<Cow<'a, str>> {
        let named = self.text(&["gen_ai.provider.name", "gen_ai.system"])?;
        Some(match &*named {
            "x_ai" => Cow::Borrowed("x-ai"),
            "gcp.gen_ai" => Cow::Borrowed("google"),
            "azure.ai.inference" | "az.ai.inference" => Cow::Borrowed("azure"),
            _ => named,
        })
    }

    /// The endpoint's group that the operation stands for.
    pub fn endpoint(&self) -> EndpointGroup {
        let of_anthropic = || self.provider().is_some_and(|provider| provider == "anthropic");
        match self.text(&["openai.api.type", "gen_ai.operation.name"]).as_deref() {
            Some("responses") => EndpointGroup::Responses,
            Some("chat" | "generate_content") if of_anthropic() => EndpointGroup::Messages,
            Some("chat" | "chat_completions" | "text_completion" | "generate_content") => {
                EndpointGroup::ChatCompletions
            }
            Some("embeddings") => EndpointGroup::Embeddings,
            _ => EndpointGroup::Other,
        }
    }

    /// The key: of these names for its SHA-256, else of these for its id.
    pub fn key(&self, sha256: &[&str], id: &[&str]) -> Result<Option<KeyRef<'a>>, Bad> {
        let Some(raw) = self.first(sha256) else { return Ok(self.text(id).and_then(KeyRef::of)) };
        let hash = scalar(raw).and_then(|text| KeyHash::from_hex(&text));
        let what = || format!("{} is no SHA-256: that is 64 hexadecimal digits", sha256[0]);
        hash.map(|hash| Some(KeyRef::Hash(hash))).ok_or_else(|| Bad::new(Reason::BadField, what()).at(raw.get()))
    }
}

fn is_something(raw: &RawValue) -> bool {
    raw.get() != "null" && scalar(raw).is_none_or(|text| !NOTHING.contains(&&*text))
}
