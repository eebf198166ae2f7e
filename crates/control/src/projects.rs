//! Making, editing and archiving projects (R4, R19 to R22).

use mete_core::actor::Actor;
use mete_core::directory::{Project, ProjectStatus, check_description, check_name, check_website};
use mete_core::ids::IdKind;
use mete_core::rights::Action;
use mete_store::{Setting, Tx};
use serde_json::{Value, json};

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{organization_now, project_now};
use crate::rights::{refuse_archived, refuse_default};
use crate::{Control, ControlError, change};

/// A project to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewProjectInput {
    /// Id or name of its organization.
    pub organization: String,
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// An http or https URL; may be empty.
    pub website: String,
}

impl NewProjectInput {
    /// A project with a name and nothing else.
    #[must_use]
    pub fn named(organization: &str, name: &str) -> Self {
        Self { organization: organization.to_owned(), name: name.to_owned(), ..Self::default() }
    }
}

/// What is to be changed of a project; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// An http or https URL, or empty.
    pub website: Option<String>,
}

impl Control<'_> {
    /// Makes a project.
    ///
    /// # Errors
    /// When the actor may not, the input is refused, the name is taken (R19), the organization is a sub-organization (R3)
    /// or has as many projects as it can have (R4), or the store fails.
    #[boxed]
    pub async fn create_project(&self, actor: &Actor, input: &NewProjectInput) -> Result<Project, ControlError> {
        const ACTION: &str = "project.created";
        let found = self.organization_for(actor, &input.organization, ACTION).await?;
        let id = self.id(IdKind::Project);
        change!(self, actor, tx => {
            let organization = organization_now(tx, &found.id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target("", &input.name);
            self.permit_in_organization(tx, actor, Action::CreateProject, (&organization, &deed)).await?;
            if organization.parent_id.is_some() {
                return Err(ControlError::Invalid(format!(
                    "{:?} is a sub-organization: it has its default project only",
                    organization.name
                )));
            }
            refuse_too_many(tx, &organization.id).await?;
            let project = Project {
                id: id.clone(),
                organization_id: organization.id,
                name: check_name(&input.name)?,
                description: check_description(&input.description)?,
                website: check_website(&input.website)?,
                status: ProjectStatus::Active,
                is_default: false,
                created_at: self.now(),
                archived_at: None,
            };
            tx.insert_project(&project).await?;
            let deed = Deed::on_project(ACTION, &project);
            self.record(tx, actor, &deed, json!({"after": facts(&project)})).await?;
            Ok(project)
        })
    }

    /// Changes a project's name, description or website.
    ///
    /// # Errors
    /// When the actor may not, the project is not there, archived (R21) or a default project (R2), the input is refused or
    /// the name is taken (R19), or the store fails.
    #[boxed]
    pub async fn edit_project(
        &self,
        actor: &Actor,
        project: &str,
        change: &ProjectChange,
    ) -> Result<Project, ControlError> {
        const ACTION: &str = "project.updated";
        let found = self.project_for(actor, project, ACTION).await?;
        change!(self, actor, tx => {
            let before = project_now(tx, &found.id).await?;
            let deed = Deed::on_project(ACTION, &before);
            self.permit_in_project(tx, actor, Action::EditProject, (&before, &deed)).await?;
            refuse_default(&before, "cannot be renamed or edited")?;
            refuse_archived(&before)?;
            let mut after = before.clone();
            if let Some(name) = &change.name {
                after.name = check_name(name)?;
            }
            if let Some(description) = &change.description {
                after.description = check_description(description)?;
            }
            if let Some(website) = &change.website {
                after.website = check_website(website)?;
            }
            tx.update_project(&after).await?;
            let changed = json!({"before": facts(&before), "after": facts(&after)});
            self.record(tx, actor, &deed, changed).await?;
            Ok(after)
        })
    }

    /// Archives a project for good (R21): all its keys stop working, nothing in it can be changed any more, and its
    /// history stays (R20). `typed_name` must be its name exactly.
    ///
    /// # Errors
    /// When the actor may not, the project is not there, archived already or a default project (R2), another name was
    /// typed, or the store fails.
    #[boxed]
    pub async fn archive_project(
        &self,
        actor: &Actor,
        project: &str,
        typed_name: &str,
    ) -> Result<Project, ControlError> {
        const ACTION: &str = "project.archived";
        let found = self.project_for(actor, project, ACTION).await?;
        change!(self, actor, tx => {
            let before = project_now(tx, &found.id).await?;
            let deed = Deed::on_project(ACTION, &before);
            self.permit_in_project(tx, actor, Action::ArchiveProject, (&before, &deed)).await?;
            refuse_default(&before, "cannot be archived")?;
            if before.status == ProjectStatus::Archived {
                return Err(ControlError::Conflict(format!("the project {:?} is archived already", before.name)));
            }
            if typed_name != before.name {
                return Err(ControlError::Invalid(format!(
                    "archiving is final: type the project's name, {:?}, exactly to confirm it",
                    before.name
                )));
            }
            let after = Project { status: ProjectStatus::Archived, archived_at: Some(self.now()), ..before };
            tx.update_project(&after).await?;
            let disabled = tx.disable_keys_of_project(&after.id).await?;
            let changed = json!({
                "before": {"status": "active"},
                "after": {"status": "archived", "disabled_keys": disabled},
            });
            self.record(tx, actor, &deed, changed).await?;
            Ok(after)
        })
    }
}

async fn refuse_too_many(tx: &mut Tx, organization_id: &str) -> Result<(), ControlError> {
    let most = tx.setting(Setting::MaxProjects).await?;
    let there = tx.count_projects(organization_id).await?;
    if there < most {
        return Ok(());
    }
    Err(ControlError::LimitReached(format!(
        "an organization can have {most} projects, archived ones included, and this one has {there}"
    )))
}

/// What the audit log says of a project.
fn facts(project: &Project) -> Value {
    json!({"name": project.name, "description": project.description, "website": project.website})
}
