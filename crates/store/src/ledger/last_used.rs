//! When keys were last used, to the minute (R18). Written with the folds: a crash loses at most the last second of it.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::Timestamp;
use mete_core::time::MINUTE;
use rustc_hash::FxHashMap;
use sqlx::QueryBuilder;

use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// How many keys are written in one statement.
const AT_ONCE: usize = 500;

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

    /// Writes what is pending; keys in one order, so that two writers seldom wait for each other in a circle. If they
    /// do, the engine ends one of them, and its next fold writes again.
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut pending: Vec<_> = self.pending.iter().map(|(key, minute)| (&**key, minute * MINUTE)).collect();
        pending.sort_unstable();
        for chunk in pending.chunks(AT_ONCE) {
            in_tx!(tx, db => {
                let mut query = QueryBuilder::new("WITH used (id, at) AS (");
                query.push_values(chunk, |mut row, (key, time)| {
                    row.push_bind(*key).push_bind(*time);
                });
                query.push(
                    ") UPDATE api_key SET last_used_at = used.at FROM used WHERE api_key.id = used.id \
                     AND (api_key.last_used_at IS NULL OR api_key.last_used_at < used.at)",
                );
                query.build().persistent(false).execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// What was pending is in the store.
    pub(super) fn written(&mut self) {
        self.written.extend(self.pending.drain());
    }
}
