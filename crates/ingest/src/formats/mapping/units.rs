//! In what a log counts.

use std::fmt;
use std::num::NonZeroU32;

use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use mete_core::Timestamp;
use serde::Deserialize;

use crate::formats::numbers;

/// In what a log counts.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Units {
    /// How many tokens a count of 1 is.
    pub tokens: NonZeroU32,
    /// What a time span is in.
    pub seconds: Span,
    /// What a cost is in.
    pub cost: Money,
    /// How a time is written.
    pub time: Time,
}

impl Default for Units {
    fn default() -> Self {
        Self { tokens: NonZeroU32::MIN, seconds: Span::default(), cost: Money::default(), time: Time::Any }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Span {
    #[default]
    Seconds,
    Milliseconds,
}

impl Span {
    /// How many places it is coarser than milliseconds.
    pub const fn places(self) -> u32 {
        match self {
            Self::Seconds => 3,
            Self::Milliseconds => 0,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Money {
    #[default]
    Dollars,
    Cents,
    Microdollars,
    Nanodollars,
}

impl Money {
    /// How many places it is coarser than nano-dollars.
    pub const fn places(self) -> u32 {
        match self {
            Self::Dollars => numbers::DOLLARS,
            Self::Cents => 7,
            Self::Microdollars => 3,
            Self::Nanodollars => 0,
        }
    }
}

/// How a time is written.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Time {
    /// RFC 3339, or seconds since 1970.
    Any,
    /// RFC 3339.
    Rfc3339,
    /// Since 1970, in a unit that is so many places coarser than picoseconds.
    Unix(u32),
    /// As `strftime` writes it.
    Pattern(String),
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "rfc3339" => Ok(Self::Rfc3339),
            "unix" => Ok(Self::Unix(numbers::SECOND)),
            "unix_ms" => Ok(Self::Unix(numbers::SECOND - 3)),
            "unix_us" => Ok(Self::Unix(numbers::SECOND - 6)),
            "unix_ns" => Ok(Self::Unix(numbers::SECOND - 9)),
            pattern if pattern.contains('%') => match check(pattern) {
                true => Ok(Self::Pattern(text)),
                false => Err(format!(
                    "the pattern {text:?} does not say date and time to the second: \"%d/%b/%Y:%H:%M:%S %z\" does"
                )),
            },
            _ => Err(format!(
                "{text:?} is no time format: write rfc3339, unix, unix_ms, unix_us, unix_ns, or a pattern with %"
            )),
        }
    }
}

/// Whether a time survives being written by the pattern and read again.
fn check(pattern: &str) -> bool {
    let second = 1_795_432_531;
    jiff::Timestamp::from_second(second)
        .and_then(|time| strtime::format(pattern, &time.to_zoned_datetime(TimeZone::UTC)))
        .is_ok_and(|text| by_pattern(pattern, &text) == Some(Timestamp(second * mete_core::time::SECOND)))
}

/// A time without an offset is UTC.
fn by_pattern(pattern: &str, text: &str) -> Option<Timestamp> {
    let parsed = strtime::parse(pattern, text).ok()?;
    let time = match parsed.to_timestamp() {
        Ok(time) => time,
        Err(_) => Offset::UTC.to_timestamp(parsed.to_datetime().ok()?).ok()?,
    };
    numbers::in_range(time.as_microsecond())
}

impl Time {
    /// The instant that a text means; cut to microseconds.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        match self {
            Self::Any => numbers::time_of(text),
            Self::Rfc3339 => text.parse().ok(),
            Self::Unix(places) => numbers::unix_time(text, *places),
            Self::Pattern(pattern) => by_pattern(pattern, text),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("RFC 3339 or seconds since 1970"),
            Self::Rfc3339 => f.write_str("RFC 3339"),
            Self::Unix(numbers::SECOND) => f.write_str("seconds since 1970"),
            Self::Unix(places) => {
                let unit = match numbers::SECOND - places {
                    3 => "milli",
                    6 => "micro",
                    _ => "nano",
                };
                write!(f, "{unit}seconds since 1970")
            }
            Self::Pattern(pattern) => write!(f, "like {pattern:?}"),
        }
    }
}
