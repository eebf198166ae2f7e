//! Reading entries of the quarantine again, which takes readers and prices that the interface does not know.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// What came of it: a sentence without its full stop, or why it did not work.
pub type Retried = BoxFuture<'static, Result<String, String>>;

/// Reads the entries with these numbers again. Whoever starts the interface knows how.
#[derive(Clone)]
pub struct Retrying(Arc<dyn Fn(Vec<i64>) -> Retried + Send + Sync>);

impl Retrying {
    /// What reads them again, and tells what came of it.
    pub fn new(retry: impl Fn(Vec<i64>) -> Retried + Send + Sync + 'static) -> Self {
        Self(Arc::new(retry))
    }

    /// Reads them again.
    pub(crate) fn retry(&self, ids: Vec<i64>) -> Retried {
        (self.0)(ids)
    }
}

impl fmt::Debug for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Retrying")
    }
}
