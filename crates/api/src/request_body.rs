//! Small bodies: read, or taken off the wire where nobody wants them.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::http::request;

use crate::reply::Reply;

/// Bodies up to this many bytes are read and thrown away, so that the connection can be used again.
const MOST_BYTES: u64 = 64 * 1024;

/// The same for usage. Its clients send for a while before they read; one whose connection is closed meanwhile would
/// never see why, and when to come again.
const MOST_USAGE: u64 = 64 << 20;

/// How long a client may take to send such a body.
const MOST_TIME: Duration = Duration::from_secs(5);

/// Takes the body off the wire, or, where it is long, slow or only offered (`expect: 100-continue`), makes the answer
/// the connection's last.
pub async fn dispose(head: &request::Parts, mut body: Incoming, reply: &mut Reply) {
    dispose_up_to(MOST_BYTES, &head.headers, &mut body, reply).await;
}

/// The same for what is left of a body of usage.
pub async fn dispose_of_usage(headers: &HeaderMap, body: &mut Incoming, reply: &mut Reply) {
    dispose_up_to(MOST_USAGE, headers, body, reply).await;
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    TooLarge,
    /// It ended early, or did not come in time.
    Torn,
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// When it is larger, torn or slow.
pub async fn collect(body: &mut Incoming, most: usize) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > most as u64 {
        return Err(Unread::TooLarge);
    }
    let whole = async {
        // Most bodies come in one piece, which is not copied.
        let (mut first, mut pieces) = (Bytes::new(), Vec::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::Torn)?.into_data() else { continue };
            if first.len().max(pieces.len()) + data.len() > most {
                return Err(Unread::TooLarge);
            }
            if first.is_empty() {
                first = data;
                continue;
            }
            if pieces.is_empty() {
                pieces.extend_from_slice(&first);
            }
            pieces.extend_from_slice(&data);
        }
        Ok(if pieces.is_empty() { first } else { pieces.into() })
    };
    in_time(whole).await.unwrap_or(Err(Unread::Torn))
}

/// What comes within [`MOST_TIME`]. What came with its head is there at the second look: most take no timer.
async fn in_time<T>(wanted: impl Future<Output = T>) -> Option<T> {
    let mut wanted = pin!(wanted);
    let mut looks = 0;
    let soon = poll_fn(|context| {
        looks += 1;
        match wanted.as_mut().poll(context) {
            Poll::Ready(it) => Poll::Ready(Some(it)),
            Poll::Pending if looks > 1 => Poll::Ready(None),
            Poll::Pending => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    });
    match soon.await {
        None => tokio::time::timeout(MOST_TIME, wanted).await.ok(),
        it => it,
    }
}

async fn dispose_up_to(most: u64, headers: &HeaderMap, body: &mut Incoming, reply: &mut Reply) {
    if body.is_end_stream() {
        return;
    }
    let read = !headers.contains_key(EXPECT) && body.size_hint().lower() <= most && {
        in_time(read_to_end(body, most)).await.unwrap_or(false)
    };
    if !read {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether the body came to its end within `left` bytes.
async fn read_to_end(body: &mut Incoming, mut left: u64) -> bool {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let length = frame.data_ref().map_or(0, Buf::remaining) as u64;
        let Some(rest) = left.checked_sub(length) else { return false };
        left = rest;
    }
    true
}
