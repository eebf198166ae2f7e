//! The messages of `envoy.service.auth.v3.Authorization`, as far as Mete reads and writes them. Fields that are not here are
//! skipped. Numbers and kinds are those of Envoy's `envoy/service/auth/v3/external_auth.proto`,
//! `envoy/service/auth/v3/attribute_context.proto`, `envoy/config/core/v3/base.proto` and `envoy/type/v3/http_status.proto`,
//! and of `google/rpc/status.proto`.
//!
//! A crate with all of Envoy's messages takes longer to compile than all the rest.

use std::collections::HashMap;

use bytes::Bytes;
use prost::{Message, Oneof};
use prost_types::Struct;

/// What Envoy asks.
#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    /// Everything that it tells.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

/// `AttributeContext`.
#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    /// What is asked for.
    #[prost(message, optional, tag = "4")]
    pub request: Option<Request>,
}

/// `AttributeContext.Request`.
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    /// Not there for connections that are no HTTP.
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

/// `AttributeContext.HttpRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct HttpRequest {
    /// As in `POST`.
    #[prost(string, tag = "2")]
    pub method: String,
    /// Names in small letters; several values of one name are joined by commas. Not there with `encode_raw_headers`. Texts
    /// to Envoy, bytes here: they look the same.
    #[prost(map = "string, bytes", tag = "3")]
    pub headers: HashMap<String, Vec<u8>>,
    /// With the query.
    #[prost(string, tag = "4")]
    pub path: String,
    /// As in `HTTP/1.1`.
    #[prost(string, tag = "10")]
    pub protocol: String,
    /// The body without `pack_as_bytes`: a text to Envoy.
    #[prost(bytes = "bytes", tag = "11")]
    pub body: Bytes,
    /// The body with `pack_as_bytes`.
    #[prost(bytes = "bytes", tag = "12")]
    pub raw_body: Bytes,
    /// The headers with `encode_raw_headers`.
    #[prost(message, optional, tag = "13")]
    pub header_map: Option<HeaderMap>,
}

/// `envoy.config.core.v3.HeaderMap`.
#[derive(Clone, PartialEq, Message)]
pub struct HeaderMap {
    /// In their order.
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<HeaderValue>,
}

/// `envoy.config.core.v3.HeaderValue`.
#[derive(Clone, PartialEq, Message)]
pub struct HeaderValue {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value of one that is written.
    #[prost(string, tag = "2")]
    pub value: String,
    /// The value of one that is read.
    #[prost(bytes = "vec", tag = "3")]
    pub raw_value: Vec<u8>,
}

/// What Envoy is answered.
#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    /// Code 0 lets the request through.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// What becomes of it.
    #[prost(oneof = "HttpResponse", tags = "2, 3")]
    pub http_response: Option<HttpResponse>,
    /// What Envoy's access log can name, as in `%DYNAMIC_METADATA(envoy.filters.http.ext_authz:hold)%`.
    #[prost(message, optional, tag = "4")]
    pub dynamic_metadata: Option<Struct>,
}

/// `CheckResponse.http_response`.
#[derive(Clone, PartialEq, Oneof)]
pub enum HttpResponse {
    /// It is refused.
    #[prost(message, tag = "2")]
    Denied(DeniedHttpResponse),
    /// It goes on.
    #[prost(message, tag = "3")]
    Ok(OkHttpResponse),
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// One of gRPC's.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// What the client is answered.
#[derive(Clone, PartialEq, Message)]
pub struct DeniedHttpResponse {
    /// The status.
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    /// The headers.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    /// The body.
    #[prost(string, tag = "3")]
    pub body: String,
}

/// `envoy.type.v3.HttpStatus`.
#[derive(Clone, PartialEq, Message)]
pub struct HttpStatus {
    /// An enumeration whose values are the statuses themselves.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// What is changed in a request that goes on, and in its answer.
#[derive(Clone, PartialEq, Message)]
pub struct OkHttpResponse {
    /// For the server behind.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    /// What the server behind does not get of the client's. Removed after those above are set.
    #[prost(string, repeated, tag = "5")]
    pub headers_to_remove: Vec<String>,
    /// For the client.
    #[prost(message, repeated, tag = "6")]
    pub response_headers_to_add: Vec<HeaderValueOption>,
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Clone, PartialEq, Message)]
pub struct HeaderValueOption {
    /// Name and value.
    #[prost(message, optional, tag = "1")]
    pub header: Option<HeaderValue>,
    /// A `BoolValue`: whether the value is one more beside those that are there. The only way that older Envoys know.
    #[prost(message, optional, tag = "2")]
    pub append: Option<bool>,
    /// `HeaderAppendAction`: the way that replaces it.
    #[prost(int32, tag = "3")]
    pub append_action: i32,
}

impl HeaderValueOption {
    /// `OVERWRITE_IF_EXISTS_OR_ADD`
    const OVERWRITE: i32 = 2;

    /// Puts it in the place of all that have its name.
    #[must_use]
    pub fn set(name: &str, value: &str) -> Self {
        let header = HeaderValue { key: name.to_owned(), value: value.to_owned(), raw_value: Vec::new() };
        Self { header: Some(header), append: Some(false), append_action: Self::OVERWRITE }
    }
}
