//! One directory for all readers of a process: with many keys it is large.

use std::sync::Arc;

use arc_swap::ArcSwap;
use mete_store::{Extent, KeySet, Store, StoreError};
use tokio::sync::Mutex;

use super::directory::Directory;

/// The newest directory that any reader needed. Nobody keeps an older one for longer than a look.
pub struct Directories {
    store: Store,
    newest: ArcSwap<Directory>,
    /// Up to where in the change feed `newest` is right. Whoever reads has it: others that need the same wait, and read
    /// nothing.
    right_until: Mutex<i64>,
}

impl Directories {
    /// Of a store, which is first read when somebody [asks](Self::newer_than).
    #[must_use]
    pub fn new(store: Store) -> Arc<Self> {
        let unread = Directory::unread();
        Arc::new(Self { store, right_until: Mutex::new(unread.change_seq), newest: ArcSwap::from_pointee(unread) })
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
        let mut right_until = self.right_until.lock().await;
        let feed = self.store.versions().await?.change_seq;
        // Read by somebody else meanwhile, it may be further than the feed was a moment ago.
        if *right_until < feed {
            *right_until = self.catch_up(*right_until).await?;
        }
        Ok(self.newest.load().change_seq != change_seq)
    }

    /// Reads what changed that it holds; up to where it is right then.
    async fn catch_up(&self, right_until: i64) -> Result<i64, StoreError> {
        let known = self.newest.load_full();
        let directory = if known.is_unread() {
            Directory::load(&self.store).await?
        } else {
            match self.store.extent_since(right_until).await? {
                (Extent::Rules, reaches) => return Ok(reaches),
                (Extent::Projects, reaches) => known.changed(&self.store, reaches, &KeySet::default()).await?,
                (Extent::Keys(keys), reaches) => known.changed(&self.store, reaches, &keys).await?,
                (Extent::All, _) => {
                    tracing::info!("the change feed does not tell which keys changed: attribution reads all of them");
                    Directory::load(&self.store).await?
                }
            }
        };
        let reaches = directory.change_seq;
        self.newest.store(Arc::new(directory));
        Ok(reaches)
    }
}
