//! Rate limits in headers, as OpenAI writes them (R37).

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use mete_core::decision::{Limited, Standing, Standings, duration_text, seconds};

const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
/// `retry-after` in milliseconds, which OpenAI's SDKs prefer.
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// How far requests are from their limits.
pub fn tell(standings: &Standings, headers: &mut HeaderMap) {
    for (standing, names) in [(standings.requests, REQUESTS), (standings.tokens, TOKENS)] {
        let Some(Standing { limit, remaining, reset }) = standing else { continue };
        let [limit_name, remaining_name, reset_name] = names;
        headers.insert(limit_name, HeaderValue::from(limit));
        headers.insert(remaining_name, HeaderValue::from(remaining));
        // Digits, letters and points.
        if let Ok(reset) = HeaderValue::try_from(duration_text(reset)) {
            headers.insert(reset_name, reset);
        }
    }
}

/// The same for a refusal, with when to try again.
pub fn refuse(limited: &Limited, headers: &mut HeaderMap) {
    tell(&limited.standings, headers);
    if let Some(wait) = limited.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
        headers.insert(RETRY_AFTER_MS, HeaderValue::from((wait + 999) / 1_000));
    }
}
