//! `mete rerate`: a month at other prices than those that it was counted with.

mod words;

use std::sync::Arc;

use clap::{ArgGroup, Args};
use mete_control::{RerateInput, RerateReport};
use mete_core::Month;
use serde::Serialize;

use crate::args::PricesFile;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Rows;

/// Which month, and what to do with it.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("deed").required(true).args(["dry_run", "apply", "undo", "list"]),
    after_help = "Example:\n  mete rerate --month 2026-11 --dry-run\n  mete rerate --month 2026-11 --model gpt-4o-mini --apply\n  \
        mete rerate --undo\n\n\
        Events get correcting entries; what is there is never changed. An interrupted --apply or --undo goes on where it\n\
        was when it is given again."
)]
pub struct RerateArgs {
    /// The UTC month; with --undo, the one of the run
    #[arg(long, value_name = "YYYY-MM", required_unless_present_any = ["undo", "list"])]
    month: Option<Month>,
    /// Only events of this model, as they name it
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["undo", "list"])]
    model: Option<String>,
    /// Events too that brought their cost along
    #[arg(long, conflicts_with_all = ["undo", "list"])]
    own: bool,
    /// Show what would be different, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Book the difference
    #[arg(long)]
    apply: bool,
    /// Take back this run [default: the last one that was not]
    #[arg(long, value_name = "RUN", num_args = 0..=1)]
    undo: Option<Option<String>>,
    /// List the runs, newest first
    #[arg(long, conflicts_with = "month")]
    list: bool,
    #[command(flatten)]
    file: PricesFile,
}

/// What became of it, or would.
#[derive(Serialize)]
struct Told {
    dry_run: bool,
    #[serde(flatten)]
    report: RerateReport,
}

/// Carries it out (R35).
pub async fn run(args: RerateArgs, context: &Context) -> Result<(), CliError> {
    match (args.month, &args.undo) {
        _ if args.list => list(context).await,
        (month, Some(run)) => undo(run.as_deref(), month, context).await,
        (Some(month), None) => rate(month, &args, context).await,
        // clap does not let it through.
        (None, None) => Ok(()),
    }
}

async fn rate(month: Month, args: &RerateArgs, context: &Context) -> Result<(), CliError> {
    let catalogue = Arc::new(args.file.catalogue()?);
    let input = RerateInput { month, model: args.model.clone(), own: args.own };
    let work = context.change(async |control, actor| {
        if args.apply {
            control.rerate(actor, &input, catalogue).await
        } else {
            control.plan_rerate(actor, &input, catalogue).await
        }
    });
    let told = Told { dry_run: !args.apply, report: work.await? };
    context.output.show(&told, || words::rated(&told.report, told.dry_run))
}

async fn undo(run: Option<&str>, month: Option<Month>, context: &Context) -> Result<(), CliError> {
    let undone = context.change(async |control, actor| control.undo_rerate(actor, run, month).await).await?;
    context.output.show(&undone, || words::undone(&undone))
}

async fn list(context: &Context) -> Result<(), CliError> {
    context.operator_only("see what was rated anew")?;
    let rows = Rows { rows: context.store().await?.rerates().await? };
    context.output.show(&rows, || words::runs(&rows.rows))
}
