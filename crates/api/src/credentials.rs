//! The key that a request brings along.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

/// Where Anthropic's clients put their key.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The secret from `Authorization: Bearer sk-…` (the scheme in any case), else from `x-api-key`; `None` if there is
/// neither. A secret that is not ASCII text is the empty one: nobody's.
pub fn key_of(headers: &HeaderMap) -> Option<&str> {
    bearer_of(headers).or_else(|| headers.get(X_API_KEY).map(|value| text(value).trim()))
}

/// The token of `Authorization: Bearer`, if there is one.
pub fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).map(text).and_then(bearer_token)
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// What follows the scheme `Bearer`; `None` for another scheme or nothing.
fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()))
            .collect()
    }

    #[test]
    fn keys_are_found_where_openai_and_anthropic_clients_put_them() {
        for (given, key) in [
            (headers(&[("authorization", b"Bearer sk-a")]), Some("sk-a")),
            (headers(&[("authorization", b"bearer sk-a")]), Some("sk-a")),
            (headers(&[("authorization", b"BEARER   sk-a ")]), Some("sk-a")),
            (headers(&[("x-api-key", b"sk-b")]), Some("sk-b")),
            (headers(&[("authorization", b"Bearer sk-a"), ("x-api-key", b"sk-b")]), Some("sk-a")),
            (headers(&[("authorization", b"Basic dTpw"), ("x-api-key", b"sk-b")]), Some("sk-b")),
            (headers(&[("authorization", b"Basic dTpw")]), None),
            (headers(&[("authorization", b"Bearer")]), None),
            (headers(&[("authorization", b"sk-a")]), None),
            (headers(&[("authorization", b"Bearersk-a")]), None),
            (headers(&[]), None),
        ] {
            assert_eq!(key_of(&given), key, "{given:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_nobodys_key() {
        assert_eq!(key_of(&headers(&[("x-api-key", b"sk-\xff\xfe")])), Some(""));
        assert_eq!(key_of(&headers(&[("authorization", b"Bearer sk-\xff")])), None);
    }
}
