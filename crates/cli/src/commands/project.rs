//! `mete project`.

mod archive;

use clap::{Args, Subcommand};
use mete_control::{ListedProjects, NewProjectInput, ProjectChange};
use mete_core::Month;
use mete_core::directory::{Project, ProjectStatus, ProjectView};
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use serde::Serialize;

use super::lookup;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, facts, left, money, right, several, time, unseen};

use archive::ArchiveArgs;

/// What to do with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project
    Create(CreateArgs),
    /// List projects with this month's spend: the active ones, or with --archived the others
    List(ListArgs),
    /// Show one project
    Show(ShowArgs),
    /// Rename a project
    Rename(RenameArgs),
    /// Change a project's description or website
    Edit(EditArgs),
    /// Archive a project for good: its keys stop working, its history stays
    Archive(ArchiveArgs),
}

/// A project to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete project create Support --org Acme --website https://support.acme.test")]
pub struct CreateArgs {
    /// Its name
    name: String,
    /// Its organization
    #[arg(long, value_name = "ORG")]
    org: String,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// A business website: an http or https URL
    #[arg(long, value_name = "URL", default_value = "", hide_default_value = true)]
    website: String,
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

/// Which project to rename.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete project rename Support 'Support bot'")]
pub struct RenameArgs {
    /// The project
    project: String,
    /// Its new name
    name: String,
}

/// What to change of which project.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete project edit Support --description 'Answers customers' --website ''")]
pub struct EditArgs {
    /// The project
    project: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What is to be changed; what is not named stays.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct ChangeArgs {
    /// What it is for; empty takes it away
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A business website: an http or https URL; empty takes it away
    #[arg(long, value_name = "URL")]
    website: Option<String>,
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
        ProjectCommand::Create(args) => create(args, context).await,
        ProjectCommand::List(args) => list(&args, context).await,
        ProjectCommand::Show(args) => show(&args, context).await,
        ProjectCommand::Rename(RenameArgs { project, name }) => {
            edit(&project, ProjectChange { name: Some(name), ..ProjectChange::default() }, context).await
        }
        ProjectCommand::Edit(EditArgs { project, change: ChangeArgs { description, website } }) => {
            edit(&project, ProjectChange { name: None, description, website }, context).await
        }
        ProjectCommand::Archive(args) => archive::run(&args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<(), CliError> {
    let CreateArgs { name, org, description, website } = args;
    let input = NewProjectInput { organization: org, name, description, website };
    tell(&context.change(async |control, actor| control.create_project(actor, &input).await).await?, context)
}

async fn edit(project: &str, change: ProjectChange, context: &Context) -> Result<(), CliError> {
    tell(&context.change(async |control, actor| control.edit_project(actor, project, &change).await).await?, context)
}

/// Shows a project after a change.
fn tell(project: &Project, context: &Context) -> Result<(), CliError> {
    context.output.show(project, || {
        let mut facts = describe(project);
        facts.extend((project.status == ProjectStatus::Archived).then(|| ("Status", project.status.to_string())));
        self::facts(&facts)
    })
}

fn describe(project: &Project) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Project", format!("{} ({})", project.name, project.id)),
        ("Organization", project.organization_id.clone()),
    ];
    let texts = [("Description", &project.description), ("Website", &project.website)];
    facts.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())));
    facts
}

async fn list(args: &ListArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    let month = context.month(None);
    let status = if args.archived { ProjectStatus::Archived } else { ProjectStatus::Active };
    let organization_id = organization.as_ref().map(|organization| organization.id.as_str());
    let mut rows = view.projects(ListedProjects { organization_id, status: Some(status) }, month).await?;
    for row in &mut rows {
        row.manual_blocks.retain(|block| block.holds_at(context.now()));
    }
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
            left("BY HAND"),
        ];
        let mut table = Table::new(&columns);
        for view in &listed.rows {
            table.row([
                view.project.name.clone(),
                view.project.id.clone(),
                view.project.organization_id.clone(),
                view.spend.map_or_else(unseen, money),
                view.limits.budget.map(money).unwrap_or_default(),
                count(view.active_keys),
                view.blocked_since.map(time).unwrap_or_default(),
                view.by_hand(context.now()).map(|block| block.kind.to_string()).unwrap_or_default(),
            ]);
        }
        table.render("there are no such projects")
    })
}

async fn show(args: &ShowArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let month = context.month(None);
    let project = view.project(None, &args.project).await?;
    let mut shown = Shown { view: view.project_view(&project, month).await?, month };
    shown.view.manual_blocks.retain(|block| block.holds_at(context.now()));
    context.output.show(&shown, || {
        let ProjectView { project, limits, spend, requests, active_keys, blocked_since, manual_blocks } = &shown.view;
        let spend = spend.zip(*requests).map_or_else(unseen, |(spend, requests)| {
            format!("{} in {}, {}", money(spend), several(requests, "request"), month.name())
        });
        let mut facts = describe(project);
        facts.extend([("Status", project.status.to_string()), ("Created", time(project.created_at))]);
        facts.extend(project.archived_at.map(|at| ("Archived", time(at))));
        facts.extend([
            ("Budget", limits.budget.map_or_else(|| "none".to_owned(), money)),
            ("Threshold", limits.threshold.map_or_else(|| "none".to_owned(), money)),
            ("Spend", spend),
            ("Active keys", count(*active_keys)),
            ("Blocked since", blocked_since.map_or_else(|| "not blocked".to_owned(), time)),
        ]);
        facts.extend(manual_blocks.iter().map(by_hand));
        self::facts(&facts)
    })
}

fn by_hand(block: &ManualBlock) -> (&'static str, String) {
    let what = match block.kind {
        ManualBlockKind::Block => "Blocked by hand",
        ManualBlockKind::Release => "Released by hand",
    };
    let on = match block.scope_kind {
        ManualBlockScope::Project => "the project",
        ManualBlockScope::Key => &block.scope_id,
    };
    let until = block.until.map_or_else(|| "until it is lifted".to_owned(), |until| format!("until {}", time(until)));
    (what, format!("{on}, {until}, by {}: {}", block.placed_by, block.reason))
}
