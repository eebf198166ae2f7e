//! Usage over HTTP: `POST /v1/ingest`, and OTLP at `/v1/logs` and `/v1/traces`.
//!
//! A request is taken in steps: who may send it and what it is ([`access`], [`request`]), its body off the wire and
//! unpacked ([`body`]), checked as a whole ([`content`]), read into parcels ([`reading`]), handed to the ledger's
//! committer and waited for ([`delivery`]), answered. Nothing of a body that is torn is kept, and nothing is answered
//! with 200 that is not on disk.
//!
//! Everything is bounded: the requests at once, the memory that they hold together, the readers, the time.

mod access;
mod body;
mod budget;
mod cloudevents;
mod content;
mod delivery;
mod keys;
mod otlp;
mod reading;
mod refused;
mod request;
mod source;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use mete_core::Clock;
use mete_ingest::attribution::Directories;
use mete_ingest::committer::Delivery;
use mete_ingest::formats::Layout;
use mete_store::{Account, Receipt};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

pub use access::{Access, DEFAULT_SOURCE, HttpSource};
use body::Encoding;
pub(crate) use body::receive;
pub(crate) use budget::Budget;
use budget::Buffer;
use content::Content;
pub(crate) use otlp::{Dialect, Signal};
pub(crate) use refused::Refused;
use request::{Media, Query};
use source::Source;

use crate::peer::Peer;
use crate::readiness::Readiness;
use crate::reply::{self, Reply};

/// Bounds on what requests may bring and take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest body, before and after it is unpacked, in bytes.
    pub body: usize,
    /// The largest body that has an idempotency key: it is one parcel, so that it is kept as a whole or not at all.
    pub keyed_body: usize,
    /// The largest body of OTLP. Exporters send batches of some hundred spans.
    pub otlp_body: usize,
    /// What all bodies may hold in memory together, in bytes.
    pub memory: usize,
    /// Requests at once. A slow one holds a place, and what it sent by then.
    pub requests: usize,
    /// Requests that are being unpacked and read at once.
    pub readers: usize,
    /// How long a request may wait, once its body is there, without that anything of it gets on: to a reader, into the
    /// queue, to disk.
    pub patience: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            keyed_body: 8 << 20,
            otlp_body: 16 << 20,
            memory: 160 << 20,
            requests: 256,
            readers: 4,
            patience: Duration::from_secs(15),
        }
    }
}

/// Takes usage from requests to the ledger. Shared by `Arc`.
pub struct Intake {
    directories: Arc<Directories>,
    clock: Arc<dyn Clock>,
    readiness: Arc<Readiness>,
    bounds: Bounds,
    access: ArcSwap<Access>,
    /// None once it is closed.
    queue: Mutex<Option<mpsc::Sender<Delivery>>>,
    budget: Budget,
    places: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    keys: keys::InUse,
}

/// Which of the paths was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// `/v1/ingest`.
    Ingest,
    /// `/v1/traces` or `/v1/logs`.
    Otlp(Signal),
}

/// A request that may send its body.
pub(crate) struct Admitted {
    source: Arc<Source>,
    media: Media,
    encoding: Encoding,
    format: Option<Layout>,
    key: Option<Arc<str>>,
    dialect: Option<Dialect>,
    /// The headers, where they are the attributes of a CloudEvent.
    attributes: HeaderMap,
    limit: usize,
    queue: mpsc::Sender<Delivery>,
    _place: OwnedSemaphorePermit,
}

impl Intake {
    /// Takes usage for whom `access` names to the committer behind `queue`, as long as `readiness` knows no trouble.
    #[must_use]
    pub fn new(
        (directories, clock): (Arc<Directories>, Arc<dyn Clock>),
        readiness: Arc<Readiness>,
        access: Access,
        queue: mpsc::Sender<Delivery>,
        bounds: Bounds,
    ) -> Self {
        Self {
            directories,
            clock,
            readiness,
            bounds,
            access: ArcSwap::from_pointee(access),
            queue: Mutex::new(Some(queue)),
            budget: Budget::new(bounds.memory),
            places: Arc::new(Semaphore::new(bounds.requests)),
            readers: Arc::new(Semaphore::new(bounds.readers)),
            keys: keys::InUse::default(),
        }
    }

    /// Takes over other sources, tokens and prices, for requests that come from now on.
    pub fn set_access(&self, access: Access) {
        self.access.store(Arc::new(access));
    }

    /// Whether a request may read what is of all projects.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn permit_reading(&self, peer: Peer, headers: &HeaderMap) -> Result<(), Refused> {
        self.access.load().permit_reading(peer, headers)
    }

    /// Takes no more requests. Those that were admitted are brought to their end; the queue's sender is gone with the
    /// last of them.
    pub fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether a request may send its body, from what is known before it does.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit(&self, door: Door, peer: Peer, head: &Parts) -> Result<Admitted, Refused> {
        let query = Query::of(head)?;
        let source = self.access.load().source(peer, &head.headers, query.source.as_deref())?;
        let media = match door {
            Door::Ingest => Media::of_usage(&head.headers)?,
            Door::Otlp(_) => Media::of_otlp(&head.headers)?,
        };
        let encoding = Encoding::of(&head.headers)?;
        let (limit, key, dialect) = match door {
            Door::Ingest => {
                let key = request::idempotency_key(&head.headers)?;
                (if key.is_some() { self.bounds.keyed_body } else { self.bounds.body }, key, None)
            }
            // Exporters have no use for a key: a span has an id.
            Door::Otlp(signal) => (self.bounds.otlp_body, None, Some(Dialect::asked(signal, &head.headers))),
        };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Refused::Stopping)?;
        if let Some(trouble) = self.readiness.trouble() {
            return Err(Refused::Trouble(trouble.to_string()));
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refused::Busy)?;
        let format = media.format().or(query.format).map(Layout::from).or_else(|| source.settings.format.clone());
        let attributes = if media == Media::BinaryCloudEvent { head.headers.clone() } else { HeaderMap::new() };
        Ok(Admitted { source, media, encoding, format, key, dialect, attributes, limit, queue, _place: place })
    }

    /// Takes an admitted request's body and answers when all of it is on disk.
    ///
    /// # Errors
    /// Why it is not taken. What was committed of it by then stays, and counts once when it is sent again.
    pub(crate) async fn take(&self, admitted: Admitted, body: &mut Incoming) -> Result<Reply, Refused> {
        let packed = receive(body, &self.budget, admitted.limit).await;
        let packed = packed.map_err(|refused| admitted.explain(refused))?;
        let deadline = Instant::now() + self.bounds.patience;
        let reading = timeout_at(deadline, Arc::clone(&self.readers).acquire_owned()).await;
        let Ok(Ok(reading)) = reading else { return Err(Refused::Busy) };

        let (budget, admitted) = (self.budget.clone(), Arc::new(admitted));
        let checking = Arc::clone(&admitted);
        let checked = spawn_blocking(move || checking.check(packed, &budget)).await;
        let checked = checked.map_err(|_| Refused::Unreadable("reading it failed".into()))?;
        let (content, hash) = checked.map_err(|refused| admitted.explain(refused))?;

        let Some(key) = &admitted.key else {
            let account = self.deliver(&admitted, (&content, hash, None), reading, deadline).await?;
            return Ok(admitted.answer(&content, account, false));
        };
        let key: Arc<str> = format!("{}/{key}", admitted.source.settings.name).into();
        let _in_use = self.keys.enter(&key).ok_or(Refused::KeyInUse)?;
        let known = timeout_at(deadline, self.directories.store().receipt(&key, self.clock.now())).await;
        let known = known.map_err(|_| Refused::NotCommitted)?;
        if let Some(known) = known.map_err(|error| Refused::Trouble(error.to_string()))? {
            let same = known.body == hash;
            return if same { Ok(admitted.answer(&content, known.account, true)) } else { Err(Refused::KeyReused) };
        }
        let receipt = Receipt { key, body: hash };
        let account = self.deliver(&admitted, (&content, hash, Some(receipt)), reading, deadline).await?;
        Ok(admitted.answer(&content, account, false))
    }
}

/// What the client is told.
#[derive(Serialize)]
struct Answer {
    accepted: u64,
    duplicates: u64,
    amended: u64,
    quarantined: u64,
    ignored: u64,
    spend: String,
    problems: Vec<TroubleWith>,
}

/// One thing that went to the quarantine.
#[derive(Serialize)]
struct TroubleWith {
    /// Which line or element of the body, counted from 1.
    line: u64,
    position: u64,
    reason: String,
    detail: String,
}

impl Admitted {
    /// Unpacks a body and checks it as a whole. Blocks. Tells its SHA-256 as well.
    fn check(&self, packed: Buffer, budget: &Budget) -> Result<(Content, [u8; 32]), Refused> {
        let body = body::unpack(packed, self.encoding, budget, self.limit)?;
        let hash = keys::hash_of(body.as_slice());
        let content = match (self.media, self.dialect) {
            (Media::Lines, _) => Content::lines(body.freeze()),
            (Media::BinaryCloudEvent, _) => {
                Content::one(cloudevents::structured(&self.attributes, &body, budget)?.freeze())
            }
            (Media::OtlpProtobuf | Media::OtlpJson, Some(Dialect { signal, protobuf })) => {
                let mut lines = budget.buffer(4 * self.limit);
                if protobuf {
                    signal.lines_of_protobuf(body.as_slice(), &mut lines)?;
                } else {
                    signal.lines_of_json(body.as_slice(), &mut lines)?;
                }
                Content::lines(lines.freeze())
            }
            _ => Content::json(body.freeze())?,
        };
        Ok((content, hash))
    }

    /// A body with a key may be as large as one parcel only.
    fn explain(&self, refused: Refused) -> Refused {
        match refused {
            Refused::TooLarge { limit } if self.key.is_some() => Refused::TooLargeForKey { limit },
            refused => refused,
        }
    }

    fn answer(&self, content: &Content, account: Account, replayed: bool) -> Reply {
        let mut reply = match self.dialect {
            Some(dialect) => dialect.taken(account.quarantined, &in_words(&account)),
            None => in_numbers(content, account),
        };
        if replayed {
            reply.headers_mut().insert("idempotency-replayed", hyper::header::HeaderValue::from_static("true"));
        }
        reply
    }
}

fn in_numbers(content: &Content, account: Account) -> Reply {
    let positions: Vec<u64> = account.problems.iter().map(|problem| problem.position).collect();
    let numbers = content.numbers_of(&positions);
    let problems = account.problems.into_iter().zip(numbers).map(|(problem, line)| TroubleWith {
        line,
        position: problem.position,
        reason: problem.reason,
        detail: problem.detail,
    });
    let answer = Answer {
        accepted: account.accepted,
        duplicates: account.duplicates,
        amended: account.amended,
        quarantined: account.quarantined,
        ignored: account.ignored,
        spend: account.spend.to_string(),
        problems: problems.collect(),
    };
    // Numbers and texts can always be written.
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    reply::with_body(StatusCode::OK, reply::JSON, Bytes::from(body))
}

/// The first problem, for an exporter's log.
fn in_words(account: &Account) -> String {
    account.problems.first().map_or_else(String::new, |problem| {
        let number = account.quarantined;
        format!("{number} went to the quarantine, the first because of {}: {}", problem.reason, problem.detail)
    })
}
