//! What is counted of projects and organizations, beyond the directories that come and go.

use std::collections::BTreeMap;
use std::sync::Arc;

use mete_core::Month;
use mete_core::parts::Part;
use mete_store::PartSpend;
use rustc_hash::FxHashMap;

use crate::held::Held;
use crate::totals::{MonthTotals, ProjectTotals};

/// The totals of every project that has any, also of those that the directory does not hold yet, and what is held.
#[derive(Debug, Default)]
pub struct Book {
    totals: FxHashMap<Arc<str>, Arc<ProjectTotals>>,
    /// By the id of the project or organization.
    held: FxHashMap<Arc<str>, Arc<Held>>,
    /// What other lives may hold, by the project's id.
    assumed: FxHashMap<Arc<str>, Arc<Held>>,
    /// Of models, members and keys with budgets, by the project's id and what they are.
    parts: FxHashMap<(Arc<str>, Part), PartEntry>,
}

/// What is counted of a part of a project.
#[derive(Debug, Default)]
struct PartEntry {
    totals: Arc<MonthTotals>,
    held: Arc<Held>,
    /// The ledger's version that each month's total is of.
    versions: BTreeMap<Month, i64>,
}

impl Book {
    pub fn totals_of(&mut self, project_id: &str) -> Arc<ProjectTotals> {
        shared(&mut self.totals, project_id)
    }

    pub fn held_of(&mut self, scope_id: &str) -> Arc<Held> {
        shared(&mut self.held, scope_id)
    }

    pub fn assumed_of(&mut self, project_id: &str) -> Arc<Held> {
        shared(&mut self.assumed, project_id)
    }

    /// Totals and holds of a part of a project.
    pub fn part(&mut self, project_id: &str, part: &Part) -> (Arc<MonthTotals>, Arc<Held>) {
        let entry = self.parts.entry((project_id.into(), part.clone())).or_default();
        (Arc::clone(&entry.totals), Arc::clone(&entry.held))
    }

    /// Sets a part's total, unless a newer state of it is known.
    pub fn set_part_spend(&mut self, total: &PartSpend) {
        let PartSpend { project_id, part, month, spend, version } = total;
        let entry = self.parts.entry((Arc::clone(project_id), part.clone())).or_default();
        let known = entry.versions.entry(*month).or_insert(*version);
        if *known <= *version {
            *known = *version;
            entry.totals.set(*month, *spend);
        }
    }
}

fn shared<T: Default>(map: &mut FxHashMap<Arc<str>, Arc<T>>, id: &str) -> Arc<T> {
    match map.get(id) {
        Some(known) => Arc::clone(known),
        None => Arc::clone(map.entry(id.into()).or_default()),
    }
}
