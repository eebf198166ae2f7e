//! Clients that ask, make their requests, and log what they used.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::SystemClock;
use mete_core::Clock as _;
use mete_tests::bench::{Asking, question};
use mete_tests::meted::LIMIT;
use mete_tests::wait::Deadline;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::place::COST;

/// How long a request takes between the gate's answer and its log line.
const TAKES: Duration = Duration::from_millis(5);
/// Before a client asks a daemon again that did not answer.
const PAUSE: Duration = Duration::from_millis(10);

/// How the gate is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In headers, with no money held.
    Counted,
    /// In JSON, with sizes.
    Held,
}

impl Way {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted after the fact (baseline)",
            Self::Held => "money held for each request",
        }
    }
}

/// What the clients of a daemon share.
pub struct Shared {
    pub way: Way,
    pub address: SocketAddr,
    pub secret: String,
    pub key_id: String,
    /// The log that the daemon follows: each line is one write, and files that are open for appending take it whole.
    log: File,
    /// Requests that were begun, of all that are to be made.
    asked: AtomicU64,
    /// Lines that were written.
    pub written: AtomicU64,
}

/// The answer to one question.
enum Answer {
    Allowed { hold: Option<String> },
    Refused,
}

impl Shared {
    pub fn new(way: Way, address: SocketAddr, (secret, key_id): (String, String), log: &Path) -> Result<Arc<Self>> {
        let log = File::options().append(true).create(true).open(log)?;
        let (asked, written) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Arc::new(Self { way, address, secret, key_id, log, asked, written }))
    }

    /// How many requests were begun.
    pub fn begun(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Nobody makes any now: each client looked once more whether there was one left.
    pub fn all_begun(&self, end: u64) {
        self.asked.store(end, Ordering::Relaxed);
    }

    /// Whether the gate would let a request through.
    pub async fn looks_allowed(&self) -> Result<bool> {
        Ok(Asking::new(TcpStream::connect(self.address).await?).ask(&question(&self.secret)).await? == 204)
    }

    /// Makes requests until `end` of them were begun. Tells how many were let through.
    pub async fn make(self: Arc<Self>, end: u64) -> Result<u64> {
        let (mut allowed, mut connection) = (0, None);
        loop {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            if number >= end {
                return Ok(allowed);
            }
            if let Answer::Allowed { hold } = self.ask(&mut connection).await? {
                allowed += 1;
                sleep(TAKES).await;
                self.write(number, hold)?;
            }
        }
    }

    /// Asks until there is an answer: the daemon may be killed in between.
    async fn ask(&self, connection: &mut Option<Asking<TcpStream>>) -> Result<Answer> {
        let deadline = Deadline::after(LIMIT);
        loop {
            if let Some(answer) = self.try_to_ask(connection).await? {
                return Ok(answer);
            }
            *connection = None;
            ensure!(!deadline.passed(), "no answer within {LIMIT:?}");
            sleep(PAUSE).await;
        }
    }

    async fn try_to_ask(&self, connection: &mut Option<Asking<TcpStream>>) -> Result<Option<Answer>> {
        let asking = match connection {
            Some(asking) => asking,
            None => {
                let Ok(stream) = TcpStream::connect(self.address).await else { return Ok(None) };
                stream.set_nodelay(true)?;
                connection.insert(Asking::new(stream))
            }
        };
        match asking.ask(&self.question()).await {
            Ok(204) => Ok(Some(Answer::Allowed { hold: None })),
            Ok(429) => Ok(Some(Answer::Refused)),
            Ok(200) => decided(asking.answer()).map(Some),
            // It was killed, or does not know yet.
            Ok(503) | Err(_) => Ok(None),
            Ok(status) => anyhow::bail!("{status}: {}", String::from_utf8_lossy(asking.answer())),
        }
    }

    fn question(&self) -> Vec<u8> {
        if self.way == Way::Counted {
            return question(&self.secret);
        }
        let body = json!({
            "key": self.secret, "method": "POST", "path": "/v1/chat/completions", "model": "gpt-4o-mini",
            "input_tokens": 1_000_000, "max_output_tokens": 1_000_000,
        });
        let body = body.to_string();
        format!(
            "POST /v1/authorize HTTP/1.1\r\nhost: mete\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn write(&self, number: u64, hold: Option<String>) -> Result<()> {
        let mut line = json!({
            "id": format!("request-{number}"), "time": SystemClock.now().to_string(), "api_key": self.key_id,
            "model": "gpt-4o-mini", "input_tokens": 1_000_000, "output_tokens": 1_000_000, "cost": COST,
        });
        if let Some(hold) = hold {
            line["hold"] = hold.into();
        }
        (&self.log).write_all(format!("{line}\n").as_bytes())?;
        self.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn decided(answer: &[u8]) -> Result<Answer> {
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("no body")?;
    let body: Value = serde_json::from_slice(&answer[body + 4..])?;
    if body["decision"] == "refuse" {
        ensure!(body["reason"] == "project_spend_limit_exceeded", "{body}");
        return Ok(Answer::Refused);
    }
    let hold = body["hold"]["id"].as_str().with_context(|| format!("nothing is held: {body}"))?;
    Ok(Answer::Allowed { hold: Some(hold.to_owned()) })
}
