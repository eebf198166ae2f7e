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
const WAIT: Duration = Duration::from_millis(100);

/// Follows a named pipe: when its writers are gone, it waits for the next one. Blocks.
///
/// # Errors
/// When the path is no pipe or cannot be read, or the ledger's writer is gone.
pub fn follow_pipe(mut feed: Feed, path: &Path) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: path.to_owned(), source };
    while !feed.stop.is_cancelled() {
        let pipe = File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .map_err(failed)?;
        if !pipe.metadata().map_err(failed)?.file_type().is_fifo() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no named pipe; make one with mkfifo")));
        }
        pump(&mut feed, pipe.as_fd(), &pipe, true).map_err(|error| error.at(path))?;
    }
    Ok(())
}

/// Reads standard input to its end. Blocks.
///
/// # Errors
/// When it cannot be read, or the ledger's writer is gone.
pub fn follow_stdin(mut feed: Feed) -> Result<(), SourceError> {
    let stdin = rustix::stdio::stdin();
    let file = File::from(stdin.try_clone_to_owned().map_err(|source| SourceError::Read { path: "-".into(), source })?);
    pump(&mut feed, stdin, &file, false).map_err(|error| error.at(Path::new("-")))
}

enum PumpError {
    Io(io::Error),
    Source(SourceError),
}

impl PumpError {
    fn at(self, path: &Path) -> SourceError {
        match self {
            Self::Io(source) => SourceError::Read { path: path.to_owned(), source },
            Self::Source(error) => error,
        }
    }
}

/// Reads until the last writer is gone. A pipe that nobody has opened yet looks like one whose writers are gone, so
/// with `wait_for_writer` the first end is none.
fn pump(feed: &mut Feed, fd: BorrowedFd<'_>, mut file: &File, wait_for_writer: bool) -> Result<(), PumpError> {
    let mut framer = Framer::new(0);
    let mut block = vec![0; BLOCK];
    let mut began = !wait_for_writer;
    while !feed.stop.is_cancelled() {
        let ready = readable(fd).map_err(PumpError::Io)?;
        if ready.is_empty() {
            continue;
        }
        match file.read(&mut block) {
            Ok(0) if began || ready.contains(PollFlags::HUP) => break,
            Ok(0) => {}
            Ok(read) => {
                began = true;
                let mut parcel = feed.reader.parcel();
                let reader = &mut feed.reader;
                framer.push(&block[..read], |frame| reader.read(frame, &mut parcel));
                feed.hand_over(parcel).map_err(PumpError::Source)?;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(PumpError::Io(error)),
        }
    }
    let mut parcel = feed.reader.parcel();
    let reader = &mut feed.reader;
    framer.finish(|frame| reader.read(frame, &mut parcel));
    feed.hand_over(parcel).map_err(PumpError::Source)
}

/// Waits a while for bytes or an end; empty when there is neither.
fn readable(fd: BorrowedFd<'_>) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: WAIT.subsec_nanos().into() };
    match poll(&mut fds, Some(&wait)) {
        Ok(_) => Ok(fds[0].revents()),
        Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}
