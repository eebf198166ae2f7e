//! Reading one file or pipe to its end, as `mete ingest` does.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use mete_store::Tally;
use tokio::sync::{mpsc, oneshot};

use super::{BLOCK, SourceError};
use crate::committer::Delivery;
use crate::framing::Framer;
use crate::reader::Reader;

/// How far a run has come; read by a progress bar while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes read.
    pub bytes: AtomicU64,
}

/// Reads `input` to its end. Blocks. Each receiver tells of one parcel when it is on disk.
///
/// # Errors
/// When the input cannot be read, or the ledger's writer is gone; what was handed over before is kept.
pub fn read_all(
    reader: &mut Reader,
    (path, mut input): (&Path, impl Read),
    queue: &mpsc::Sender<Delivery>,
    progress: &Progress,
) -> Result<Vec<oneshot::Receiver<Tally>>, SourceError> {
    let mut framer = Framer::new(0);
    let mut block = vec![0; BLOCK];
    let mut receivers = Vec::new();
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
        if !parcel.events.is_empty() || !parcel.quarantine.is_empty() {
            let (done, receiver) = oneshot::channel();
            queue.blocking_send(Delivery { parcel, done: Some(done) }).map_err(|_| SourceError::Stopped)?;
            receivers.push(receiver);
        }
        if read == 0 {
            return Ok(receivers);
        }
    }
}
