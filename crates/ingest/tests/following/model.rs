//! Which lines a follower must have seen.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use mete_core::time::SECOND;
use mete_core::{Clock as _, EventId, Timestamp};

use crate::book::Book;
use crate::life::Place;
use crate::world::{Content, Log, World};

/// How long a file that left may be silent, as the follower has it.
const LINGER: i64 = 30 * SECOND;

/// A log that the living follower has open.
#[derive(Debug)]
struct Open {
    left: Option<Timestamp>,
    /// How long it was, and how often it had been truncated.
    seen: (u64, u32),
}

/// What is open in the life at hand, and how often each log had been truncated when it was committed, by number.
#[derive(Default)]
pub struct Model {
    open: HashMap<u64, Open>,
    committed: HashMap<u64, u32>,
}

impl Model {
    /// The follower looks now, and sees the world as it is.
    pub fn look(&mut self, world: &World, now: Timestamp) {
        for log in &world.logs {
            let seen = (log.length(), log.generation);
            let is_followed = log.path.as_deref().is_some_and(World::is_followed);
            if is_followed {
                self.open.insert(log.number, Open { left: None, seen });
            } else if let Some(open) = self.open.get_mut(&log.number) {
                let had_news = open.seen != seen;
                let left = *open.left.get_or_insert(now);
                if had_news {
                    open.left = Some(now);
                } else if now.since(left) > LINGER {
                    self.open.remove(&log.number);
                    continue;
                }
                open.seen = seen;
            }
        }
        self.open.retain(|number, _| world.logs.iter().any(|log| log.number == *number));
    }

    /// All that was read is committed: what could be read must be there, and nothing else.
    pub fn check(&mut self, world: &World, place: &Place, book: &Book) -> Result<()> {
        let id = |name: &str| place.store.id_hasher().event(&place.organization, name);
        let Self { open: opened, committed } = self;
        let open = world.logs.iter().filter(|log| opened.contains_key(&log.number));
        for log in open.clone() {
            is_counted(&log.content, book, &id, &format!("{log:?}"))?;
        }
        for still in &world.still {
            if World::is_followed(&still.path) && still.rest.is_empty() {
                is_counted(&still.content, book, &id, &format!("{:?}", still.path))?;
            }
        }
        let written: std::collections::HashSet<EventId> = world.written.iter().map(|name| id(name)).collect();
        ensure!(book.events.is_subset(&written), "something was counted that nobody wrote");
        for (reason, raw) in &book.quarantine {
            let is_torn = world.torn.iter().any(|line| line.as_bytes().starts_with(raw));
            let is_half = world.had_half_archive && *reason == "corrupt_archive";
            ensure!((*reason == "not_json" && is_torn) || is_half, "{reason}: {}", String::from_utf8_lossy(raw));
        }
        for log in open.filter(|log| log.path.as_deref().is_some_and(World::is_followed)) {
            is_placed(log, book)?;
            if log.content.whole() > 0 {
                committed.insert(log.number, log.generation);
            }
        }
        Ok(())
    }

    /// Another follower begins: it opens what is followed when it looks, and now what was moved away with something
    /// unread at its end.
    pub fn restart(&mut self, world: &World, book: &Book, now: Timestamp) {
        self.open.clear();
        for log in world.logs.iter().filter(|log| log.path.as_deref().is_some_and(|path| !World::is_followed(path))) {
            let is_known = self.committed.get(&log.number) == Some(&log.generation);
            if is_known && book.offset_of(log.inode()).is_some_and(|offset| offset < log.length()) {
                self.open.insert(log.number, Open { left: Some(now), seen: (0, 0) });
            }
        }
    }

    /// The time at which the follower looks.
    pub fn now(place: &Place) -> Timestamp {
        place.clock.now()
    }
}

fn is_counted(content: &Content, book: &Book, id: &impl Fn(&str) -> EventId, of: &str) -> Result<()> {
    let missing: Vec<&str> =
        content.lines.iter().map(|line| line.0.as_str()).filter(|name| !book.events.contains(&id(name))).collect();
    ensure!(missing.is_empty(), "{missing:?} of {of} are not counted");
    Ok(())
}

/// Whether the position kept is where the log's last whole line ends.
fn is_placed(log: &Log, book: &Book) -> Result<()> {
    let (kept, whole) = (book.offset_of(log.inode()), log.content.whole());
    ensure!(whole == 0 || kept == Some(whole), "position {kept:?} of {log:?}, whole to {whole}");
    Ok(())
}
