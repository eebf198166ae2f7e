//! How a gateway describes the request that it asks about.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use mete_gate::Request;

use crate::holding::Circumstances;

/// Stands for a model that is not text, or was told twice and differently. No list of models has it.
pub const NO_MODEL: &str = "\u{fffd}";

/// What `headers` tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    /// What is asked for.
    pub request: Request<'a>,
    /// What decides on its cost.
    pub circumstances: Circumstances<'a>,
    /// Whether money is to be held for it: a size is told, or it is asked for.
    pub wants_hold: bool,
}

/// The request as `headers` describe it.
///
/// | | header | sent by |
/// |---|---|---|
/// | method | `x-original-method` | nginx (`proxy_set_header X-Original-Method $request_method`) |
/// | | `x-forwarded-method` | Traefik's `ForwardAuth`, Caddy's `forward_auth`, APISIX's `forward-auth`, by themselves |
/// | path | `x-original-uri` | nginx (`proxy_set_header X-Original-URI $request_uri`) |
/// | | `x-forwarded-uri` | Traefik, Caddy, APISIX, by themselves |
/// | model | `x-mete-model` | a gateway that reads the body |
/// | bytes | `x-mete-bytes` | nginx (`proxy_set_header X-Mete-Bytes $content_length`); no header for it is in common use |
/// | tokens | `x-mete-input-tokens`, `x-mete-max-output-tokens` | a gateway that reads the body and has money held (R40) |
/// | event | `x-mete-request-id` | the same: the id that the usage event will have |
/// | hold | `x-mete-hold: take` | a gateway that has money held without knowing the sizes |
///
/// Some gateways pass on the client's own headers beside theirs, so that a client may send the other name. Where method
/// or path is told twice and differently, it is not told; of several sizes the largest counts. A size that is no whole
/// number is not told, nor is anything that is empty.
pub fn describe(headers: &HeaderMap) -> Description<'_> {
    let (mut method, mut path, mut model, mut bytes) = (Told::Not, Told::Not, Told::Not, None);
    let (mut input_tokens, mut max_output_tokens, mut request_id, mut asks) = (None, None, Told::Not, false);
    for (name, value) in headers {
        match name.as_str() {
            "x-original-method" | "x-forwarded-method" => method.tell(value),
            "x-original-uri" | "x-forwarded-uri" => path.tell(value),
            "x-mete-model" => model.tell(value),
            "x-mete-bytes" => bytes = bytes.max(size(value)),
            "x-mete-input-tokens" => input_tokens = input_tokens.max(size(value)),
            "x-mete-max-output-tokens" => max_output_tokens = max_output_tokens.max(size(value)),
            "x-mete-request-id" => request_id.tell(value),
            "x-mete-hold" => asks |= value.as_bytes().eq_ignore_ascii_case(b"take"),
            _ => {}
        }
    }
    let model = match model {
        Told::Unclear => Some(NO_MODEL),
        model => model.once(),
    };
    let request_id = request_id.once();
    Description {
        request: Request { method: method.once(), path: path.once(), model, bytes },
        circumstances: Circumstances { input_tokens, max_output_tokens, request_id, ..Circumstances::default() },
        wants_hold: asks || input_tokens.is_some() || max_output_tokens.is_some(),
    }
}

/// What was told so far.
enum Told<'a> {
    Not,
    Once(&'a str),
    /// Differently, or not as text.
    Unclear,
}

impl<'a> Told<'a> {
    fn tell(&mut self, value: &'a HeaderValue) {
        if value.is_empty() {
            return;
        }
        *self = match (&*self, std::str::from_utf8(value.as_bytes())) {
            (Self::Not, Ok(text)) => Self::Once(text),
            (Self::Once(before), Ok(text)) if *before == text => Self::Once(text),
            _ => Self::Unclear,
        };
    }

    const fn once(self) -> Option<&'a str> {
        match self {
            Self::Once(text) => Some(text),
            Self::Not | Self::Unclear => None,
        }
    }
}

fn size(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn request_of(headers: &HeaderMap) -> Request<'_> {
        describe(headers).request
    }

    #[test]
    fn r40_sizes_or_a_word_have_money_held() {
        let sizes = headers(&[
            ("x-mete-input-tokens", b"10"),
            ("x-mete-input-tokens", b"1000"),
            ("x-mete-max-output-tokens", b"20"),
            ("x-mete-request-id", b"req-1"),
        ]);
        let circumstances = Circumstances {
            input_tokens: Some(1000),
            max_output_tokens: Some(20),
            request_id: Some("req-1"),
            ..Circumstances::default()
        };
        let described = describe(&sizes);
        assert_eq!((described.circumstances, described.wants_hold), (circumstances, true));
        for (name, value, wants) in [
            ("x-mete-max-output-tokens", &b"0"[..], true),
            ("x-mete-hold", b"Take", true),
            ("x-mete-hold", b"hold_1", false),
            ("x-mete-input-tokens", b"many", false),
            ("x-mete-request-id", b"req-1", false),
        ] {
            assert_eq!(describe(&headers(&[(name, value)])).wants_hold, wants, "{name}");
        }
    }

    #[test]
    fn each_gateways_headers_are_understood() {
        let expected = Request { method: Some("POST"), path: Some("/v1/files?x=1"), model: None, bytes: None };
        let nginx = headers(&[("x-original-method", b"POST"), ("x-original-uri", b"/v1/files?x=1")]);
        assert_eq!(request_of(&nginx), expected);
        let traefik = headers(&[("x-forwarded-method", b"POST"), ("x-forwarded-uri", b"/v1/files?x=1")]);
        assert_eq!(request_of(&traefik), expected);
        let more = headers(&[("x-mete-model", "modèle".as_bytes()), ("x-mete-bytes", b"12")]);
        assert_eq!(request_of(&more), Request { model: Some("modèle"), bytes: Some(12), ..Request::default() });
        assert_eq!(request_of(&headers(&[])), Request::default());
    }

    #[test]
    fn what_a_client_adds_makes_no_request_smaller() {
        let spoofed = headers(&[
            ("x-original-method", b"GET"),
            ("x-forwarded-method", b"POST"),
            ("x-original-uri", b"/v1/models"),
            ("x-original-uri", b"/v1/files"),
            ("x-mete-model", b"cheap"),
            ("x-mete-model", b"dear"),
            ("x-mete-bytes", b"1"),
            ("x-mete-bytes", b"1000"),
            ("x-mete-bytes", b"2"),
        ]);
        let request = request_of(&spoofed);
        assert_eq!(request, Request { method: None, path: None, model: Some(NO_MODEL), bytes: Some(1000) });
        let agreeing = headers(&[("x-original-method", b"GET"), ("x-forwarded-method", b"GET")]);
        assert_eq!(request_of(&agreeing).method, Some("GET"));
    }

    #[test]
    fn what_is_no_text_or_number_is_not_told() {
        let odd = headers(&[("x-original-uri", b"/v1/\xff"), ("x-mete-model", b"\xff"), ("x-mete-bytes", b"1e9")]);
        assert_eq!(request_of(&odd), Request { model: Some(NO_MODEL), ..Request::default() });
        for size in ["-1", "", " ", "1.0", "0x10", "99999999999999999999"] {
            assert_eq!(request_of(&headers(&[("x-mete-bytes", size.as_bytes())])).bytes, None, "{size:?}");
        }
        let empty = headers(&[("x-mete-model", b""), ("x-original-method", b"")]);
        assert_eq!(request_of(&empty), Request::default());
    }
}
