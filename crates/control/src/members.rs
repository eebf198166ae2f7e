//! Members of an organization: roles, removal, grants (R5 to R8, R11).

use mete_core::actor::Actor;
use mete_core::directory::{KeyStatus, Organization, OrganizationRole, Project, User};
use mete_core::people::Member;
use mete_core::rights::Action;
use mete_store::Tx;
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{gone, organization_now, person_named, project_now};
use crate::{Control, ControlError, change};

impl Control<'_> {
    /// Changes a member's role in an organization. Who ceases to be an owner leaves the projects that came with it, and
    /// their keys there are disabled (R7, R11).
    ///
    /// # Errors
    /// When the actor may not, the organization or member is not there, the member is its last owner (R7), or the store
    /// fails.
    #[boxed]
    pub async fn set_organization_role(
        &self,
        actor: &Actor,
        (organization, member): (&str, &str),
        role: OrganizationRole,
    ) -> Result<Member, ControlError> {
        const ACTION: &str = "user.updated";
        let found = self.organization_for(actor, organization, ACTION).await?;
        change!(self, actor, tx => {
            let organization = organization_now(tx, &found.id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target("", member);
            self.permit_in_organization(tx, actor, Action::ManageMembers, (&organization, &deed)).await?;
            let (person, before, grant) = member_now(tx, &organization, member).await?;
            if before == OrganizationRole::Owner && role != before {
                refuse_last_owner(tx, &organization, "demoted").await?;
            }
            tx.update_organization_member(&organization.id, &person.id, (role, grant)).await?;
            let mut disabled = Vec::new();
            if role != OrganizationRole::Owner {
                disabled = self.disable_keys_outside(tx, &organization, &person).await?;
            }
            let deed = deed.target(&person.id, &person.email);
            let changed = json!({"before": {"role": before}, "after": {"role": role, "disabled_keys": disabled}});
            self.record(tx, actor, &deed, changed).await?;
            listed(tx, &organization, &person).await
        })
    }

    /// Takes a person out of an organization and of all its projects; their keys there are disabled (R11).
    ///
    /// # Errors
    /// When the actor may not, the organization or member is not there, the member is its last owner (R7), or the store
    /// fails.
    #[boxed]
    pub async fn remove_organization_member(
        &self,
        actor: &Actor,
        organization: &str,
        member: &str,
    ) -> Result<Member, ControlError> {
        const ACTION: &str = "user.deleted";
        let found = self.organization_for(actor, organization, ACTION).await?;
        change!(self, actor, tx => {
            let organization = organization_now(tx, &found.id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target("", member);
            self.permit_in_organization(tx, actor, Action::ManageMembers, (&organization, &deed)).await?;
            let (person, role, grant) = member_now(tx, &organization, member).await?;
            if role == OrganizationRole::Owner {
                refuse_last_owner(tx, &organization, "removed").await?;
            }
            let was = listed(tx, &organization, &person).await?;
            tx.delete_organization_member(&organization.id, &person.id).await?;
            let mut disabled = self.disable_keys_outside(tx, &organization, &person).await?;
            for key in tx.active_admin_keys_of(&person.id, &organization.id).await? {
                tx.set_admin_key_status(&key.id, KeyStatus::Disabled).await?;
                disabled.push(key.id);
            }
            let deed = deed.target(&person.id, &person.email);
            let changed = json!({"before": {"role": role, "usage_grant": grant}, "after": {"disabled_keys": disabled}});
            self.record(tx, actor, &deed, changed).await?;
            Ok(was)
        })
    }

    /// Gives a member the right to see usage and spend of the whole organization, or takes it back (R8).
    ///
    /// # Errors
    /// When the actor may not, the organization or member is not there, or the store fails.
    #[boxed]
    pub async fn set_usage_grant(
        &self,
        actor: &Actor,
        (organization, member): (&str, &str),
        granted: bool,
    ) -> Result<Member, ControlError> {
        let action = if granted { "usage_grant.created" } else { "usage_grant.deleted" };
        let found = self.organization_for(actor, organization, action).await?;
        change!(self, actor, tx => {
            let organization = organization_now(tx, &found.id).await?;
            let deed = Deed::on_organization(action, &organization).target("", member);
            self.permit_in_organization(tx, actor, Action::ManageMembers, (&organization, &deed)).await?;
            let (person, role, before) = member_now(tx, &organization, member).await?;
            tx.update_organization_member(&organization.id, &person.id, (role, granted)).await?;
            let deed = deed.target(&person.id, &person.email);
            let changed = json!({"before": {"usage_grant": before}, "after": {"usage_grant": granted}});
            self.record(tx, actor, &deed, changed).await?;
            listed(tx, &organization, &person).await
        })
    }

    /// Disables a person's active keys in those projects of an organization that they are not in (R11), and tells which.
    pub(crate) async fn disable_keys_outside(
        &self,
        tx: &mut Tx,
        organization: &Organization,
        person: &User,
    ) -> Result<Vec<String>, ControlError> {
        let mut disabled = Vec::new();
        for key in tx.active_keys_of(&person.id, &organization.id, None).await? {
            let project = project_now(tx, &key.project_id).await?;
            if !is_in_project(tx, &project, &person.id).await? {
                tx.set_key_status(&key.id, KeyStatus::Disabled).await?;
                disabled.push(key.id);
            }
        }
        Ok(disabled)
    }
}

/// Whether a person is in a project: by a role there, as an owner of the organization (R7), or because it is the default
/// project of an organization that they are in (R2).
pub(crate) async fn is_in_project(tx: &mut Tx, project: &Project, user_id: &str) -> Result<bool, ControlError> {
    let role = tx.organization_role(&project.organization_id, user_id).await?;
    Ok(match role {
        None => false,
        Some((OrganizationRole::Owner, _)) => true,
        Some((OrganizationRole::Reader, _)) => {
            project.is_default || tx.project_role(&project.id, user_id).await?.is_some()
        }
    })
}

/// The member that was named, with role and grant.
async fn member_now(
    tx: &mut Tx,
    organization: &Organization,
    asked: &str,
) -> Result<(User, OrganizationRole, bool), ControlError> {
    if let Some(person) = person_named(tx, asked).await?
        && let Some((role, grant)) = tx.organization_role(&organization.id, &person.id).await?
    {
        return Ok((person, role, grant));
    }
    Err(gone("member", asked))
}

async fn refuse_last_owner(tx: &mut Tx, organization: &Organization, what: &str) -> Result<(), ControlError> {
    if tx.count_owners(&organization.id).await? > 1 {
        return Ok(());
    }
    Err(ControlError::Conflict(format!(
        "this is the last owner of {:?} and cannot be {what}: make somebody else an owner first",
        organization.name
    )))
}

/// A member as lists show them.
async fn listed(tx: &mut Tx, organization: &Organization, person: &User) -> Result<Member, ControlError> {
    tx.organization_member(&organization.id, &person.id).await?.ok_or_else(|| gone("member", &person.email))
}
