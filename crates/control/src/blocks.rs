//! Blocks and releases placed by hand (R41).

use mete_core::Timestamp;
use mete_core::actor::Actor;
use mete_core::directory::{Project, check_description};
use mete_core::ids::IdKind;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::rights::Action;
use mete_store::Tx;
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{gone, project_now};
use crate::rights::{hidden, refuse_archived};
use crate::sight::Sight;
use crate::{Control, ControlError, change};

/// On what a block or release is placed; each is an id or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockTarget {
    /// A key.
    Key(String),
    /// A project.
    Project(String),
}

/// A block or release to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlockInput {
    /// On what.
    pub target: BlockTarget,
    /// Which of the two.
    pub kind: ManualBlockKind,
    /// Why.
    pub reason: String,
    /// Until when; for ever until it is lifted, where none is given.
    pub until: Option<Timestamp>,
}

/// What it takes to place or lift one: on a key's block, whoever manages the project; on the rest, whoever sets budgets,
/// since a project's block stops as a budget of nothing does, and a release spends past a budget.
const fn needed(kind: ManualBlockKind, scope: ManualBlockScope) -> Action {
    match (kind, scope) {
        (ManualBlockKind::Block, ManualBlockScope::Key) => Action::ManageBlocks,
        _ => Action::SetLimits,
    }
}

impl Control<'_> {
    /// Places a block: every request of the key or project is refused; or a release: no exhausted budget refuses them.
    ///
    /// # Errors
    /// When the actor may not, the target is not there, its project is archived (R21), there is one of the kind on it
    /// already, the reason is missing, the end is past, or the store fails.
    #[boxed]
    pub async fn add_block(&self, actor: &Actor, input: &NewBlockInput) -> Result<ManualBlock, ControlError> {
        let action = match input.kind {
            ManualBlockKind::Block => "block.created",
            ManualBlockKind::Release => "release.created",
        };
        let (scope_kind, scope_id, project_id) = match &input.target {
            BlockTarget::Key(asked) => {
                let key = self.key_for(actor, asked, action).await?;
                (ManualBlockScope::Key, key.id, key.project_id)
            }
            BlockTarget::Project(asked) => {
                let project = self.project_for(actor, asked, action).await?;
                (ManualBlockScope::Project, project.id.clone(), project.id)
            }
        };
        let id = self.id(IdKind::Block);
        change!(self, actor, tx => {
            let project = project_now(tx, &project_id).await?;
            let name = self.target_name(tx, (scope_kind, &scope_id), &project).await?;
            let deed = Deed::on_project(action, &project).target(&scope_id, &name);
            self.permit_in_project(tx, actor, needed(input.kind, scope_kind), (&project, &deed)).await?;
            refuse_archived(&project)?;
            let reason = check_description(&input.reason)?;
            if reason.is_empty() {
                return Err(ControlError::Invalid("a reason is needed: it is what the blocked are told".to_owned()));
            }
            let deed = deed.because(&reason);
            let now = self.now();
            if let Some(until) = input.until.filter(|until| *until <= now) {
                return Err(ControlError::Invalid(format!("it cannot end at {until}: that is in the past")));
            }
            for open in tx.open_manual_blocks(&scope_id).await?.iter().filter(|open| open.kind == input.kind) {
                if open.holds_at(now) {
                    return Err(ControlError::Conflict(format!("{} is there already: lift it first", open.id)));
                }
            }
            let block = ManualBlock {
                id: id.clone(),
                organization_id: project.organization_id.clone(),
                project_id: project.id.clone(),
                scope_kind,
                scope_id: scope_id.clone(),
                kind: input.kind,
                reason,
                placed_by: actor.name().to_owned(),
                placed_at: now,
                until: input.until,
                lifted_by: None,
                lifted_at: None,
            };
            tx.insert_manual_block(&block).await?;
            self.record(tx, actor, &deed, json!({"after": {"id": block.id, "until": block.until}})).await?;
            Ok(block)
        })
    }

    /// Lifts a block or release.
    ///
    /// # Errors
    /// When the actor may not, it is not there or lifted already, its project is archived (R21), or the store fails.
    #[boxed]
    pub async fn lift_block(&self, actor: &Actor, id: &str) -> Result<ManualBlock, ControlError> {
        let sight = Sight::of(self.store, actor).await?;
        change!(self, actor, tx => {
            let block = tx.manual_block(id).await?.ok_or_else(|| gone("block", id))?;
            let action = match block.kind {
                ManualBlockKind::Block => "block.lifted",
                ManualBlockKind::Release => "release.lifted",
            };
            let project = project_now(tx, &block.project_id).await?;
            let name = self.target_name(tx, (block.scope_kind, &block.scope_id), &project).await?;
            let deed = Deed::on_project(action, &project).target(&block.scope_id, &name);
            if !sight.sees_project(&project) {
                return Err(hidden(format!("there is no block {id:?}"), deed).into());
            }
            self.permit_in_project(tx, actor, needed(block.kind, block.scope_kind), (&project, &deed)).await?;
            refuse_archived(&project)?;
            if let Some(at) = block.lifted_at {
                return Err(ControlError::Conflict(format!("{id} was lifted at {at} already")));
            }
            let (by, now) = (actor.name().to_owned(), self.now());
            tx.set_manual_block_lifted(&block.id, &by, now).await?;
            let before = json!({"before": {"id": block.id, "reason": block.reason, "until": block.until}});
            self.record(tx, actor, &deed, before).await?;
            Ok(ManualBlock { lifted_by: Some(by), lifted_at: Some(now), ..block })
        })
    }

    async fn target_name(
        &self,
        tx: &mut Tx,
        (kind, id): (ManualBlockScope, &str),
        project: &Project,
    ) -> Result<String, ControlError> {
        match kind {
            ManualBlockScope::Project => Ok(project.name.clone()),
            ManualBlockScope::Key => Ok(tx.key(id).await?.ok_or_else(|| gone("key", id))?.name),
        }
    }
}
