//! Finding what an id or a name on the command line means to the actor.

use clap::Args;
use mete_control::View;
use mete_core::directory::{Organization, Project};

use crate::error::CliError;

/// Whose spend or usage: everybody's, where neither is named.
#[derive(Debug, Args)]
pub struct Within {
    /// Of this organization and its sub-organizations only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project only
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

impl Within {
    /// What it names, as far as it exists for the actor.
    pub async fn find(&self, view: &View<'_>) -> Result<(Option<Organization>, Option<Project>), CliError> {
        let organization = organization(view, self.org.as_deref()).await?;
        let project = project(view, organization.as_ref(), self.project.as_deref()).await?;
        Ok((organization, project))
    }
}

/// The organization with this id or name, if one was named.
pub async fn organization(view: &View<'_>, asked: Option<&str>) -> Result<Option<Organization>, CliError> {
    match asked {
        None => Ok(None),
        Some(asked) => Ok(Some(view.organization(asked).await?)),
    }
}

/// The project with this id or name, if one was named; within `organization`, where that is known, so that a name need
/// not be the only one of the deployment.
pub async fn project(
    view: &View<'_>,
    organization: Option<&Organization>,
    asked: Option<&str>,
) -> Result<Option<Project>, CliError> {
    match asked {
        None => Ok(None),
        Some(asked) => {
            let within = organization.map(|organization| organization.id.as_str());
            Ok(Some(view.project(within, asked).await?))
        }
    }
}
