//! Members of an organization: roles, removing, the grant to see usage (R5 to R8, R11).

use mete_control::{ControlError, Sight};
use mete_core::directory::OrganizationRole;
use mete_core::people::{Member, MemberKind};
use mete_core::rights::Action;

use super::told::{keys_of, members, named, stops};
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Item};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Gives somebody another role.
    Role,
    /// Lets somebody see usage and spend, or no more.
    Grant,
    /// Takes somebody out.
    Remove,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Give them that role.
    Role(Place, OrganizationRole),
    /// Let them see usage and spend, or no more.
    Grant(Place, bool),
    /// Take them out.
    Remove(Place),
}

/// Somebody in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The organization's id.
    pub organization: String,
    /// The person's id.
    pub member: String,
}

impl Act {
    pub(super) const ALL: [Self; 3] = [Self::Role, Self::Grant, Self::Remove];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Role => "change a member's role in the organization",
            Self::Grant => "let a member see usage and spend, or no more",
            Self::Remove => "take a member out of the organization",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        target.organization().is_some()
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        Right::Row(Action::ManageMembers)
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let organization = misplaced(target.organization())?;
        let mut people = ask.view.organization_members(organization).await?;
        people.retain(|member| member.kind == MemberKind::User);
        let who = |items| Field::choice("member", "Who", items).hint("type letters to find somebody");
        Ok(match self {
            Self::Role => Form::new(format!("Role in {}", organization.name), "change it")
                .with(who(members(&people)))
                .with(Field::choice("role", "Role", vec![Item::word("reader"), Item::word("owner")])),
            Self::Grant => {
                let items = people.iter().map(|member| Item::of(&member.id, named(member)).noting(sees(member)));
                Form::new(format!("Usage of {}", organization.name), "set it")
                    .with(who(items.collect()))
                    .with(Field::yes_no("granted", "Sees all of it"))
            }
            Self::Remove => {
                let mut items = Vec::new();
                for member in &people {
                    let hit = stops(ask, &keys_of(&member.id, organization)).await?;
                    items.push(Item::of(&member.id, format!("{} ({})", named(member), member.role)).noting(hit));
                }
                Form::new(format!("Take out of {}", organization.name), "take out")
                    .careful(Care::Deliberate)
                    .telling("Their keys in all its projects, and their administration keys, are disabled at once.")
                    .with(who(items))
            }
        })
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Result<Deed, String> {
        let place = Place { organization: there(target.organization())?.id.clone(), member: form.text("member") };
        Ok(match self {
            Self::Role => Deed::Role(place, form.parsed("role")?),
            Self::Grant => Deed::Grant(place, form.yes("granted")),
            Self::Remove => Deed::Remove(place),
        })
    }
}

fn sees(member: &Member) -> &'static str {
    if member.usage_grant { "Has the grant now." } else { "Has no grant now." }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let Means { control, actor, .. } = means;
        Ok(Done::new(match &self {
            Self::Role(Place { organization, member }, role) => {
                let changed = control.set_organization_role(actor, (organization, member), *role).await?;
                format!("{} is {role} of the organization", named(&changed))
            }
            Self::Grant(Place { organization, member }, granted) => {
                let changed = control.set_usage_grant(actor, (organization, member), *granted).await?;
                let sees = if *granted { "sees" } else { "no longer sees" };
                format!("{} {sees} usage and spend of the organization", named(&changed))
            }
            Self::Remove(Place { organization, member }) => {
                let removed = control.remove_organization_member(actor, organization, member).await?;
                format!("{} is out of the organization, their keys there are disabled", named(&removed))
            }
        }))
    }
}
