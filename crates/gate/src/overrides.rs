//! Blocks and releases that people placed on a key or a project (R41).

use std::sync::Arc;

use mete_core::Timestamp;
use mete_core::manual_block::ManualBlockKind;
use mete_store::GateOverride;
use rustc_hash::FxHashMap;

/// A block or a release.
#[derive(Debug)]
pub struct Override {
    pub reason: String,
    /// From when on it does not hold any more, if it ends by itself.
    pub until: Option<Timestamp>,
}

/// Those of one key or project; hardly any has one.
#[derive(Debug, Default)]
pub struct Overrides {
    blocks: Vec<Override>,
    releases: Vec<Override>,
}

impl Overrides {
    /// The block that holds at `now`; of several, the one that ends last.
    pub fn block(&self, now: Timestamp) -> Option<&Override> {
        holding(&self.blocks, now)
    }

    /// The release that holds at `now`; of several, the one that ends last.
    pub fn release(&self, now: Timestamp) -> Option<&Override> {
        holding(&self.releases, now)
    }

    /// When the next of them ends.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.blocks.iter().chain(&self.releases).filter_map(|one| one.until).filter(|until| *until > now).min()
    }
}

/// By the id of the key or project that they are on.
pub type ByScope = FxHashMap<String, Arc<Overrides>>;

/// Sorts blocks and releases by whom they are on.
pub fn by_scope(overrides: Vec<GateOverride>) -> ByScope {
    let mut scopes: FxHashMap<String, Overrides> = FxHashMap::default();
    for GateOverride { scope_id, kind, reason, until } in overrides {
        let scope = scopes.entry(scope_id).or_default();
        let list = match kind {
            ManualBlockKind::Block => &mut scope.blocks,
            ManualBlockKind::Release => &mut scope.releases,
        };
        list.push(Override { reason, until });
    }
    scopes.into_iter().map(|(scope_id, overrides)| (scope_id, Arc::new(overrides))).collect()
}

fn holding(list: &[Override], now: Timestamp) -> Option<&Override> {
    let holding = list.iter().filter(|one| one.until.is_none_or(|until| now < until));
    // One without an end outlasts every other.
    holding.max_by_key(|one| (one.until.is_none(), one.until))
}
