//! Following files that grow: found by a pattern, before or after they exist, through renames and truncation.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use mete_core::Timestamp;
use mete_core::time::SECOND;
use mete_store::{Parcel, Position, Store};
use notify::Watcher;

use super::identity::{self, Inode};
use super::{BLOCK, Feed, SourceError};
use crate::framing::Framer;

/// How often files are looked at when nothing tells of changes: not every file system does.
const LOOK: Duration = Duration::from_millis(250);

/// How long a file that was moved away or deleted may be silent before it is closed, in microseconds: its writer may
/// keep it open for a while after a rotation.
const LINGER: i64 = 30 * SECOND;

/// At a stop: the most blocks of a file that are still read. More than that is a backlog, which stays where it is.
const LAST_BLOCKS: usize = 64;

/// A file that is open.
struct Tail {
    file: File,
    path: PathBuf,
    inode: Inode,
    /// Known once the first line is whole; nothing is read before.
    identity: Option<String>,
    framer: Framer,
    /// Bytes read, a torn last line included.
    offset: u64,
    /// Since when no path of the pattern leads to it any more and nothing came.
    left: Option<Timestamp>,
}

struct Follower {
    feed: Feed,
    pattern: String,
    tails: Vec<Tail>,
    /// How far files were read in earlier runs, by identity.
    positions: HashMap<String, u64>,
    block: Vec<u8>,
}

/// Follows every file that `pattern` matches, from where the ledger left it, until the feed is stopped. Blocks.
///
/// # Errors
/// When the pattern is none, or the ledger's writer is gone. A file or store that cannot be read is reported and tried
/// again.
pub fn follow(feed: Feed, pattern: &str, store: &Store) -> Result<(), SourceError> {
    glob::Pattern::new(pattern).map_err(|source| SourceError::Pattern { pattern: pattern.to_owned(), source })?;
    let Some(positions) = tokio::runtime::Handle::current().block_on(known_positions(&feed, store)) else {
        return Ok(());
    };
    let mut follower = Follower {
        feed,
        pattern: pattern.to_owned(),
        tails: Vec::new(),
        positions: positions.iter().map(|p| (p.identity.to_string(), p.offset)).collect(),
        block: vec![0; BLOCK],
    };
    let (wake, woken) = sync_channel(1);
    let mut watch = Watch::new(wake);
    follower.find_moved_away(&positions);
    while !follower.feed.stop.is_cancelled() {
        let paths = follower.scan();
        watch.on(folders(&follower.pattern, &paths));
        follower.read_all()?;
        wait(&woken);
    }
    // What arrived before the stop is still read, files included.
    follower.scan();
    follower.read_all()
}

/// How far the source was read. A store that is away is waited for, like at every commit; none when stopped meanwhile.
async fn known_positions(feed: &Feed, store: &Store) -> Option<Vec<Position>> {
    let source = feed.reader.source();
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

impl Follower {
    /// Opens files that the pattern matches and are not open yet; marks those that it no longer leads to.
    fn scan(&mut self) -> Vec<PathBuf> {
        let paths: Vec<PathBuf> = glob::glob(&self.pattern).into_iter().flatten().filter_map(Result::ok).collect();
        let now = self.feed.clock.now();
        let mut seen = Vec::new();
        for path in &paths {
            let Ok(metadata) = path.metadata() else { continue };
            if !metadata.is_file() {
                continue;
            }
            let inode = Inode::of(&metadata);
            seen.push(inode);
            match self.tails.iter_mut().find(|tail| tail.inode == inode) {
                Some(tail) => (tail.left, tail.path) = (None, path.clone()),
                None => self.open(path, None),
            }
        }
        for tail in &mut self.tails {
            if tail.left.is_none() && !seen.contains(&tail.inode) {
                tail.left = Some(now);
            }
        }
        paths
    }

    fn open(&mut self, path: &Path, left: Option<Timestamp>) {
        let opened = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            let inode = Inode::of(&metadata);
            let identity = identity::identify(&file, inode)?;
            Ok((file, inode, identity, metadata.len()))
        });
        let (file, inode, identity, length) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(source = self.feed.reader.source(), path = %path.display(), %error, "cannot read the file");
                return;
            }
        };
        let known = identity.as_ref().and_then(|identity| self.positions.get(identity)).copied().unwrap_or(0);
        // A file that is shorter than what was read of it was written anew while nobody looked.
        let offset = if known <= length { known } else { 0 };
        tracing::info!(source = self.feed.reader.source(), path = %path.display(), offset, "following");
        let path = path.to_owned();
        self.tails.push(Tail { file, path, inode, identity, framer: Framer::new(offset), offset, left });
    }

    /// Files that were moved away while nobody looked, with something unread at their end.
    fn find_moved_away(&mut self, positions: &[Position]) {
        self.scan();
        let now = self.feed.clock.now();
        for position in positions {
            let Some(inode) = identity::inode_of(&position.identity) else { continue };
            if self.tails.iter().any(|tail| tail.inode == inode) {
                continue;
            }
            let Some(folder) = Path::new(&*position.path).parent() else { continue };
            let moved = std::fs::read_dir(folder).into_iter().flatten().flatten().find(|entry| {
                entry.metadata().is_ok_and(|metadata| {
                    metadata.is_file() && Inode::of(&metadata) == inode && metadata.len() > position.offset
                })
            });
            let Some(moved) = moved.map(|entry| entry.path()) else { continue };
            self.open(&moved, Some(now));
            // The inode may be another file's by now, which nobody asked to read.
            self.tails.retain(|tail| tail.inode != inode || tail.identity.as_deref() == Some(&*position.identity));
        }
    }

    fn read_all(&mut self) -> Result<(), SourceError> {
        let now = self.feed.clock.now();
        let mut tails = std::mem::take(&mut self.tails);
        let mut outcome = Ok(());
        tails.retain_mut(|tail| {
            if outcome.is_err() {
                return true;
            }
            match self.read(tail, now) {
                Ok(keep) => keep,
                Err(ReadError::Source(error)) => {
                    outcome = Err(error);
                    true
                }
                Err(ReadError::File(error)) => {
                    let path = tail.path.display();
                    tracing::warn!(source = self.feed.reader.source(), %path, %error, "cannot read the file");
                    false
                }
            }
        });
        self.tails = tails;
        outcome
    }

    /// Reads what is new in a file; tells whether to keep it open.
    fn read(&mut self, tail: &mut Tail, now: Timestamp) -> Result<bool, ReadError> {
        let mut blocks = 0;
        while !self.feed.stop.is_cancelled() || blocks < LAST_BLOCKS {
            if tail.identity.is_none() {
                tail.identity = identity::identify(&tail.file, tail.inode)?;
            }
            // Until the first line is whole there is nothing to count, and no telling this file from another.
            let read = if tail.identity.is_some() { tail.file.read_at(&mut self.block, tail.offset)? } else { 0 };
            // Asked after the read: a block that was read across a replacement belongs to neither content.
            if tail.was_written_anew()? {
                self.start_over(tail)?;
                continue;
            }
            if read == 0 {
                break;
            }
            blocks += 1;
            tail.offset += read as u64;
            let mut parcel = self.feed.reader.parcel();
            let reader = &mut self.feed.reader;
            tail.framer.push(&self.block[..read], |frame| reader.read(frame, &mut parcel));
            parcel.position = tail.position();
            self.feed.hand_over(parcel)?;
        }
        match tail.left {
            Some(_) if blocks > 0 => tail.left = Some(now),
            Some(since) if now.since(since) > LINGER => {
                self.finish(tail)?;
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }

    /// What is there now is read from its beginning, also by a later daemon.
    fn start_over(&mut self, tail: &mut Tail) -> Result<(), ReadError> {
        tracing::info!(source = self.feed.reader.source(), path = %tail.path.display(), "the file was written anew");
        let mut parcel = self.rest(tail);
        (tail.framer, tail.offset) = (Framer::new(0), 0);
        parcel.position = tail.position();
        if let Some(identity) = tail.identity.take() {
            self.positions.remove(&identity);
        }
        Ok(self.feed.hand_over(parcel)?)
    }

    /// Nothing follows any more.
    fn finish(&mut self, tail: &mut Tail) -> Result<(), ReadError> {
        if tail.identity.is_none() {
            // Its only line has no end, and was not read yet.
            let read = tail.file.read_at(&mut self.block, 0)?;
            let mut lines = self.feed.reader.parcel();
            let reader = &mut self.feed.reader;
            tail.framer.push(&self.block[..read], |frame| reader.read(frame, &mut lines));
            self.feed.hand_over(lines)?;
        }
        let mut parcel = self.rest(tail);
        parcel.position = tail.position();
        Ok(self.feed.hand_over(parcel)?)
    }

    /// A last line without an end, as it is.
    fn rest(&mut self, tail: &mut Tail) -> Parcel {
        let mut parcel = self.feed.reader.parcel();
        let reader = &mut self.feed.reader;
        tail.framer.finish(|frame| reader.read(frame, &mut parcel));
        parcel
    }
}

impl Tail {
    /// Whether the file became shorter or has another beginning: it was truncated, or replaced in place.
    fn was_written_anew(&self) -> io::Result<bool> {
        let Some(known) = &self.identity else { return Ok(false) };
        if self.file.metadata()?.len() < self.offset {
            return Ok(true);
        }
        Ok(identity::identify(&self.file, self.inode)?.as_ref() != Some(known))
    }

    fn position(&self) -> Option<Position> {
        let identity = self.identity.as_deref()?;
        Some(Position {
            identity: identity.into(),
            path: self.path.to_string_lossy().into(),
            offset: self.framer.position(),
        })
    }
}

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

/// Tells when something happens in folders, where the file system can tell.
struct Watch {
    watcher: Option<notify::RecommendedWatcher>,
    folders: Vec<PathBuf>,
}

impl Watch {
    fn new(wake: SyncSender<()>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own looking into the folder is told as well; answering that would never end.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            // Full means that a wake-up is under way.
            let _ = wake.try_send(());
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!(%error, "no change notification; files are looked at every {LOOK:?}"))
            .ok();
        Self { watcher, folders: Vec::new() }
    }

    fn on(&mut self, folders: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for folder in folders {
            if self.folders.contains(&folder) || !folder.is_dir() {
                continue;
            }
            match watcher.watch(&folder, notify::RecursiveMode::NonRecursive) {
                Ok(()) => self.folders.push(folder),
                Err(error) => {
                    tracing::debug!(folder = %folder.display(), %error, "no change notification for the folder");
                }
            }
        }
    }
}

/// The folders in which changes matter: those of the files, and the one in which the pattern begins.
fn folders(pattern: &str, paths: &[PathBuf]) -> Vec<PathBuf> {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    };
    let plain: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']))
        .collect();
    let base = if plain == Path::new(pattern) { folder(&plain) } else { plain };
    let mut folders: Vec<PathBuf> = paths.iter().map(|path| folder(path)).chain([base]).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn wait(woken: &Receiver<()>) {
    match woken.recv_timeout(LOOK) {
        Ok(()) | Err(RecvTimeoutError::Timeout) => {}
        // Without a watcher there is no sender: the pause alone paces the looks.
        Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
    }
}
