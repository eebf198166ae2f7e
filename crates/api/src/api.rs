//! Which path is answered by what.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, StatusCode};
use mete_core::{Clock, Timestamp};
use mete_gate::{Denied, Gate, Lease};
use mete_store::Store;

use crate::authorize::{authorize, authorize_holding, unfit};
use crate::description::{Description, describe};
use crate::envoy::check::Known;
use crate::envoy::http as envoy;
use crate::explain::Explaining;
use crate::footing::{Doubt, Footing};
use crate::holding::Holding;
use crate::holds::Deed;
use crate::intake::{Access, Dialect, Door, Intake, Refused, Signal};
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::readiness::Readiness;
use crate::refused_list::RefusedList;
use crate::reply::{self, Answer, Reply};
use crate::request_body::Unread;
use crate::{holds, nginx, question, request_body};

/// Answers requests. Shared by `Arc` among the listeners that it is served on.
///
/// `GET|POST /v1/authorize` takes the key from `Authorization: Bearer sk-…` or `x-api-key`. What the client asked for
/// it takes from `x-original-method` or `x-forwarded-method`, `x-original-uri` or `x-forwarded-uri`, `x-mete-model` and
/// `x-mete-bytes`, the length of the body; a gateway must set method and path itself, whatever the client sent. It
/// answers 204 with `x-mete-key-id` and `x-mete-project-id`, or the status and body of R37, with `x-should-retry: false`
/// where trying again is in vain. A gateway that accepts both headers of the key must use the same one: the bearer token
/// goes first. `GET /v1/authorize/nginx` answers the same in the form of nginx's `auth_request`: 204, or 401 or 403 with
/// the true status in `x-mete-status` and the body in `x-mete-body`. Envoy asks at `/v1/authorize/envoy/…` with the method and
/// behind that the path of the client's request, and wants 200; over gRPC ([`serve_grpc`](crate::serve_grpc)) it shows the
/// request and its body.
///
/// `POST /v1/authorize` with a JSON body and no key in a header asks for the same and is answered in JSON; money that was
/// held is given back by `DELETE /v1/holds/{id}` and held longer by `POST /v1/holds/{id}/extend`.
///
/// `POST /v1/ingest`, `/v1/logs` and `/v1/traces` bring usage, `GET /v1/refused` lists the keys that are refused,
/// `GET /v1/explain` tells why;
/// `docs/http.md` describes them.
pub struct Api {
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    readiness: Arc<Readiness>,
    footing: Arc<Footing>,
    metrics: Arc<Metrics>,
    intake: Option<Arc<Intake>>,
    holding: Option<Holding>,
    refused: Arc<RefusedList>,
    store: Option<Store>,
}

/// What is to be done with a request.
enum Route<'a> {
    Answered(Answer),
    Usage(&'a Intake, Door),
    RefusedKeys,
    Explanation(&'a Store),
    Held(&'a Holding, Held<'a>),
}

/// What is asked about money that is held, and may have to wait for the store.
enum Held<'a> {
    /// A question in JSON.
    Question,
    /// One in headers.
    Described(Description<'a>),
    /// A hold that is to live longer.
    Extension(&'a str),
}

impl Api {
    /// An interface to `gate`, which is asked about the present instant of `clock`, once `readiness` says so. What it
    /// answers is counted in `metrics`.
    #[must_use]
    pub fn new(gate: Arc<Gate>, clock: Arc<dyn Clock>, readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> Self {
        let refused = Arc::new(RefusedList::new(Arc::clone(&gate), Arc::clone(&clock)));
        let footing = Arc::default();
        Self { gate, clock, readiness, footing, metrics, intake: None, holding: None, refused, store: None }
    }

    /// The same, and money is held (R40). Without it all that wants a hold goes without, and there is no JSON form.
    #[must_use]
    pub fn with_holding(self, holding: Holding) -> Self {
        Self { holding: Some(holding), ..self }
    }

    /// The same, and decisions stand on `footing`. Without it they are never in doubt.
    #[must_use]
    pub fn with_footing(self, footing: Arc<Footing>) -> Self {
        Self { footing, ..self }
    }

    /// The same, and `/v1/explain` is answered with what `store` has beside the gate. Without it there is none.
    #[must_use]
    pub fn with_store(self, store: Store) -> Self {
        Self { store: Some(store), ..self }
    }

    /// The list that `/v1/refused` is answered with.
    #[must_use]
    pub const fn refused_list(&self) -> &Arc<RefusedList> {
        &self.refused
    }

    /// The same, and usage is taken by `intake`.
    #[must_use]
    pub fn with_intake(self, intake: Arc<Intake>) -> Self {
        Self { intake: Some(intake), ..self }
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The answer to one request of `peer`.
    pub(crate) async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        in_form_of(&head, self.answer_plainly(peer, &head, body).await.into()).into_reply()
    }

    /// The same for a request whose body is here whole, where there is nothing to wait for; else nothing has happened.
    pub(crate) fn answer_at_once(&self, head: &request::Parts, body: &Bytes) -> Option<Answer> {
        let answer = match self.route(head) {
            Route::Answered(answer) => answer,
            Route::Held(holding, held) => self.hold_at_once(holding, &held, &head.headers, &Ok(body.clone())).ok()?,
            Route::Usage(..) | Route::RefusedKeys | Route::Explanation(_) => return None,
        };
        Some(in_form_of(head, answer))
    }

    /// The same for a question in JSON at `/v1/authorize` with nothing in its head that tells of the request asked about.
    pub(crate) fn answer_question_at_once(&self, body: &Bytes) -> Option<Answer> {
        let holding = self.holding.as_ref()?;
        self.hold_at_once(holding, &Held::Question, &HeaderMap::new(), &Ok(body.clone())).ok()
    }

    /// The same where money must be leased before: for requests that [`Api::answer_at_once`] had no answer to. `None` for those
    /// that are not about holding money, whose bodies only hyper reads.
    pub(crate) async fn answer_whole(&self, head: &request::Parts, body: Bytes) -> Option<Answer> {
        let Route::Held(holding, held) = self.route(head) else { return None };
        let reply = self.hold(holding, &held, &head.headers, &Ok(body)).await;
        Some(in_form_of(head, reply.into()))
    }

    /// The answer to a request that Envoy shows over gRPC: the same as in the header form, and what is unfit to go on does not,
    /// whatever else would let it.
    pub(crate) async fn answer_check(&self, known: &Known) -> Reply {
        if !self.readiness.is_loaded() {
            return self.not_loaded();
        }
        let (gate, metrics, headers, described) = (&self.gate, &self.metrics, known.headers(), known.description());
        match (known.unfit(), &self.holding) {
            (Some(problem), _) => {
                self.decide(|now| unfit(gate, now, headers, &described, problem, metrics)).into_reply()
            }
            (None, Some(holding)) if described.wants_hold => {
                self.hold(holding, &Held::Described(described), headers, &Ok(Bytes::new())).await
            }
            (None, _) => self.decide(|now| authorize(gate, now, headers, &described, metrics)).into_reply(),
        }
    }

    async fn answer_plainly(&self, peer: Peer, head: &request::Parts, mut body: Incoming) -> Reply {
        let mut reply = match self.route(head) {
            Route::Answered(answer) => answer.into_reply(),
            // In a box: answers about keys, which are most, need not carry its size.
            Route::RefusedKeys => Box::pin(self.list_refused(peer, head)).await,
            Route::Explanation(store) => Box::pin(self.explain(store, peer, head)).await,
            Route::Usage(intake, door) => return Box::pin(self.take(intake, door, peer, head, body)).await,
            Route::Held(holding, held) => {
                let asked = match held {
                    Held::Question => request_body::collect(&mut body, question::MOST_BYTES).await,
                    _ => Ok(Bytes::new()),
                };
                Box::pin(self.hold(holding, &held, &head.headers, &asked)).await
            }
        };
        request_body::dispose(head, body, &mut reply).await;
        reply
    }

    fn route<'a>(&'a self, head: &'a request::Parts) -> Route<'a> {
        let reply = match (head.uri.path(), &head.method) {
            ("/v1/authorize", &Method::GET | &Method::POST) => return self.route_of_question(head),
            (nginx::PATH, &Method::GET) => return self.route_of_question(head),
            (nginx::PATH, method) => reply::method_not_allowed(method.as_str(), "GET"),
            ("/v1/authorize", method) => reply::method_not_allowed(method.as_str(), "GET, POST"),
            (path, _) if envoy::asks_at(path) => return self.route_of(envoy::description(head), head),
            (path, method) if let (Some(intake), Some(door)) = (&self.intake, Door::at(path)) => {
                if method == Method::POST {
                    return Route::Usage(intake, door);
                }
                reply::method_not_allowed(method.as_str(), "POST")
            }
            ("/v1/refused", &Method::GET | &Method::HEAD) => return Route::RefusedKeys,
            ("/v1/explain", method) if let Some(store) = &self.store => {
                if matches!(*method, Method::GET | Method::HEAD) {
                    return Route::Explanation(store);
                }
                reply::method_not_allowed(method.as_str(), "GET, HEAD")
            }
            ("/healthz", &Method::GET | &Method::HEAD) => reply::ok("alive\n"),
            ("/readyz", &Method::GET | &Method::HEAD) => self.ready(),
            ("/metrics", &Method::GET | &Method::HEAD) => self.metrics.reply(),
            ("/v1/refused" | "/healthz" | "/readyz" | "/metrics", method) => {
                reply::method_not_allowed(method.as_str(), "GET, HEAD")
            }
            (path, method) => match (holds::at(method, path), &self.holding) {
                (Some(Ok((id, Deed::Extend))), Some(holding)) => return Route::Held(holding, Held::Extension(id)),
                (Some(Ok((id, Deed::Release))), Some(_)) => {
                    self.when_loaded(|| holds::release(&self.gate, self.clock.now(), id))
                }
                (Some(Err(allowed)), Some(_)) => reply::method_not_allowed(method.as_str(), allowed),
                _ => reply::not_found(method.as_str(), path),
            },
        };
        Route::Answered(reply.into())
    }

    /// Most questions are answered at once.
    fn route_of_question<'a>(&'a self, head: &'a request::Parts) -> Route<'a> {
        match &self.holding {
            Some(holding) if head.method == Method::POST && question::is_question(&head.headers) => {
                Route::Held(holding, Held::Question)
            }
            _ => self.route_of(describe(&head.headers), head),
        }
    }

    fn route_of<'a>(&'a self, description: Description<'a>, head: &'a request::Parts) -> Route<'a> {
        match &self.holding {
            Some(holding) if description.wants_hold => Route::Held(holding, Held::Described(description)),
            _ => {
                let answer = |now| authorize(&self.gate, now, &head.headers, &description, &self.metrics);
                Route::Answered(self.decide(answer))
            }
        }
    }

    /// The answer about money that is held; `asked` is the body, where that has the question.
    async fn hold(
        &self,
        holding: &Holding,
        held: &Held<'_>,
        headers: &HeaderMap,
        asked: &Result<Bytes, Unread>,
    ) -> Reply {
        let answered = holding.leasing(|| self.hold_at_once(holding, held, headers, asked)).await;
        answered.map(Answer::into_reply).unwrap_or_else(|lease| {
            let denied = Denied::Unleased(lease);
            if !matches!(held, Held::Extension(_)) {
                self.metrics.admitted(&Err(denied.clone()));
            }
            reply::not_held(&denied)
        })
    }

    /// The same, unless something must be leased before: then that, and nothing has happened.
    fn hold_at_once(
        &self,
        holding: &Holding,
        held: &Held<'_>,
        headers: &HeaderMap,
        asked: &Result<Bytes, Unread>,
    ) -> Result<Answer, Lease> {
        if !self.readiness.is_loaded() {
            return Ok(self.not_loaded().into());
        }
        let (gate, metrics) = (&self.gate, &self.metrics);
        match (held, asked) {
            (Held::Question, Ok(body)) => self.try_to_decide(|now| question::answer(gate, holding, now, body, metrics)),
            (Held::Question, Err(unread)) => Ok(question::unread(*unread).into()),
            (Held::Described(description), _) => {
                self.try_to_decide(|now| authorize_holding(gate, holding, now, headers, description, metrics))
            }
            (Held::Extension(id), _) => holds::extend(gate, self.clock.now(), id).map(Answer::from),
        }
    }

    /// The answer to a question at the present instant, unless what it would stand on is too old.
    fn decide<T: Into<Answer>>(&self, answer: impl FnOnce(Timestamp) -> T) -> Answer {
        if !self.readiness.is_loaded() {
            return self.not_loaded().into();
        }
        let Ok(answer) = self.try_to_decide(|now| Ok::<_, Infallible>(answer(now)));
        answer
    }

    /// The same of a gate that is loaded, where the answer may not come.
    fn try_to_decide<T: Into<Answer>, E>(&self, answer: impl FnOnce(Timestamp) -> Result<T, E>) -> Result<Answer, E> {
        let now = self.clock.now();
        Ok(match self.footing.doubt(now) {
            None => answer(now)?.into(),
            Some(doubt) if doubt.closes => self.undecided(&doubt).into(),
            Some(doubt) => reply::stale(answer(now)?.into().into_reply(), &doubt).into(),
        })
    }

    fn undecided(&self, doubt: &Doubt) -> Reply {
        self.metrics.undecided();
        reply::degraded(doubt)
    }

    /// Whether requests should be sent here, and what is in doubt.
    fn ready(&self) -> Reply {
        let doubt = self.footing.doubt(self.clock.now());
        match (self.readiness.reason_against(), doubt) {
            (Some(reason), None) => reply::unavailable(&reason),
            (Some(reason), Some(doubt)) => reply::unavailable(&format!("{reason} {}", in_doubt(&doubt))),
            (None, Some(doubt)) if doubt.closes => reply::unavailable(&in_doubt(&doubt)),
            (None, Some(doubt)) => reply::ok(format!("ready, but {doubt}\n")),
            (None, None) => reply::ok("ready\n"),
        }
    }

    fn when_loaded(&self, answer: impl FnOnce() -> Reply) -> Reply {
        if self.readiness.is_loaded() { answer() } else { self.not_loaded() }
    }

    fn not_loaded(&self) -> Reply {
        reply::unavailable(&self.readiness.reason_against().unwrap_or_default())
    }

    async fn list_refused(&self, peer: Peer, head: &request::Parts) -> Reply {
        if let Err(refused) = self.permit_reading(peer, head) {
            return refused.reply();
        }
        match self.readiness.is_loaded() {
            true => self.refused.reply(&head.headers).await,
            // Without its totals the gate would tell that nobody is refused.
            false => self.not_loaded(),
        }
    }

    /// Whether a request may read what is of all projects.
    fn permit_reading(&self, peer: Peer, head: &request::Parts) -> Result<(), Refused> {
        match &self.intake {
            Some(intake) => intake.permit_reading(peer, &head.headers),
            None => Access::default().permit_reading(peer, &head.headers),
        }
    }

    async fn explain(&self, store: &Store, peer: Peer, head: &request::Parts) -> Reply {
        if let Err(refused) = self.permit_reading(peer, head) {
            return refused.reply();
        }
        if !self.readiness.is_loaded() {
            return self.not_loaded();
        }
        let (gate, footing, now) = (&*self.gate, &*self.footing, self.clock.now());
        Explaining { gate, store, footing, now }.answer(head.uri.query().unwrap_or_default()).await
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

/// An answer in the form that whoever asks at the request's path understands.
fn in_form_of(head: &request::Parts, answer: Answer) -> Answer {
    match head.uri.path() {
        nginx::PATH if head.method == Method::GET => nginx::for_auth_request(answer.into_reply()).into(),
        path if envoy::asks_at(path) => envoy::for_ext_authz(answer.into_reply()).into(),
        _ => answer,
    }
}

/// What a doubt means for those who ask.
fn in_doubt(doubt: &Doubt) -> String {
    let then = if doubt.closes { "questions are answered with 503" } else { "the gate goes on with what it knows" };
    format!("It is degraded: {doubt}, and {then}.")
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
