//! LiteLLM's standard logging payload, as its callbacks and its file and bucket loggers write it.

use mete_core::{EndpointGroup, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::anthropic::ServerTools;
use super::bad::Bad;
use super::fields::{Object, Raw, Text, text};
use super::numbers::{self, count, optional_count};
use super::{Format, Read, Shape};
use crate::record::{KeyRef, Record};

#[derive(Deserialize)]
pub(super) struct Payload<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    call_type: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    custom_llm_provider: Option<Text<'a>>,
    #[serde(borrow, rename = "endTime")]
    end_time: Raw<'a>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<Object<Metadata<'a>>>,
    #[serde(borrow)]
    response_cost: Raw<'a>,
    #[serde(borrow)]
    prompt_tokens: Raw<'a>,
    #[serde(borrow)]
    completion_tokens: Raw<'a>,
    #[serde(borrow)]
    end_user: Option<Text<'a>>,
    object: Option<IgnoredAny>,
    specversion: Option<IgnoredAny>,
}

/// What LiteLLM knows of the key, and the usage.
#[derive(Default, Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub status: Option<Text<'a>>,
    #[serde(borrow)]
    user_api_key_hash: Option<Text<'a>>,
    #[serde(borrow)]
    user_api_key_alias: Option<Text<'a>>,
    #[serde(borrow)]
    user_api_key_end_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub user_api_key_org_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub user_api_key_team_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub user_api_key_project_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub usage_object: Option<Object<UsageObject<'a>>>,
    /// What custom auth says of the key; Mete's names the hold there (`config/gateways/litellm`).
    #[serde(borrow)]
    user_api_key_auth_metadata: Option<Object<AuthMetadata<'a>>>,
}

#[derive(Deserialize)]
struct AuthMetadata<'a> {
    #[serde(borrow)]
    mete_hold: Option<Text<'a>>,
}

/// OpenAI's usage, with what LiteLLM adds for other providers.
#[derive(Deserialize)]
pub(super) struct UsageObject<'a> {
    #[serde(borrow)]
    prompt_tokens: Raw<'a>,
    #[serde(borrow)]
    completion_tokens: Raw<'a>,
    #[serde(borrow)]
    prompt_tokens_details: Option<Object<PromptDetails<'a>>>,
    #[serde(borrow)]
    completion_tokens_details: Option<Object<CompletionDetails<'a>>>,
    #[serde(borrow)]
    cache_creation_input_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_read_input_tokens: Raw<'a>,
    #[serde(borrow)]
    server_tool_use: Option<Object<ServerTools<'a>>>,
}

#[derive(Default, Deserialize)]
struct PromptDetails<'a> {
    #[serde(borrow)]
    cached_tokens: Raw<'a>,
    #[serde(borrow)]
    audio_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_creation_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_creation_token_details: Option<Object<CacheCreation<'a>>>,
}

#[derive(Deserialize)]
struct CacheCreation<'a> {
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Raw<'a>,
}

#[derive(Default, Deserialize)]
struct CompletionDetails<'a> {
    #[serde(borrow)]
    reasoning_tokens: Raw<'a>,
    #[serde(borrow)]
    audio_tokens: Raw<'a>,
}

impl<'a> Shape<'a> for Payload<'a> {
    fn fits(&self) -> bool {
        self.call_type.is_some() && self.id.is_some() && self.object.is_none() && self.specversion.is_none()
    }

    fn record(self) -> Read<'a> {
        let id = text(self.id).ok_or_else(|| Bad::missing("id"))?;
        let endpoint = self.call_type.map_or(EndpointGroup::Other, |call| endpoint(call.as_str()));
        let mut record = Record::new(Format::LitellmPayload, id, endpoint);
        record.time = Some(numbers::time("endTime", self.end_time)?.ok_or_else(|| Bad::missing("endTime"))?);
        record.model = text(self.model);
        record.provider = text(self.custom_llm_provider);
        let metadata = self.metadata.map(|object| object.0).unwrap_or_default();
        record.organization = text(metadata.user_api_key_org_id);
        record.project = text(metadata.user_api_key_project_id);
        record.team = text(metadata.user_api_key_team_id);
        record.key_alias = text(metadata.user_api_key_alias);
        record.user = text(self.end_user).or(text(metadata.user_api_key_end_user_id));
        record.key = text(metadata.user_api_key_hash).and_then(KeyRef::of);
        if self.status.is_some_and(|status| status.as_str() == "failure") {
            // Another deployment may answer yet: the hold stays.
            return Ok(Some(record.failed()));
        }
        record.hold = metadata.user_api_key_auth_metadata.and_then(|auth| text(auth.0.mete_hold));
        record.cost = numbers::cost("response_cost", self.response_cost)?;
        record.usage = counts(metadata.usage_object, self.prompt_tokens, self.completion_tokens)?;
        Ok(Some(record))
    }
}

/// The counts of a payload or row; its own totals stand in for what the usage does not say.
pub(super) fn counts(
    usage: Option<Object<UsageObject<'_>>>,
    prompt: Raw<'_>,
    completion: Raw<'_>,
) -> Result<Usage, Bad> {
    match usage {
        Some(Object(usage)) => usage.counts(prompt, completion),
        None => Ok(Usage {
            input: count("prompt_tokens", prompt)?,
            output: count("completion_tokens", completion)?,
            ..Usage::default()
        }),
    }
}

impl UsageObject<'_> {
    fn counts(self, prompt: Raw<'_>, completion: Raw<'_>) -> Result<Usage, Bad> {
        let inside_input = self.prompt_tokens_details.map(|object| object.0).unwrap_or_default();
        let inside_output = self.completion_tokens_details.map(|object| object.0).unwrap_or_default();
        let written = optional_count("usage_object.cache_creation_input_tokens", self.cache_creation_input_tokens)?
            .map_or_else(|| count("usage_object: cache_creation_tokens", inside_input.cache_creation_tokens), Ok)?;
        let cached = optional_count("usage_object.cache_read_input_tokens", self.cache_read_input_tokens)?
            .filter(|cached| *cached != 0)
            .map_or_else(|| count("usage_object: cached_tokens", inside_input.cached_tokens), Ok)?;
        let kept = inside_input.cache_creation_token_details.and_then(|details| details.0.ephemeral_1h_input_tokens);
        let mut usage = Usage {
            input: count("usage_object.prompt_tokens", self.prompt_tokens.or(prompt))?,
            cached_input: cached,
            cache_write: written,
            cache_write_1h: count("usage_object: ephemeral_1h_input_tokens", kept)?,
            audio_input: count("usage_object: audio_tokens of the input", inside_input.audio_tokens)?,
            output: count("usage_object.completion_tokens", self.completion_tokens.or(completion))?,
            reasoning: count("usage_object: reasoning_tokens", inside_output.reasoning_tokens)?,
            audio_output: count("usage_object: audio_tokens of the output", inside_output.audio_tokens)?,
            searches: count(
                "usage_object: web_search_requests",
                self.server_tool_use.and_then(|tools| tools.0.web_search_requests),
            )?,
            ..Usage::default()
        };
        if usage.cached_input + usage.cache_write > usage.input {
            // Old versions left Anthropic's cache tokens outside of the prompt's.
            usage.input += usage.cached_input + usage.cache_write;
        }
        Ok(usage)
    }
}

/// The endpoint that a call type stands for; `acompletion` is the same as `completion`.
pub(super) fn endpoint(call: &str) -> EndpointGroup {
    match call.trim_start_matches('_') {
        "completion" | "acompletion" | "text_completion" | "atext_completion" => EndpointGroup::ChatCompletions,
        "responses" | "aresponses" => EndpointGroup::Responses,
        "anthropic_messages" => EndpointGroup::Messages,
        "embedding" | "aembedding" => EndpointGroup::Embeddings,
        "image_generation" | "aimage_generation" | "image_edit" | "aimage_edit" => EndpointGroup::Images,
        "transcription" | "atranscription" | "speech" | "aspeech" => EndpointGroup::Audio,
        "moderation" | "amoderation" => EndpointGroup::Moderations,
        "realtime" | "arealtime" => EndpointGroup::Realtime,
        "create_batch" | "acreate_batch" | "retrieve_batch" | "aretrieve_batch" => EndpointGroup::Batches,
        "create_file" | "acreate_file" | "file_content" | "afile_content" => EndpointGroup::Files,
        "create_fine_tuning_job" | "acreate_fine_tuning_job" => EndpointGroup::FineTuning,
        _ => EndpointGroup::Other,
    }
}
