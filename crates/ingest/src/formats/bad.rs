//! Why a line cannot be read.

use std::fmt;

/// Why a line cannot be counted, as the quarantine names it (R34).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No JSON object: torn, not UTF-8, NUL bytes, nested too deeply.
    NotJson,
    /// A JSON object in none of the formats.
    UnknownFormat,
    /// A field that its format must have is missing.
    MissingField,
    /// A field of the wrong type, twice the same field, or text that is too long or has NUL in it.
    BadField,
    /// A count or an amount that is negative, fractional or too large.
    BadNumber,
    /// A time that is none.
    BadTime,
    /// Counts that contradict one another.
    BadUsage,
}

impl Reason {
    /// Its stable name, as in `bad_number`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::UnknownFormat => "unknown_format",
            Self::MissingField => "missing_field",
            Self::BadField => "bad_field",
            Self::BadNumber => "bad_number",
            Self::BadTime => "bad_time",
            Self::BadUsage => "bad_usage",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Bad {
    /// Why, as one of a few names.
    pub reason: Reason,
    /// Why, in words, with the field's name.
    pub detail: String,
    /// Which byte of the line is the first that is wrong, where that is known.
    pub spot: Option<u32>,
}

impl Bad {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), spot: None }
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::new(Reason::MissingField, format!("{field} is missing"))
    }
}
