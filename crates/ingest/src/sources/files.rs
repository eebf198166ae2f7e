//! Following files that grow: found by a pattern, before or after they exist, through renames, truncation and
//! compression.

mod archive;
mod follower;
mod tail;
mod watch;

use std::io;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use mete_store::{Position, Store};

use super::{Feed, SourceError};
use watch::{Watch, folders, wait};

pub use follower::{Follower, Look};

/// How often files are looked at when nothing tells of changes: not every file system does.
const LOOK: Duration = Duration::from_millis(250);

/// Blocks of one file that are read in one look, so that a backlog in one keeps no other waiting. At a stop this much is
/// still read; more stays where it is.
const ROUND: usize = 64;

/// Follows every file that `pattern` matches, from where the ledger left it, until the feed is stopped. Blocks.
///
/// # Errors
/// When the pattern is none, or the ledger's writer is gone. A file or store that cannot be read is reported and tried
/// again.
pub fn follow(feed: Feed, pattern: &str, store: &Store) -> Result<(), SourceError> {
    let stop = feed.stop.clone();
    // Until the first look is over nobody knows what there is to count.
    feed.is_behind(true);
    let Some(positions) = tokio::runtime::Handle::current().block_on(known_positions(&feed, store)) else {
        return Ok(());
    };
    let (wake, woken) = sync_channel(1);
    let mut watch = Watch::new(wake);
    let mut follower = Follower::new(feed, pattern, &positions)?;
    while !stop.is_cancelled() {
        let look = follower.look()?;
        watch.on(folders(pattern, &look.paths));
        if !look.has_more {
            wait(&woken);
        }
    }
    // What arrived before the stop is still read, files included.
    follower.look().map(drop)
}

/// How far the source was read. A store that is away is waited for, like at every commit; none when stopped meanwhile.
async fn known_positions(feed: &Feed, store: &Store) -> Option<Vec<Position>> {
    let source = feed.source();
    loop {
        match store.positions(source).await {
            Ok(positions) => return Some(positions),
            Err(error) => tracing::warn!(source, %error, "cannot read how far the source was read; trying again"),
        }
        tokio::select! {
            () = feed.stop.cancelled() => return None,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Why reading a file came to an end.
enum ReadError {
    /// The file; the others go on.
    File(io::Error),
    /// The source as a whole.
    Source(SourceError),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<SourceError> for ReadError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// What becomes of a file that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was read to its end and stays open.
    Done,
    /// There is more to read, at once.
    More,
    /// Nothing follows any more.
    Closed,
    /// It turned out to be compressed.
    Compressed,
}
