//! Times as people type them: an instant, a day, or a span of time from or before now.

use std::str::FromStr;

use crate::Timestamp;
use crate::time::{DAY, HOUR, MINUTE, SECOND};

/// The longest span that can be written, in microseconds: a hundred years. What is longer is a slip of the finger, and
/// added to an instant it would leave the calendar.
const LONGEST: i64 = 36_500 * DAY;

/// A point in time as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This instant; of a day, its first.
    At(Timestamp),
    /// So many microseconds away from now, on the side that is meant.
    Span(i64),
}

/// A text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no span of time of at most 100 years: write a number and s, m, h, d or w, like 30m, 24h or 7d")]
pub struct ParseSpanError(String);

/// A text that is no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time: write RFC 3339, like 2026-12-01T10:15:30Z, a day, like 2026-12-01, or a span, like 30m, 2h or 7d"
)]
pub struct ParseWhenError(String);

impl When {
    /// The instant that is meant where it lies ahead of `now`.
    pub const fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::Span(micros) => now.plus(micros),
        }
    }

    /// The instant that is meant where it lies before `now`.
    pub const fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::Span(micros) => now.plus(-micros),
        }
    }
}

impl FromStr for When {
    type Err = ParseWhenError;

    fn from_str(text: &str) -> Result<Self, ParseWhenError> {
        if let Ok(micros) = parse_span(text) {
            return Ok(Self::Span(micros));
        }
        // A day has ten characters, and no instant has so few.
        let instant = if text.len() == 10 { format!("{text}T00:00:00Z").parse() } else { text.parse() };
        instant.map(Self::At).map_err(|_| ParseWhenError(shortened(text)))
    }
}

/// A span of time in microseconds: a whole number of seconds, minutes, hours, days or weeks, as in `90d`. Nothing (`0`)
/// needs no unit.
///
/// # Errors
/// When it is none, or longer than a hundred years.
pub fn parse_span(text: &str) -> Result<i64, ParseSpanError> {
    let no_span = || ParseSpanError(shortened(text));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        "" if digits == "0" => 0,
        _ => return Err(no_span()),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_span());
    }
    let number: i64 = digits.parse().map_err(|_| no_span())?;
    number.checked_mul(unit).filter(|micros| *micros <= LONGEST).ok_or_else(no_span)
}

/// Enough of what was typed to be recognised.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, micros) in [
            ("45s", 45 * SECOND),
            ("30m", 30 * MINUTE),
            ("24h", DAY),
            ("7d", 7 * DAY),
            ("2w", 14 * DAY),
            ("0", 0),
            ("0h", 0),
            ("36500d", LONGEST),
        ] {
            assert_eq!(parse_span(text), Ok(micros), "{text}");
        }
        for text in [
            "",
            "h",
            "7",
            "-7d",
            "+7d",
            "1.5h",
            "7 d",
            "7D",
            "1h30m",
            "7days",
            "36501d",
            "99999999999999999999d",
            "٣d",
            "7d ",
        ] {
            assert!(parse_span(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_point_in_time_is_an_instant_a_day_or_a_span_to_either_side() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let now = at("2026-11-23T10:15:30Z");
        for (text, after, before) in [
            ("2h", "2026-11-23T12:15:30Z", "2026-11-23T08:15:30Z"),
            ("7d", "2026-11-30T10:15:30Z", "2026-11-16T10:15:30Z"),
            ("2026-12-01", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-12-01T10:15:30+01:00", "2026-12-01T09:15:30Z", "2026-12-01T09:15:30Z"),
        ] {
            let when: When = text.parse().unwrap();
            assert_eq!((when.after(now), when.before(now)), (at(after), at(before)), "{text}");
        }
        for text in ["", "soon", "2026-13-01", "2026-02-30", "2026-12", "12:00", "7", &"x".repeat(10_000)] {
            let error = text.parse::<When>().unwrap_err().to_string();
            assert!(error.contains("is no time") && error.len() < 300, "{error}");
        }
    }
}
