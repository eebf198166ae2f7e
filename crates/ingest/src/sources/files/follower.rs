//! All files of one pattern, looked at step by step.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use mete_core::Timestamp;
use mete_store::Position;

use super::super::identity::{self, Inode, TRAIL, Trail};
use super::super::{BLOCK, Feed, SourceError};
use super::archive::Archive;
use super::tail::Tail;
use super::{Fate, ReadError};
use crate::compression::Compression;

/// What reading a file takes.
pub(super) struct Means {
    pub(super) feed: Feed,
    pub(super) known: Known,
    /// For a block, and the trail before it.
    pub(super) block: Vec<u8>,
}

/// How far files were read that are not open, by identity.
pub(super) struct Known(HashMap<String, Reached>);

/// How far a file was read.
pub(super) struct Reached {
    pub(super) offset: u64,
    /// What [`Trail::print`] said there, if that is known.
    trail: Option<i64>,
}

impl Known {
    fn new(positions: &[Position]) -> Self {
        let mut known = Self(HashMap::new());
        positions.iter().for_each(|position| known.remember(position));
        known
    }

    pub(super) fn get(&self, identity: &str) -> Option<&Reached> {
        self.0.get(identity)
    }

    pub(super) fn remember(&mut self, position: &Position) {
        let reached = Reached { offset: position.offset, trail: position.trail };
        self.0.insert(position.identity.to_string(), reached);
    }

    pub(super) fn forget(&mut self, identity: &str) {
        self.0.remove(identity);
    }
}

impl Reached {
    /// Whether what was read is still there: a file that was written anew may begin as before.
    pub(super) fn is_of(&self, file: &File) -> io::Result<bool> {
        let is_there = file.metadata()?.len() >= self.offset;
        let Some(trail) = self.trail.filter(|_| is_there) else { return Ok(is_there) };
        Ok(Trail::of(file, self.offset)?.print() == trail)
    }
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Look {
    /// The paths that the pattern matches.
    pub paths: Vec<PathBuf>,
    /// Whether there is more to read at once.
    pub has_more: bool,
}

/// Follows every file that a pattern matches. Each call of [`Follower::look`] is one step; nothing happens in between.
pub struct Follower {
    means: Means,
    pattern: String,
    tails: Vec<Tail>,
    archives: Vec<Archive>,
}

impl Follower {
    /// Goes on from `positions`, with files that were moved away meanwhile and have something unread at their end.
    ///
    /// # Errors
    /// When the pattern is none.
    pub fn new(feed: Feed, pattern: &str, positions: &[Position]) -> Result<Self, SourceError> {
        glob::Pattern::new(pattern).map_err(|source| SourceError::Pattern { pattern: pattern.to_owned(), source })?;
        let means = Means { feed, known: Known::new(positions), block: vec![0; TRAIL + BLOCK] };
        let mut follower = Self { means, pattern: pattern.to_owned(), tails: Vec::new(), archives: Vec::new() };
        follower.scan();
        follower.find_moved_away(positions);
        Ok(follower)
    }

    /// Finds the files that there are now, and reads what is new in them: a bounded number of blocks of each. Blocks
    /// while the queue is full.
    ///
    /// # Errors
    /// When the ledger's writer is gone. A file that cannot be read is reported and tried again.
    pub fn look(&mut self) -> Result<Look, SourceError> {
        let paths = self.scan();
        let has_more = self.read()?;
        self.means.feed.is_behind(has_more);
        Ok(Look { paths, has_more })
    }

    /// Opens files that the pattern matches and are not open yet; marks those that it no longer leads to.
    fn scan(&mut self) -> Vec<PathBuf> {
        let paths: Vec<PathBuf> = glob::glob(&self.pattern).into_iter().flatten().filter_map(Result::ok).collect();
        let now = self.means.feed.clock.now();
        let mut seen = Vec::new();
        for path in &paths {
            let Ok(metadata) = path.metadata() else { continue };
            if metadata.is_file() {
                seen.push(Inode::of(&metadata));
                self.see(path, &metadata, now);
            }
        }
        for tail in &mut self.tails {
            if tail.left.is_none() && !seen.contains(&tail.inode) {
                tail.left = Some(now);
            }
        }
        self.archives.retain(|archive| archive.is_being_read() || seen.contains(&archive.inode));
        paths
    }

    /// A path of the pattern leads to a file.
    fn see(&mut self, path: &Path, metadata: &Metadata, now: Timestamp) {
        let inode = Inode::of(metadata);
        if let Some(tail) = self.tails.iter_mut().find(|tail| tail.inode == inode) {
            (tail.left, tail.path) = (None, path.to_owned());
            return;
        }
        if let Some(number) = self.archives.iter().position(|archive| archive.inode == inode) {
            if !self.archives[number].is_other_than(metadata) {
                self.archives[number].path = path.to_owned();
                return;
            }
            self.archives.swap_remove(number);
        }
        self.open(path, None, now);
    }

    fn open(&mut self, path: &Path, left: Option<Timestamp>, now: Timestamp) {
        if let Err(error) = self.try_open(path, left, now) {
            tracing::warn!(source = self.means.feed.source(), path = %path.display(), %error, "cannot read the file");
        }
    }

    fn try_open(&mut self, path: &Path, left: Option<Timestamp>, now: Timestamp) -> io::Result<()> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let head = identity::head(&file)?;
        if Compression::of(&head).is_some() {
            self.archives.push(Archive::new(path, &metadata, now));
            return Ok(());
        }
        let tail = Tail::open((file, path, Inode::of(&metadata)), &head, &self.means.known, left)?;
        tracing::info!(source = self.means.feed.source(), path = %path.display(), offset = tail.offset(), "following");
        self.tails.push(tail);
        Ok(())
    }

    /// Files that were moved away while nobody looked, with something unread at their end.
    fn find_moved_away(&mut self, positions: &[Position]) {
        let now = self.means.feed.clock.now();
        let mut folders = HashMap::new();
        for position in positions {
            let Some(inode) = identity::inode_of(&position.identity) else { continue };
            let Some(folder) = Path::new(&*position.path).parent() else { continue };
            if self.tails.iter().any(|tail| tail.inode == inode) {
                continue;
            }
            let files = folders.entry(folder.to_owned()).or_insert_with(|| files_in(folder));
            let Some((path, length)) = files.get(&inode) else { continue };
            if *length <= position.offset {
                continue;
            }
            self.open(path, Some(now), now);
            // The inode may be another file's by now, even one that begins alike, which nobody asked to read.
            let known = (Some(&*position.identity), position.offset);
            self.tails.retain(|tail| tail.inode != inode || (tail.identity.as_deref(), tail.offset()) == known);
            self.archives.retain(|archive| archive.inode != inode);
        }
    }

    /// Reads what is new; tells whether there is more.
    fn read(&mut self) -> Result<bool, SourceError> {
        let now = self.means.feed.clock.now();
        let mut has_more = false;
        for mut tail in std::mem::take(&mut self.tails) {
            let fate = tail.read(&mut self.means, now);
            let fate = settle(&self.means, &tail.path, fate)?;
            has_more |= fate == Fate::More;
            match fate {
                Fate::Done | Fate::More => self.tails.push(tail),
                Fate::Closed => tail.position().iter().for_each(|position| self.means.known.remember(position)),
                Fate::Compressed => self.open(&tail.path, tail.left, now),
            }
        }
        for archive in &mut self.archives {
            let fate = archive.read(&mut self.means, now);
            has_more |= settle(&self.means, &archive.path, fate)? == Fate::More;
        }
        Ok(has_more)
    }
}

/// A file that cannot be read is closed, and opened again by the next look; the others go on.
fn settle(means: &Means, path: &Path, fate: Result<Fate, ReadError>) -> Result<Fate, SourceError> {
    match fate {
        Ok(fate) => Ok(fate),
        Err(ReadError::Source(error)) => Err(error),
        Err(ReadError::File(error)) => {
            tracing::warn!(source = means.feed.source(), path = %path.display(), %error, "cannot read the file");
            Ok(Fate::Closed)
        }
    }
}

/// The files of a folder and how long they are, by inode.
fn files_in(folder: &Path) -> HashMap<Inode, (PathBuf, u64)> {
    let file = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(Metadata::is_file)?;
        Some((Inode::of(&metadata), (entry.path(), metadata.len())))
    };
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(file).collect()
}
