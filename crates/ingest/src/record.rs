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
    /// The team, as a gateway calls it; tables in the configuration say what it is here.
    pub team: Option<Cow<'a, str>>,
    /// The working directory of the program that asked.
    pub directory: Option<Cow<'a, str>>,
    /// The service that asked, as its telemetry calls it.
    pub service: Option<Cow<'a, str>>,
    /// What a gateway calls the key, beside the key's own id or hash.
    pub key_alias: Option<Cow<'a, str>>,
    /// For whom it was asked, in the words of whoever asked.
    pub user: Option<Cow<'a, str>>,
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
    /// By its secret's beginning and last four characters, as in `sk-proj-…x4Qa` or `sk-...x4Qa`.
    Redacted(Cow<'a, str>),
}

impl<'a> KeyRef<'a> {
    /// From what a log calls its key. A secret is hashed on the spot, 64 hexadecimal digits are a hash, a secret whose
    /// middle is hidden is its redacted form, all else is an id; nothing is no key.
    #[must_use]
    pub fn of(text: Cow<'a, str>) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        if text.starts_with("sk-") {
            let redacted = mete_core::secret::redacted_parts(&text).is_some();
            return Some(if redacted { Self::Redacted(text) } else { Self::Hash(KeyHash::of(&text)) });
        }
        Some(KeyHash::from_hex(&text).map_or(Self::Id(text), Self::Hash))
    }
}

impl fmt::Display for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id:?}"),
            Self::Hash(hash) => write!(f, "with the SHA-256 {}", hash.to_hex()),
            Self::Redacted(form) => write!(f, "{form}"),
        }
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
            team: None,
            directory: None,
            service: None,
            key_alias: None,
            user: None,
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
                KeyRef::Redacted(form) => KeyRef::Redacted(Cow::Owned(form.into_owned())),
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
            team: owned(self.team),
            directory: owned(self.directory),
            service: owned(self.service),
            key_alias: owned(self.key_alias),
            user: owned(self.user),
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
        for form in ["sk-proj-…x4Qa", "sk-...x4Qa", "sk-proj-********x4Qa", "sk-abc...defg"] {
            assert_eq!(KeyRef::of(form.into()), Some(KeyRef::Redacted(form.into())));
        }
        assert_eq!(KeyRef::of("".into()), None);
    }
}
