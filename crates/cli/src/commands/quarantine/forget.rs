//! `mete quarantine forget`.

use clap::Args;
use serde::Serialize;

use super::WhichArgs;
use crate::args::Yes;
use crate::context::Context;
use crate::error::CliError;
use crate::output::count;

/// Which entries, and why.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete quarantine forget --reason not_json --because 'torn by a full disk'")]
pub struct ForgetArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Why: it is kept in the audit log
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Serialize)]
struct Forgotten {
    forgotten: u64,
}

/// Removes them; their counts stay.
pub async fn run(args: &ForgetArgs, context: &Context) -> Result<(), CliError> {
    let ids = args.which.ids(context.store().await?).await?;
    if !ids.is_empty() {
        let number = count(ids.len() as u64);
        context.confirm(&format!("This removes {number} of the quarantine for good, uncounted."), args.yes.yes)?;
    }
    let forgotten =
        context.change(async |control, actor| control.forget_quarantine(actor, &ids, &args.because).await).await?;
    let result = Forgotten { forgotten };
    context.output.show(&result, || format!("{} forgotten\n", count(result.forgotten)))
}
