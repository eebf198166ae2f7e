//! Where lines come from. Sources read on threads of their own, because files, pipes and parsing block.

mod batch;
mod connections;
mod feed;
mod files;
mod identity;
mod peers;
mod stream;

use std::io;
use std::path::PathBuf;

pub use batch::{Progress, read_all};
pub use connections::{Listener, follow_connections};
pub use feed::Feed;
pub use files::{Follower, Look, follow};
pub use peers::{PeerError, Peers};
pub use stream::{follow_pipe, follow_stdin};

/// Bytes that are read at once. Each event in the queue keeps the block alive in which its line stands.
const BLOCK: usize = 128 * 1024;

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
    /// A socket or port cannot be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[source] io::Error),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] mete_store::StoreError),
    /// The committer is gone: the daemon is stopping.
    #[error("the ledger's writer is gone")]
    Stopped,
}
