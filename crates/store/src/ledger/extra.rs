//! What few events have, kept as JSON in one nullable column.

use mete_core::Usage;
use mete_core::event::{LedgerEvent, Resource};
use serde::{Deserialize, Serialize};

use super::holdings::{Named, storable};
use crate::error::StoreError;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero_signed(number: &i64) -> bool {
    *number == 0
}

/// The counts and the resource that have no column of their own.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Extra {
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_1h: u64,
    #[serde(skip_serializing_if = "is_zero")]
    audio_input: u64,
    #[serde(skip_serializing_if = "is_zero")]
    audio_output: u64,
    #[serde(skip_serializing_if = "is_zero")]
    images: u64,
    #[serde(skip_serializing_if = "is_zero")]
    milliseconds: u64,
    #[serde(skip_serializing_if = "is_zero")]
    searches: u64,
    #[serde(skip_serializing_if = "is_zero_signed")]
    bytes: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Resource>,
}

impl Extra {
    /// The column's text for an event; `None` where there is nothing to keep.
    pub(super) fn text_of(event: &LedgerEvent) -> Option<String> {
        let usage = &event.usage;
        let extra = Self {
            cache_write_1h: usage.cache_write_1h,
            audio_input: usage.audio_input,
            audio_output: usage.audio_output,
            images: usage.images,
            milliseconds: usage.milliseconds,
            searches: usage.searches,
            bytes: usage.bytes,
            resource: event.resource.as_deref().map(|resource| Resource {
                kind: storable(&resource.kind).into_owned(),
                id: storable(&resource.id).into_owned(),
            }),
        };
        if extra == Self::default() {
            return None;
        }
        serde_json::to_string(&extra).ok()
    }

    /// Puts what the column holds into `usage`, replacing what is there. Tells which resource the event names.
    pub(super) fn apply(text: Option<&str>, usage: &mut Usage) -> Result<Option<Named>, StoreError> {
        let extra: Self = match text {
            None => Self::default(),
            Some(text) => serde_json::from_str(text)
                .map_err(|error| StoreError::Corrupt(format!("the event extra {text:?} ({error})")))?,
        };
        usage.cache_write_1h = extra.cache_write_1h;
        usage.audio_input = extra.audio_input;
        usage.audio_output = extra.audio_output;
        usage.images = extra.images;
        usage.milliseconds = extra.milliseconds;
        usage.searches = extra.searches;
        usage.bytes = extra.bytes;
        Ok(Named::of(extra.resource.as_ref()))
    }
}
