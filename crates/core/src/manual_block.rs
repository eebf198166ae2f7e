//! Blocks and releases that people place by hand (R41).

use serde::Serialize;

use crate::time::Timestamp;

/// What was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualBlockKind {
    /// Every request is refused.
    Block,
    /// Exhausted budgets do not refuse.
    Release,
}

/// On what it was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualBlockScope {
    /// One key.
    Key,
    /// A project: all its keys.
    Project,
}

crate::directory::text_form!(ManualBlockKind, "kind of manual block", Block = "block", Release = "release");
crate::directory::text_form!(ManualBlockScope, "scope of a manual block", Key = "key", Project = "project");

/// A block or release placed by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManualBlock {
    /// `block_…`
    pub id: String,
    /// Whose organization.
    pub organization_id: String,
    /// The project, or that of the key.
    pub project_id: String,
    /// On what it was placed.
    pub scope_kind: ManualBlockScope,
    /// The id of that.
    pub scope_id: String,
    /// What was placed.
    pub kind: ManualBlockKind,
    /// Why.
    pub reason: String,
    /// By whom.
    pub placed_by: String,
    /// When.
    pub placed_at: Timestamp,
    /// Until when it holds, if not until it is lifted.
    pub until: Option<Timestamp>,
    /// By whom it was lifted.
    pub lifted_by: Option<String>,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
}

impl ManualBlock {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.lifted_at.is_none() && self.until.is_none_or(|until| now < until)
    }
}
