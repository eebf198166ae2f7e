//! Connections on which nothing happens.
//!
//! hyper's own time limit for a request's head takes a new timer for each request. Here one of each connection looks
//! now and then whether anything was sent since.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What happened on one connection.
#[derive(Debug, Default)]
pub struct Activity {
    /// How often something of an answer was sent.
    sent: AtomicU64,
    /// Whether a request is being answered.
    busy: AtomicBool,
}

impl Activity {
    /// Waits for `answer` as a request that is under way.
    pub async fn during<T>(&self, answer: impl Future<Output = T>) -> T {
        self.busy.store(true, Ordering::Relaxed);
        let answer = answer.await;
        self.busy.store(false, Ordering::Relaxed);
        answer
    }

    /// Ends when for `time` at least, and twice that at most, no request was under way and nothing was sent: the
    /// client is silent, or sends a request's head byte by byte.
    pub async fn silent_for(&self, time: Duration) {
        let mut before = self.sent.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(time).await;
            let sent = self.sent.load(Ordering::Relaxed);
            if sent == before && !self.busy.load(Ordering::Relaxed) {
                return;
            }
            before = sent;
        }
    }
}

/// A stream whose activity is noted.
#[derive(Debug)]
pub struct Watched<S> {
    pub stream: S,
    pub activity: Arc<Activity>,
    /// What was read of it before and is still to be read.
    pub unread: Bytes,
}

impl<S> Watched<S> {
    fn note(&self, sent: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if sent.is_ready() {
            self.activity.sent.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let length = buffer.remaining().min(self.unread.len());
            buffer.put_slice(&self.unread.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(sent)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
