//! `mete block`.

use clap::{Args, Subcommand};
use mete_control::{BlockTarget, NewBlockInput};
use mete_core::Timestamp;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::when::When;
use mete_store::ManualBlockFilter;

use super::lookup;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, facts, left, time};

/// What to do with blocks and releases by hand.
#[derive(Debug, Subcommand)]
pub enum BlockCommand {
    /// Refuse every request of a key or a project
    #[command(after_help = "Example:\n  mete block add --key ci --reason 'leaked in a log' --until 2h")]
    Add(PlaceArgs),
    /// Let a key or a project go on although a budget is exhausted
    #[command(
        after_help = "Example:\n  mete block release --project Support --reason 'launch day' --until 2026-12-01T08:00:00Z"
    )]
    Release(PlaceArgs),
    /// Lift a block or a release
    Lift(LiftArgs),
    /// List the blocks and releases that hold now, or with --all those of the past too
    List(ListArgs),
}

/// A block or release to place.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Why: it is told to those who are refused, and kept in the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Until when: an instant, a day, or a span from now like 30m, 2h or 7d [default: until it is lifted]
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
}

/// On what.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct TargetArgs {
    /// On this key: its id, name, redacted form or secret
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// On this project: all its keys
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// Which to lift.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete block lift block_7aQ2mX91LbTz4RrW0cVdE5uK")]
pub struct LiftArgs {
    /// Its id
    #[arg(value_name = "BLOCK")]
    block: String,
}

/// Which to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete block list --project Support --all")]
pub struct ListArgs {
    /// In this organization only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// On this project and its keys only
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Those that ended or were lifted too
    #[arg(long)]
    all: bool,
}

/// Carries it out (R41).
pub async fn run(command: BlockCommand, context: &Context) -> Result<(), CliError> {
    match command {
        BlockCommand::Add(args) => place(args, ManualBlockKind::Block, context).await,
        BlockCommand::Release(args) => place(args, ManualBlockKind::Release, context).await,
        BlockCommand::Lift(args) => lift(&args, context).await,
        BlockCommand::List(args) => list(&args, context).await,
    }
}

async fn place(args: PlaceArgs, kind: ManualBlockKind, context: &Context) -> Result<(), CliError> {
    let target = match (args.target.key, args.target.project) {
        (Some(key), _) => BlockTarget::Key(key),
        // One of them is there, or the command is not understood.
        (None, project) => BlockTarget::Project(project.unwrap_or_default()),
    };
    let until = args.until.map(|until| until.after(context.now()));
    let input = NewBlockInput { target, kind, reason: args.reason, until };
    let placed = context.change(async |control, actor| control.add_block(actor, &input).await).await?;
    show_one(&placed, context)
}

async fn lift(args: &LiftArgs, context: &Context) -> Result<(), CliError> {
    let lifted = context.change(async |control, actor| control.lift_block(actor, &args.block).await).await?;
    show_one(&lifted, context)
}

async fn list(args: &ListArgs, context: &Context) -> Result<(), CliError> {
    let (view, now) = (context.view().await?, context.now());
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    let project = lookup::project(&view, organization.as_ref(), args.project.as_deref()).await?;
    let wanted = ManualBlockFilter {
        organization_id: organization.map(|organization| organization.id),
        project_id: project.map(|project| project.id),
        open: !args.all,
        holding_at: (!args.all).then_some(now),
        ..ManualBlockFilter::default()
    };
    let rows = Rows { rows: view.manual_blocks(&wanted).await? };
    context.output.show(&rows, || {
        let columns = [left("KIND"), left("ON"), left("REASON"), left("BY"), left("PLACED"), left("STATE"), left("ID")];
        let mut table = Table::new(&columns);
        for block in &rows.rows {
            table.row([
                block.kind.to_string(),
                target(block),
                block.reason.clone(),
                block.placed_by.clone(),
                time(block.placed_at),
                state(block, now),
                block.id.clone(),
            ]);
        }
        table.render("there are no such blocks or releases")
    })
}

fn show_one(block: &ManualBlock, context: &Context) -> Result<(), CliError> {
    let what = match block.kind {
        ManualBlockKind::Block => "Block",
        ManualBlockKind::Release => "Release",
    };
    context.output.show(block, || {
        facts(&[
            (what, block.id.clone()),
            ("On", target(block)),
            ("Reason", block.reason.clone()),
            ("Placed", format!("{} by {}", time(block.placed_at), block.placed_by)),
            ("State", state(block, context.now())),
        ])
    })
}

fn target(block: &ManualBlock) -> String {
    match block.scope_kind {
        ManualBlockScope::Key => format!("key {}", block.scope_id),
        ManualBlockScope::Project => format!("project {}", block.scope_id),
    }
}

fn state(block: &ManualBlock, now: Timestamp) -> String {
    match (block.lifted_at, &block.lifted_by, block.until) {
        (Some(at), by, _) => format!("lifted {} by {}", time(at), by.as_deref().unwrap_or_default()),
        (None, _, Some(until)) if block.holds_at(now) => format!("holds until {}", time(until)),
        (None, _, Some(until)) => format!("ended {}", time(until)),
        (None, _, None) => "holds until lifted".to_owned(),
    }
}
