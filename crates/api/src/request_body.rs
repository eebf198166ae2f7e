//! What becomes of a body that nobody reads: a small one is taken off the wire.

use std::time::Duration;

use bytes::Buf;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::http::request;

use crate::reply::Reply;

/// Bodies up to this many bytes are read and thrown away, so that the connection can be used again.
const MOST_BYTES: u64 = 64 * 1024;

/// How long a client may take to send such a body.
const MOST_TIME: Duration = Duration::from_secs(5);

/// Takes the body off the wire, or, where it is long, slow or only offered (`expect: 100-continue`), makes the answer
/// the connection's last.
pub async fn dispose(head: &request::Parts, body: Incoming, reply: &mut Reply) {
    if body.is_end_stream() {
        return;
    }
    let read = !head.headers.contains_key(EXPECT) && body.size_hint().lower() <= MOST_BYTES && {
        let deadline = tokio::time::timeout(MOST_TIME, read_to_end(body));
        deadline.await.unwrap_or(false)
    };
    if !read {
        end_after(reply);
    }
}

/// Makes an answer the connection's last.
pub fn end_after(reply: &mut Reply) {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Whether the body came to its end within [`MOST_BYTES`].
async fn read_to_end(mut body: Incoming) -> bool {
    let mut left = MOST_BYTES;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let length = frame.data_ref().map_or(0, Buf::remaining) as u64;
        let Some(rest) = left.checked_sub(length) else { return false };
        left = rest;
    }
    true
}
