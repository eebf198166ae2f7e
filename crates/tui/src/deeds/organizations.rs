//! Making and renaming organizations (R1, R3).

use mete_control::{ControlError, NewOrganizationInput, Sight};
use mete_core::rights::Action;

use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Field, Form, Rule};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes an organization.
    Create,
    /// Makes one under another.
    CreateSub,
    /// Renames one.
    Rename,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make it.
    Create(NewOrganizationInput),
    /// Rename it.
    Rename {
        /// Its id.
        organization: String,
        /// Its name from then on.
        name: String,
    },
}

impl Act {
    pub(super) const ALL: [Self; 3] = [Self::Create, Self::CreateSub, Self::Rename];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Create => "make an organization",
            Self::CreateSub => "make a sub-organization",
            Self::Rename => "rename the organization",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        match self {
            Self::Create => *target == Target::Deployment,
            // one level only
            Self::CreateSub => target.organization().is_some_and(|organization| organization.parent_id.is_none()),
            Self::Rename => target.organization().is_some(),
        }
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        match self {
            Self::Create => Right::Operator,
            Self::CreateSub | Self::Rename => Right::Row(Action::ManageMembers),
        }
    }

    pub(super) async fn form(self, target: &Target, _: &Ask<'_>) -> Result<Form, ControlError> {
        let name = Field::text("name", "Name", Rule::Name);
        let owner = Field::text("owner", "First owner", Rule::Email).hint("an e-mail address");
        Ok(match self {
            Self::Create => Form::new("New organization", "make it").with(name).with(owner),
            Self::CreateSub => Form::new(format!("New organization under {}", target.name()), "make it")
                .telling("Its spend counts to its own budget and to that of the organization above it.")
                .with(name)
                .with(owner),
            Self::Rename => {
                let organization = misplaced(target.organization())?;
                Form::new(format!("Rename {}", organization.name), "rename it").with(name.preset(&organization.name))
            }
        })
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Result<Deed, String> {
        let name = form.text("name");
        Ok(match self {
            Self::Create => Deed::Create(NewOrganizationInput { name, owner: form.text("owner"), parent: None }),
            Self::CreateSub => {
                let parent = Some(there(target.organization())?.id.clone());
                Deed::Create(NewOrganizationInput { name, owner: form.text("owner"), parent })
            }
            Self::Rename => Deed::Rename { organization: there(target.organization())?.id.clone(), name },
        })
    }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        match self {
            Self::Create(input) => {
                let created = means.control.create_organization(means.actor, &input).await?;
                Ok(Done::new(format!("the organization {:?} is made", created.organization.name)))
            }
            Self::Rename { organization, name } => {
                let renamed = means.control.rename_organization(means.actor, &organization, &name).await?;
                Ok(Done::new(format!("the organization is named {:?}", renamed.name)))
            }
        }
    }
}
