//! Models, members and keys that have budgets of their own within a project.

use std::sync::Arc;

use bytes::Bytes;
use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_core::{Month, Nanos};
use mete_store::GatePart;
use rustc_hash::FxHashMap;

use crate::book::Book;
use crate::held::Held;
use crate::totals::MonthTotals;

/// A part of a project with its budget.
#[derive(Debug)]
pub struct Part {
    pub id: Bytes,
    pub name: String,
    pub limits: Limits,
    pub totals: Arc<MonthTotals>,
    pub held: Arc<Held>,
    /// What other lives may hold of the whole project: nobody knows for which part, so that it counts for each (R40).
    assumed: Arc<Held>,
}

/// The parts that a key always counts to; there are such only where one of them has a budget.
#[derive(Clone, Debug, Default)]
pub struct KeyParts {
    pub member: Option<Arc<Part>>,
    pub key: Option<Arc<Part>>,
}

/// All parts, by what leads to them.
#[derive(Debug, Default)]
pub struct Parts {
    /// By the project's id, then by model.
    models: FxHashMap<String, FxHashMap<String, Arc<Part>>>,
    /// By the key's id.
    pub keys: FxHashMap<String, KeyParts>,
    /// Members and keys: those that do not depend on the request.
    pub standing: Vec<Arc<Part>>,
}

impl Part {
    /// What is held of it, at most.
    pub fn held(&self) -> Nanos {
        self.held.get() + self.assumed.get()
    }

    /// Whether it leaves nothing in `month` (R26).
    pub fn is_spent(&self, month: Month) -> bool {
        let held = self.held();
        self.limits.is_exhausted(self.totals.get(month), held)
    }
}

impl Parts {
    pub fn new(given: Vec<GatePart>, book: &mut Book) -> Self {
        let mut parts = Self::default();
        for GatePart { project_id, part, name, budget, keys } in given {
            let (totals, held) = book.part(&project_id, &part);
            let limits = Limits { budget: Some(budget), threshold: None };
            let assumed = book.assumed_of(&project_id);
            let placed = Arc::new(Part { id: part.id.clone().into(), name, limits, totals, held, assumed });
            if part.kind == PartKind::Model {
                parts.models.entry(project_id).or_default().insert(part.id, placed);
                continue;
            }
            for key in keys {
                let of_key = parts.keys.entry(key).or_default();
                let place = if part.kind == PartKind::Key { &mut of_key.key } else { &mut of_key.member };
                *place = Some(Arc::clone(&placed));
            }
            parts.standing.push(placed);
        }
        parts
    }

    /// The models of a project that have budgets.
    pub fn take_models(&mut self, project_id: &str) -> FxHashMap<String, Arc<Part>> {
        self.models.remove(project_id).unwrap_or_default()
    }
}
