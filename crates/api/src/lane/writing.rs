//! Answers as they stand on the wire.

use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;
use hyper::StatusCode;
use mete_core::Timestamp;
use mete_core::time::SECOND;
use std::io::Write as _;

use crate::reply::{self, Answer};

/// Writes the answers of one connection.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    /// The second that `date` is the text of: it is told in each answer, and changes seldom.
    second: Option<i64>,
    date: String,
}

impl Writer {
    /// An answer of the instant `now`, which is the connection's last if it `ends`.
    pub fn write(&mut self, answer: Answer, now: Timestamp, ends: bool) -> &[u8] {
        self.bytes.clear();
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Json(text) => {
                self.status(StatusCode::OK);
                self.bytes.extend_from_slice(b"content-type: application/json\r\ncache-control: no-store\r\n");
                self.end(text.as_bytes(), now, ends);
                return &self.bytes;
            }
            Answer::Allowed(caller) => {
                self.status(StatusCode::NO_CONTENT);
                self.header(reply::KEY_ID.as_str(), &caller.key_id);
                self.header(reply::PROJECT_ID.as_str(), &caller.project_id);
                self.bytes.extend_from_slice(b"cache-control: no-store\r\n");
                self.end_of_head(now, ends);
                return &self.bytes;
            }
        };
        let (head, body) = reply.into_parts();
        self.status(head.status);
        for (name, value) in &head.headers {
            self.header(name.as_str(), value.as_bytes());
        }
        match head.status {
            StatusCode::NO_CONTENT => self.end_of_head(now, ends),
            _ => self.end(&reply::whole(body), now, ends),
        }
        &self.bytes
    }

    /// What remains of the head, and the body.
    fn end(&mut self, body: &[u8], now: Timestamp, ends: bool) {
        // Writing to memory cannot fail.
        let _ = write!(self.bytes, "content-length: {}\r\n", body.len());
        self.end_of_head(now, ends);
        self.bytes.extend_from_slice(body);
    }

    fn end_of_head(&mut self, now: Timestamp, ends: bool) {
        if ends {
            self.header("connection", b"close");
        }
        self.date(now);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn status(&mut self, status: StatusCode) {
        match status {
            StatusCode::NO_CONTENT => self.bytes.extend_from_slice(b"HTTP/1.1 204 No Content\r\n"),
            StatusCode::OK => self.bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
            status => {
                let reason = status.canonical_reason().unwrap_or_default();
                let _ = write!(self.bytes, "HTTP/1.1 {} {reason}\r\n", status.as_str());
            }
        }
    }

    fn header(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.bytes.extend_from_slice(part);
        }
    }

    fn date(&mut self, now: Timestamp) {
        let second = now.0.div_euclid(SECOND);
        if self.second != Some(second) {
            // Of the time before 1970 and after 9999 there is no text.
            let since = Duration::from_secs(u64::try_from(second).unwrap_or_default().min(253_402_300_799));
            self.date = HttpDate::from(UNIX_EPOCH + since).to_string();
            self.second = Some(second);
        }
        self.bytes.extend_from_slice(b"date: ");
        self.bytes.extend_from_slice(self.date.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{CONTENT_TYPE, HeaderValue};
    use mete_core::decision::Standings;
    use mete_gate::Caller;

    use super::*;
    use crate::reply::{no_content, with_body};

    fn written(writer: &mut Writer, answer: impl Into<Answer>, seconds: i64, ends: bool) -> String {
        let bytes = writer.write(answer.into(), Timestamp(seconds * SECOND + 999_999), ends);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn answers_stand_on_the_wire_as_rfc_9112_wants() {
        let mut writer = Writer::default();
        // The example of RFC 9110, section 5.6.7.
        assert_eq!(
            written(&mut writer, no_content(), 784_111_777, false),
            "HTTP/1.1 204 No Content\r\ncache-control: no-store\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
        );
        let mut reply = with_body(StatusCode::TOO_MANY_REQUESTS, HeaderValue::from_static("text/plain"), "no\n".into());
        reply.headers_mut().append(CONTENT_TYPE, HeaderValue::from_static("second"));
        assert_eq!(
            written(&mut writer, reply, 784_111_778, true),
            "HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\ncontent-type: second\r\n\
             cache-control: no-store\r\ncontent-length: 3\r\nconnection: close\r\n\
             date: Sun, 06 Nov 1994 08:49:38 GMT\r\n\r\nno\n"
        );
        let caller =
            Caller { key_id: b"key_1".as_slice().into(), project_id: "proj_1".into(), standings: Standings::default() };
        let allowed = written(&mut writer, Answer::Allowed(caller.clone()), 784_111_778, false);
        let at_length = written(&mut writer, Answer::Allowed(caller).into_reply(), 784_111_778, false);
        assert_eq!(allowed, at_length);
        let json = written(&mut writer, Answer::Json("{}".into()), 784_111_778, true);
        let at_length = written(&mut writer, Answer::Json("{}".into()).into_reply(), 784_111_778, true);
        assert_eq!(json, at_length);
        let empty = with_body(StatusCode::OK, HeaderValue::from_static("text/plain"), "".into());
        assert!(
            written(&mut writer, empty, 784_111_778, false)
                .contains("200 OK\r\ncontent-type: text/plain\r\ncache-control: no-store\r\ncontent-length: 0\r\n")
        );
    }

    #[test]
    fn a_clock_that_is_far_off_is_no_reason_to_fail() {
        for seconds in [i64::MIN / SECOND, -1, i64::MAX / SECOND - 1] {
            assert!(written(&mut Writer::default(), no_content(), seconds, false).contains("\r\ndate: "));
        }
    }
}
