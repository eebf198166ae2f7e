//! Reading one file or pipe to its end, as `mete ingest` does.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::{BLOCK, SourceError};
use crate::committer::Delivery;
use crate::framing::Framer;
use crate::reader::Reader;

/// How far a run has come; read by a progress bar while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes read.
    pub bytes: AtomicU64,
    /// Lines read, blank ones not counted.
    pub lines: AtomicU64,
    /// Lines that are no usage events.
    pub ignored: AtomicU64,
}

/// Reads `input` to its end. Blocks.
///
/// # Errors
/// When the input cannot be read, or the ledger's writer is gone; what was handed over before is kept.
pub fn read_all(
    reader: &mut Reader,
    (path, mut input): (&Path, impl Read),
    queue: &mpsc::Sender<Delivery>,
    progress: &Progress,
) -> Result<(), SourceError> {
    let mut framer = Framer::new(0);
    let mut block = vec![0; BLOCK];
    loop {
        let read = match input.read(&mut block) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(SourceError::Read { path: path.to_owned(), source }),
        };
        progress.bytes.fetch_add(read as u64, Ordering::Relaxed);
        let mut parcel = reader.parcel();
        if read == 0 {
            framer.finish(|frame| reader.read(frame, &mut parcel));
        } else {
            framer.push(&block[..read], |frame| reader.read(frame, &mut parcel));
        }
        progress.lines.fetch_add(parcel.read.lines, Ordering::Relaxed);
        progress.ignored.fetch_add(parcel.read.ignored, Ordering::Relaxed);
        if parcel.read.lines > 0 {
            queue.blocking_send(Delivery { parcel, done: None }).map_err(|_| SourceError::Stopped)?;
        }
        if read == 0 {
            return Ok(());
        }
    }
}
