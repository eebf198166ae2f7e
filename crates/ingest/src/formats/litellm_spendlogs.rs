//! Rows of LiteLLM's table SpendLogs, exported as JSON.

use std::borrow::Cow;

use mete_core::{EndpointGroup, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bad::{Bad, Reason};
use super::fields::{self, Raw, Text, scalar, text};
use super::litellm::{self, Metadata};
use super::numbers;
use super::{Format, Read, Shape};
use crate::record::{KeyRef, Record};

#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    request_id: Option<Text<'a>>,
    #[serde(borrow)]
    call_type: Option<Text<'a>>,
    #[serde(borrow)]
    api_key: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow, rename = "endTime")]
    end_time: Raw<'a>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    custom_llm_provider: Option<Text<'a>>,
    #[serde(borrow)]
    team_id: Option<Text<'a>>,
    #[serde(borrow)]
    organization_id: Option<Text<'a>>,
    #[serde(borrow)]
    spend: Raw<'a>,
    #[serde(borrow)]
    prompt_tokens: Raw<'a>,
    #[serde(borrow)]
    completion_tokens: Raw<'a>,
    /// An object, or its JSON in a string.
    #[serde(borrow)]
    metadata: Raw<'a>,
    id: Option<IgnoredAny>,
    object: Option<IgnoredAny>,
    specversion: Option<IgnoredAny>,
}

/// What counts of a row's metadata, freed from its text: that is gone where it stood in a string.
#[derive(Default)]
struct Known {
    organization: Option<String>,
    project: Option<String>,
    team: Option<String>,
    failed: bool,
    usage: Usage,
}

impl<'a> Shape<'a> for Row<'a> {
    fn fits(&self) -> bool {
        let foreign = [&self.id, &self.object, &self.specversion];
        foreign.into_iter().all(Option::is_none) && self.call_type.is_some() && self.request_id.is_some()
    }

    fn record(self) -> Read<'a> {
        let known = self.known()?;
        let id = text(self.request_id).ok_or_else(|| Bad::missing("request_id"))?;
        let endpoint = self.call_type.map_or(EndpointGroup::Other, |call| litellm::endpoint(call.as_str()));
        let mut record = Record::new(Format::LitellmSpendlogs, id, endpoint);
        record.time = Some(numbers::utc_time("endTime", self.end_time)?.ok_or_else(|| Bad::missing("endTime"))?);
        record.model = text(self.model);
        record.provider = text(self.custom_llm_provider);
        record.organization = text(self.organization_id).or(known.organization.map(Cow::Owned));
        record.project = known.project.map(Cow::Owned);
        record.team = text(self.team_id).or(known.team.map(Cow::Owned));
        record.key = text(self.api_key).and_then(KeyRef::of);
        if known.failed || self.status.is_some_and(|status| status.as_str() == "failure") {
            return Ok(Some(record.failed()));
        }
        // An answer out of LiteLLM's cache has tokens and a spend of 0.
        record.cost = numbers::cost("spend", self.spend)?;
        record.usage = known.usage;
        Ok(Some(record))
    }
}

impl Row<'_> {
    fn known(&self) -> Result<Known, Bad> {
        let Some(raw) = self.metadata else { return self.read(Metadata::default()) };
        if !raw.get().starts_with('"') {
            return self.read(fields::parse(raw.get())?);
        }
        let inner = scalar(raw).ok_or_else(|| Bad::new(Reason::BadField, "metadata is no text").at(raw.get()))?;
        if inner.is_empty() {
            return self.read(Metadata::default());
        }
        let read = fields::parse(&inner).and_then(|metadata| self.read(metadata));
        // What stands there unescaped is not in the line: the whole text is the spot.
        read.map_err(|bad| Bad::new(bad.reason, format!("in the text of metadata: {}", bad.detail)).at(raw.get()))
    }

    fn read(&self, metadata: Metadata<'_>) -> Result<Known, Bad> {
        let owned = |field: Option<Text<'_>>| text(field).map(Cow::into_owned);
        let failed = metadata.status.is_some_and(|status| status.as_str() == "failure");
        Ok(Known {
            organization: owned(metadata.user_api_key_org_id),
            project: owned(metadata.user_api_key_project_id),
            team: owned(metadata.user_api_key_team_id),
            failed,
            usage: match failed {
                true => Usage::default(),
                false => litellm::counts(metadata.usage_object, self.prompt_tokens, self.completion_tokens)?,
            },
        })
    }
}
