//! One file that grows.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use mete_core::Timestamp;
use mete_core::time::SECOND;
use mete_store::Position;

use super::super::identity::{self, FINGERPRINT, Inode, Trail};
use super::super::{BLOCK, Feed};
use super::follower::{Known, Means};
use super::{Fate, ROUND, ReadError};
use crate::compression::Compression;
use crate::framing::Framer;

/// How long a file that was moved away or deleted may be silent before it is closed, in microseconds: its writer may
/// keep it open for a while after a rotation.
const LINGER: i64 = 30 * SECOND;

/// A file that is open.
pub(super) struct Tail {
    file: File,
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    /// Known once the first line is whole; nothing is read before.
    pub(super) identity: Option<String>,
    framer: Framer,
    /// Bytes read, a torn last line included.
    offset: u64,
    /// The last of them.
    trail: Trail,
    /// Since when no path of the pattern leads to it any more and nothing came.
    pub(super) left: Option<Timestamp>,
}

/// What a look at the file found.
enum Found {
    /// So many new bytes in the block, after those of the trail.
    New(usize),
    /// The file is another one than what was read of it, or shorter.
    Anew,
}

impl Tail {
    /// Opens a file whose first bytes are `head`, to go on where it is known to have been read to.
    pub(super) fn open(
        (file, path, inode): (File, &Path, Inode),
        head: &[u8],
        known: &Known,
        left: Option<Timestamp>,
    ) -> io::Result<Self> {
        let identity = identity::identify(head, inode);
        let offset = match identity.as_deref().and_then(|identity| known.get(identity)) {
            Some(known) if known.is_of(&file)? => known.offset,
            // New, or written anew while nobody looked.
            _ => 0,
        };
        let trail = Trail::of(&file, offset)?;
        let path = path.to_owned();
        Ok(Self { file, path, inode, identity, framer: Framer::new(offset), offset, trail, left })
    }

    /// How many of the file's bytes are in the ledger, or on their way.
    pub(super) fn offset(&self) -> u64 {
        self.framer.position()
    }

    pub(super) fn position(&self) -> Option<Position> {
        Some(Position {
            identity: self.identity.as_deref()?.into(),
            path: self.path.to_string_lossy().into(),
            offset: self.framer.position(),
            trail: Some(self.trail.print()),
        })
    }

    /// Reads what is new in the file.
    pub(super) fn read(&mut self, means: &mut Means, now: Timestamp) -> Result<Fate, ReadError> {
        let Means { feed, known, block } = means;
        for blocks in 0..ROUND {
            if self.identity.is_none() {
                let head = identity::head(&self.file)?;
                if Compression::of(&head).is_some() {
                    return Ok(Fate::Compressed);
                }
                self.identity = identity::identify(&head, self.inode);
            }
            match self.find(block)? {
                Found::Anew => self.start_over(feed, known)?,
                Found::New(0) => return self.rest(feed, now, blocks > 0),
                Found::New(new) => self.take(feed, &block[self.trail.bytes().len()..][..new])?,
            }
        }
        self.left = self.left.map(|_| now);
        Ok(Fate::More)
    }

    /// Reads the next block, and what comes before it once more: that it is as it was tells that the file only grew.
    fn find(&self, block: &mut [u8]) -> io::Result<Found> {
        // Until the first line is whole there is nothing to count, and no telling this file from another.
        let Some(identity) = &self.identity else { return Ok(Found::New(0)) };
        let trail = self.trail.bytes();
        let start = self.offset - trail.len() as u64;
        let read = identity::fill_at(&self.file, &mut block[..trail.len() + BLOCK], start)?;
        let Some(new) = block[..read].strip_prefix(trail).map(<[u8]>::len) else { return Ok(Found::Anew) };
        // Asked after the read: a block that was read across a replacement belongs to neither content.
        let is_same = self.file.metadata()?.len() >= start + read as u64
            && identity::identify(&identity::head(&self.file)?, self.inode).as_ref() == Some(identity)
            && self.trail.is_there(&self.file, (self.framer.position(), self.offset))?;
        Ok(if is_same { Found::New(new) } else { Found::Anew })
    }

    fn take(&mut self, feed: &mut Feed, bytes: &[u8]) -> Result<(), ReadError> {
        self.offset += bytes.len() as u64;
        self.trail.extend(bytes);
        let mut parcel = feed.read(&mut self.framer, bytes)?;
        parcel.position = self.position();
        Ok(feed.hand_over(parcel)?)
    }

    /// All is read that there is.
    fn rest(&mut self, feed: &mut Feed, now: Timestamp, had_news: bool) -> Result<Fate, ReadError> {
        match self.left {
            Some(_) if had_news => self.left = Some(now),
            Some(since) if now.since(since) > LINGER => {
                self.finish(feed)?;
                return Ok(Fate::Closed);
            }
            _ => {}
        }
        Ok(Fate::Done)
    }

    /// What is there now is read from its beginning, also by a later daemon.
    fn start_over(&mut self, feed: &mut Feed, known: &mut Known) -> Result<(), ReadError> {
        tracing::info!(source = feed.source(), path = %self.path.display(), "the file was written anew");
        let mut parcel = feed.read_last(&mut self.framer);
        (self.framer, self.offset, self.trail) = (Framer::new(0), 0, Trail::default());
        parcel.position = self.position();
        if let Some(identity) = self.identity.take() {
            known.forget(&identity);
        }
        Ok(feed.hand_over(parcel)?)
    }

    /// Nothing follows any more.
    fn finish(&mut self, feed: &mut Feed) -> Result<(), ReadError> {
        if self.identity.is_none() {
            // Its only line has no end, and was not read yet.
            let mut line = [0; FINGERPRINT];
            let read = identity::fill_at(&self.file, &mut line, 0)?;
            let parcel = feed.read(&mut self.framer, &line[..read])?;
            feed.hand_over(parcel)?;
        }
        // Back to where the last line begins: should it get its end after all, it is read again, whole.
        let begun = self.framer.position();
        let mut parcel = feed.read_last(&mut self.framer);
        self.framer = Framer::new(begun);
        parcel.position = self.position();
        Ok(feed.hand_over(parcel)?)
    }
}
