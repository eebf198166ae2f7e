//! Invites to an organization (R9).

use mete_control::{ControlError, ListedProjects, NewInviteInput, Sight};
use mete_core::directory::ProjectStatus;
use mete_core::people::{InviteStatus, ProjectRole};
use mete_core::rights::Action;

use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Item, Rule};
use crate::format::clock_time;

/// The levels of a project that comes with an invite.
const ROLES: &[&str] = &["no", "member", "owner"];

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Invites somebody.
    Create,
    /// Accepts an invite in the name of whom it is to.
    Accept,
    /// Takes an invite back.
    Revoke,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Invite them.
    Create(NewInviteInput),
    /// Accept it in their name.
    Accept {
        /// Its id.
        invite: String,
        /// The person's name.
        name: String,
    },
    /// Take it back.
    Revoke {
        /// Its id.
        invite: String,
    },
}

impl Act {
    pub(super) const ALL: [Self; 3] = [Self::Create, Self::Accept, Self::Revoke];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Create => "invite somebody",
            Self::Accept => "accept an invite in somebody's name",
            Self::Revoke => "take an invite back",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        target.organization().is_some()
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        match self {
            Self::Create | Self::Revoke => Right::Row(Action::ManageMembers),
            Self::Accept => Right::Operator,
        }
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let organization = misplaced(target.organization())?;
        if self == Self::Create {
            let wanted =
                ListedProjects { organization_id: Some(&organization.id), status: Some(ProjectStatus::Active) };
            let projects = ask.view.projects(wanted, ask.now.month()).await?;
            let projects = projects.iter().filter(|view| !view.project.is_default);
            let items: Vec<Item> = projects.map(|view| Item::of(&view.project.id, &view.project.name)).collect();
            let form = Form::new(format!("Invite to {}", organization.name), "invite")
                .telling("The invite can be accepted for seven days.")
                .with(Field::text("email", "E-mail", Rule::Email))
                .with(Field::choice("role", "Role", vec![Item::word("reader"), Item::word("owner")]));
            return Ok(match items.is_empty() {
                true => form,
                false => {
                    form.with(Field::levels("projects", "Projects", (items, ROLES)).hint("space changes the role"))
                }
            });
        }
        let mut pending = ask.view.invites(organization, ask.now).await?;
        pending.retain(|invite| invite.status == InviteStatus::Pending);
        if pending.is_empty() {
            return Err(ControlError::Conflict("no invite is pending".to_owned()));
        }
        let items = pending.iter().map(|invite| {
            let expires = format!("As {}. Expires {}.", invite.role, clock_time(invite.expires_at, ask.now));
            Item::of(&invite.id, &invite.email).noting(expires)
        });
        let which = Field::choice("invite", "Whose", items.collect());
        Ok(match self {
            Self::Accept => Form::new(format!("Accept an invite to {}", organization.name), "accept it")
                .with(which)
                .with(Field::text("name", "Their name", Rule::Name)),
            _ => Form::new(format!("Take an invite to {} back", organization.name), "take it back")
                .careful(Care::Deliberate)
                .telling("It cannot be accepted any more.")
                .with(which),
        })
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Result<Deed, String> {
        let invite = form.text("invite");
        match self {
            Self::Accept => Ok(Deed::Accept { invite, name: form.text("name") }),
            Self::Revoke => Ok(Deed::Revoke { invite }),
            Self::Create => {
                let mut projects: Vec<(String, ProjectRole)> = Vec::new();
                for (project, role) in form.levels("projects") {
                    let unknown = |error: mete_core::directory::UnknownWord| error.to_string();
                    projects.push((project, role.parse().map_err(unknown)?));
                }
                let organization = there(target.organization())?.id.clone();
                let (email, role) = (form.text("email"), form.parsed("role")?);
                Ok(Deed::Create(NewInviteInput { organization, email, role, projects }))
            }
        }
    }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let Means { control, actor, .. } = means;
        Ok(Done::new(match self {
            Self::Create(input) => {
                let invite = control.create_invite(actor, &input).await?;
                format!("{} is invited as {}", invite.email, invite.role)
            }
            Self::Accept { invite, name } => {
                let accepted = control.accept_invite(actor, &invite, &name).await?;
                format!("{} is a member of the organization", accepted.email)
            }
            Self::Revoke { invite } => {
                format!("the invite to {} is taken back", control.revoke_invite(actor, &invite).await?.email)
            }
        }))
    }
}
