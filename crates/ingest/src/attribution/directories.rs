//! One directory for all readers of a process: with many keys it is large.

use std::sync::Arc;

use arc_swap::ArcSwap;
use mete_store::{Store, StoreError};
use tokio::sync::Mutex;

use super::directory::Directory;

/// The newest directory that any reader needed. Nobody keeps an older one for longer than a look.
pub struct Directories {
    store: Store,
    newest: ArcSwap<Directory>,
    /// Whoever reads has it: others that need the same wait, and read nothing.
    reading: Mutex<()>,
}

impl Directories {
    /// Of a store, which is first read when somebody [asks](Self::newer_than).
    #[must_use]
    pub fn new(store: Store) -> Arc<Self> {
        Arc::new(Self { store, newest: ArcSwap::from_pointee(Directory::unread()), reading: Mutex::default() })
    }

    /// The store that it is read from.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What was read last; before that, an empty one.
    #[must_use]
    pub fn current(&self) -> Arc<Directory> {
        self.newest.load_full()
    }

    /// Reads it if it was never read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read_once(&self) -> Result<(), StoreError> {
        if self.newest.load().is_unread() {
            self.newer_than(Directory::unread().change_seq).await?;
        }
        Ok(())
    }

    /// Whether there is a newer directory than that at a position of the change feed; it is the current one then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn newer_than(&self, change_seq: i64) -> Result<bool, StoreError> {
        let _reading = self.reading.lock().await;
        let feed = self.store.versions().await?.change_seq;
        // Read by somebody else meanwhile, it may be further than the feed was a moment ago.
        if self.newest.load().change_seq < feed {
            self.newest.store(Arc::new(Directory::load(&self.store).await?));
        }
        Ok(self.newest.load().change_seq != change_seq)
    }
}
