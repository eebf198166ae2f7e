//! A client that sends usage until it is told that it is kept.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use mete_tests::wait::Deadline;
use serde_json::Value;

use super::figures::count;

/// A daemon answers within its patience of 15 seconds, or is gone.
const ANSWER: Duration = Duration::from_secs(60);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a daemon answers.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub u16);

/// An answer: status, and the text after the head.
pub type Answer = (u16, String);

impl Client {
    /// Sends lines, again and again until the daemon says that it has them. Asks `again` whenever it does not.
    ///
    /// # Errors
    /// When the daemon answers with anything but yes or "not now", when its count of the lines is another, when
    /// `deadline` passes, or those of `again`.
    pub fn deliver(self, lines: &[String], deadline: Deadline, again: impl Fn() -> Result<()>) -> Result<()> {
        let body = lines.join("\n");
        loop {
            match self.post(&body) {
                Ok((200, answer)) => return check(&answer, lines.len()),
                Ok((503, _)) | Err(_) if !deadline.passed() => again()?,
                other => bail!("usage was never taken; the last answer was {other:?}"),
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Sends lines once.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn post(self, body: &str) -> Result<Answer> {
        let length = body.len();
        let head = format!("content-type: application/x-ndjson\r\ncontent-length: {length}\r\n");
        self.ask("POST /v1/ingest", &head, body)
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn get(self, path: &str) -> Result<Answer> {
        self.ask(&format!("GET {path}"), "", "")
    }

    /// Asks whether the key with this secret may be used; the status says it.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn authorize(self, secret: &str) -> Result<u16> {
        Ok(self.ask("GET /v1/authorize", &format!("authorization: Bearer {secret}\r\n"), "")?.0)
    }

    /// Whether it is ready.
    pub fn is_ready(self) -> bool {
        self.get("/readyz").is_ok_and(|(status, _)| status == 200)
    }

    fn ask(self, what: &str, head: &str, body: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0))?;
        stream.set_read_timeout(Some(ANSWER))?;
        write!(stream, "{what} HTTP/1.1\r\nhost: mete\r\nconnection: close\r\n{head}\r\n{body}")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no answer: {text:?}"))?;
        Ok((head.split(' ').nth(1).context("no status")?.parse()?, body.to_owned()))
    }
}

/// Every line must have become something.
fn check(answer: &str, lines: usize) -> Result<()> {
    let answer: Value = serde_json::from_str(answer)?;
    let parts = ["accepted", "duplicates", "amended", "quarantined", "ignored"];
    let told: u64 = parts.iter().map(|part| count(&answer[part])).sum::<Result<_>>()?;
    ensure!(told == lines as u64, "{lines} lines were sent, and the answer is {answer}");
    Ok(())
}
