//! Members of a project (R7, R10, R11).

use mete_core::actor::Actor;
use mete_core::directory::{KeyStatus, OrganizationRole, Project, User};
use mete_core::people::{Member, ProjectRole};
use mete_core::rights::Action;
use mete_core::secret::without_secrets;
use mete_store::Tx;
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{gone, person_named, project_now};
use crate::rights::{refuse_archived, refuse_default};
use crate::{Control, ControlError, change};

impl Control<'_> {
    /// Adds a person to a project: somebody who is in the organization with the role `reader` and not in the project yet
    /// (R10).
    ///
    /// # Errors
    /// When the actor may not, the project is not there, archived (R21) or a default project (R2), the person cannot be
    /// added (R10), or the store fails.
    #[boxed]
    pub async fn add_project_member(
        &self,
        actor: &Actor,
        (project, member): (&str, &str),
        role: ProjectRole,
    ) -> Result<Member, ControlError> {
        const ACTION: &str = "project_user.added";
        let found = self.project_for(actor, project, ACTION).await?;
        change!(self, actor, tx => {
            let project = self.open_to_members(tx, actor, (&found.id, ACTION, member)).await?;
            let person = candidate(tx, &project, member).await?;
            tx.upsert_project_member(&project.id, &person.id, role, self.now()).await?;
            let deed = Deed::on_project(ACTION, &project).target(&person.id, &person.email);
            self.record(tx, actor, &deed, json!({"after": {"role": role}})).await?;
            listed(tx, &project, &person).await
        })
    }

    /// Changes a person's role in a project.
    ///
    /// # Errors
    /// When the actor may not, the project or member is not there, the project is archived (R21) or a default project
    /// (R2), the person is an owner of the organization (R7), or the store fails.
    #[boxed]
    pub async fn set_project_role(
        &self,
        actor: &Actor,
        (project, member): (&str, &str),
        role: ProjectRole,
    ) -> Result<Member, ControlError> {
        const ACTION: &str = "project_user.updated";
        let found = self.project_for(actor, project, ACTION).await?;
        change!(self, actor, tx => {
            let project = self.open_to_members(tx, actor, (&found.id, ACTION, member)).await?;
            let (person, before) = member_now(tx, &project, member).await?;
            tx.upsert_project_member(&project.id, &person.id, role, self.now()).await?;
            let deed = Deed::on_project(ACTION, &project).target(&person.id, &person.email);
            self.record(tx, actor, &deed, json!({"before": {"role": before}, "after": {"role": role}})).await?;
            listed(tx, &project, &person).await
        })
    }

    /// Takes a person out of a project; their keys there are disabled (R11).
    ///
    /// # Errors
    /// As [`Control::set_project_role`].
    #[boxed]
    pub async fn remove_project_member(
        &self,
        actor: &Actor,
        project: &str,
        member: &str,
    ) -> Result<Member, ControlError> {
        const ACTION: &str = "project_user.deleted";
        let found = self.project_for(actor, project, ACTION).await?;
        change!(self, actor, tx => {
            let project = self.open_to_members(tx, actor, (&found.id, ACTION, member)).await?;
            let (person, role) = member_now(tx, &project, member).await?;
            let was = listed(tx, &project, &person).await?;
            tx.delete_project_member(&project.id, &person.id).await?;
            let mut disabled = Vec::new();
            for key in tx.active_keys_of(&person.id, &project.organization_id, Some(&project.id)).await? {
                tx.set_key_status(&key.id, KeyStatus::Disabled).await?;
                disabled.push(key.id);
            }
            let deed = Deed::on_project(ACTION, &project).target(&person.id, &person.email);
            let changed = json!({"before": {"role": role}, "after": {"disabled_keys": disabled}});
            self.record(tx, actor, &deed, changed).await?;
            Ok(was)
        })
    }

    /// The project, if the actor may change its members and it has members that can be changed.
    async fn open_to_members(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (project_id, action, member): (&str, &'static str, &str),
    ) -> Result<Project, ControlError> {
        let project = project_now(tx, project_id).await?;
        let deed = Deed::on_project(action, &project).target("", member);
        self.permit_in_project(tx, actor, Action::ManageProjectMembers, (&project, &deed)).await?;
        refuse_default(
            &project,
            "has everybody of its organization in it: nobody is added, changed or removed by hand",
        )?;
        refuse_archived(&project)?;
        if member.starts_with("svc-acct-") {
            return Err(ControlError::Invalid(
                "a service account stays in the project that it was created in: create one there \
                 with 'mete service-account create', change it with 'role' and 'remove'"
                    .to_owned(),
            ));
        }
        Ok(project)
    }
}

/// The person that was named, if R10 lets them be added.
async fn candidate(tx: &mut Tx, project: &Project, asked: &str) -> Result<User, ControlError> {
    let nobody = || {
        ControlError::not_found(format!(
            "{asked:?} is no member of the organization: invite them with 'mete invite create'"
        ))
    };
    let person = person_named(tx, asked).await?.ok_or_else(nobody)?;
    match tx.organization_role(&project.organization_id, &person.id).await? {
        None => Err(nobody()),
        Some((OrganizationRole::Owner, _)) => Err(owner_everywhere(&person)),
        Some((OrganizationRole::Reader, _)) if tx.project_role(&project.id, &person.id).await?.is_some() => {
            Err(ControlError::Conflict(format!("{} is in the project {:?} already", person.email, project.name)))
        }
        Some((OrganizationRole::Reader, _)) => Ok(person),
    }
}

/// The person that was named and their role, if they were added to the project.
async fn member_now(tx: &mut Tx, project: &Project, asked: &str) -> Result<(User, ProjectRole), ControlError> {
    let nobody = || {
        ControlError::not_found(format!(
            "there is no member {:?} in the project {:?}",
            without_secrets(asked),
            project.name
        ))
    };
    let person = person_named(tx, asked).await?.ok_or_else(nobody)?;
    match tx.organization_role(&project.organization_id, &person.id).await? {
        None => Err(nobody()),
        Some((OrganizationRole::Owner, _)) => Err(owner_everywhere(&person)),
        Some((OrganizationRole::Reader, _)) => {
            let role = tx.project_role(&project.id, &person.id).await?.ok_or_else(nobody)?;
            Ok((person, role))
        }
    }
}

fn owner_everywhere(person: &User) -> ControlError {
    ControlError::Conflict(format!(
        "{} is an owner of the organization, and so of each of its projects: change the role in the organization first",
        person.email
    ))
}

/// A member as lists show them.
async fn listed(tx: &mut Tx, project: &Project, person: &User) -> Result<Member, ControlError> {
    tx.project_member(&project.id, &person.id).await?.ok_or_else(|| gone("member", &person.email))
}
