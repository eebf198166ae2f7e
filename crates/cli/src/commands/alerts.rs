//! `mete alerts`.

use clap::{Args, Subcommand};
use mete_core::Month;
use mete_store::{AlertFilter, AlertKind};

use super::lookup;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, left, money, right, time};

/// What to do with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// List alerts, newest first
    List(ListArgs),
}

/// Which alerts.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete alerts list --month 2026-11")]
pub struct ListArgs {
    /// Of this organization and its projects only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project only
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Of this UTC month's spend only
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
}

/// Lists them (R27): those of scopes whose spend the actor may see (R6).
pub async fn run(command: AlertsCommand, context: &Context) -> Result<(), CliError> {
    let AlertsCommand::List(args) = command;
    let view = context.view().await?;
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    let project = lookup::project(&view, organization.as_ref(), args.project.as_deref()).await?;
    let filter = AlertFilter {
        organization_id: organization.map(|organization| organization.id),
        project_id: project.map(|project| project.id),
        month: args.month,
        ..AlertFilter::default()
    };
    let rows = Rows { rows: view.alerts(&filter).await? };
    context.output.show(&rows, || {
        let columns =
            [left("AT"), left("WHAT"), left("SCOPE"), left("NAME"), left("MONTH"), right("SPEND"), right("LIMIT")];
        let mut table = Table::new(&columns);
        for alert in &rows.rows {
            let what = match alert.kind {
                AlertKind::Threshold => "threshold passed",
                AlertKind::Exhausted => "budget exhausted",
            };
            table.row([
                time(alert.at),
                what.to_owned(),
                alert.part.as_ref().map_or(alert.scope_kind.as_str(), |of| of.part.kind.as_str()).to_owned(),
                alert.whose(),
                alert.month.to_string(),
                money(alert.spend),
                money(alert.amount),
            ]);
        }
        table.render("there are no such alerts")
    })
}
