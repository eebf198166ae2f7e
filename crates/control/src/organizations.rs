//! Making and renaming organizations (R1 to R3).

use mete_core::actor::Actor;
use mete_core::directory::{Organization, OrganizationRole, Project, ProjectStatus, check_email, check_name};
use mete_core::ids::IdKind;
use mete_core::rights::Action;
use mete_store::Tx;
use serde::Serialize;
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::organization_now;
use crate::{Control, ControlError, change};

/// The name that every default project has.
pub const DEFAULT_PROJECT: &str = "Default project";

/// An organization to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Makes the first organization of a store: the operator's to do.
    ///
    /// # Errors
    /// [`ControlError::Conflict`] when the store has organizations already: nothing changes then.
    #[boxed]
    pub async fn init(&self, actor: &Actor, input: &NewOrganizationInput) -> Result<CreatedOrganization, ControlError> {
        self.make_organization(actor, input, true).await
    }

    /// Makes an organization with its default project (R2) and first owner: the operator's to do; a sub-organization
    /// (R3) where a parent is named, which that one's owners may do as well.
    ///
    /// # Errors
    /// When the actor may not, the input is refused, the parent is not there or is a sub-organization itself, or the
    /// store fails.
    #[boxed]
    pub async fn create_organization(
        &self,
        actor: &Actor,
        input: &NewOrganizationInput,
    ) -> Result<CreatedOrganization, ControlError> {
        self.make_organization(actor, input, false).await
    }

    async fn make_organization(
        &self,
        actor: &Actor,
        input: &NewOrganizationInput,
        first: bool,
    ) -> Result<CreatedOrganization, ControlError> {
        const ACTION: &str = "organization.created";
        let parent = match &input.parent {
            None => None,
            Some(parent) => Some(self.organization_for(actor, parent, ACTION).await?),
        };
        let (id, project_id, user_id) =
            (self.id(IdKind::Organization), self.id(IdKind::Project), self.id(IdKind::User));
        change!(self, actor, tx => {
            match &parent {
                None => self.permit_operator(actor, "create an organization", &Deed::on_deployment(ACTION).target("", &input.name))?,
                Some(parent) => {
                    let deed = Deed::on_organization(ACTION, parent).target("", &input.name);
                    self.permit_in_organization(tx, actor, Action::ManageMembers, (parent, &deed)).await?;
                    refuse_third_level(parent)?;
                }
            }
            if first && tx.count_organizations().await? > 0 {
                return Err(ControlError::Conflict(
                    "the store has an organization already: use 'mete org create' for another one".to_owned(),
                ));
            }
            let (name, owner) = (check_name(&input.name)?, check_email(&input.owner)?);
            let created = self.born(&id, &project_id, (name, parent.as_ref()));
            self.write_organization(tx, &created, (&owner, &user_id)).await?;
            let deed = Deed::on_organization(ACTION, &created.organization);
            let after = json!({"after": {
                "name": created.organization.name,
                "parent_id": created.organization.parent_id,
                "default_project_id": created.default_project.id,
                "owner": owner,
            }});
            self.record(tx, actor, &deed, after).await?;
            Ok(created)
        })
    }

    /// A new organization and its default project, as they are to be written.
    fn born(&self, id: &str, project_id: &str, (name, parent): (String, Option<&Organization>)) -> CreatedOrganization {
        let at = self.now();
        CreatedOrganization {
            organization: Organization {
                id: id.to_owned(),
                name,
                parent_id: parent.map(|parent| parent.id.clone()),
                created_at: at,
            },
            default_project: Project {
                id: project_id.to_owned(),
                organization_id: id.to_owned(),
                name: DEFAULT_PROJECT.to_owned(),
                description: String::new(),
                website: String::new(),
                status: ProjectStatus::Active,
                is_default: true,
                created_at: at,
                archived_at: None,
            },
        }
    }

    async fn write_organization(
        &self,
        tx: &mut Tx,
        created: &CreatedOrganization,
        (owner, user_id): (&str, &str),
    ) -> Result<(), ControlError> {
        let CreatedOrganization { organization, default_project } = created;
        let at = organization.created_at;
        tx.insert_organization(organization).await?;
        tx.insert_project(default_project).await?;
        let user = tx.upsert_person(owner, user_id, at).await?;
        tx.insert_organization_member(&organization.id, &user, OrganizationRole::Owner, at).await?;
        Ok(())
    }

    /// Renames an organization: its owners' to do.
    ///
    /// # Errors
    /// When the actor may not, the organization is not there, the name is refused, or the store fails.
    #[boxed]
    pub async fn rename_organization(
        &self,
        actor: &Actor,
        organization: &str,
        name: &str,
    ) -> Result<Organization, ControlError> {
        const ACTION: &str = "organization.updated";
        let found = self.organization_for(actor, organization, ACTION).await?;
        change!(self, actor, tx => {
            let before = organization_now(tx, &found.id).await?;
            let deed = Deed::on_organization(ACTION, &before);
            self.permit_in_organization(tx, actor, Action::ManageMembers, (&before, &deed)).await?;
            let after = Organization { name: check_name(name)?, ..before.clone() };
            tx.set_organization_name(&after.id, &after.name).await?;
            let change = json!({"before": {"name": before.name}, "after": {"name": after.name}});
            self.record(tx, actor, &deed, change).await?;
            Ok(after)
        })
    }
}

fn refuse_third_level(parent: &Organization) -> Result<(), ControlError> {
    if parent.parent_id.is_none() {
        return Ok(());
    }
    Err(ControlError::Invalid(format!(
        "{:?} is a sub-organization and cannot have sub-organizations: there is one level only",
        parent.name
    )))
}
