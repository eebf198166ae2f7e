//! Reading one file or pipe to its end, as `mete ingest` does.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use mete_store::ReadCounts;
use tokio::sync::mpsc;

use super::feed::Outlet;
use super::{BLOCK, SourceError};
use crate::committer::Delivery;
use crate::compression;
use crate::framing::Framer;
use crate::reader::Reader;

/// How far a run has come; read by a progress bar while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes read, decompressed.
    pub bytes: AtomicU64,
    /// Lines read, blank ones not counted.
    pub lines: AtomicU64,
    /// Lines that are no usage events.
    pub ignored: AtomicU64,
}

impl Progress {
    fn count(&self, read: ReadCounts) {
        self.lines.fetch_add(read.lines, Ordering::Relaxed);
        self.ignored.fetch_add(read.ignored, Ordering::Relaxed);
    }
}

/// Reads `input` to its end, decompressed if it is compressed. Blocks.
///
/// # Errors
/// When the input cannot be read, or the ledger's writer is gone; what was handed over before is kept.
pub fn read_all(
    reader: &mut Reader,
    (path, input): (&Path, impl Read + Send + 'static),
    queue: &mpsc::Sender<Delivery>,
    progress: &Progress,
) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: path.to_owned(), source };
    let mut input = compression::decoded(input).map_err(failed)?;
    let mut outlet = Outlet::new(queue.clone());
    let mut framer = Framer::new(0);
    let mut block = vec![0; BLOCK];
    loop {
        let read = match input.read(&mut block) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        progress.bytes.fetch_add(read as u64, Ordering::Relaxed);
        let parcel = outlet.read(reader, &mut framer, &block[..read])?;
        outlet.hand_over(parcel)?;
        progress.count(outlet.counted());
    }
    let mut parcel = reader.parcel();
    framer.finish(|frame| reader.read(frame, &mut parcel));
    outlet.hand_over(parcel)?;
    progress.count(outlet.counted());
    outlet.flush(reader.parcel())
}
