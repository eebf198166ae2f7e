//! From a source's bytes to the committer's queue.

use std::sync::Arc;

use mete_core::Clock;
use mete_store::{Parcel, ReadCounts};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::SourceError;
use crate::committer::Delivery;
use crate::framing::Framer;
use crate::reader::Reader;

/// Events and quarantine's entries that one parcel holds at most, roughly. It bounds what waits in the queue: lines of
/// a few bytes would else become thousands of times their size.
const FULL: usize = 1000;

/// What a source needs to run.
pub struct Feed {
    /// Turns its lines into parcels.
    pub(super) reader: Reader,
    /// Where the parcels go.
    outlet: Outlet,
    /// Tells when a file that was moved away has been silent for long enough.
    pub(super) clock: Arc<dyn Clock>,
    /// Cancelled when the source is to stop.
    pub(super) stop: CancellationToken,
    /// Told of each writer who is not let in.
    refusals: Option<Box<dyn Fn() + Send>>,
    /// Told whether there is anything that was not handed over yet.
    behind: Option<Box<dyn Fn(bool) + Send>>,
}

impl Feed {
    /// What `reader` makes of the source goes to `queue`, until `stop` is cancelled: what was read is handed over first.
    #[must_use]
    pub fn new(reader: Reader, queue: mpsc::Sender<Delivery>, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        Self { reader, outlet: Outlet::new(queue), clock, stop, refusals: None, behind: None }
    }

    /// The same, which calls `refusals` for each writer whom a socket does not let in.
    #[must_use]
    pub fn with_refusals(mut self, refusals: impl Fn() + Send + 'static) -> Self {
        self.refusals = Some(Box::new(refusals));
        self
    }

    /// The same, which calls `behind` with true when it begins to make records of bytes, and with false when there are no
    /// more for now and all of them are handed over.
    #[must_use]
    pub fn with_backlog(mut self, behind: impl Fn(bool) + Send + 'static) -> Self {
        self.behind = Some(Box::new(behind));
        self
    }

    /// There is something to hand over, or there is nothing for now.
    pub(super) fn is_behind(&self, is_behind: bool) {
        if let Some(tell) = &self.behind {
            tell(is_behind);
        }
    }

    /// A writer was not let in.
    pub(super) fn refused(&self) {
        if let Some(tell) = &self.refusals {
            tell();
        }
    }

    /// The source's name.
    pub(super) fn source(&self) -> &str {
        self.reader.source()
    }

    /// Reads the lines that `bytes` complete. Hands over what is more than a parcel holds, and returns the rest.
    pub(super) fn read(&mut self, framer: &mut Framer, bytes: &[u8]) -> Result<Parcel, SourceError> {
        // To make records of them may take a while: it may have to wait for the store.
        self.is_behind(true);
        self.outlet.read(&mut self.reader, framer, bytes)
    }

    /// Reads a last line without an end, as it is.
    pub(super) fn read_last(&mut self, framer: &mut Framer) -> Parcel {
        let mut parcel = self.reader.parcel();
        framer.finish(|frame| self.reader.read(frame, &mut parcel));
        parcel
    }

    /// Hands a parcel over; waits while the queue is full.
    pub(super) fn hand_over(&mut self, parcel: Parcel) -> Result<(), SourceError> {
        self.outlet.hand_over(parcel)
    }

    /// Hands over what was counted and not worth a commit of its own: the source ends.
    pub(super) fn flush(&mut self) -> Result<(), SourceError> {
        self.outlet.flush(self.reader.parcel())
    }
}

/// The way to the committer.
pub(super) struct Outlet {
    queue: mpsc::Sender<Delivery>,
    /// What was read in parcels that were not worth a commit.
    carried: ReadCounts,
    /// What was read since somebody asked.
    counted: ReadCounts,
}

impl Outlet {
    pub(super) fn new(queue: mpsc::Sender<Delivery>) -> Self {
        Self { queue, carried: ReadCounts::default(), counted: ReadCounts::default() }
    }

    /// What was handed over since this was asked last.
    pub(super) fn counted(&mut self) -> ReadCounts {
        std::mem::take(&mut self.counted)
    }

    /// As [`Feed::read`].
    pub(super) fn read(
        &mut self,
        reader: &mut Reader,
        framer: &mut Framer,
        bytes: &[u8],
    ) -> Result<Parcel, SourceError> {
        let mut parcel = reader.parcel();
        let mut outcome = Ok(());
        framer.push(bytes, |frame| {
            if outcome.is_err() {
                return;
            }
            reader.read(frame, &mut parcel);
            if parcel.events.len() + parcel.quarantine.len() >= FULL {
                let full = std::mem::replace(&mut parcel, reader.parcel());
                outcome = self.hand_over(full);
            }
        });
        outcome.map(|()| parcel)
    }

    /// As [`Feed::hand_over`]. An empty parcel is not worth a commit: what it counted goes with the next one.
    pub(super) fn hand_over(&mut self, mut parcel: Parcel) -> Result<(), SourceError> {
        self.counted += parcel.read;
        parcel.read += std::mem::take(&mut self.carried);
        if parcel.events.is_empty() && parcel.quarantine.is_empty() && parcel.position.is_none() {
            self.carried = parcel.read;
            return Ok(());
        }
        self.send(parcel)
    }

    /// As [`Feed::flush`], in `empty`.
    pub(super) fn flush(&mut self, empty: Parcel) -> Result<(), SourceError> {
        let read = std::mem::take(&mut self.carried);
        if read == ReadCounts::default() { Ok(()) } else { self.send(Parcel { read, ..empty }) }
    }

    fn send(&self, parcel: Parcel) -> Result<(), SourceError> {
        self.queue.blocking_send(Delivery { parcel, done: None }).map_err(|_| SourceError::Stopped)
    }
}
