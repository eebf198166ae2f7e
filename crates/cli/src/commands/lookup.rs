//! Finding what an id or a name on the command line means.

use mete_core::directory::{Organization, Project, ProjectStatus};
use mete_store::{Store, StoreError};

use crate::error::CliError;

/// The organization with this id or name, if one was named.
pub async fn organization(store: &Store, asked: Option<&str>) -> Result<Option<Organization>, CliError> {
    match asked {
        None => Ok(None),
        Some(asked) => Ok(Some(store.find_organization(asked).await?)),
    }
}

/// The project with this id or name, if one was named; within `organization`, where that is known, so that a name need
/// not be the only one of the deployment.
pub async fn project(
    store: &Store,
    organization: Option<&Organization>,
    asked: Option<&str>,
) -> Result<Option<Project>, CliError> {
    let Some(asked) = asked else { return Ok(None) };
    let Some(organization) = organization else { return Ok(Some(store.find_project(asked).await?)) };
    let named = asked.to_lowercase();
    let mut found: Vec<Project> = store.project_records().await?;
    found.retain(|project| {
        project.organization_id == organization.id && (project.id == asked || project.name.to_lowercase() == named)
    });
    // An active project comes before archived ones of its name, an id before all names.
    found.sort_by_key(|project| (project.id != asked, project.status != ProjectStatus::Active));
    let several_archived = found.len() > 1 && found[0].status == ProjectStatus::Archived && found[0].id != asked;
    let none = || StoreError::NotFound(format!("{:?} has no project {asked:?}", organization.name));
    if several_archived {
        let several = format!("several archived projects are named {asked:?}: say which by its id");
        return Err(StoreError::NotFound(several).into());
    }
    Ok(Some(found.into_iter().next().ok_or_else(none)?))
}
