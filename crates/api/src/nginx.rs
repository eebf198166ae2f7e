//! The gate's answers in the form that nginx's `auth_request` understands.
//!
//! It passes a request on at 2xx and knows two refusals, 401 and 403; whatever else it is answered it takes for a fault.
//! It also throws the body away. So the true answer travels in headers, which nginx keeps with `auth_request_set` and
//! turns back into an answer with `error_page`: `config/gateways/nginx` does it.

use std::fmt::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};

use crate::reply::{self, Reply};

/// Where nginx asks.
pub const PATH: &str = "/v1/authorize/nginx";

/// The status that the client is to see.
const STATUS: HeaderName = HeaderName::from_static("x-mete-status");
/// The body that the client is to see: JSON in visible ASCII.
const BODY: HeaderName = HeaderName::from_static("x-mete-body");

/// The same answer for `auth_request`: what lets a request through, and faults (5xx), as they are; a refusal as 401 or 403,
/// with its status in `x-mete-status` and its body in `x-mete-body`. All other headers stay.
///
/// nginx must have room for the head of the answer (`proxy_buffer_size`, 4 KiB or more); a refusal has less than 2 KiB.
pub fn for_auth_request(reply: Reply) -> Reply {
    let (mut head, body) = reply.into_parts();
    if !head.status.is_client_error() {
        return Reply::from_parts(head, body);
    }
    let text = visible_ascii(&String::from_utf8_lossy(&reply::whole(body)));
    head.headers.insert(STATUS, HeaderValue::from(head.status.as_u16()));
    // It is visible ASCII: there is no value that a header may not carry.
    if let Ok(value) = HeaderValue::try_from(text) {
        head.headers.insert(BODY, value);
    }
    head.headers.remove(CONTENT_TYPE);
    head.headers.remove(CONTENT_LENGTH);
    if head.status != StatusCode::UNAUTHORIZED {
        head.status = StatusCode::FORBIDDEN;
    }
    Reply::from_parts(head, Full::new(Bytes::new()))
}

/// The same JSON with all other characters escaped. They stand only within its texts, where `\u` means the same.
fn visible_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a text cannot fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper::header::{RETRY_AFTER, WWW_AUTHENTICATE};
    use serde_json::{Value, json};

    use super::*;
    use crate::reply::{error, ok, unavailable};

    #[test]
    fn escaped_json_says_the_same() {
        let value =
            json!({"message": "Projekt \u{201e}B\u{e4}r\u{201c} \u{1f43b}\u{7f}\r\nx-admin: yes \"\\ \u{2028}"});
        let text = visible_ascii(&value.to_string());
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[tokio::test]
    async fn refusals_become_one_of_two_and_carry_the_truth() {
        for (status, shown) in [(401, 401), (403, 403), (413, 403), (429, 403), (400, 403)] {
            let status = StatusCode::from_u16(status).unwrap();
            let mut reply = error(status, "kind", "code", "No m\u{f6}re.");
            reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            let reply = for_auth_request(reply);
            assert_eq!(reply.status(), shown);
            assert_eq!(reply.headers()[STATUS], status.as_str());
            assert_eq!(reply.headers()[WWW_AUTHENTICATE], "Bearer");
            let body: Value = serde_json::from_str(reply.headers()[BODY].to_str().unwrap()).unwrap();
            assert_eq!(body["error"]["message"], "No m\u{f6}re.");
            assert!(reply.into_body().collect().await.unwrap().to_bytes().is_empty());
        }
    }

    #[tokio::test]
    async fn what_is_no_refusal_stays_as_it_is() {
        assert_eq!(for_auth_request(ok("fine")).status(), 200);
        let away = for_auth_request(unavailable("starting"));
        assert_eq!(
            (away.status(), &away.headers()[RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
        );
        assert!(!away.headers().contains_key(STATUS));
    }
}
