//! Which requests are simple, and what they say.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Uri};
use smallvec::SmallVec;

use crate::question;
use crate::reply::JSON;

/// So many headers at most. Gateways send a few.
const MOST_HEADERS: usize = 32;

/// A request that is here whole.
#[derive(Debug)]
pub struct Simple {
    method: Method,
    path: Bytes,
    /// What may tell something of the request that is asked about.
    headers: SmallVec<[(Bytes, Bytes); 8]>,
    is_json: bool,
    pub body: Bytes,
    /// What was sent after it.
    pub rest: Bytes,
}

/// What a header is about.
enum About {
    /// The length of the body.
    Length,
    /// The connection, or how the body is sent.
    Way,
    /// The type of the body.
    Type,
    /// The client and where it believes to be: nobody asks.
    Client,
    Request,
}

impl About {
    fn of(name: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        match name.len() {
            14 if is(&["content-length"]) => Self::Length,
            12 if is(&["content-type"]) => Self::Type,
            2 | 6 | 7 | 10 | 17 if is(&["connection", "expect", "te", "trailer", "transfer-encoding", "upgrade"]) => {
                Self::Way
            }
            4 | 6 | 10 | 15 if is(&["host", "user-agent", "accept", "accept-encoding"]) => Self::Client,
            _ => Self::Request,
        }
    }
}

impl Simple {
    /// The request that `bytes` begin with; `None` if it is not simple: not whole, not of HTTP/1.1, with a method that asks for
    /// no body of the answer, or with a header that tells anything of the connection or of how the body is sent, but its
    /// length.
    ///
    /// What is read here must be read by hyper in the same way: so whatever could be read in two ways is not simple.
    pub fn first_of(bytes: &Bytes, max_head_bytes: usize) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = request.parse(bytes).ok()? else { return None };
        if length > max_head_bytes || request.version != Some(1) {
            return None;
        }
        let method = match request.method? {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "DELETE" => Method::DELETE,
            _ => return None,
        };
        let path = request.path.filter(|path| path.starts_with('/'))?;
        let (mut told, mut is_json, mut body_length) = (SmallVec::new(), false, None);
        for httparse::Header { name, value } in &*request.headers {
            match About::of(name) {
                About::Length if body_length.is_some() => return None,
                About::Length => body_length = Some(length_of(value)?),
                About::Way if name.len() == 10 && value.eq_ignore_ascii_case(b"keep-alive") => {}
                About::Way => return None,
                About::Client => {}
                About::Type if !is_json && question::is_json(value) => is_json = true,
                About::Type | About::Request => {
                    told.push((bytes.slice_ref(name.as_bytes()), bytes.slice_ref(value)));
                }
            }
        }
        let end = length.checked_add(body_length.unwrap_or(0))?;
        (end <= bytes.len()).then(|| Self {
            method,
            path: bytes.slice_ref(path.as_bytes()),
            headers: told,
            is_json,
            body: bytes.slice(length..end),
            rest: bytes.slice(end..),
        })
    }

    /// Whether this is a question in JSON, and nothing of the request asked about is in its head.
    pub fn is_question(&self) -> bool {
        self.is_json && self.headers.is_empty() && self.method == Method::POST && self.path == "/v1/authorize"
    }

    /// Its head, without what nobody asks for; `None` where hyper would find something wrong with it.
    pub fn head(&self) -> Option<Parts> {
        let mut head = Request::new(()).into_parts().0;
        head.method = self.method.clone();
        head.uri = Uri::from_maybe_shared(self.path.clone()).ok()?;
        head.headers.reserve(self.headers.len() + 1);
        if self.is_json {
            head.headers.insert(CONTENT_TYPE, JSON);
        }
        for (name, value) in &self.headers {
            let value = HeaderValue::from_maybe_shared(value.clone()).ok()?;
            head.headers.append(HeaderName::from_bytes(name).ok()?, value);
        }
        Some(head)
    }
}

/// A length in digits, and nothing else.
fn length_of(value: &[u8]) -> Option<usize> {
    let is_plain = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| is_plain)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_HEAD: usize = 400;

    fn read(text: impl Into<Bytes>) -> Option<Simple> {
        Simple::first_of(&text.into(), MOST_HEAD)
    }

    #[test]
    fn a_request_is_read_whole_and_what_follows_is_left() {
        let text = "POST /v1/authorize?a=b HTTP/1.1\r\nHost: mete\r\nX-Two: 1\r\nx-two: 2\r\nContent-Type: text/plain\r\n\
                    Content-Length: 2\r\n\r\n{}GET /";
        let simple = read(text).unwrap();
        let head = simple.head().unwrap();
        assert_eq!((head.method, head.uri.path(), head.uri.query()), (Method::POST, "/v1/authorize", Some("a=b")));
        let told: Vec<_> = head.headers.get_all("x-two").iter().collect();
        assert_eq!(told, ["1", "2"]);
        assert_eq!(head.headers.len(), 3);
        assert_eq!(head.headers[CONTENT_TYPE], "text/plain");
        assert_eq!((&*simple.body, &*simple.rest), (&b"{}"[..], &b"GET /"[..]));

        let simple = read("GET / HTTP/1.1\r\nconnection: Keep-Alive\r\n\r\n").unwrap();
        let head = simple.head().unwrap();
        assert_eq!((head.method, simple.body.is_empty(), simple.rest.is_empty()), (Method::GET, true, true));
    }

    #[test]
    fn questions_are_told_from_what_tells_more_in_its_head() {
        let with =
            |line: &str, header: &str| read(format!("{line} HTTP/1.1\r\nhost: mete\r\n{header}\r\n\r\n")).unwrap();
        let json = "content-type: application/json";
        assert!(with("POST /v1/authorize", json).is_question());
        assert!(
            with("POST /v1/authorize", "Content-Type: Application/JSON ; charset=utf-8\r\nAccept: */*").is_question()
        );
        assert_eq!(with("POST /v1/authorize", json).head().unwrap().headers[CONTENT_TYPE], JSON);
        for (line, header) in [
            ("GET /v1/authorize", json),
            ("POST /v1/authorize?", json),
            ("POST /v1/authorize/nginx", json),
            ("POST /v1/authorize", "content-type: text/json"),
            ("POST /v1/authorize", "x: y"),
            ("POST /v1/authorize", "content-type: application/json\r\nauthorization: Bearer sk-a"),
            ("POST /v1/authorize", "content-type: application/json\r\nx-original-uri: /v1/files"),
            ("POST /v1/authorize", "content-type: application/json\r\ncontent-type: application/json"),
        ] {
            assert!(!with(line, header).is_question(), "{line} {header}");
        }
    }

    #[test]
    fn whatever_is_unusual_is_left_to_others() {
        let with = |header: &str| format!("POST / HTTP/1.1\r\nhost: mete\r\n{header}\r\n\r\n{}", "x".repeat(20));
        assert!(read(with("content-length: 20")).is_some());
        for header in [
            "content-length: 21",
            "content-length: +1",
            "content-length: 1, 1",
            "content-length:",
            "content-length: 1\r\ncontent-length: 1",
            "content-length: 99999999999999999999999",
            "content-length: 18446744073709551615",
            "transfer-encoding: chunked",
            "Transfer-Encoding: identity",
            "connection: close",
            "connection: keep-alive, te",
            "expect: 100-continue",
            "upgrade: h2c",
            "te: trailers",
            "trailer: x-sum",
            "x-folded: a\r\n b",
            "x-space : a",
            "x-control: \u{1}",
            &format!("x-long: {}", "x".repeat(MOST_HEAD)),
            "x-many: 1\r\n".repeat(MOST_HEADERS).trim_end(),
        ] {
            assert!(read(with(header)).is_none(), "{header}");
        }
        for line in [
            "GET / HTTP/1.0",
            "HEAD / HTTP/1.1",
            "PUT / HTTP/1.1",
            "CONNECT mete:80 HTTP/1.1",
            "GET http://mete/ HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET  / HTTP/1.1",
            "get / HTTP/1.1",
            "GET / HTTP/2.0",
            "PRI * HTTP/2.0",
            "GET /",
        ] {
            assert!(read(format!("{line}\r\nhost: mete\r\n\r\n")).is_none(), "{line}");
        }
        for part in ["", "G", "GET / HTTP/1.1\r\nhost: mete\r\n", "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{"] {
            assert!(read(part).is_none(), "{part}");
        }
    }
}
