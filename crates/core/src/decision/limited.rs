//! A rate limit that refuses, and how far requests are from theirs (R23, R37).

use std::fmt::Write as _;

use serde::Serialize;

use crate::rates::Rate;
use crate::time::{MINUTE, SECOND};

/// How much of a rate limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The limit.
    pub limit: u64,
    /// What it leaves now.
    pub remaining: u64,
    /// Microseconds until all of it is free again, if nothing more is used.
    #[serde(rename = "reset_us")]
    pub reset: i64,
}

/// Of the rate limits of requests and of tokens that a request meets, those that leave least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standings {
    /// Requests, by the minute or the day.
    pub requests: Option<Standing>,
    /// Tokens, by the minute or the day.
    pub tokens: Option<Standing>,
}

impl Standings {
    /// Whether there is anything to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none()
    }
}

/// The figures of a rate limit that refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// `project` or `organization`.
    pub kind: &'static str,
    /// The name of the one whose limit it is.
    pub scope: String,
    /// The model that it is for.
    pub model: String,
    /// Which figure.
    pub rate: Rate,
    /// The limit.
    pub limit: u64,
    /// What of it is used.
    pub used: u64,
    /// What the request asks for.
    pub requested: u64,
    /// Microseconds until there is room; `None` where the request is larger than the limit.
    pub retry_after: Option<i64>,
    /// What is told in headers.
    pub standings: Standings,
}

impl Limited {
    pub(super) fn message(&self) -> String {
        let Self { kind, scope, model, limit, used, requested, .. } = self;
        let rate = self.rate.name().replace('_', " ");
        let advice = match self.retry_after {
            Some(wait) => format!("Try again in {}.", duration_text(wait)),
            None => "The request is larger than the limit: make it smaller.".to_owned(),
        };
        format!(
            "The rate limit of the {kind} '{scope}' for {model} is reached: {limit} {rate}, {used} are used, {requested} \
             are asked for. {advice}"
        )
    }

    /// The error's `type`: what is counted.
    pub(super) const fn kind(&self) -> &'static str {
        match self.rate {
            Rate::TokensPerMinute | Rate::TokensPerDay | Rate::BatchInputTokensPerDay => "tokens",
            _ => "requests",
        }
    }
}

/// A duration as the API's headers have it, in Go's way: `120ms`, `1s`, `1.5s`, `6m0s`, `1h0m0s`. Rounded up to a
/// millisecond.
#[must_use]
pub fn duration_text(micros: i64) -> String {
    let millis = (micros.max(0) + 999) / 1_000;
    if (1..1_000).contains(&millis) {
        return format!("{millis}ms");
    }
    let (seconds, rest) = (millis / 1_000, millis % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    // Writing to a text cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{seconds}");
    if rest > 0 {
        let _ = write!(text, ".{}", format!("{rest:03}").trim_end_matches('0'));
    }
    text.push('s');
    text
}

/// How long the period of a rate is, in microseconds.
#[must_use]
pub const fn period(rate: Rate) -> i64 {
    match rate {
        Rate::RequestsPerDay | Rate::TokensPerDay | Rate::BatchInputTokensPerDay => 24 * 60 * MINUTE,
        _ => MINUTE,
    }
}

/// `retry-after` wants whole seconds.
#[must_use]
pub const fn seconds(micros: i64) -> i64 {
    (micros + SECOND - 1) / SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r37_durations_are_written_as_the_api_writes_them() {
        for (micros, text) in [
            (0, "0s"),
            (1, "1ms"),
            (120_000, "120ms"),
            (SECOND, "1s"),
            (1_500_000, "1.5s"),
            (59_999_999, "1m0s"),
            (6 * MINUTE, "6m0s"),
            (60 * MINUTE + 2 * SECOND + 40_000, "1h0m2.04s"),
            (24 * 60 * MINUTE, "24h0m0s"),
        ] {
            assert_eq!(duration_text(micros), text);
        }
        assert_eq!((seconds(0), seconds(1), seconds(SECOND), seconds(SECOND + 1)), (0, 1, 1, 2));
    }
}
