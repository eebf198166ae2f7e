//! Which path is answered by what.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::request;
use hyper::{Method, Request};
use mete_core::Clock;
use mete_gate::Gate;

use crate::authorize::authorize;
use crate::readiness::Readiness;
use crate::reply::{self, Reply};
use crate::request_body;

/// Answers requests. Shared by `Arc` among the listeners that it is served on.
///
/// `GET|POST /v1/authorize` takes the key from `Authorization: Bearer sk-…` or `x-api-key`. What the client asked for
/// it takes from `x-original-method` or `x-forwarded-method`, `x-original-uri` or `x-forwarded-uri`, `x-mete-model` and
/// `x-mete-bytes`, the length of the body; a gateway must set method and path itself, whatever the client sent. It
/// answers 204 with `x-mete-key-id` and `x-mete-project-id`, or the status and body of R37, with `x-should-retry: false`
/// where trying again is in vain. A gateway that accepts both headers of the key must use the same one: the bearer token
/// goes first.
pub struct Api {
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    readiness: Arc<Readiness>,
}

impl Api {
    /// An interface to `gate`, which is asked about the present instant of `clock`, once `readiness` says so.
    #[must_use]
    pub fn new(gate: Arc<Gate>, clock: Arc<dyn Clock>, readiness: Arc<Readiness>) -> Self {
        Self { gate, clock, readiness }
    }

    /// The answer to one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let mut reply = self.route(&head);
        request_body::dispose(&head, body, &mut reply).await;
        reply
    }

    fn route(&self, head: &request::Parts) -> Reply {
        match (head.uri.path(), &head.method) {
            ("/v1/authorize", &Method::GET | &Method::POST) => self.authorize(head),
            ("/v1/authorize", method) => reply::method_not_allowed(method.as_str(), "GET, POST"),
            ("/healthz", &Method::GET | &Method::HEAD) => reply::ok("alive\n"),
            ("/readyz", &Method::GET | &Method::HEAD) => {
                self.readiness.reason_against().map_or_else(|| reply::ok("ready\n"), reply::unavailable)
            }
            ("/healthz" | "/readyz", method) => reply::method_not_allowed(method.as_str(), "GET, HEAD"),
            (path, method) => reply::not_found(method.as_str(), path),
        }
    }

    fn authorize(&self, head: &request::Parts) -> Reply {
        match self.readiness.reason_against() {
            Some(reason) if !self.readiness.is_loaded() => reply::unavailable(reason),
            _ => authorize(&self.gate, self.clock.now(), &head.headers),
        }
    }
}
