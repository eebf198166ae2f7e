//! `mete project`.

use clap::{Args, Subcommand};
use mete_core::Month;
use mete_core::directory::{Project, ProjectStatus, ProjectView};
use mete_store::{Store, StoreError};
use serde::Serialize;

use super::lookup;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, facts, left, money, right, several, time};

/// What to do with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project
    Create(CreateArgs),
    /// List projects with this month's spend: the active ones, or with --archived the others
    List(ListArgs),
    /// Show one project
    Show(ShowArgs),
}

/// A project to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete project create Support --org Acme")]
pub struct CreateArgs {
    /// Its name
    name: String,
    /// Its organization
    #[arg(long, value_name = "ORG")]
    org: String,
}

/// Which projects to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete project list --org Acme")]
pub struct ListArgs {
    /// Of this organization only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// The archived projects in place of the active ones
    #[arg(long)]
    archived: bool,
}

/// Which project to show.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete project show Support")]
pub struct ShowArgs {
    /// The project
    project: String,
}

#[derive(Serialize)]
struct Listed {
    month: Month,
    rows: Vec<ProjectView>,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    view: ProjectView,
    month: Month,
}

/// Carries it out.
pub async fn run(command: ProjectCommand, context: &Context) -> Result<(), CliError> {
    match command {
        ProjectCommand::Create(args) => create(&args, context).await,
        ProjectCommand::List(args) => list(&args, context).await,
        ProjectCommand::Show(args) => show(&args, context).await,
    }
}

async fn create(args: &CreateArgs, context: &Context) -> Result<(), CliError> {
    let project = context.change(async |control| control.create_project(&args.org, &args.name).await).await?;
    context.output.show(&project, || {
        facts(&[
            ("Project", format!("{} ({})", project.name, project.id)),
            ("Organization", project.organization_id.clone()),
        ])
    })
}

async fn list(args: &ListArgs, context: &Context) -> Result<(), CliError> {
    let store = context.store().await?;
    let organization = lookup::organization(store, args.org.as_deref()).await?;
    let month = context.month(None);
    let mut rows = store.projects(organization.as_ref().map(|organization| organization.id.as_str()), month).await?;
    let wanted = if args.archived { ProjectStatus::Archived } else { ProjectStatus::Active };
    rows.retain(|view| view.project.status == wanted);
    let listed = Listed { month, rows };
    context.output.show(&listed, || {
        let columns = [
            left("NAME"),
            left("ID"),
            left("ORGANIZATION"),
            right("SPEND"),
            right("BUDGET"),
            right("KEYS"),
            left("BLOCKED SINCE"),
        ];
        let mut table = Table::new(&columns);
        for view in &listed.rows {
            table.row([
                view.project.name.clone(),
                view.project.id.clone(),
                view.project.organization_id.clone(),
                money(view.spend),
                view.limits.budget.map(money).unwrap_or_default(),
                count(view.active_keys),
                view.blocked_since.map(time).unwrap_or_default(),
            ]);
        }
        table.render("there are no such projects")
    })
}

async fn show(args: &ShowArgs, context: &Context) -> Result<(), CliError> {
    let store = context.store().await?;
    let project = store.find_project(&args.project).await?;
    let month = context.month(None);
    let shown = Shown { view: view(store, &project, month).await?, month };
    context.output.show(&shown, || {
        let ProjectView { project, limits, spend, requests, active_keys, blocked_since } = &shown.view;
        facts(&[
            ("Project", format!("{} ({})", project.name, project.id)),
            ("Organization", project.organization_id.clone()),
            ("Status", project.status.to_string()),
            ("Created", time(project.created_at)),
            ("Budget", limits.budget.map_or_else(|| "none".to_owned(), money)),
            ("Threshold", limits.threshold.map_or_else(|| "none".to_owned(), money)),
            ("Spend", format!("{} in {}, {}", money(*spend), several(*requests, "request"), month.name())),
            ("Active keys", count(*active_keys)),
            ("Blocked since", blocked_since.map_or_else(|| "not blocked".to_owned(), time)),
        ])
    })
}

/// A project with its figures in `month`.
pub async fn view(store: &Store, project: &Project, month: Month) -> Result<ProjectView, CliError> {
    let views = store.projects(Some(&project.organization_id), month).await?;
    let gone = || StoreError::NotFound(format!("there is no project {:?}", project.id));
    Ok(views.into_iter().find(|view| view.project.id == project.id).ok_or_else(gone)?)
}
