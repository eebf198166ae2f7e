//! From lines to parcels: format, attribution and price of every record of one source.

mod explain;
mod rater;
mod saying;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mete_core::event::MAX_AHEAD;
use mete_core::{Clock, LedgerEvent, Timestamp};
use mete_prices::Catalogue;
use mete_store::{Arrival, NamedHold, Parcel, QuarantineEntry, RAW_LIMIT, ReadCounts, StoreError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::attribution::{Directories, Home, Unattributed};
use crate::formats::{self, Format, Layout, Line};
use crate::framing::Frame;
use crate::record::Record;
pub use explain::{Explanation, Named, Outcome, PartShown, PriceShown, Said, Trouble, Understood, Whose};
use rater::{Rater, Refusal};

/// Between two tries to reach a store that is away.
const PAUSE: Duration = Duration::from_millis(250);

/// What a source is called, where its records belong and how they are written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Its name, as positions and the quarantine know it.
    pub name: String,
    /// Tells one run of a stream from the next, whose positions begin anew; empty where positions last, as in files.
    pub run: String,
    /// How every line is written; `None` finds it out line by line.
    pub format: Option<Layout>,
    /// Where records belong that do not say it.
    pub home: Home,
}

/// Reads the lines of one source.
pub struct Reader {
    settings: Settings,
    source: Arc<str>,
    run: Arc<str>,
    directories: Arc<Directories>,
    clock: Arc<dyn Clock>,
    rater: Rater,
    /// The catalogue, where it may change.
    prices: Option<watch::Receiver<Arc<Catalogue>>>,
    last_format: Option<Format>,
    /// Whether the directory was looked at again for the parcel at hand.
    directory_is_fresh: bool,
    /// Events of the parcel at hand: the next one of a backlog will have about as many.
    events: usize,
}

impl Reader {
    /// A reader for one source. All readers of a process share their directories.
    ///
    /// # Errors
    /// When there is no directory yet and it cannot be read.
    pub async fn new(
        settings: Settings,
        directories: Arc<Directories>,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        directories.read_once().await?;
        let hasher = directories.store().id_hasher();
        Ok(Self {
            source: settings.name.as_str().into(),
            run: settings.run.as_str().into(),
            rater: Rater::new(Arc::clone(&directories), settings.home.clone(), catalogue, hasher),
            prices: None,
            last_format: None,
            directory_is_fresh: false,
            events: 0,
            settings,
            directories,
            clock,
        })
    }

    /// The same reader, which takes over each new catalogue that `prices` brings, from the next parcel on.
    #[must_use]
    pub fn with_prices(mut self, prices: watch::Receiver<Arc<Catalogue>>) -> Self {
        self.prices = Some(prices);
        self
    }

    /// What tells this run of the source from others: see [`Settings::run`].
    #[must_use]
    pub const fn run(&self) -> &Arc<str> {
        &self.run
    }

    /// What is read from now on belongs to another run of the source: see [`Settings::run`].
    pub fn set_run(&mut self, run: Arc<str>) {
        self.run = run;
    }

    /// What the source and its tables name and is not there: an organization, a project, a key.
    #[must_use]
    pub fn missing(&self) -> Vec<Unattributed> {
        self.rater.attributor.missing()
    }

    /// The source's name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Begins another run of the stream, whose positions begin anew, written in `format`.
    pub fn begin_run(&mut self, run: &str, format: Option<Layout>) {
        self.run = run.into();
        self.settings.format = format;
        self.last_format = None;
    }

    /// An empty parcel of this source, for frames that have been read from it by now.
    #[must_use]
    pub fn parcel(&mut self) -> Parcel {
        self.directory_is_fresh = false;
        self.rater.follow_directory();
        if let Some(prices) = self.prices.as_mut().filter(|prices| prices.has_changed().unwrap_or(false)) {
            let catalogue = Arc::clone(&prices.borrow_and_update());
            self.rater.replace_catalogue(catalogue);
        }
        let events = std::mem::take(&mut self.events);
        let events = Vec::with_capacity(events + events / 8);
        Parcel { source: Arc::clone(&self.source), run: Arc::clone(&self.run), events, ..Parcel::default() }
    }

    /// Reads one frame into `parcel`. Must be called where blocking is allowed: a key that is not known sends it to the
    /// store once more, because it may have been made a moment ago.
    pub fn read(&mut self, frame: Frame, parcel: &mut Parcel) {
        parcel.read.lines += 1;
        let (position, bytes) = match frame {
            Frame::Line { position, bytes } => (position, bytes),
            Frame::TooLong { position, head, length } => {
                let detail = format!("the line has {length} bytes, the most is {}", crate::framing::MAX_LINE);
                let raw = Bytes::copy_from_slice(&head);
                let entry =
                    QuarantineEntry { position, reason: "line_too_long", detail, raw, raw_bytes: length, spot: None };
                return parcel.quarantine.push(entry);
            }
        };
        let kept = kept(&bytes);
        let mut last_format = self.last_format;
        let layout = self.settings.format.clone();
        formats::read_laid_out(&bytes, layout.as_ref(), &mut last_format, &mut |line| {
            let problem = match line {
                Line::Ignored => return parcel.read.ignored += 1,
                Line::Bad(bad) => Problem { reason: bad.reason.name(), detail: bad.detail, spot: bad.spot },
                Line::Record(record) => match self.event(&record, &mut parcel.read) {
                    Ok(event) => {
                        self.events += 1;
                        if let Some(hold) = &record.hold {
                            parcel.holds.push(NamedHold { event: parcel.events.len(), id: (&**hold).into() });
                        }
                        return parcel.events.push(Arrival { event, position, raw: kept.clone() });
                    }
                    Err(problem) => problem,
                },
            };
            parcel.quarantine.push(QuarantineEntry {
                position,
                reason: problem.reason,
                detail: problem.detail,
                raw: kept.clone(),
                raw_bytes: bytes.len() as u64,
                spot: problem.spot,
            });
        });
        self.last_format = last_format;
    }

    fn event(&mut self, record: &Record<'_>, counts: &mut ReadCounts) -> Result<LedgerEvent, Problem> {
        let time = self.time(record)?;
        let event = match self.rater.event(record, time, counts) {
            Err(Refusal::Unattributed(error)) if error.may_be_news() && self.has_newer_directory() => {
                self.rater.event(record, time, counts)
            }
            outcome => outcome,
        };
        event.map_err(|refusal| Problem::new(refusal.reason(), refusal.to_string()))
    }

    /// The record's time, which must neither be missing nor absurd (R34).
    fn time(&self, record: &Record<'_>) -> Result<Timestamp, Problem> {
        let bad = |detail: String| Problem::new("bad_time", detail);
        let time = record.time.ok_or_else(|| bad("the record does not say when it happened".to_owned()))?;
        let now = self.clock.now();
        if time > now.plus(MAX_AHEAD) {
            return Err(bad(format!("{time} is more than 5 minutes ahead of the clock, which says {now}")));
        }
        if time < Timestamp(0) {
            return Err(bad(format!("{time} is before 1970")));
        }
        Ok(time)
    }

    /// Reads the directory again if it changed. Once a parcel is enough: its lines were written before it was begun.
    fn has_newer_directory(&mut self) -> bool {
        if std::mem::replace(&mut self.directory_is_fresh, true) {
            return false;
        }
        let is_newer = Handle::current().block_on(self.is_there_a_newer_directory());
        self.rater.follow_directory();
        is_newer
    }

    /// A store that is away is waited for: that a key is unknown must not be a guess.
    async fn is_there_a_newer_directory(&self) -> bool {
        loop {
            match self.directories.newer_than(self.rater.change_seq()).await {
                Ok(is_newer) => return is_newer,
                Err(error) => {
                    tracing::warn!(source = %self.source, %error, "cannot read the directory again; trying once more");
                }
            }
            sleep(PAUSE).await;
        }
    }
}

struct Problem {
    reason: &'static str,
    detail: String,
    spot: Option<u32>,
}

impl Problem {
    const fn new(reason: &'static str, detail: String) -> Self {
        Self { reason, detail, spot: None }
    }
}

/// What is kept of a line, shared by all that stands in it. Of a long one a copy of what the quarantine keeps: the line
/// itself may go.
fn kept(line: &Bytes) -> Bytes {
    if line.len() <= RAW_LIMIT { line.clone() } else { Bytes::copy_from_slice(&line[..RAW_LIMIT]) }
}
