//! Making organizations.

use mete_core::directory::{Organization, OrganizationRole, Project, ProjectStatus, check_email, check_name};
use mete_core::ids::IdKind;
use mete_store::{NewOrganization, NewProject, Tx};
use serde::Serialize;

use crate::{Control, ControlError, change};

/// The name that every default project has.
pub const DEFAULT_PROJECT: &str = "Default project";

/// An organization to be made.
#[derive(Clone, Debug)]
pub struct NewOrganizationInput {
    /// Its name.
    pub name: String,
    /// The e-mail address of its first owner.
    pub owner: String,
    /// Id or name of the organization above it (R3).
    pub parent: Option<String>,
}

/// An organization that was made, with what it was born with (R2).
#[derive(Clone, Debug, Serialize)]
pub struct CreatedOrganization {
    /// The organization.
    pub organization: Organization,
    /// Its default project.
    pub default_project: Project,
}

impl Control<'_> {
    /// Makes the first organization of a store.
    ///
    /// # Errors
    /// [`ControlError::Conflict`] when the store has organizations already: nothing changes then.
    pub async fn init(&self, input: &NewOrganizationInput) -> Result<CreatedOrganization, ControlError> {
        self.make_organization(input, true).await
    }

    /// Makes an organization with its default project (R2) and first owner; a sub-organization where a parent is named
    /// (R3).
    ///
    /// # Errors
    /// When the input is refused, the parent is not there or is a sub-organization itself, or the store fails.
    pub async fn create_organization(&self, input: &NewOrganizationInput) -> Result<CreatedOrganization, ControlError> {
        self.make_organization(input, false).await
    }

    async fn make_organization(
        &self,
        input: &NewOrganizationInput,
        first: bool,
    ) -> Result<CreatedOrganization, ControlError> {
        let (name, owner) = (check_name(&input.name)?, check_email(&input.owner)?);
        let parent = match &input.parent {
            None => None,
            Some(parent) => Some(self.store.find_organization(parent).await?),
        };
        if let Some(Organization { name, parent_id: Some(_), .. }) = &parent {
            return Err(ControlError::Invalid(format!(
                "{name:?} is a sub-organization and cannot have sub-organizations: there is one level only"
            )));
        }
        let at = self.now();
        let organization = Organization {
            id: self.id(IdKind::Organization),
            name,
            parent_id: parent.map(|parent| parent.id),
            created_at: at,
        };
        let default_project = Project {
            id: self.id(IdKind::Project),
            organization_id: organization.id.clone(),
            name: DEFAULT_PROJECT.to_owned(),
            status: ProjectStatus::Active,
            is_default: true,
            created_at: at,
            archived_at: None,
        };
        let created = CreatedOrganization { organization, default_project };
        let user = self.id(IdKind::User);
        change!(self, tx => {
            if first && tx.count_organizations().await? > 0 {
                return Err(ControlError::Conflict(
                    "the store has an organization already: use 'mete org create' for another one".to_owned(),
                ));
            }
            write(tx, &created, &owner, &user).await
        })?;
        Ok(created)
    }
}

async fn write(tx: &mut Tx, created: &CreatedOrganization, owner: &str, user: &str) -> Result<(), ControlError> {
    let CreatedOrganization { organization, default_project } = created;
    let at = organization.created_at;
    let new = NewOrganization {
        id: &organization.id,
        name: &organization.name,
        parent_id: organization.parent_id.as_deref(),
    };
    tx.insert_organization(&new, at).await?;
    let project = NewProject {
        id: &default_project.id,
        organization_id: &organization.id,
        name: &default_project.name,
        is_default: true,
    };
    tx.insert_project(&project, at).await?;
    let user = tx.upsert_person(owner, user, at).await?;
    tx.insert_organization_member(&organization.id, &user, OrganizationRole::Owner, at).await?;
    tx.insert_project_member(&default_project.id, &user, "owner", at).await?;
    tx.tell(at, &organization.id, "organization.created", &organization.id).await?;
    Ok(())
}
