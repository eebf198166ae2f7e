//! `mete project archive`.

use clap::Args;
use mete_control::View;
use mete_core::directory::{Project, ProjectStatus};
use mete_core::rights::Action;

use super::tell;
use crate::confirm::typed_name;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{money, several};

/// Which project to archive.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete project archive proj_7aQ2mX91LbTz4RrW0cVdE5uK --confirm 'Support bot'")]
pub struct ArchiveArgs {
    /// The project
    project: String,
    /// Its name, exactly; without it the name is asked for on the terminal
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// Archives it (R21).
pub async fn run(args: &ArchiveArgs, context: &Context) -> Result<(), CliError> {
    let typed = match &args.confirm {
        Some(name) => name.clone(),
        None => match warning(&args.project, &context.view().await?, context).await? {
            Some(warning) => typed_name(&warning)?,
            // The change refuses it and writes that down, whatever was typed.
            None => String::new(),
        },
    };
    let archived = context.change(async |control, actor| control.archive_project(actor, &args.project, &typed).await);
    tell(&archived.await?, context)
}

/// What archiving hits; nothing of a project that the actor cannot archive.
async fn warning(asked: &str, view: &View<'_>, context: &Context) -> Result<Option<String>, CliError> {
    let Ok(project) = view.project(None, asked).await else { return Ok(None) };
    if !can_be_archived(&project, view) {
        return Ok(None);
    }
    let figures = view.project_view(&project, context.month(None)).await?;
    let keys = several(figures.active_keys, "key");
    let spend = figures.spend.map(|spend| format!(", {} this month", money(spend))).unwrap_or_default();
    Ok(Some(format!("Archiving {:?} is final: it stops {keys}{spend}.", project.name)))
}

fn can_be_archived(project: &Project, view: &View<'_>) -> bool {
    let open = project.status == ProjectStatus::Active && !project.is_default;
    open && view.sight().may(Action::ArchiveProject, project)
}
