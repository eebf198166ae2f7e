//! `mete org`.

use clap::{Args, Subcommand};
use mete_control::NewOrganizationInput;
use mete_core::Month;
use mete_core::directory::{Organization, OrganizationView, Project};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, facts, left, money, right, several, time, unseen};

/// What to do with organizations.
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Make an organization; with --parent, a sub-organization
    Create(CreateArgs),
    /// List the organizations with this month's spend
    #[command(after_help = "Example:\n  mete org list")]
    List,
    /// Show one organization
    Show(ShowArgs),
    /// Rename an organization
    Rename(RenameArgs),
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

/// Which organization to show.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete org show Acme")]
pub struct ShowArgs {
    /// The organization
    #[arg(value_name = "ORG")]
    organization: String,
}

/// Which organization to rename.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete org rename Acme 'Acme Corporation'")]
pub struct RenameArgs {
    /// The organization
    #[arg(value_name = "ORG")]
    organization: String,
    /// Its new name
    name: String,
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

/// An organization and those under it, whose spend its own includes (R3).
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    view: OrganizationView,
    month: Month,
    sub_organizations: Vec<OrganizationView>,
}

/// Carries it out.
pub async fn run(command: OrgCommand, context: &Context) -> Result<(), CliError> {
    match command {
        OrgCommand::Create(args) => create(args, context).await,
        OrgCommand::List => list(context).await,
        OrgCommand::Show(args) => show(&args, context).await,
        OrgCommand::Rename(args) => rename(&args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<(), CliError> {
    let input = NewOrganizationInput { name: args.name, owner: args.owner, parent: args.parent };
    let created = context.change(async |control, actor| control.create_organization(actor, &input).await).await?;
    let created = Created { organization: &created.organization, default_project: &created.default_project };
    context.output.show(&created, || {
        facts(&[
            ("Organization", format!("{} ({})", created.organization.name, created.organization.id)),
            ("Default project", created.default_project.id.clone()),
        ])
    })
}

async fn rename(args: &RenameArgs, context: &Context) -> Result<(), CliError> {
    let (asked, name) = (args.organization.as_str(), args.name.as_str());
    let renamed = context.change(async |control, actor| control.rename_organization(actor, asked, name).await).await?;
    context.output.show(&renamed, || facts(&[("Organization", format!("{} ({})", renamed.name, renamed.id))]))
}

async fn list(context: &Context) -> Result<(), CliError> {
    let month = context.month(None);
    let listed = Listed { month, rows: context.view().await?.organizations(month).await? };
    context.output.show(&listed, || table(&in_their_order(&listed.rows)))
}

async fn show(args: &ShowArgs, context: &Context) -> Result<(), CliError> {
    let (view, month) = (context.view().await?, context.month(None));
    let organization = view.organization(&args.organization).await?;
    let mut sub_organizations = view.organizations(month).await?;
    sub_organizations.retain(|below| below.organization.parent_id.as_ref() == Some(&organization.id));
    let shown = Shown { view: view.organization_view(&organization, month).await?, month, sub_organizations };
    context.output.show(&shown, || {
        let OrganizationView { organization, limits, active_projects, blocked_projects, .. } = &shown.view;
        let spend = shown.view.spend.zip(shown.view.requests).map_or_else(unseen, |(spend, requests)| {
            format!("{} in {}, {}", money(spend), month.name(), several(requests, "request"))
        });
        let mut text = facts(&[
            ("Organization", format!("{} ({})", organization.name, organization.id)),
            ("Under", organization.parent_id.clone().unwrap_or_else(|| "no other".to_owned())),
            ("Created", time(organization.created_at)),
            ("Budget", limits.budget.map_or_else(|| "none".to_owned(), money)),
            ("Threshold", limits.threshold.map_or_else(|| "none".to_owned(), money)),
            ("Spend", spend),
            ("Projects", format!("{} active, {} blocked", count(*active_projects), count(*blocked_projects))),
            ("Blocked since", shown.view.blocked_since.map_or_else(|| "not blocked".to_owned(), time)),
        ]);
        if !shown.sub_organizations.is_empty() {
            let below: Vec<&OrganizationView> = shown.sub_organizations.iter().collect();
            text.push_str(&format!("\nUnder it, and in its spend:\n{}", table(&below)));
        }
        text
    })
}

/// Sub-organizations under their parents (R3); those whose parent is not seen stand where they are.
fn in_their_order(rows: &[OrganizationView]) -> Vec<&OrganizationView> {
    let is_under = |view: &OrganizationView, above: &OrganizationView| {
        view.organization.parent_id.as_ref() == Some(&above.organization.id)
    };
    let tops = rows.iter().filter(|view| !rows.iter().any(|above| is_under(view, above)));
    tops.flat_map(|top| std::iter::once(top).chain(rows.iter().filter(move |view| is_under(view, top)))).collect()
}

fn table(rows: &[&OrganizationView]) -> String {
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
    for OrganizationView { organization, limits, spend, active_projects, blocked_since, .. } in rows {
        let is_under = rows.iter().any(|above| organization.parent_id.as_ref() == Some(&above.organization.id));
        let sign = if is_under { "└ " } else { "" };
        table.row([
            format!("{sign}{}", organization.name),
            organization.id.clone(),
            organization.parent_id.clone().unwrap_or_default(),
            spend.map_or_else(unseen, money),
            limits.budget.map(money).unwrap_or_default(),
            count(*active_projects),
            blocked_since.map(time).unwrap_or_default(),
        ]);
    }
    table.render("there are no organizations: make one with 'mete init'")
}
