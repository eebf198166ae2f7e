//! The operator's own prices, from `prices.toml` (R35).

mod file;

use std::cmp::Reverse;
use std::sync::Arc;

use mete_core::Timestamp;

use crate::card::Ladder;
use crate::tariff::Tariff;

pub use file::OverrideError;

/// The date of an entry that names none.
const ALWAYS: Timestamp = Timestamp(i64::MIN);

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
    pub from: Timestamp,
    /// Its line in the file, from 1 on.
    pub line: usize,
    /// The price version of what it prices, as in `override 3f2a9c1e`.
    pub version: Arc<str>,
    pub ladder: Ladder,
    /// What a batch request costs, in per cent of another one.
    pub batch_percent: u8,
}

impl Override {
    /// Whether it is about `model` of `provider`, at some time.
    fn names(&self, model: &str, provider: Option<&str>) -> bool {
        let named = if self.prefix {
            model.get(..self.name.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.name))
        } else {
            model.eq_ignore_ascii_case(&self.name)
        };
        named && self.provider.as_deref().is_none_or(|own| provider.is_some_and(|p| p.eq_ignore_ascii_case(own)))
    }

    /// What it matches: a model's name in lower case, or the beginning of one with a `*` after it.
    pub fn pattern(&self) -> String {
        format!("{}{}", self.name, if self.prefix { "*" } else { "" })
    }

    /// The provider in lower case, if it holds for one only.
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// Whether it has a date from which it holds.
    pub fn is_dated(&self) -> bool {
        self.from > ALWAYS
    }

    /// What it charges.
    pub fn tariff(&self, batch: bool) -> Tariff {
        Tariff::of(&self.ladder, if batch { self.batch_percent } else { 100 })
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
        let named = self.0.iter().filter(|entry| entry.from <= time && entry.names(model, provider));
        named.max_by_key(|entry| entry.rank())
    }

    /// Every entry about `model` of `provider`, whenever it holds; what says most comes first.
    pub fn about(&self, model: &str, provider: Option<&str>) -> Vec<&Override> {
        let mut found: Vec<&Override> = self.0.iter().filter(|entry| entry.names(model, provider)).collect();
        found.sort_by_key(|entry| Reverse(entry.rank()));
        found
    }

    /// The entry with this very pattern and provider that holds at `time`.
    pub fn exactly(&self, pattern: &str, provider: Option<&str>, time: Timestamp) -> Option<&Override> {
        let same = |entry: &&Override| entry.pattern() == pattern && entry.provider() == provider;
        self.0.iter().filter(|entry| entry.from <= time).filter(same).max_by_key(|entry| entry.from)
    }

    /// Those that hold at `time`: of several dates of one pattern and provider, the latest.
    pub fn in_force(&self, time: Timestamp) -> impl Iterator<Item = &Override> {
        self.0.iter().filter(move |entry| {
            let current = self.exactly(&entry.pattern(), entry.provider(), time);
            current.is_some_and(|current| current.from == entry.from)
        })
    }
}
