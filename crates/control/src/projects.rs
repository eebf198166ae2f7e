//! Making projects.

use mete_core::directory::{Project, ProjectStatus, check_name};
use mete_core::ids::IdKind;
use mete_store::NewProject;

use crate::{Control, ControlError, change};

/// How many projects an organization can have, archived ones included (R4).
pub const MAX_PROJECTS: i64 = 1000;

impl Control<'_> {
    /// Makes a project in the organization with this id or name.
    ///
    /// # Errors
    /// When the name is refused or taken (R19), the organization is a sub-organization (R3) or has as many projects as
    /// it can have (R4), or the store fails.
    pub async fn create_project(&self, organization: &str, name: &str) -> Result<Project, ControlError> {
        let name = check_name(name)?;
        let organization = self.store.find_organization(organization).await?;
        if organization.parent_id.is_some() {
            return Err(ControlError::Invalid(format!(
                "{:?} is a sub-organization: it has its default project only",
                organization.name
            )));
        }
        let project = Project {
            id: self.id(IdKind::Project),
            organization_id: organization.id,
            name,
            status: ProjectStatus::Active,
            is_default: false,
            created_at: self.now(),
            archived_at: None,
        };
        change!(self, tx => {
            if tx.count_projects(&project.organization_id).await? >= MAX_PROJECTS {
                return Err(ControlError::LimitReached(format!(
                    "the organization has {MAX_PROJECTS} projects, archived ones included, and cannot have more"
                )));
            }
            let new = NewProject {
                id: &project.id,
                organization_id: &project.organization_id,
                name: &project.name,
                is_default: false,
            };
            tx.insert_project(&new, project.created_at).await?;
            tx.tell(project.created_at, &project.organization_id, "project.created", &project.id).await?;
            Ok(())
        })?;
        Ok(project)
    }
}
