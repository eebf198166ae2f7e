//! One usage event as its line tells it (R29), before it is attributed and priced.

use std::borrow::Cow;
use std::fmt;

use mete_core::event::Resource;
use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Nanos, Timestamp, Usage};

use crate::formats::Format;

/// A usage event in the vocabulary of Mete, whatever format it was written in. Borrows from its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// What it was read as.
    pub format: Origin<'a>,
    /// What makes it one event within its organization (R31); never empty.
    pub id: Cow<'a, str>,
    /// When it happened; some formats do not say.
    pub time: Option<Timestamp>,
    /// An organization's id or name.
    pub organization: Option<Cow<'a, str>>,
    /// A project's id or name.
    pub project: Option<Cow<'a, str>>,
    /// The key that was used.
    pub key: Option<KeyRef<'a>>,
    /// The person or service account.
    pub member: Option<Cow<'a, str>>,
    /// The model that answered.
    pub model: Option<Cow<'a, str>>,
    /// Who served the model; without it the model's name decides.
    pub provider: Option<Cow<'a, str>>,
    /// The endpoint's group.
    pub endpoint: EndpointGroup,
    /// The service tier that was charged.
    pub tier: Option<Cow<'a, str>>,
    /// Whether it was part of a batch.
    pub batch: bool,
    /// What it used; without a [`Usage::problem`].
    pub usage: Usage,
    /// The cost that it brings along; never negative.
    pub cost: Option<Nanos>,
    /// The resource that it names (R36).
    pub resource: Option<Resource>,
    /// The hold that it settles (R40).
    pub hold: Option<Cow<'a, str>>,
}

/// What a record was read as; its text form is `mete` or `custom nginx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A format that Mete knows.
    Format(Format),
    /// The mapping with this name.
    Mapping(Cow<'a, str>),
}

impl From<Format> for Origin<'_> {
    fn from(format: Format) -> Self {
        Self::Format(format)
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => format.fmt(f),
            Self::Mapping(name) => f.pad(&format!("custom {name}")),
        }
    }
}

/// How a line names a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRef<'a> {
    /// By an id, as in `key_7f3a`, or whatever else its writer calls it.
    Id(Cow<'a, str>),
    /// By the SHA-256 of its secret.
    Hash(KeyHash),
}

impl<'a> KeyRef<'a> {
    /// From what a log calls its key. A secret is hashed on the spot, 64 hexadecimal digits are a hash, all else is an
    /// id; nothing is no key.
    #[must_use]
    pub fn of(text: Cow<'a, str>) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        if text.starts_with("sk-") {
            return Some(Self::Hash(KeyHash::of(&text)));
        }
        Some(KeyHash::from_hex(&text).map_or(Self::Id(text), Self::Hash))
    }
}

impl<'a> Record<'a> {
    /// A record that says nothing yet but its id.
    pub(crate) fn new(format: impl Into<Origin<'a>>, id: Cow<'a, str>, endpoint: EndpointGroup) -> Self {
        Self {
            format: format.into(),
            id,
            time: None,
            organization: None,
            project: None,
            key: None,
            member: None,
            model: None,
            provider: None,
            endpoint,
            tier: None,
            batch: false,
            usage: Usage::default(),
            cost: None,
            resource: None,
            hold: None,
        }
    }

    /// The record freed from its line.
    pub(crate) fn into_owned(self) -> Record<'static> {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Record {
            format: match self.format {
                Origin::Format(format) => Origin::Format(format),
                Origin::Mapping(name) => Origin::Mapping(Cow::Owned(name.into_owned())),
            },
            id: Cow::Owned(self.id.into_owned()),
            time: self.time,
            organization: owned(self.organization),
            project: owned(self.project),
            key: self.key.map(|key| match key {
                KeyRef::Id(id) => KeyRef::Id(Cow::Owned(id.into_owned())),
                KeyRef::Hash(hash) => KeyRef::Hash(hash),
            }),
            member: owned(self.member),
            model: owned(self.model),
            provider: owned(self.provider),
            endpoint: self.endpoint,
            tier: owned(self.tier),
            batch: self.batch,
            usage: self.usage,
            cost: self.cost,
            resource: self.resource,
            hold: owned(self.hold),
        }
    }

    /// The record of a request that failed: it used nothing and cost nothing, and counts as a request.
    pub(crate) fn failed(mut self) -> Self {
        self.usage = Usage::default();
        self.cost = Some(Nanos::ZERO);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r15_a_secret_in_a_log_is_never_kept() {
        let hash = KeyHash::of("sk-proj-abc");
        assert_eq!(KeyRef::of("sk-proj-abc".into()), Some(KeyRef::Hash(hash)));
        assert_eq!(KeyRef::of(hash.to_hex().into()), Some(KeyRef::Hash(hash)));
        assert_eq!(KeyRef::of("key_7f3a".into()), Some(KeyRef::Id("key_7f3a".into())));
        assert_eq!(KeyRef::of("".into()), None);
    }
}
