//! Usage events (R29) in the form in which the ledger takes them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::endpoint::EndpointGroup;
use crate::money::Nanos;
use crate::time::{MINUTE, Timestamp};

/// How far ahead of the clock an event's time may be (R34), in microseconds.
pub const MAX_AHEAD: i64 = 5 * MINUTE;

/// No count of one request is ever as large: what is above is absurd (R34).
pub const MAX_COUNT: u64 = 1_000_000_000_000;

/// No request ever costs as much: what is above is absurd (R34), and thousands of such could overflow a total.
pub const MAX_COST: Nanos = Nanos::from_dollars(1_000_000);

/// An event's id within its organization, as 64 bits of a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub i64);

/// Hashes event ids with the store's own secret key, so that nobody who writes logs can aim for a collision.
#[derive(Clone, Copy)]
pub struct IdHasher {
    keys: (u64, u64),
}

impl IdHasher {
    /// With the 128-bit key that the store keeps.
    #[must_use]
    pub const fn new(keys: (u64, u64)) -> Self {
        Self { keys }
    }

    /// The event id of `id` within `organization` (R31: an id is one event within its organization).
    #[must_use]
    pub fn event(&self, organization: &str, id: &str) -> EventId {
        EventId(self.hash(&[organization.as_bytes(), id.as_bytes()]))
    }

    /// A hash of several byte strings; their borders count.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> i64 {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        for part in parts {
            hasher.write(part);
            hasher.write_u64(part.len() as u64);
        }
        hasher.finish().cast_signed()
    }
}

impl std::fmt::Debug for IdHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdHasher(key hidden)")
    }
}

/// What one request used (R29). Every count is at most [`MAX_COUNT`].
///
/// `input` is *all* input tokens: cached ones, cache writes and audio are inside it; `output` is all output tokens,
/// reasoning and audio inside. Formats that count otherwise (Anthropic) are converted where they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// All input tokens.
    pub input: u64,
    /// Input tokens read from a cache, inside `input`.
    pub cached_input: u64,
    /// Input tokens written to a cache, inside `input`.
    pub cache_write: u64,
    /// Those of `cache_write` that are kept for an hour.
    pub cache_write_1h: u64,
    /// All output tokens.
    pub output: u64,
    /// Reasoning tokens, inside `output`.
    pub reasoning: u64,
    /// Audio tokens, inside `input`.
    pub audio_input: u64,
    /// Audio tokens, inside `output`.
    pub audio_output: u64,
    /// Images made.
    pub images: u64,
    /// Milliseconds of audio or video.
    pub milliseconds: u64,
    /// Searches made by server-side tools.
    pub searches: u64,
    /// Bytes stored, negative when freed. Not priced.
    pub bytes: i64,
}

impl Usage {
    /// Whether there is anything in it that has a price.
    #[must_use]
    pub const fn is_billable(&self) -> bool {
        self.input != 0 || self.output != 0 || self.images != 0 || self.milliseconds != 0 || self.searches != 0
    }

    /// What is wrong with it, if anything: a part larger than the whole that it is in, or an absurd count (R34).
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        let counts = [self.input, self.output, self.images, self.milliseconds, self.searches];
        if counts.into_iter().any(|count| count > MAX_COUNT) || self.bytes.unsigned_abs() > MAX_COUNT * 1000 {
            return Some("a count is absurdly large");
        }
        if self.cached_input.saturating_add(self.cache_write) > self.input {
            return Some("more cached input tokens than input tokens");
        }
        if self.cache_write_1h > self.cache_write {
            return Some("more one-hour cache writes than cache writes");
        }
        if self.audio_input > self.input {
            return Some("more audio input tokens than input tokens");
        }
        if self.reasoning > self.output || self.audio_output > self.output {
            return Some("more reasoning or audio output tokens than output tokens");
        }
        None
    }
}

/// Whom and what an event counts for: the dimensions of R33, interned by the store as one number.
///
/// Compared by content; its hash is computed once, since a million events share a few thousand of these.
#[derive(Clone, Debug)]
pub struct Series {
    /// The organization's id.
    pub organization: Arc<str>,
    /// The project's id.
    pub project: Arc<str>,
    /// The key's id, where the event names one.
    pub key: Option<Arc<str>>,
    /// The member or service account: the key's owner, or whom the event names.
    pub member: Option<Arc<str>>,
    /// The model as the event names it; empty if it names none.
    pub model: Arc<str>,
    /// The endpoint's group.
    pub endpoint: EndpointGroup,
    hash: u64,
}

impl Series {
    /// A series with these dimensions.
    #[must_use]
    pub fn new(
        organization: Arc<str>,
        project: Arc<str>,
        key: Option<Arc<str>>,
        member: Option<Arc<str>>,
        model: Arc<str>,
        endpoint: EndpointGroup,
    ) -> Self {
        let mut hasher = SipHasher13::new();
        (&organization, &project, &key, &member, &model, endpoint).hash(&mut hasher);
        Self { hash: hasher.finish(), organization, project, key, member, model, endpoint }
    }
}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && self.project == other.project
            && self.key == other.key
            && self.member == other.member
            && self.model == other.model
            && self.endpoint == other.endpoint
            && self.organization == other.organization
    }
}

impl Eq for Series {}

impl Hash for Series {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A resource that an event names (R36), as in `file` `file-abc123`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// `file`, `thread`, `assistant`, `fine_tuned_model`, `vector_store`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The provider's id of it.
    pub id: String,
}

/// How an event was rated: the version of its price, and what beside model, time and counts decides one (R35). Kept
/// with the event, so that a period can be rated again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rating {
    /// The price version, or [`Rating::OWN`].
    pub version: Arc<str>,
    /// The provider as the event named it; empty if it named none.
    pub provider: Arc<str>,
    /// The service tier as the event named it; empty if it named none.
    pub tier: Arc<str>,
    /// Whether it was a batch request.
    pub batch: bool,
}

impl Rating {
    /// The version of an event that brought its cost along (R29).
    pub const OWN: &str = "own";

    /// With a version and nothing else.
    #[must_use]
    pub fn plain(version: &str) -> Self {
        Self { version: version.into(), provider: "".into(), tier: "".into(), batch: false }
    }

    /// Whether the event brought its cost along.
    #[must_use]
    pub fn is_own(&self) -> bool {
        &*self.version == Self::OWN
    }
}

/// An event that is attributed and priced: ready for the ledger.
#[derive(Clone, Debug)]
pub struct LedgerEvent {
    /// Its id.
    pub id: EventId,
    /// Its own time (R32).
    pub time: Timestamp,
    /// Whom and what it counts for.
    pub series: Arc<Series>,
    /// What it used.
    pub usage: Usage,
    /// What it cost.
    pub cost: Nanos,
    /// How it was rated (R35).
    pub rating: Arc<Rating>,
    /// The resource that it names.
    pub resource: Option<Box<Resource>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_depend_on_key_organization_and_border() {
        let hasher = IdHasher::new((1, 2));
        assert_eq!(hasher.event("a", "b"), hasher.event("a", "b"));
        assert_ne!(hasher.event("a", "b"), hasher.event("b", "b"));
        assert_ne!(hasher.event("ab", "c"), hasher.event("a", "bc"));
        assert_ne!(hasher.event("a", "b"), IdHasher::new((1, 3)).event("a", "b"));
    }

    #[test]
    fn r34_parts_are_never_larger_than_their_whole() {
        let usage = Usage { input: 10, cached_input: 6, cache_write: 4, output: 5, reasoning: 5, ..Usage::default() };
        assert_eq!(usage.problem(), None);
        assert!(Usage { cached_input: 7, ..usage }.problem().is_some());
        assert!(Usage { reasoning: 6, ..usage }.problem().is_some());
        assert!(Usage { output: MAX_COUNT + 1, ..usage }.problem().is_some());
    }
}
