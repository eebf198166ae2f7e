//! Invites (R9).

use mete_core::Timestamp;
use mete_core::actor::{Actor, Who};
use mete_core::directory::{Organization, OrganizationRole, Project, ProjectStatus, User, check_email, check_name};
use mete_core::ids::IdKind;
use mete_core::people::{INVITE_LIFETIME, Invite, InviteProject, InviteStatus, ProjectRole};
use mete_core::rights::Action;
use mete_store::{InviteFilter, Tx, only_project};
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{gone, organization_now, project_now};
use crate::rights::{Attempt, hidden, not_permitted, refuse_archived, refuse_default};
use crate::sight::Sight;
use crate::{Control, ControlError, change};

/// An invite to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInviteInput {
    /// Id or name of the organization.
    pub organization: String,
    /// Who is invited.
    pub email: String,
    /// The role in the organization.
    pub role: OrganizationRole,
    /// Ids or names of projects of the organization that come with it, and the role there.
    pub projects: Vec<(String, ProjectRole)>,
}

impl Control<'_> {
    /// Invites an e-mail address to an organization, for seven days (R9).
    ///
    /// # Errors
    /// When the actor may not, the organization or a project is not there, a project cannot be joined (R2, R21), the
    /// person is a member or invited already, or the store fails.
    #[boxed]
    pub async fn create_invite(&self, actor: &Actor, input: &NewInviteInput) -> Result<Invite, ControlError> {
        const ACTION: &str = "invite.sent";
        let found = self.organization_for(actor, &input.organization, ACTION).await?;
        // Found before the transaction: nothing else is asked while it holds the store.
        let mut named = Vec::new();
        for (asked, role) in &input.projects {
            named.push((self.store.projects_named(Some(&found.id), asked).await?, asked.as_str(), *role));
        }
        let (id, user_id) = (self.id(IdKind::Invite), self.id(IdKind::User));
        change!(self, actor, tx => {
            let organization = organization_now(tx, &found.id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target("", &input.email);
            self.permit_in_organization(tx, actor, Action::ManageMembers, (&organization, &deed)).await?;
            let (email, at) = (check_email(&input.email)?, self.now());
            // Somebody who is invited is somebody: they can ask for their invite.
            let person = tx.upsert_person(&email, &user_id, at).await?;
            refuse_known(tx, &organization, (&person, &email), at).await?;
            let invite = Invite {
                id: id.clone(),
                organization_id: organization.id.clone(),
                email,
                role: input.role,
                status: InviteStatus::Pending,
                created_at: at,
                expires_at: at.plus(INVITE_LIFETIME),
                accepted_at: None,
                projects: joinable(tx, &named).await?,
            };
            tx.insert_invite(&invite).await?;
            let deed = deed.target(&invite.id, &invite.email);
            self.record(tx, actor, &deed, json!({"after": {"role": invite.role, "projects": invite.projects}})).await?;
            Ok(invite)
        })
    }

    /// Accepts an invite: makes the member and the project memberships at once (R9). Projects that were archived since are
    /// left out (R21). It is the invited person's to do, or the operator's in their name.
    ///
    /// # Errors
    /// When the actor may not, the invite is not there, accepted already or expired, the name is refused, the person is a
    /// member already, or the store fails.
    #[boxed]
    pub async fn accept_invite(&self, actor: &Actor, invite: &str, name: &str) -> Result<Invite, ControlError> {
        const ACTION: &str = "invite.accepted";
        let sight = Sight::of(self.store, actor).await?;
        change!(self, actor, tx => {
            let now = self.now();
            let asked = invite;
            let invite = tx.invite(asked, now).await?.ok_or_else(|| gone("invite", asked))?;
            let organization = organization_now(tx, &invite.organization_id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target(&invite.id, &invite.email);
            match &actor.who {
                Who::Operator => {}
                Who::Person { email, .. } if *email == invite.email => {}
                _ if !sight.sees_organization(&organization) => {
                    return Err(hidden(format!("there is no invite {asked:?}"), deed).into());
                }
                _ => return Err(not_permitted(actor, "accept the invite", "the person who is invited", &deed).into()),
            }
            refuse_over(&invite)?;
            let name = check_name(name)?;
            let person = tx.person(&invite.email).await?.ok_or_else(|| gone("person", &invite.email))?;
            if tx.organization_role(&organization.id, &person.id).await?.is_some() {
                return Err(ControlError::Conflict(format!("{} is a member of the organization already", invite.email)));
            }
            let accepted = self.join(tx, &invite, (&person, &name), now).await?;
            let changed = json!({"after": {"user_id": person.id, "role": invite.role, "projects": accepted.projects}});
            self.record(tx, actor, &deed, changed).await?;
            Ok(accepted)
        })
    }

    /// Writes what comes with an invite, and gives it back as accepted.
    async fn join(
        &self,
        tx: &mut Tx,
        invite: &Invite,
        (person, name): (&User, &str),
        now: Timestamp,
    ) -> Result<Invite, ControlError> {
        tx.set_person_name(&person.id, name).await?;
        tx.insert_organization_member(&invite.organization_id, &person.id, invite.role, now).await?;
        let mut joined = Vec::new();
        for wanted in &invite.projects {
            let project = project_now(tx, &wanted.id).await?;
            if project.status == ProjectStatus::Active {
                tx.upsert_project_member(&project.id, &person.id, wanted.role, now).await?;
                joined.push(wanted.clone());
            }
        }
        tx.set_invite_accepted(&invite.id, now).await?;
        Ok(Invite { status: InviteStatus::Accepted, accepted_at: Some(now), projects: joined, ..invite.clone() })
    }

    /// Takes an invite back while it is pending.
    ///
    /// # Errors
    /// When the actor may not, the invite is not there or no longer pending, or the store fails.
    #[boxed]
    pub async fn revoke_invite(&self, actor: &Actor, invite: &str) -> Result<Invite, ControlError> {
        const ACTION: &str = "invite.deleted";
        let sight = Sight::of(self.store, actor).await?;
        change!(self, actor, tx => {
            let asked = invite;
            let invite = tx.invite(asked, self.now()).await?.ok_or_else(|| gone("invite", asked))?;
            let organization = organization_now(tx, &invite.organization_id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target(&invite.id, &invite.email);
            if !sight.sees_organization(&organization) {
                return Err(hidden(format!("there is no invite {asked:?}"), deed).into());
            }
            let attempt =
                Attempt { action: Action::ManageMembers, organization_id: &organization.id, project: None, deed: &deed };
            self.permit(tx, actor, attempt).await?;
            refuse_over(&invite)?;
            tx.delete_invite(&invite.id).await?;
            self.record(tx, actor, &deed, json!({"before": {"role": invite.role, "projects": invite.projects}})).await?;
            Ok(invite)
        })
    }

    /// The invites that are to this person, for them to accept.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn own_invites(&self, actor: &Actor) -> Result<Vec<Invite>, ControlError> {
        let Who::Person { email, .. } = &actor.who else { return Ok(Vec::new()) };
        let filter = InviteFilter { email: Some(email.clone()), ..InviteFilter::default() };
        Ok(self.store.invites(&filter, self.now()).await?)
    }
}

/// The projects that were found by name or id, if they can be joined.
async fn joinable(
    tx: &mut Tx,
    named: &[(Vec<Project>, &str, ProjectRole)],
) -> Result<Vec<InviteProject>, ControlError> {
    let mut projects: Vec<InviteProject> = Vec::new();
    for (found, asked, role) in named {
        let project = project_now(tx, &only_project(found.clone(), asked)?.id).await?;
        refuse_default(&project, "comes with every invite: everybody of the organization is in it")?;
        refuse_archived(&project)?;
        if projects.iter().any(|other| other.id == project.id) {
            return Err(ControlError::Invalid(format!("the project {:?} is named twice", project.name)));
        }
        projects.push(InviteProject { id: project.id, role: *role });
    }
    Ok(projects)
}

async fn refuse_known(
    tx: &mut Tx,
    organization: &Organization,
    (user_id, email): (&str, &str),
    now: Timestamp,
) -> Result<(), ControlError> {
    if tx.organization_role(&organization.id, user_id).await?.is_some() {
        return Err(ControlError::Conflict(format!("{email} is a member of the organization already")));
    }
    if tx.has_pending_invite(&organization.id, email, now).await? {
        return Err(ControlError::Conflict(format!("{email} is invited already: revoke that invite first")));
    }
    Ok(())
}

fn refuse_over(invite: &Invite) -> Result<(), ControlError> {
    match invite.status {
        InviteStatus::Pending => Ok(()),
        InviteStatus::Accepted => Err(ControlError::Conflict("the invite was accepted already".to_owned())),
        InviteStatus::Expired => {
            Err(ControlError::Conflict(format!("the invite expired at {}: make a new one", invite.expires_at)))
        }
    }
}
