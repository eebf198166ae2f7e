//! The short way for requests as gateways send them.
//!
//! hyper is made for whatever HTTP/1.1 may bring, and takes longer for a request than the decision does. A question comes
//! whole, in one piece and on a connection that is kept: such a request is read and answered here. At the first one that
//! is unusual in the least, the connection is handed on to hyper as it is, and stays there.

mod reading;
mod writing;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::api::Api;
use crate::reply::Answer;
use crate::silence::{Activity, Watched};
use reading::Simple;
use writing::Writer;

/// So much is read at once. Requests that are longer are left to hyper.
const READ: usize = 8 * 1024;

/// A connection whose requests were simple so far.
pub struct Lane<'a, S> {
    pub stream: Watched<S>,
    pub api: &'a Api,
    pub activity: &'a Activity,
    /// The longest head of a request, in bytes.
    pub max_head_bytes: usize,
    /// Whether no further requests are wanted.
    pub stopping: &'a AtomicBool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lane<'_, S> {
    /// Answers requests until the connection ends, or until one comes that is not simple: then the connection, which has
    /// that request still to be read.
    ///
    /// # Errors
    /// When the client goes away in the midst.
    pub async fn answer(mut self) -> io::Result<Option<Watched<S>>> {
        let (mut unread, mut writer) = (BytesMut::new(), Writer::default());
        loop {
            if unread.is_empty() && self.read(&mut unread).await? == 0 {
                return Ok(None);
            }
            let bytes = unread.split().freeze();
            let Some((answer, rest)) = self.answer_first(&bytes).await else {
                self.stream.unread = bytes;
                return Ok(Some(self.stream));
            };
            let ends = self.stopping.load(Ordering::Relaxed);
            self.stream.write_all(writer.write(answer, self.api.now(), ends)).await?;
            if ends {
                self.stream.shutdown().await?;
                return Ok(None);
            }
            unread.extend_from_slice(&rest);
        }
    }

    /// The answer to the request that is first in `bytes`, and what comes after it; `None` if it is not simple.
    async fn answer_first(&mut self, bytes: &Bytes) -> Option<(Answer, Bytes)> {
        let simple = Simple::first_of(bytes, self.max_head_bytes)?;
        if simple.is_question()
            && let Some(answer) = self.api.answer_question_at_once(&simple.body)
        {
            return Some((answer, simple.rest));
        }
        let head = simple.head()?;
        let answer = match self.api.answer_at_once(&head, &simple.body) {
            Some(answer) => answer,
            None => self.activity.during(self.api.answer_whole(&head, simple.body)).await?,
        };
        Some((answer, simple.rest))
    }

    /// How many bytes came; none at the connection's end, and when no further request is wanted.
    async fn read(&mut self, unread: &mut BytesMut) -> io::Result<usize> {
        unread.reserve(READ);
        let mut reading = pin!(self.stream.read_buf(unread));
        poll_fn(|context| match self.stopping.load(Ordering::Relaxed) {
            true => Poll::Ready(Ok(0)),
            false => reading.as_mut().poll(context),
        })
        .await
    }
}
