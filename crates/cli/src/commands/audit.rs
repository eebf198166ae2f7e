//! `mete audit`.

mod verify;

use clap::{Args, Subcommand};
use mete_core::audit::AuditEntry;
use mete_core::when::When;
use mete_store::AuditFilter;

use super::{Outcome, lookup};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, left, time};

use verify::VerifyArgs;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List who changed what, or tried to, newest first
    List(ListArgs),
    /// Prove that no entry was changed, removed, reordered or replaced
    Verify(VerifyArgs),
}

/// Which entries to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete audit list --project Support --action key --since 24h")]
pub struct ListArgs {
    /// Of this organization only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project only
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// By this actor only: an e-mail address, an operating-system user, or an id
    #[arg(long = "actor", value_name = "ACTOR")]
    by: Option<String>,
    /// Only this action, as in project.created, or a family of them, as in project
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only from this time on: an instant, a day, or a span before now like 30m, 24h or 7d
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// The most entries to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Carries it out (R42).
pub async fn run(command: AuditCommand, context: &Context) -> Result<Outcome, CliError> {
    match command {
        AuditCommand::List(args) => list(args, context).await,
        AuditCommand::Verify(args) => verify::run(&args, context).await,
    }
}

async fn list(args: ListArgs, context: &Context) -> Result<Outcome, CliError> {
    let view = context.view().await?;
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    let project = lookup::project(&view, organization.as_ref(), args.project.as_deref()).await?;
    let wanted = AuditFilter {
        actor: args.by,
        action: args.action,
        since: args.since.map(|since| since.before(context.now())),
        limit: Some(args.limit.into()),
        ..AuditFilter::default()
    };
    let rows = Rows { rows: view.audit((organization.as_ref(), project.as_ref()), &wanted).await? };
    context.output.show(&rows, || table(&rows.rows))?;
    Ok(Outcome::Done)
}

fn table(entries: &[AuditEntry]) -> String {
    let columns = [left("TIME"), left("ACTOR"), left("ACTION"), left("OUTCOME"), left("TARGET"), left("REASON")];
    let mut table = Table::new(&columns);
    for AuditEntry { record, .. } in entries {
        let target = if record.target_name.is_empty() { &record.target_id } else { &record.target_name };
        table.row([
            time(record.at),
            format!("{} ({})", record.actor_name, record.actor_kind.replace('_', " ")),
            record.action.clone(),
            record.outcome.to_string(),
            target.clone(),
            record.reason.clone(),
        ]);
    }
    table.render("there are no such entries")
}
