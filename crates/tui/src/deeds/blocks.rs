//! Blocks and releases placed by hand, and lifting them (R41).

use mete_control::{BlockTarget, ControlError, NewBlockInput, Sight};
use mete_core::Timestamp;
use mete_core::directory::Project;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::rights::Action;
use mete_store::ManualBlockFilter;

use super::told::{keys_in, spent, stops, stops_of};
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Item, Rule};
use crate::format::{ago, clock_time};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Refuses every request.
    Block,
    /// Lets requests go on past an exhausted budget.
    Release,
    /// Lifts a block or a release.
    Lift,
    /// Lifts what holds; where nothing does, releases.
    Unblock,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Place it.
    Place(NewBlockInput),
    /// Lift it.
    Lift {
        /// Its id.
        block: String,
    },
}

impl Act {
    pub(super) const ALL: [Self; 3] = [Self::Block, Self::Lift, Self::Release];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Block => "block: refuse every request",
            Self::Release => "release: go on past exhausted budgets",
            Self::Lift => "lift a block or a release",
            Self::Unblock => "lift what holds, or release",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        target.is_in_active_project()
    }

    pub(super) const fn right(self, target: &Target, _: &Sight) -> Right {
        // what lies on a project's keys is lifted from the project too: the form offers what may be lifted
        Right::Row(match (self, target) {
            (Self::Lift | Self::Unblock, _) | (Self::Block, Target::Key(..)) => Action::ManageBlocks,
            (Self::Block | Self::Release, _) => Action::SetLimits,
        })
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let project = misplaced(target.project())?;
        if matches!(self, Self::Lift | Self::Unblock) {
            let found = liftable(target, project, ask).await?;
            if self == Self::Lift || !found.is_empty() {
                return lifting(target, project, (found, ask)).await;
            }
            if !ask.view.sight().may(Action::SetLimits, project) {
                let role = Action::SetLimits.role_needed();
                let words = format!("nothing was placed on it by hand, and to release it past a budget takes {role}");
                return Err(ControlError::Conflict(words));
            }
        }
        let until = Field::text("until", "Until", Rule::Until)
            .hint("a time, a day or a span like 30m, 2h or 7d; empty: until it is lifted");
        let reason = Field::text("reason", "Reason", Rule::Reason);
        if self != Self::Block {
            return Ok(Form::new(format!("Release {}", target.name()), "release it")
                .careful(Care::Deliberate)
                .telling("No exhausted budget refuses it: it spends on.")
                .with(until.preset("2h"))
                .with(reason.hint("is kept in the audit log")));
        }
        let hit = match target.key() {
            Some(key) => stops_of(std::slice::from_ref(key), ask.now),
            None => {
                let spend = ask.view.project_view(project, ask.now.month()).await?.spend;
                format!("{}{}", stops(ask, &keys_in(project, None)).await?, spent(spend))
            }
        };
        Ok(Form::new(format!("Block {}", target.name()), "block it")
            .careful(Care::Deliberate)
            .telling(hit)
            .with(until)
            .with(reason.hint("is told to those who are refused, and kept in the audit log")))
    }

    pub(super) fn deed(self, target: &Target, (form, now): (&Form, Timestamp)) -> Result<Deed, String> {
        let kind = match self {
            Self::Lift => return Ok(Deed::Lift { block: form.text("block") }),
            Self::Unblock if !form.text("block").is_empty() => return Ok(Deed::Lift { block: form.text("block") }),
            Self::Block => ManualBlockKind::Block,
            Self::Release | Self::Unblock => ManualBlockKind::Release,
        };
        let target = match target.key() {
            Some(key) => BlockTarget::Key(key.id.clone()),
            None => BlockTarget::Project(there(target.project())?.id.clone()),
        };
        let (reason, until) = (form.text("reason"), form.until("until", now)?);
        Ok(Deed::Place(NewBlockInput { target, kind, reason, until }))
    }
}

/// What holds on the target, and on a project's keys, of which the actor may lift it.
async fn liftable(target: &Target, project: &Project, ask: &Ask<'_>) -> Result<Vec<ManualBlock>, ControlError> {
    let wanted = ManualBlockFilter {
        organization_id: Some(project.organization_id.clone()),
        project_id: Some(project.id.clone()),
        open: true,
        holding_at: Some(ask.now),
        ..ManualBlockFilter::default()
    };
    let may = |block: &ManualBlock| {
        let needed = match (block.kind, block.scope_kind) {
            (ManualBlockKind::Block, ManualBlockScope::Key) => Action::ManageBlocks,
            _ => Action::SetLimits,
        };
        ask.view.sight().may(needed, project)
    };
    let mut found = ask.view.manual_blocks(&wanted).await?;
    found.retain(|block| may(block) && (target.key().is_none() || block.scope_id == target.id()));
    Ok(found)
}

/// Offers to lift one of those.
async fn lifting(
    target: &Target,
    project: &Project,
    (found, ask): (Vec<ManualBlock>, &Ask<'_>),
) -> Result<Form, ControlError> {
    if found.is_empty() {
        return Err(ControlError::Conflict(format!("nothing was placed on {:?} by hand that holds", target.name())));
    }
    let keys = ask.view.keys(&keys_in(project, None)).await?;
    let on = |block: &ManualBlock| match block.scope_kind {
        ManualBlockScope::Project => format!("the project {}", project.name),
        ManualBlockScope::Key => {
            let key = keys.iter().find(|key| key.id == block.scope_id);
            let named = key.map(|key| if key.name.is_empty() { &key.redacted_value } else { &key.name });
            format!("the key {}", named.unwrap_or(&block.scope_id))
        }
    };
    let item = |block: &ManualBlock| {
        let lifted = || "until it is lifted".to_owned();
        let until = block.until.map_or_else(lifted, |at| format!("until {}", clock_time(at, ask.now)));
        let placed = ago(block.placed_at, ask.now);
        Item::of(&block.id, format!("{} of {}", block.kind, on(block)))
            .noting(format!("Placed {placed} by {}, {until}: {}", block.placed_by, block.reason))
    };
    Ok(Form::new(format!("Lift what holds on {}", target.name()), "lift it")
        .careful(Care::Deliberate)
        .telling("What budgets say holds again at once.")
        .with(Field::choice("block", "Which", found.iter().map(item).collect())))
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let (block, verb) = match self {
            Self::Place(input) => (means.control.add_block(means.actor, &input).await?, "placed"),
            Self::Lift { block } => (means.control.lift_block(means.actor, &block).await?, "lifted"),
        };
        let until = block.until.filter(|_| verb == "placed").map(|at| format!(" until {at}")).unwrap_or_default();
        Ok(Done::new(format!("the {} on the {} is {verb}{until}", block.kind, block.scope_kind)))
    }
}
