//! A client that writes requests byte by byte and reads answers, each within a deadline.

use std::collections::HashMap;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// Nothing in these tests takes this long, unless it never happens.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// What `future` gives within [`DEADLINE`].
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"))
}

/// A byte stream of either kind.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One connection.
pub struct Client(BufReader<Box<dyn Stream>>);

/// An answer; header names in lower case.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The code in an error body, after checking that all four keys of R37 are there; `null` where there is none.
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let error = body["error"].as_object().unwrap();
        for key in ["message", "type", "param", "code"] {
            assert!(error.contains_key(key), "{key} is missing in {body}");
        }
        assert_eq!(self.header("content-type"), Some("application/json"));
        error["code"].as_str().unwrap_or("null").to_owned()
    }
}

impl Client {
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon("sending", self.0.get_mut().write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends a request without a body, with the given header lines, and reads its answer.
    pub async fn ask(&mut self, request_line: &str, headers: &[&str]) -> Answer {
        self.send(request(request_line, headers)).await;
        if request_line.starts_with("HEAD") { self.read_head().await } else { self.read().await }
    }

    /// Asks for a decision on a key.
    pub async fn authorize(&mut self, secret: &str) -> Answer {
        self.ask("GET /v1/authorize", &[&format!("authorization: Bearer {secret}")]).await
    }

    /// Reads an answer with its body.
    pub async fn read(&mut self) -> Answer {
        let mut answer = self.read_head().await;
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        soon("a body", self.0.read_exact(&mut body)).await.unwrap();
        answer.body = String::from_utf8_lossy(&body).into_owned();
        answer
    }

    /// Reads an answer's head, such as that to a HEAD request.
    pub async fn read_head(&mut self) -> Answer {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {status_line:?}"));
        let mut answer = Answer { status: status.parse().unwrap(), headers: HashMap::new(), body: String::new() };
        loop {
            let line = self.line().await;
            if line.is_empty() {
                return answer;
            }
            let (name, value) = line.split_once(": ").unwrap();
            assert!(answer.headers.insert(name.to_lowercase(), value.to_owned()).is_none(), "{name} came twice");
        }
    }

    /// Waits until the server has closed the connection, and returns what else it sent.
    pub async fn read_to_end(&mut self) -> String {
        let mut rest = Vec::new();
        match soon("the end of the connection", self.0.read_to_end(&mut rest)).await {
            Ok(_) => {}
            // A server that closes while bytes are on their way to it resets the connection.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        String::from_utf8(rest).unwrap()
    }

    /// Whether an answer begins to arrive within `time`.
    pub async fn is_answered_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.0.fill_buf()).await.is_ok()
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        soon("a line", self.0.read_line(&mut line)).await.unwrap();
        assert!(line.ends_with("\r\n"), "the connection ended after {line:?}");
        line.trim_end().to_owned()
    }
}

/// The text of a request without a body.
pub fn request(request_line: &str, headers: &[&str]) -> String {
    let mut text = format!("{request_line} HTTP/1.1\r\nhost: mete\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text + "\r\n"
}
