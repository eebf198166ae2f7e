//! How a gateway describes the request that it asks about.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use mete_gate::Request;

/// Stands for a model that is not text, or was told twice and differently. No list of models has it.
const NO_MODEL: &str = "\u{fffd}";

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
///
/// Some gateways pass on the client's own headers beside theirs, so that a client may send the other name. Where method
/// or path is told twice and differently, it is not told; of several sizes the largest counts. A size that is no whole
/// number is not told, nor is anything that is empty.
pub fn request_of(headers: &HeaderMap) -> Request<'_> {
    let (mut method, mut path, mut model, mut bytes) = (Told::Not, Told::Not, Told::Not, None);
    for (name, value) in headers {
        match name.as_str() {
            "x-original-method" | "x-forwarded-method" => method.tell(value),
            "x-original-uri" | "x-forwarded-uri" => path.tell(value),
            "x-mete-model" => model.tell(value),
            "x-mete-bytes" => bytes = bytes.max(size(value)),
            _ => {}
        }
    }
    let model = match model {
        Told::Unclear => Some(NO_MODEL),
        model => model.once(),
    };
    Request { method: method.once(), path: path.once(), model, bytes }
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
