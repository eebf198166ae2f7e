//! Where lines come from. Sources read on threads of their own, because files, pipes and parsing block.

mod batch;
mod files;
mod identity;
mod stream;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use mete_core::Clock;
use mete_store::Parcel;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::committer::Delivery;
use crate::reader::Reader;

pub use batch::{Progress, read_all};
pub use files::follow;
pub use stream::{follow_pipe, follow_stdin};

/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;

/// What a source needs to run.
pub struct Feed {
    /// Turns its lines into parcels.
    pub reader: Reader,
    /// Where the parcels go.
    pub queue: mpsc::Sender<Delivery>,
    /// Tells when a file that was moved away has been silent for long enough.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the source is to stop; what was read is handed over first.
    pub stop: CancellationToken,
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or pipe cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A pattern of paths is none.
    #[error("{pattern:?} is no pattern of paths: {source}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] mete_store::StoreError),
    /// The committer is gone: the daemon is stopping.
    #[error("the ledger's writer is gone")]
    Stopped,
}

impl Feed {
    /// Hands a parcel over; waits while the queue is full. Empty ones are not worth a commit.
    fn hand_over(&self, parcel: Parcel) -> Result<(), SourceError> {
        if parcel.events.is_empty() && parcel.quarantine.is_empty() && parcel.position.is_none() {
            return Ok(());
        }
        self.queue.blocking_send(Delivery { parcel, done: None }).map_err(|_| SourceError::Stopped)
    }
}
