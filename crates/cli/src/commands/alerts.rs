//! `mete alerts`.

use clap::{Args, Subcommand};
use mete_core::Month;
use mete_store::{Alert, AlertFilter, AlertKind};

use super::lookup;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Rows, Table, left, money, right, time};

/// What to do with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// List alerts, newest first
    List(ListArgs),
    /// Take note of alerts: they leave the list of what needs somebody
    Acknowledge(AcknowledgeArgs),
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
    /// Those that nobody acknowledged only
    #[arg(long)]
    open: bool,
}

/// Which alerts to take note of.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete alerts acknowledge alert_0b2c4d6e8fa0b2c4d6e8fa01")]
pub struct AcknowledgeArgs {
    /// Alerts, by the ids that lists show: all of them, or none where one is refused
    #[arg(value_name = "ALERT", required = true)]
    alerts: Vec<String>,
}

/// Carries it out (R27).
pub async fn run(command: AlertsCommand, context: &Context) -> Result<(), CliError> {
    match command {
        AlertsCommand::List(args) => list(args, context).await,
        AlertsCommand::Acknowledge(args) => {
            let rows =
                context.change(async |control, actor| control.acknowledge_alerts(actor, &args.alerts).await).await?;
            show(&Rows { rows }, context.output)
        }
    }
}

/// Those of scopes whose spend the actor may see (R6).
async fn list(args: ListArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    let project = lookup::project(&view, organization.as_ref(), args.project.as_deref()).await?;
    let filter = AlertFilter {
        organization_id: organization.map(|organization| organization.id),
        project_id: project.map(|project| project.id),
        month: args.month,
        is_open: args.open,
        ..AlertFilter::default()
    };
    show(&Rows { rows: view.alerts(&filter).await? }, context.output)
}

fn show(rows: &Rows<Alert>, output: Output) -> Result<(), CliError> {
    output.show(rows, || {
        let mut table = Table::new(&[
            left("AT"),
            left("WHAT"),
            left("SCOPE"),
            left("NAME"),
            left("MONTH"),
            right("SPEND"),
            right("LIMIT"),
            left("ACKNOWLEDGED"),
            left("ID"),
        ]);
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
                alert.acknowledged_by.clone().or_else(|| alert.acknowledged_at.map(time)).unwrap_or_default(),
                alert.id.clone(),
            ]);
        }
        table.render("there are no such alerts")
    })
}
