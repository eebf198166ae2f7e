//! What an application logs beside a response body, since the body does not say it: `_request` and `_time`.

use mete_core::EndpointGroup;
use serde::Deserialize;

use super::bad::Bad;
use super::fields::{Object, Raw, Text, text};
use super::numbers;
use crate::record::{KeyRef, Record};

/// The `_request` object. Every field is optional.
#[derive(Default, Deserialize)]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    api_key: Option<Text<'a>>,
    #[serde(borrow)]
    api_key_sha256: Option<Text<'a>>,
    #[serde(borrow)]
    path: Option<Text<'a>>,
    #[serde(borrow)]
    organization: Option<Text<'a>>,
    #[serde(borrow)]
    project: Option<Text<'a>>,
    #[serde(borrow)]
    member: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    hold: Option<Text<'a>>,
    #[serde(borrow)]
    time: Raw<'a>,
    batch: Option<bool>,
}

/// Adds what `_request` and `_time` say to the record of a body.
pub(super) fn apply<'a>(
    record: &mut Record<'a>,
    request: Option<Object<Request<'a>>>,
    time: Raw<'a>,
) -> Result<(), Bad> {
    let request = request.map(|object| object.0).unwrap_or_default();
    if let Some(time) = numbers::time("_time", time)?.or(numbers::time("_request.time", request.time)?) {
        record.time = Some(time);
    }
    if let Some(id) = text(request.id).filter(|_| record.id.is_empty()) {
        record.id = id;
    }
    if let Some(path) = text(request.path) {
        record.endpoint = EndpointGroup::of_path(&path);
    }
    record.key = key(request.api_key_sha256, request.api_key)?;
    record.organization = text(request.organization);
    record.project = text(request.project);
    record.member = text(request.member);
    record.provider = text(request.provider).or(record.provider.take());
    record.hold = text(request.hold);
    record.batch |= request.batch.unwrap_or(false);
    Ok(())
}

/// What an answer without usage is that tells of a failure: a request that cost nothing if it says which and when, so
/// that it counts once, and else nothing.
pub(super) fn failure(record: Record<'_>) -> Option<Record<'_>> {
    (!record.id.is_empty() && record.time.is_some()).then(|| record.failed())
}

/// The key out of a hash, or else of an id.
pub(super) fn key<'a>(sha256: Option<Text<'a>>, id: Option<Text<'a>>) -> Result<Option<KeyRef<'a>>, Bad> {
    let Some(sha256) = text(sha256) else { return Ok(text(id).and_then(KeyRef::of)) };
    match mete_core::secret::KeyHash::from_hex(&sha256) {
        Some(hash) => Ok(Some(KeyRef::Hash(hash))),
        None => {
            let what = "api_key_sha256 is no SHA-256: that is 64 hexadecimal digits";
            Err(Bad::new(super::Reason::BadField, what).at(&sha256))
        }
    }
}
