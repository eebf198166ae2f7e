//! A gateway that asks the daemon.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::meted::LIMIT;
use crate::wait;

/// The daemon's answer about a key.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// The error's body; null where there is none.
    pub body: Value,
}

impl Answer {
    /// The error's `code`; empty where there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// Where a daemon answers: a port of this machine.
#[derive(Clone, Debug)]
pub struct Gateway(pub u16);

impl Gateway {
    /// Asks about a key.
    ///
    /// # Errors
    /// When nobody answers there, or what comes is no answer.
    pub fn ask(&self, secret: &str) -> Result<Answer> {
        self.ask_about(secret, "")
    }

    /// Asks about a request that these header lines describe, each with its end.
    ///
    /// # Errors
    /// When nobody answers there, or what comes is no answer.
    pub fn ask_about(&self, secret: &str, headers: &str) -> Result<Answer> {
        exchange(TcpStream::connect(("127.0.0.1", self.0))?, secret, headers)
    }

    /// Asks until the answer has `status` and `code`.
    ///
    /// # Errors
    /// When no such answer comes in time; the error shows the last one.
    pub fn answers(&self, secret: &str, status: u16, code: &str) -> Result<Answer> {
        self.answers_about(secret, "", status, code)
    }

    /// The same about a request that these header lines describe.
    ///
    /// # Errors
    /// When no such answer comes in time; the error shows the last one.
    pub fn answers_about(&self, secret: &str, headers: &str, status: u16, code: &str) -> Result<Answer> {
        let mut last = None;
        let answer = wait::until("the answer", LIMIT, || {
            let answer = self.ask_about(secret, headers).ok()?;
            let right = (answer.status, answer.code()) == (status, code);
            last = Some(answer.clone());
            right.then_some(answer)
        });
        answer.with_context(|| format!("{status} {code:?} was expected; the last answer was {last:?}"))
    }

    /// Sends a body, with these header lines, each with its end.
    ///
    /// # Errors
    /// When nobody answers there, or what comes is no answer.
    pub fn post(&self, path: &str, headers: &str, body: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0))?;
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: mete\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        )?;
        let (status, head, body) = read(stream)?;
        let body = serde_json::from_str(&body).with_context(|| format!("no JSON: {body:?}"))?;
        Ok(Answer { status, head, body })
    }

    /// Asks for a page: its status and text.
    ///
    /// # Errors
    /// When nobody answers there, or what comes is no answer.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: mete\r\nconnection: close\r\n\r\n")?;
        let (status, _, body) = read(stream)?;
        Ok((status, body))
    }
}

/// Asks about a key on a Unix socket.
///
/// # Errors
/// When nobody answers there, or what comes is no answer.
pub fn ask_socket(path: &Path, secret: &str) -> Result<Answer> {
    exchange(UnixStream::connect(path)?, secret, "")
}

fn exchange(mut stream: impl Read + Write, secret: &str, headers: &str) -> Result<Answer> {
    write!(
        stream,
        "GET /v1/authorize HTTP/1.1\r\nhost: mete\r\nconnection: close\r\nauthorization: Bearer {secret}\r\n{headers}\r\n"
    )?;
    let (status, head, body) = read(stream)?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&body)? };
    Ok(Answer { status, head, body })
}

/// Reads an answer to the end of its connection: status, head in lower case, body.
fn read(mut stream: impl Read) -> Result<(u16, String, String)> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no answer: {text:?}"))?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, head.to_lowercase(), body.to_owned()))
}
