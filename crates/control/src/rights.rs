//! Whether an actor may do something (R6), asked inside the transaction that does it.

use mete_core::actor::{Actor, Who};
use mete_core::directory::{Organization, OrganizationRole, Project, ProjectStatus};
use mete_core::people::ProjectRole;
use mete_core::rights::{Action, Answer, Standing};
use mete_store::Tx;

use crate::deed::Deed;
use crate::error::Denial;
use crate::{Control, ControlError};

/// What somebody is to a project, or to an organization where there is no project, by their roles. In a default project
/// everybody of the organization is a member (R2), in every project its owners are owners (R7).
pub fn standing_by(
    organization: Option<OrganizationRole>,
    project: Option<(&Project, Option<ProjectRole>)>,
) -> Standing {
    match (organization, project) {
        (None, _) => Standing::Outsider,
        (Some(OrganizationRole::Owner), _) => Standing::OrganizationOwner,
        (Some(OrganizationRole::Reader), Some((project, _))) if project.is_default => Standing::ProjectMember,
        (Some(OrganizationRole::Reader), Some((_, Some(ProjectRole::Owner)))) => Standing::ProjectOwner,
        (Some(OrganizationRole::Reader), Some((_, Some(ProjectRole::Member)))) => Standing::ProjectMember,
        (Some(OrganizationRole::Reader), _) => Standing::Reader,
    }
}

/// What `actor` is, and whether they have a grant to see usage (R8).
async fn standing(
    tx: &mut Tx,
    actor: &Actor,
    organization_id: &str,
    project: Option<&Project>,
) -> Result<(Standing, bool), ControlError> {
    let Some(user_id) = actor.user_id() else { return Ok((Standing::OrganizationOwner, true)) };
    if matches!(&actor.who, Who::AdminKey { organization_id: own, .. } if own != organization_id) {
        return Ok((Standing::Outsider, false));
    }
    let role = tx.organization_role(organization_id, user_id).await?;
    let project = match project {
        None => None,
        Some(project) => Some((project, tx.project_role(&project.id, user_id).await?)),
    };
    Ok((standing_by(role.map(|(role, _)| role), project), role.is_some_and(|(_, grant)| grant)))
}

/// What was tried: which row of R6's table, on what.
pub(crate) struct Attempt<'a> {
    /// The row.
    pub action: Action,
    /// The organization.
    pub organization_id: &'a str,
    /// The project, where one is meant.
    pub project: Option<&'a Project>,
    /// What the audit log is to say.
    pub deed: &'a Deed,
}

/// Whether what is attempted is on something that the actor may not even see: that is not there then. The part of an
/// organization is seen by the owners of the whole (R3).
async fn is_hidden(
    tx: &mut Tx,
    actor: &Actor,
    attempt: &Attempt<'_>,
    standing_there: Standing,
) -> Result<bool, ControlError> {
    if attempt.project.is_some() {
        return Ok(Action::SeeProject.answer(standing_there) == Answer::Hidden);
    }
    let hidden = Action::SeeOrganization.answer(standing_there) == Answer::Hidden;
    match tx.organization(attempt.organization_id).await?.and_then(|organization| organization.parent_id) {
        Some(parent_id) if hidden => Ok(standing(tx, actor, &parent_id, None).await?.0 != Standing::OrganizationOwner),
        _ => Ok(hidden),
    }
}

impl Control<'_> {
    /// Lets the attempt pass or refuses it.
    pub(crate) async fn permit(&self, tx: &mut Tx, actor: &Actor, attempt: Attempt<'_>) -> Result<(), ControlError> {
        let (standing, grant) = standing(tx, actor, attempt.organization_id, attempt.project).await?;
        if attempt.action.is_open_to(standing, grant) {
            return Ok(());
        }
        if is_hidden(tx, actor, &attempt, standing).await? {
            let what = if attempt.project.is_some() { "project" } else { "organization" };
            let id = attempt.project.map_or(attempt.organization_id, |project| &project.id);
            return Err(hidden(format!("there is no {what} {id:?}"), attempt.deed.clone()).into());
        }
        // What takes the right to set limits without being one is told as what it is.
        let what = match attempt.deed.action {
            "release.created" | "release.lifted" => "release a key or a project by hand, or lift that".to_owned(),
            "block.created" | "block.lifted" => "block a key or a project by hand, or lift that".to_owned(),
            "alert.acknowledged" => "acknowledge this alert".to_owned(),
            _ => attempt.action.to_string(),
        };
        Err(not_permitted(actor, &what, attempt.action.role_needed(), attempt.deed).into())
    }

    /// [`Control::permit`] for something in a project.
    pub(crate) async fn permit_in_project(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        action: Action,
        (project, deed): (&Project, &Deed),
    ) -> Result<(), ControlError> {
        let attempt = Attempt { action, organization_id: &project.organization_id, project: Some(project), deed };
        self.permit(tx, actor, attempt).await
    }

    /// [`Control::permit`] for something in an organization.
    pub(crate) async fn permit_in_organization(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        action: Action,
        (organization, deed): (&Organization, &Deed),
    ) -> Result<(), ControlError> {
        self.permit(tx, actor, Attempt { action, organization_id: &organization.id, project: None, deed }).await
    }

    /// Refuses whoever is not the operator.
    pub(crate) fn permit_operator(&self, actor: &Actor, what: &str, deed: &Deed) -> Result<(), ControlError> {
        match actor.who {
            Who::Operator => Ok(()),
            _ => Err(not_permitted(actor, what, "the operator of the deployment", deed).into()),
        }
    }
}

/// A refusal that names the role that would do.
pub(crate) fn not_permitted(actor: &Actor, what: &str, role: &str, deed: &Deed) -> Denial {
    let message = format!("{} may not {what}: that takes {role}", actor.name());
    Denial { message, hidden: false, deed: Some(deed.clone()) }
}

/// A refusal that says that what was asked for is not there.
pub(crate) fn hidden(message: String, deed: Deed) -> Denial {
    Denial { message, hidden: true, deed: Some(deed) }
}

/// Refuses to change anything in an archived project (R21).
pub(crate) fn refuse_archived(project: &Project) -> Result<(), ControlError> {
    if project.status == ProjectStatus::Active {
        return Ok(());
    }
    Err(ControlError::Conflict(format!("the project {:?} is archived: nothing in it can be changed", project.name)))
}

/// Refuses what cannot be done to a default project (R2).
pub(crate) fn refuse_default(project: &Project, what: &str) -> Result<(), ControlError> {
    if project.is_default { Err(ControlError::Invalid(format!("a default project {what}"))) } else { Ok(()) }
}
