//! What `GET /metrics` tells, in the text format of OpenMetrics, which Prometheus reads.

mod decisions;
mod deliveries;
mod footing;
mod holds;
mod sources;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use mete_core::Timestamp;
use mete_core::decision::Refusal;
use mete_gate::{Denied, Hold, Settled};
use mete_ingest::committer::{Commit, Delivery};
use mete_notify::Attempt;
use mete_store::DeliveryCounts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;

use crate::footing::Footing;
use crate::reply::{self, Reply};
use decisions::Decisions;
use deliveries::Deliveries;
use footing::Knowledge;
use holds::Holds;
use sources::Sources;

const OPENMETRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// The counters of one process. Shared by `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Decisions,
    holds: Holds,
    knowledge: Knowledge,
    deliveries: Deliveries,
    sources: Mutex<Sources>,
    requests: Family<Request, Counter>,
    commit_seconds: Histogram,
    commit_failures: Counter,
    last_commit: Gauge,
    store_up: Gauge,
    queued: Gauge,
    queue: Mutex<Option<mpsc::WeakSender<Delivery>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    path: String,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mete");
        let decisions = Decisions::default();
        decisions.register(&mut registry);
        let holds = Holds::register(&mut registry);
        let knowledge = Knowledge::register(&mut registry);
        let deliveries = Deliveries::register(&mut registry);
        let sources = Sources::register(&mut registry);
        let requests = Family::default();
        registry.register("usage_requests", "Requests that brought usage, by path and status", requests.clone());
        // From half a millisecond to 16 seconds.
        let commit_seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let help = "Time from the start of a commit until it is on disk, failed tries included";
        registry.register("commit_seconds", help, commit_seconds.clone());
        let commit_failures = Counter::default();
        registry.register(
            "store_failures",
            "Times that the store could not be written or read",
            commit_failures.clone(),
        );
        let last_commit = Gauge::default();
        registry.register("last_commit_timestamp_seconds", "When something was committed last", last_commit.clone());
        let store_up = Gauge::default();
        registry.register("store_up", "Whether the store could be written when it was last tried", store_up.clone());
        let queued = Gauge::default();
        registry.register("queue_parcels", "Parcels that wait for the committer", queued.clone());
        Self {
            registry,
            decisions,
            holds,
            knowledge,
            deliveries,
            sources: Mutex::new(sources),
            requests,
            commit_seconds,
            commit_failures,
            last_commit,
            store_up,
            queued,
            queue: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Has the length of this queue told, as long as anybody sends to it.
    pub fn watch(&self, queue: &mpsc::Sender<Delivery>) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = Some(queue.downgrade());
    }

    /// A commit is on disk at the instant `now`.
    pub fn committed(&self, commit: &Commit<'_>, now: Timestamp) {
        self.commit_seconds.observe(commit.took.as_secs_f64());
        if !commit.parcels.is_empty() {
            self.last_commit.set(now.0.div_euclid(SECOND));
        }
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).count(commit);
    }

    /// The source with this name did not let a writer in.
    pub fn connection_refused(&self, source: &str) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).refuse(source);
    }

    /// The store failed, or works.
    pub fn store_is(&self, works: bool) {
        self.store_up.set(i64::from(works));
        if !works {
            self.commit_failures.inc();
        }
    }

    /// How good the gate's knowledge is at `now`.
    pub fn footing(&self, footing: &Footing, now: Timestamp) {
        self.knowledge.tell(footing, now);
    }

    /// Somebody was told of an alert, or was not.
    pub fn delivered(&self, attempt: &Attempt) {
        self.deliveries.attempted(attempt);
    }

    /// How many deliveries of alerts wait at `now`.
    pub fn deliveries(&self, counts: &DeliveryCounts, now: Timestamp) {
        self.deliveries.tell(counts, now);
    }

    /// A question was not decided, because what is known is too old.
    pub(crate) fn undecided(&self) {
        self.knowledge.undecided.inc();
    }

    /// A request was allowed.
    pub(crate) fn allowed(&self) {
        self.decisions.count(decisions::ALLOWED);
    }

    /// A request for which money was to be held was decided on. Where none can be held, nothing was.
    pub(crate) fn admitted(&self, outcome: &Result<Option<Hold>, Denied>) {
        match outcome {
            Ok(hold) => {
                self.holds.taken.inc_by(u64::from(hold.is_some()));
                self.allowed();
            }
            Err(Denied::Refused(refusal)) => self.refused(refusal),
            Err(Denied::Full | Denied::Unleased(_)) => {}
        }
    }

    /// Holds ended with their events.
    pub fn settled(&self, settled: Settled) {
        self.holds.settled(settled);
    }

    /// A request was refused.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.decisions.count(decisions::of(refusal));
    }

    /// A request that brought usage to `path` was answered. There are as many paths as Mete has for usage.
    pub(crate) fn taken(&self, path: &str, status: StatusCode) {
        self.requests.get_or_create(&Request { path: path.to_owned(), status: status.as_u16() }).inc();
    }

    /// All of it.
    pub(crate) fn reply(&self) -> Reply {
        let queue =
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(mpsc::WeakSender::upgrade);
        let waiting = queue.map_or(0, |queue| queue.max_capacity() - queue.capacity());
        self.queued.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry);
        reply::with_body(StatusCode::OK, OPENMETRICS, Bytes::from(text))
    }
}
