//! `mete org`.

use clap::{Args, Subcommand};
use mete_control::NewOrganizationInput;
use mete_core::Month;
use mete_core::directory::{Organization, OrganizationView, Project};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, facts, left, money, right, time};

/// What to do with organizations.
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Make an organization; with --parent, a sub-organization
    Create(CreateArgs),
    /// List the organizations with this month's spend
    #[command(after_help = "Example:\n  mete org list")]
    List,
}

/// An organization to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete org create 'Acme Labs' --owner dana@acme.test --parent Acme")]
pub struct CreateArgs {
    /// Its name
    name: String,
    /// E-mail address of its first owner
    #[arg(long, value_name = "EMAIL")]
    owner: String,
    /// The organization above it, to whose budget its spend counts too
    #[arg(long, value_name = "ORG")]
    parent: Option<String>,
}

#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    organization: &'a Organization,
    default_project: &'a Project,
}

#[derive(Serialize)]
struct Listed {
    month: Month,
    rows: Vec<OrganizationView>,
}

/// Carries it out.
pub async fn run(command: OrgCommand, context: &Context) -> Result<(), CliError> {
    match command {
        OrgCommand::Create(args) => create(args, context).await,
        OrgCommand::List => list(context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<(), CliError> {
    let input = NewOrganizationInput { name: args.name, owner: args.owner, parent: args.parent };
    let created = context.change(async |control| control.create_organization(&input).await).await?;
    let created = Created { organization: &created.organization, default_project: &created.default_project };
    context.output.show(&created, || {
        facts(&[
            ("Organization", format!("{} ({})", created.organization.name, created.organization.id)),
            ("Default project", created.default_project.id.clone()),
        ])
    })
}

async fn list(context: &Context) -> Result<(), CliError> {
    let month = context.month(None);
    let listed = Listed { month, rows: context.store().await?.organizations(month).await? };
    context.output.show(&listed, || {
        let columns = [
            left("NAME"),
            left("ID"),
            left("PARENT"),
            right("SPEND"),
            right("BUDGET"),
            right("PROJECTS"),
            left("BLOCKED SINCE"),
        ];
        let mut table = Table::new(&columns);
        for view in &listed.rows {
            table.row([
                view.organization.name.clone(),
                view.organization.id.clone(),
                view.organization.parent_id.clone().unwrap_or_default(),
                money(view.spend),
                view.limits.budget.map(money).unwrap_or_default(),
                count(view.active_projects),
                view.blocked_since.map(time).unwrap_or_default(),
            ]);
        }
        table.render("there are no organizations: make one with 'mete init'")
    })
}
