//! Idempotency keys of requests that are under way, and the hashes of bodies.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The keys of requests that are not answered yet.
#[derive(Default)]
pub(super) struct InUse(Arc<Mutex<HashSet<Arc<str>>>>);

/// A key that is in use until this is dropped.
pub(super) struct Held {
    keys: Arc<Mutex<HashSet<Arc<str>>>>,
    key: Arc<str>,
}

impl InUse {
    /// Takes a key, unless another request has it.
    pub(super) fn enter(&self, key: &Arc<str>) -> Option<Held> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(key));
        is_free.then(|| Held { keys: Arc::clone(&self.0), key: Arc::clone(key) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The SHA-256 of a body.
pub(super) fn hash_of(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// What the quarantine tells the body by: the same body sent again has the same entries there.
pub(super) fn run_of(hash: &[u8; 32]) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_requests_at_a_time() {
        let keys = InUse::default();
        let held = keys.enter(&"a".into());
        assert!(held.is_some() && keys.enter(&"a".into()).is_none() && keys.enter(&"b".into()).is_some());
        drop(held);
        assert!(keys.enter(&"a".into()).is_some());
    }

    #[test]
    fn a_run_is_told_by_the_body() {
        assert_eq!(run_of(&hash_of(b"")), "e3b0c44298fc1c14");
    }
}
