//! When keys were last used, to the minute (R18). Written with the folds: a crash loses at most the last second of it.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::Timestamp;
use mete_core::time::MINUTE;
use rustc_hash::FxHashMap;

use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// Minutes in which keys were used.
#[derive(Default)]
pub(super) struct LastUsed {
    /// What is in the store at least.
    written: FxHashMap<Arc<str>, i64>,
    /// What is to be written.
    pending: HashMap<Arc<str>, i64>,
}

impl LastUsed {
    /// A key was used.
    pub(super) fn saw(&mut self, key: &Arc<str>, time: Timestamp) {
        let minute = time.0.div_euclid(MINUTE);
        if self.written.get(key).is_some_and(|written| *written >= minute) {
            return;
        }
        let pending = self.pending.entry(Arc::clone(key)).or_insert(minute);
        *pending = minute.max(*pending);
    }

    /// Writes what is pending; keys in one order, so that two writers never wait for each other in a circle.
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut pending: Vec<_> = self.pending.iter().map(|(key, minute)| (Arc::clone(key), minute * MINUTE)).collect();
        pending.sort_unstable();
        for (key, time) in pending {
            in_tx!(tx, db => {
                sqlx::query(
                    "UPDATE api_key SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
                )
                .bind(time)
                .bind(&*key)
                .execute(db)
                .await
                .map(drop)
            })?;
        }
        Ok(())
    }

    /// What was pending is in the store.
    pub(super) fn written(&mut self) {
        self.written.extend(self.pending.drain());
    }
}
