//! Why a request that brings usage is not answered with what became of it.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{ACCEPT_ENCODING, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::reply::{self, Reply};

/// A refusal. Unless it says otherwise, nothing of the request is kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "This request brings no token. Send 'Authorization: Bearer TOKEN' with the token that meted.toml names \
         ([ingest] token_file, or that of a source). Without one, usage is only taken on the Unix socket and from \
         programs on this machine, for sources without a token of their own."
    )]
    NoToken,
    #[error(
        "The token is none of those that meted.toml names. It is the content of the file at [ingest] token_file, or \
         at a source's token_file."
    )]
    WrongToken,
    #[error("There is no [[source]] of kind \"http\" with the name {0:?} that this request may write to.")]
    UnknownSource(String),
    #[error("The query is wrong: {0}. It may have source=NAME and format=NAME.")]
    Query(String),
    #[error("The content type {0:?} is not taken here. Use one of {1}.")]
    MediaType(String, &'static str),
    #[error("The content encoding {0:?} is not taken. Use gzip, zstd, or none.")]
    Encoding(String),
    #[error("The body is larger than {limit} bytes, which is the most that is taken at once. Send it in parts.")]
    TooLarge { limit: usize },
    #[error("The body is larger than {limit} bytes, the most with an idempotency-key. Send it in parts.")]
    TooLargeForKey { limit: usize },
    #[error("The body did not arrive in time.")]
    TooSlow,
    #[error("The body ended before it was whole.")]
    Torn,
    #[error("The body cannot be read: {0}. Nothing of it is kept.")]
    Unreadable(Cow<'static, str>),
    #[error("The idempotency-key must have 1 to 200 visible ASCII characters.")]
    BadKey,
    #[error("A request with this idempotency-key is under way. Wait for its answer.")]
    KeyInUse,
    #[error("This idempotency-key was used within the last day for another body. Use a new key for a new request.")]
    KeyReused,
    #[error("meted holds as many requests in memory as it may. Send this one again.")]
    NoMemory,
    #[error("meted takes as many requests as it can. Send this one again.")]
    Busy,
    #[error("meted is stopping. Send this request to another instance, or again.")]
    Stopping,
    #[error("The ledger cannot be written: {0}. Send the request again; what is kept by then counts once.")]
    Trouble(String),
    #[error("The ledger did not take it in time. Send the request again; what is kept by then counts once.")]
    NotCommitted,
}

impl Refused {
    /// The HTTP status.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::UnknownSource(_) => StatusCode::NOT_FOUND,
            Self::Query(_) | Self::Torn | Self::Unreadable(_) | Self::BadKey => StatusCode::BAD_REQUEST,
            Self::MediaType(..) | Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::TooLargeForKey { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::KeyInUse => StatusCode::CONFLICT,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NoMemory | Self::Busy | Self::Stopping | Self::Trouble(_) | Self::NotCommitted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The stable word for programs.
    const fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "missing_token",
            Self::WrongToken => "invalid_token",
            Self::UnknownSource(_) => "unknown_source",
            Self::Query(_) => "invalid_query",
            Self::MediaType(..) => "unsupported_media_type",
            Self::Encoding(_) => "unsupported_encoding",
            Self::TooLarge { .. } | Self::TooLargeForKey { .. } => "body_too_large",
            Self::TooSlow => "body_too_slow",
            Self::Torn => "body_torn",
            Self::Unreadable(_) => "body_unreadable",
            Self::BadKey => "invalid_idempotency_key",
            Self::KeyInUse => "idempotency_key_in_use",
            Self::KeyReused => "idempotency_key_reused",
            Self::NoMemory | Self::Busy => "busy",
            Self::Stopping => "stopping",
            Self::Trouble(_) => "ledger_unavailable",
            Self::NotCommitted => "not_committed",
        }
    }

    /// After how many seconds the client may come again.
    const fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::NoMemory | Self::Busy | Self::KeyInUse => Some("1"),
            // Exporters of OpenTelemetry try six times: that has to last for a restart.
            Self::Stopping | Self::Trouble(_) | Self::NotCommitted => Some("5"),
            _ => None,
        }
    }

    /// The answer in the shape of R37.
    pub(crate) fn reply(&self) -> Reply {
        let status = self.status();
        let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
        let mut reply = reply::error(status, kind, self.code(), &self.to_string());
        self.add_headers(&mut reply);
        reply
    }

    /// The headers that belong to it in any shape.
    pub(crate) fn add_headers(&self, reply: &mut Reply) {
        let headers = reply.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        match self {
            Self::NoToken | Self::WrongToken => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Encoding(_) => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
            }
            _ => {}
        }
    }
}
