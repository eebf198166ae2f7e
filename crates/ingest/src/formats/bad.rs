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
    /// Which byte of the line is the first that is wrong, where that is known; of a torn line its last.
    pub spot: Option<u32>,
    /// Where the wrong byte is in memory, until it is known in which line.
    address: Option<usize>,
}

impl Bad {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), spot: None, address: None }
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::new(Reason::MissingField, format!("{field} is missing"))
    }

    /// With the part of the line that is wrong. A part that was unescaped is none of the line: it leaves no spot.
    pub(super) fn at(self, part: &str) -> Self {
        self.at_byte(part, 0)
    }

    /// The same for a byte of a part.
    pub(super) fn at_byte(mut self, part: &str, offset: usize) -> Self {
        self.address = Some(part.as_ptr().addr() + offset);
        self
    }

    /// The same for a part that is no text.
    pub(super) fn at_bytes(mut self, part: &[u8]) -> Self {
        self.address = Some(part.as_ptr().addr());
        self
    }

    /// With the spot in `line`, if what is wrong stands in it.
    pub(super) fn located(mut self, line: &[u8]) -> Self {
        self.spot = self
            .address
            .take()
            .and_then(|address| address.checked_sub(line.as_ptr().addr()))
            .filter(|offset| *offset < line.len())
            .and_then(|offset| u32::try_from(offset).ok());
        self
    }
}
