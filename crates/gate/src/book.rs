//! What is counted of projects and organizations, beyond the directories that come and go.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::held::Held;
use crate::totals::ProjectTotals;

/// The totals of every project that has any, also of those that the directory does not hold yet, and what is held.
#[derive(Debug, Default)]
pub struct Book {
    totals: FxHashMap<Arc<str>, Arc<ProjectTotals>>,
    /// By the id of the project or organization.
    held: FxHashMap<Arc<str>, Arc<Held>>,
}

impl Book {
    pub fn totals_of(&mut self, project_id: &str) -> Arc<ProjectTotals> {
        shared(&mut self.totals, project_id)
    }

    pub fn held_of(&mut self, scope_id: &str) -> Arc<Held> {
        shared(&mut self.held, scope_id)
    }
}

fn shared<T: Default>(map: &mut FxHashMap<Arc<str>, Arc<T>>, id: &str) -> Arc<T> {
    match map.get(id) {
        Some(known) => Arc::clone(known),
        None => Arc::clone(map.entry(id.into()).or_default()),
    }
}
