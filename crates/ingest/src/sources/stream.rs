//! Named pipes and standard input: what is read from them exists nowhere else.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::{BLOCK, Feed, SourceError};
use crate::framing::Framer;

/// How long a wait for bytes lasts before the stop is looked at.
pub(super) const WAIT: Duration = Duration::from_millis(100);

/// At a stop: the most bytes that are still read of what a pipe holds. Linux gives a pipe no more, unless told to.
pub(super) const LAST: usize = 1024 * 1024;

/// At a stop: how many waits the rest of a line that has begun may take.
pub(super) const PATIENCE: u32 = 10;

/// Follows a named pipe: when its writers are gone, it waits for the next one. Blocks.
///
/// # Errors
/// When the path is no pipe or cannot be read, or the ledger's writer is gone.
pub fn follow_pipe(mut feed: Feed, path: &Path) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: path.to_owned(), source };
    let mut pipe = open_pipe(path).map_err(failed)?;
    loop {
        Stream::new(&mut feed, &pipe, true).run().map_err(|error| error.at(path))?;
        if feed.stop.is_cancelled() {
            return Ok(());
        }
        // A fresh descriptor, because this one would report for ever that its writers are gone. Opened before the old
        // one is closed: what a writer puts into a pipe without a reader is lost.
        pipe = open_pipe(path).map_err(failed)?;
    }
}

fn open_pipe(path: &Path) -> io::Result<File> {
    let pipe = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if !pipe.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no named pipe; make one with mkfifo"));
    }
    Ok(pipe)
}

/// Reads standard input to its end. Blocks.
///
/// # Errors
/// When it cannot be read, or the ledger's writer is gone.
pub fn follow_stdin(mut feed: Feed) -> Result<(), SourceError> {
    let path = Path::new("-");
    let stdin = rustix::stdio::stdin().try_clone_to_owned();
    let stdin = stdin.map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
    Stream::new(&mut feed, &File::from(stdin), false).run().map_err(|error| error.at(path))
}

enum StreamError {
    Io(io::Error),
    Source(SourceError),
}

impl StreamError {
    fn at(self, path: &Path) -> SourceError {
        match self {
            Self::Io(source) => SourceError::Read { path: path.to_owned(), source },
            Self::Source(error) => error,
        }
    }
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a wait for bytes brought.
enum Came {
    Bytes,
    Nothing,
    End,
}

/// Bytes until their writers are gone.
struct Stream<'a> {
    feed: &'a mut Feed,
    file: &'a File,
    /// A named pipe that nobody has opened yet reads like one at its end: it has ended when the system says so.
    is_named_pipe: bool,
    framer: Framer,
    block: Vec<u8>,
}

impl<'a> Stream<'a> {
    fn new(feed: &'a mut Feed, file: &'a File, is_named_pipe: bool) -> Self {
        Self { feed, file, is_named_pipe, framer: Framer::new(0), block: vec![0; BLOCK] }
    }

    /// Reads to the end, or until the feed is stopped.
    fn run(mut self) -> Result<(), StreamError> {
        let mut ended = false;
        while !ended && !self.feed.stop.is_cancelled() {
            ended = matches!(self.read(WAIT, BLOCK)?, Came::End);
        }
        if !ended {
            self.drain()?;
        }
        let parcel = self.feed.read_last(&mut self.framer);
        self.feed.hand_over(parcel).and_then(|()| self.feed.flush()).map_err(StreamError::Source)
    }

    /// Reads what the stream holds, and to the end of the line that has begun: no other reader could make sense of its
    /// rest.
    fn drain(&mut self) -> Result<(), StreamError> {
        let (mut read, mut waits) = (0, 0);
        while read < LAST || self.framer.is_within_line() {
            let wait = if self.framer.is_within_line() { WAIT } else { Duration::ZERO };
            // Past the bound byte by byte, so as not to begin another line.
            let most = (LAST - read).clamp(1, BLOCK);
            match self.read(wait, most)? {
                Came::Bytes => read = (read + most).min(LAST),
                Came::Nothing if self.framer.is_within_line() && waits < PATIENCE => waits += 1,
                Came::Nothing | Came::End => return Ok(()),
            }
        }
        Ok(())
    }

    /// Waits for bytes and hands over the lines that they complete.
    fn read(&mut self, wait: Duration, most: usize) -> Result<Came, StreamError> {
        let ready = readable(self.file.as_fd(), wait)?;
        if ready.is_empty() {
            return Ok(Came::Nothing);
        }
        let mut file = self.file;
        let read = match file.read(&mut self.block[..most]) {
            Ok(0) if self.is_named_pipe && !ready.contains(PollFlags::HUP) => return Ok(Came::Nothing),
            Ok(0) => return Ok(Came::End),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(Came::Nothing);
            }
            Err(error) => return Err(error.into()),
        };
        let parcel = self.feed.read(&mut self.framer, &self.block[..read]).map_err(StreamError::Source)?;
        self.feed.hand_over(parcel).map_err(StreamError::Source)?;
        self.feed.is_behind(false);
        Ok(Came::Bytes)
    }
}

/// Waits a while for bytes or an end; empty when there is neither.
fn readable(fd: BorrowedFd<'_>, wait: Duration) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut fds, Some(&wait)) {
        Ok(_) => Ok(fds[0].revents()),
        Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}
