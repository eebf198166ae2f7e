//! What Envoy shows of a request over gRPC, and Mete's answer in its form.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use mete_core::EndpointGroup;
use mete_core::permissions::Access;
use mete_gate::Request;
use prost_types::value::Kind;
use prost_types::{Struct, Value};

use super::messages::{
    CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpRequest, HttpResponse, HttpStatus,
    OkHttpResponse, Status,
};
use crate::description::{Description, NO_MODEL};
use crate::holding::Circumstances;
use crate::model_request::{self, ModelRequest, Unfit};
use crate::reply::Reply;

/// Whether the body is not whole; there only where Envoy shows one.
const PARTIAL_BODY: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");
/// What the access log calls the request, and so its usage event.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that mean something to Mete, and that it alone says.
const METE: &str = "x-mete-";
const RATE_LIMITS: &str = "x-ratelimit-";
/// Those of its answers that not every answer has: no client's gets through in their place.
const SOMETIMES: [&str; 2] = ["x-mete-hold", "x-mete-stale"];

/// gRPC's codes for what goes on and what does not.
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;

/// Bodies up to this size are read at once; longer ones would keep a thread from others for a millisecond and more.
const READ_AT_ONCE: usize = 256 * 1024;

/// A request as Envoy shows it.
pub struct Shown {
    method: String,
    path: String,
    /// Those of the client; what cannot be a header is none.
    pub headers: HeaderMap,
    body: Bytes,
    /// Over HTTP/1 a body tells of itself, over others it need not.
    is_http1: bool,
}

/// What is known of such a request.
pub struct Known {
    shown: Shown,
    told: ModelRequest,
    /// It has a body that Envoy does not show.
    is_hidden: bool,
}

impl From<CheckRequest> for Shown {
    /// One without HTTP is nobody's.
    fn from(request: CheckRequest) -> Self {
        let http = request.attributes.and_then(|attributes| attributes.request).and_then(|request| request.http);
        let HttpRequest { method, headers, path, protocol, body, raw_body, header_map } = http.unwrap_or_default();
        let raw = header_map.unwrap_or_default().headers.into_iter().map(|header| (header.key, header.raw_value));
        let named = headers.into_iter().chain(raw);
        let mut all = HeaderMap::new();
        for (name, value) in named {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                all.append(name, value);
            }
        }
        let body = if raw_body.is_empty() { body } else { raw_body };
        Self { method, path, headers: all, body, is_http1: protocol.starts_with("HTTP/1") }
    }
}

impl Shown {
    /// Reads the body.
    pub async fn read(self) -> Known {
        let (_, group) = self.needs();
        // Files are large, and name no model.
        let is_of_files = group == EndpointGroup::Files;
        let is_hidden = self.hides_body() && !is_of_files;
        let told = if self.header(&PARTIAL_BODY) == "true" && !is_of_files {
            Unfit::Cut.into()
        } else if self.body.is_empty() || is_of_files {
            ModelRequest::default()
        } else {
            self.model_request().await
        };
        Known { shown: self, told, is_hidden }
    }

    async fn model_request(&self) -> ModelRequest {
        if self.body.len() <= READ_AT_ONCE {
            return model_request::read(&self.path, self.header(&CONTENT_TYPE), &self.body);
        }
        let (path, content_type) = (self.path.clone(), self.header(&CONTENT_TYPE).to_owned());
        let body = self.body.clone();
        let read = tokio::task::spawn_blocking(move || model_request::read(&path, &content_type, &body));
        // It does not panic, and at a stop nobody waits for it.
        read.await.unwrap_or_else(|_| Unfit::NoJson.into())
    }

    /// What it asks for, but for what stands in its body.
    fn request(&self) -> Request<'_> {
        let method = Some(self.method.as_str()).filter(|method| !method.is_empty());
        let path = Some(self.path.as_str()).filter(|path| !path.is_empty());
        Request { method, path, ..Request::default() }
    }

    /// What it needs, and where it belongs; an ambiguous path belongs nowhere.
    fn needs(&self) -> (Access, EndpointGroup) {
        self.request().needs().map_or((Access::Write, EndpointGroup::Other), |(group, access)| (access, group))
    }

    /// Whether there is, or may be, a body of which nothing is shown.
    fn hides_body(&self) -> bool {
        if !self.body.is_empty() || self.headers.contains_key(PARTIAL_BODY) {
            return false;
        }
        let writes = self.needs().0 == Access::Write;
        match self.length() {
            Some(length) => length > 0,
            None => self.headers.contains_key(TRANSFER_ENCODING) || (writes && !self.is_http1),
        }
    }

    /// The body's length, as the client told it.
    fn length(&self) -> Option<u64> {
        self.header(&CONTENT_LENGTH).parse().ok()
    }

    /// The value of a header; empty where there is none, or no text.
    fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Known {
    /// Why it must not go on, whoever sent it.
    pub fn unfit(&self) -> Option<Unfit> {
        self.told.unfit
    }

    /// The client's headers, and its key in them.
    pub fn headers(&self) -> &HeaderMap {
        &self.shown.headers
    }

    /// The same as gateways describe it in headers.
    pub fn description(&self) -> Description<'_> {
        let Self { shown, told, is_hidden } = self;
        let model = told.model.as_deref().or(is_hidden.then_some(NO_MODEL));
        let bytes = shown.length().max(Some(shown.body.len() as u64));
        let (input_tokens, max_output_tokens) = told.sizes.unzip();
        let request_id = Some(shown.header(&REQUEST_ID)).filter(|id| !id.is_empty());
        Description {
            request: Request { model, bytes, ..shown.request() },
            circumstances: Circumstances { input_tokens, max_output_tokens, request_id, ..Circumstances::default() },
            // Without a model there is nothing that costs, as far as Mete can see.
            wants_hold: model.is_some(),
        }
    }

    /// An answer in Envoy's form: what goes on gets Mete's headers, which are also named in the metadata for the access log,
    /// and none of a client's that look like them; the client is answered with the rest.
    pub async fn answer(&self, reply: Reply) -> CheckResponse {
        let (head, body) = reply.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let texts = || head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let of = |prefix: &str| {
            let named = texts().filter(|(name, _)| name.starts_with(prefix));
            named.map(|(name, value)| HeaderValueOption::set(name, value)).collect::<Vec<_>>()
        };
        let (code, http_response) = if head.status.is_success() {
            let headers_to_remove = self.forged(&head.headers);
            let response_headers_to_add = of(RATE_LIMITS);
            (OK, HttpResponse::Ok(OkHttpResponse { headers: of(METE), headers_to_remove, response_headers_to_add }))
        } else {
            let status = Some(HttpStatus { code: head.status.as_u16().into() });
            let body = String::from_utf8_lossy(&body).into_owned();
            (PERMISSION_DENIED, HttpResponse::Denied(DeniedHttpResponse { status, headers: of(""), body }))
        };
        let named = texts().filter_map(|(name, value)| Some((name.strip_prefix(METE)?.replace('-', "_"), value)));
        let more =
            [("model".to_owned(), self.told.model.as_deref()), ("status".to_owned(), Some(head.status.as_str()))];
        let named = named.chain(more.into_iter().filter_map(|(name, value)| Some((name, value?))));
        CheckResponse {
            status: Some(Status { code }),
            http_response: Some(http_response),
            dynamic_metadata: Some(metadata(named)),
        }
    }

    /// The client's headers that would speak for Mete or for a gateway, but for those that the answer sets.
    fn forged(&self, answered: &HeaderMap) -> Vec<String> {
        let is_forged = |name: &str| {
            let by_prefix = name.starts_with(METE) || name.starts_with("x-original-");
            by_prefix || name == "x-forwarded-method" || name == "x-forwarded-uri"
        };
        let sent = self.shown.headers.keys().map(HeaderName::as_str).filter(|name| is_forged(name));
        let mut names: Vec<_> = sent.chain(SOMETIMES).filter(|name| !answered.contains_key(*name)).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(str::to_owned).collect()
    }
}

fn metadata<'a>(fields: impl Iterator<Item = (String, &'a str)>) -> Struct {
    let text = |value: &str| Value { kind: Some(Kind::StringValue(value.to_owned())) };
    Struct { fields: fields.map(|(name, value)| (name, text(value))).collect() }
}
