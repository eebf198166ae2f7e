//! A gateway's side of `/v1/authorize`, with as little work as possible: what is measured is the server.

use anyhow::{Context as _, Result, ensure};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The bytes in which a gateway asks about a key.
#[must_use]
pub fn question(secret: &str) -> Vec<u8> {
    format!(
        "GET /v1/authorize HTTP/1.1\r\nhost: mete\r\nauthorization: Bearer {secret}\r\nx-original-method: POST\r\n\
         x-original-uri: /v1/chat/completions\r\nx-mete-model: gpt-4o-mini\r\n\r\n"
    )
    .into_bytes()
}

/// A connection to an HTTP server that stays open: one question after the other.
#[derive(Debug)]
pub struct Asking<S> {
    stream: S,
    answer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Asking<S> {
    /// Asks over `stream`.
    #[must_use]
    pub fn new(stream: S) -> Self {
        Self { stream, answer: Vec::with_capacity(1024) }
    }

    /// Asks, and tells the status of the answer once all of that has arrived.
    ///
    /// # Errors
    /// When the connection ends, or what comes is no answer.
    pub async fn ask(&mut self, question: &[u8]) -> Result<u16> {
        self.stream.write_all(question).await?;
        self.answer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the server closed the connection");
            if let Some(status) = status_of_whole(&self.answer)? {
                return Ok(status);
            }
        }
    }

    /// The last answer, as it came.
    #[must_use]
    pub fn answer(&self) -> &[u8] {
        &self.answer
    }
}

/// The status of an answer, if its head and its body are there.
fn status_of_whole(answer: &[u8]) -> Result<Option<u16>> {
    let Some(end) = memmem::find(answer, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end])?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?.parse()?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, length)| length.trim().parse::<usize>())?;
    Ok((answer.len() >= end + 4 + length).then_some(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_body() {
        let empty = b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n";
        assert_eq!(status_of_whole(empty).unwrap(), Some(204));
        assert_eq!(status_of_whole(&empty[..empty.len() - 1]).unwrap(), None);
        let full = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(status_of_whole(full).unwrap(), Some(429));
        assert_eq!(status_of_whole(&full[..full.len() - 1]).unwrap(), None);
        assert!(status_of_whole(b"HTTP/1.1\r\n\r\n").is_err());
    }
}
