//! The operator's own prices, from `prices.toml` (R35).

mod file;

use std::sync::Arc;

use mete_core::Timestamp;

use crate::card::Ladder;

pub use file::OverrideError;

/// One `[[model]]` entry.
#[derive(Debug)]
pub(crate) struct Override {
    /// The model's name in lower case, without the `*`.
    name: String,
    /// Whether `name` is only the beginning.
    prefix: bool,
    /// The provider in lower case, if the entry holds for one only.
    provider: Option<String>,
    /// Holds from here on.
    from: Timestamp,
    /// The price version of what it prices, as in `override 3f2a9c1e`.
    pub version: Arc<str>,
    pub ladder: Ladder,
    /// What a batch request costs, in per cent of another one.
    pub batch_percent: u8,
}

impl Override {
    fn holds(&self, model: &str, provider: Option<&str>, time: Timestamp) -> bool {
        let named = if self.prefix {
            model.get(..self.name.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.name))
        } else {
            model.eq_ignore_ascii_case(&self.name)
        };
        named
            && self.from <= time
            && self.provider.as_deref().is_none_or(|own| provider.is_some_and(|p| p.eq_ignore_ascii_case(own)))
    }

    /// The larger, the more it says: an exact name before a beginning, a long one before a short one, with a provider
    /// before without, a later date before an earlier one.
    fn rank(&self) -> (bool, usize, bool, Timestamp) {
        (!self.prefix, self.name.len(), self.provider.is_some(), self.from)
    }
}

/// All overrides.
#[derive(Debug, Default)]
pub(crate) struct Overrides(Vec<Override>);

impl Overrides {
    /// From the text of a `prices.toml`.
    pub fn parse(text: &str) -> Result<Self, OverrideError> {
        file::parse(text).map(Self)
    }

    /// The entry that prices `model` at `time`: the one that says most.
    pub fn find(&self, model: &str, provider: Option<&str>, time: Timestamp) -> Option<&Override> {
        self.0.iter().filter(|entry| entry.holds(model, provider, time)).max_by_key(|entry| entry.rank())
    }
}
