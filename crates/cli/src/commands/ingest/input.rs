//! One file, pipe or standard input, read in a way that can be stopped.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use mete_ingest::compression::Compression;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::work::Stop;
use crate::error::CliError;

/// How long a wait for bytes lasts before the stop is looked at, in nanoseconds.
const WAIT: i64 = 100_000_000;

/// Something to read to its end.
pub struct Input {
    file: File,
    path: PathBuf,
    /// How many bytes it has, where that is known: not of what is compressed.
    length: Option<u64>,
    stop: Stop,
}

impl Input {
    /// Opens a path; `-` is standard input.
    pub fn open(path: &Path, stop: &Stop) -> Result<Self, CliError> {
        let failed = |source| CliError::Read { path: path.to_owned(), source };
        let file = if path == Path::new("-") {
            File::from(rustix::stdio::stdin().try_clone_to_owned().map_err(failed)?)
        } else {
            File::open(path).map_err(failed)?
        };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let mut head = [0; 4];
        let is_plain =
            metadata.is_file() && file.read_at(&mut head, 0).is_ok_and(|read| Compression::of(&head[..read]).is_none());
        let length = is_plain.then_some(metadata.len());
        Ok(Self { file, path: path.to_owned(), length, stop: stop.clone() })
    }

    /// What positions and the quarantine call it.
    pub fn name(&self) -> String {
        if self.path == Path::new("-") { "stdin".to_owned() } else { self.path.to_string_lossy().into_owned() }
    }

    /// Its path as it was given.
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// How many bytes it has, where that is known.
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether a person is typing it.
    pub fn is_terminal(&self) -> bool {
        self.file.is_terminal()
    }
}

impl Read for Input {
    /// Fails with [`io::ErrorKind::Other`] when the run is to stop: an end of file would turn the rest of a line that
    /// is half read into a line.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.is_wanted() {
                return Err(io::Error::other("interrupted"));
            }
            let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
            match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: WAIT })) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.file.read(buffer),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
