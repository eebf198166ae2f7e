//! Which path is answered by what.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::request;
use hyper::{Method, Request, StatusCode};
use mete_core::{Clock, Timestamp};
use mete_gate::Gate;

use crate::authorize::{authorize, authorize_for_envoy, is_envoys};
use crate::intake::{Dialect, Door, Intake, Refused, Signal};
use crate::metrics::Metrics;
use crate::nginx;
use crate::peer::Peer;
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
/// goes first. `GET /v1/authorize/nginx` answers the same in the form of nginx's `auth_request`: 204, or 401 or 403 with
/// the true status in `x-mete-status` and the body in `x-mete-body`. Envoy asks at `/v1/authorize/envoy/…` with the method and
/// behind that the path of the client's request.
///
/// `POST /v1/ingest`, `/v1/logs` and `/v1/traces` bring usage; `docs/http.md` describes them.
pub struct Api {
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    intake: Option<Arc<Intake>>,
}

/// What is to be done with a request.
enum Route<'a> {
    Answered(Reply),
    AnsweredToNginx(Reply),
    Usage(&'a Intake, Door),
}

impl Api {
    /// An interface to `gate`, which is asked about the present instant of `clock`, once `readiness` says so. What it
    /// answers is counted in `metrics`.
    #[must_use]
    pub fn new(gate: Arc<Gate>, clock: Arc<dyn Clock>, readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> Self {
        Self { gate, clock, readiness, metrics, intake: None }
    }

    /// The same, and usage is taken by `intake`.
    #[must_use]
    pub fn with_intake(self, intake: Arc<Intake>) -> Self {
        Self { intake: Some(intake), ..self }
    }

    /// The answer to one request of `peer`.
    pub(crate) async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        match self.route(&head) {
            Route::Answered(mut reply) => {
                request_body::dispose(&head, body, &mut reply).await;
                reply
            }
            Route::AnsweredToNginx(reply) => {
                let mut reply = nginx::for_auth_request(reply).await;
                request_body::dispose(&head, body, &mut reply).await;
                reply
            }
            // In a box: answers about keys, which are most, need not carry its size.
            Route::Usage(intake, door) => Box::pin(self.take(intake, door, peer, &head, body)).await,
        }
    }

    fn route(&self, head: &request::Parts) -> Route<'_> {
        let reply = match (head.uri.path(), &head.method) {
            ("/v1/authorize", &Method::GET | &Method::POST) => self.authorize(head),
            ("/v1/authorize/nginx", &Method::GET) => return Route::AnsweredToNginx(self.authorize(head)),
            ("/v1/authorize/nginx", method) => reply::method_not_allowed(method.as_str(), "GET"),
            ("/v1/authorize", method) => reply::method_not_allowed(method.as_str(), "GET, POST"),
            (path, _) if is_envoys(path) => self.if_loaded(|now| authorize_for_envoy(&self.gate, now, head, &self.metrics)),
            (path, method) if let (Some(intake), Some(door)) = (&self.intake, Door::at(path)) => {
                if method == Method::POST {
                    return Route::Usage(intake, door);
                }
                reply::method_not_allowed(method.as_str(), "POST")
            }
            ("/healthz", &Method::GET | &Method::HEAD) => reply::ok("alive\n"),
            ("/readyz", &Method::GET | &Method::HEAD) => {
                let reason = self.readiness.reason_against();
                reason.map_or_else(|| reply::ok("ready\n"), |reason| reply::unavailable(&reason))
            }
            ("/metrics", &Method::GET | &Method::HEAD) => self.metrics.reply(),
            ("/healthz" | "/readyz" | "/metrics", method) => reply::method_not_allowed(method.as_str(), "GET, HEAD"),
            (path, method) => reply::not_found(method.as_str(), path),
        };
        Route::Answered(reply)
    }

    fn authorize(&self, head: &request::Parts) -> Reply {
        self.if_loaded(|now| authorize(&self.gate, now, &head.headers, &self.metrics))
    }

    fn if_loaded(&self, decide: impl FnOnce(Timestamp) -> Reply) -> Reply {
        if !self.readiness.is_loaded() {
            return reply::unavailable(&self.readiness.reason_against().unwrap_or_default());
        }
        decide(self.clock.now())
    }

    async fn take(&self, intake: &Intake, door: Door, peer: Peer, head: &request::Parts, mut body: Incoming) -> Reply {
        let taken = match intake.admit(door, peer, head) {
            Ok(admitted) => intake.take(admitted, &mut body).await,
            Err(refused) => Err(refused),
        };
        let mut reply = taken.unwrap_or_else(|refused| Self::refusal(&refused, door, head));
        self.metrics.taken(head.uri.path(), reply.status());
        if reply.status() == StatusCode::UNAUTHORIZED {
            request_body::dispose(head, body, &mut reply).await;
        } else {
            request_body::dispose_of_usage(&head.headers, &mut body, &mut reply).await;
        }
        reply
    }

    fn refusal(refused: &Refused, door: Door, head: &request::Parts) -> Reply {
        tracing::debug!(path = head.uri.path(), status = %refused.status(), %refused, "usage was not taken");
        match door {
            Door::Ingest => refused.reply(),
            Door::Otlp(signal) => Dialect::asked(signal, &head.headers).refusal(refused),
        }
    }
}

impl Door {
    /// The one at `path`, if there is one.
    fn at(path: &str) -> Option<Self> {
        match path {
            "/v1/ingest" => Some(Self::Ingest),
            "/v1/traces" => Some(Self::Otlp(Signal::Traces)),
            "/v1/logs" => Some(Self::Otlp(Signal::Logs)),
            _ => None,
        }
    }
}
