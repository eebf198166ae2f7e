//! One compressed file, which does not grow: read once, whole, when whoever writes it has finished.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use mete_core::Timestamp;
use mete_core::time::SECOND;
use mete_store::{Position, QuarantineEntry, RAW_LIMIT};

use super::super::identity::{self, Inode};
use super::super::{BLOCK, Feed};
use super::follower::Means;
use super::{Fate, ROUND, ReadError};
use crate::compression::{self, Compression};
use crate::framing::{Frame, Framer};

/// How long a compressed file must stay as it is before it is read, in microseconds.
const SETTLE: i64 = 2 * SECOND;

/// How long one that ends too early must stay as it is until that is its end, in microseconds: its writer may have
/// been held up.
const TORN: i64 = 60 * SECOND;

/// Why what follows in a compressed file cannot be counted (R34).
const REASON: &str = "corrupt_archive";

/// A compressed file.
pub(super) struct Archive {
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    stamp: Stamp,
    /// Since when it has been as it is, as far as was seen.
    since: Timestamp,
    state: State,
}

/// What changes when a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }
}

enum State {
    /// It may still be written.
    Settling,
    Reading(Reading),
    /// It was read, and ends too early: it may still be written.
    Torn,
    Read,
}

/// A compressed file that is being read.
struct Reading {
    identity: String,
    input: Box<dyn Read + Send>,
    framer: Framer,
    /// Decompressed bytes that were read.
    offset: u64,
}

impl Archive {
    pub(super) fn new(path: &Path, metadata: &Metadata, now: Timestamp) -> Self {
        let (inode, stamp) = (Inode::of(metadata), Stamp::of(metadata));
        Self { path: path.to_owned(), inode, stamp, since: now, state: State::Settling }
    }

    /// Whether it was written since it was seen last.
    pub(super) fn is_other_than(&self, metadata: &Metadata) -> bool {
        self.stamp != Stamp::of(metadata)
    }

    /// Whether it is still to be read to its end, even if no path leads to it any more.
    pub(super) const fn is_being_read(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    /// Reads on, if it is time to; never [`Fate::Closed`].
    pub(super) fn read(&mut self, means: &mut Means, now: Timestamp) -> Result<Fate, ReadError> {
        let unchanged = now.since(self.since);
        match &mut self.state {
            State::Settling if unchanged >= SETTLE => self.begin(means),
            State::Torn if unchanged >= TORN => self.begin(means),
            State::Settling | State::Torn | State::Read => Ok(Fate::Done),
            State::Reading(reading) => match reading.read(means)? {
                Ok(false) => Ok(Fate::More),
                Ok(true) => self.end(means, None),
                Err(error) if !compression::is_corrupt(&error) => {
                    (self.state, self.since) = (State::Settling, now);
                    Err(error.into())
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && unchanged < TORN => {
                    tracing::warn!(source = means.feed.source(), path = %self.path.display(), "the compressed file is not whole yet");
                    self.state = State::Torn;
                    Ok(Fate::Done)
                }
                Err(error) => self.end(means, Some(&error)),
            },
        }
    }

    fn begin(&mut self, means: &Means) -> Result<Fate, ReadError> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let head = identity::head(&file)?;
        let (true, Some(compression)) = (Inode::of(&metadata) == self.inode, Compression::of(&head)) else {
            // The next look finds what it is now.
            return Ok(Fate::Done);
        };
        let identity = identity::identify_archive(&file, metadata.len())?;
        if means.known.get(&identity).is_some() {
            self.state = State::Read;
            return Ok(Fate::Done);
        }
        tracing::info!(source = means.feed.source(), path = %self.path.display(), "reading the compressed file");
        let input = compression.decode(file)?;
        self.state = State::Reading(Reading { identity, input, framer: Framer::new(0), offset: 0 });
        Ok(Fate::More)
    }

    /// All was read, or all that comes before `error`.
    fn end(&mut self, means: &mut Means, error: Option<&io::Error>) -> Result<Fate, ReadError> {
        let State::Reading(mut reading) = std::mem::replace(&mut self.state, State::Read) else {
            return Ok(Fate::Done);
        };
        let feed = &mut means.feed;
        let mut parcel = match error {
            None => feed.read_last(&mut reading.framer),
            Some(error) => {
                let path = self.path.display();
                tracing::warn!(source = feed.source(), %path, %error, "the compressed file is corrupt; what comes before is counted");
                let mut parcel = feed.reader.parcel();
                // Tells it from the entries of others, which may be broken at the same place.
                parcel.run = reading.identity.as_str().into();
                parcel.quarantine.push(broken(&path.to_string(), &mut reading, error));
                parcel
            }
        };
        let position = Position {
            identity: reading.identity.into(),
            path: self.path.to_string_lossy().into(),
            offset: reading.offset,
            trail: None,
        };
        means.known.remember(&position);
        parcel.position = Some(position);
        feed.hand_over(parcel)?;
        Ok(Fate::Done)
    }
}

/// What the quarantine says of a file that breaks off: where, and the line that was cut.
fn broken(path: &str, reading: &mut Reading, error: &io::Error) -> QuarantineEntry {
    let (mut raw, mut raw_bytes, position) = (Bytes::new(), 0, reading.framer.position());
    reading.framer.finish(|frame| match frame {
        Frame::Line { bytes, .. } => {
            (raw, raw_bytes) = (bytes.slice(..bytes.len().min(RAW_LIMIT)), bytes.len() as u64);
        }
        Frame::TooLong { head, length, .. } => (raw, raw_bytes) = (head, length),
    });
    let detail = format!("{path} cannot be decompressed past byte {} of what it holds: {error}", reading.offset);
    QuarantineEntry { position, reason: REASON, detail, raw, raw_bytes, spot: None }
}

impl Reading {
    /// Reads a round; tells whether that was the end. The inner error is the file's.
    fn read(&mut self, means: &mut Means) -> Result<io::Result<bool>, ReadError> {
        let Means { feed, block, .. } = means;
        for _ in 0..ROUND {
            match self.input.read(&mut block[..BLOCK]) {
                Ok(0) => return Ok(Ok(true)),
                Ok(read) => self.take(feed, &block[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(false))
    }

    fn take(&mut self, feed: &mut Feed, bytes: &[u8]) -> Result<(), ReadError> {
        self.offset += bytes.len() as u64;
        let parcel = feed.read(&mut self.framer, bytes)?;
        Ok(feed.hand_over(parcel)?)
    }
}
