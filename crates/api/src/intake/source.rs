//! One source of requests, and its readers.

use std::sync::{Arc, Mutex, PoisonError};

use mete_core::Clock;
use mete_core::secret::KeyHash;
use mete_ingest::attribution::Directories;
use mete_ingest::reader::{self, Reader};
use mete_prices::Catalogue;
use mete_store::StoreError;

use super::access::HttpSource;

/// A source that requests write to. A reader is for one request at a time, and remembers what it
/// found out: those that are not in use wait here.
pub(super) struct Source {
    pub(super) settings: reader::Settings,
    pub(super) token: Option<KeyHash>,
    catalogue: Arc<Catalogue>,
    idle: Mutex<Vec<Reader>>,
}

impl Source {
    pub(super) fn new(source: HttpSource, catalogue: Arc<Catalogue>) -> Self {
        Self { settings: source.settings, token: source.token, catalogue, idle: Mutex::default() }
    }

    /// A reader of its own for one request.
    ///
    /// # Errors
    /// When there is none left and the directory cannot be read.
    pub(super) async fn reader(
        &self,
        directories: &Arc<Directories>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Reader, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(reader) => Ok(reader),
            None => {
                let catalogue = Arc::clone(&self.catalogue);
                Reader::new(self.settings.clone(), Arc::clone(directories), catalogue, Arc::clone(clock)).await
            }
        }
    }

    /// Takes a reader back. There are never more than read at once.
    pub(super) fn give_back(&self, reader: Reader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}
