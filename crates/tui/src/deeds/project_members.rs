//! People of a project: adding those who can be added, roles, removing (R10, R11).

use mete_control::{ControlError, Sight};
use mete_core::people::{ListedRole, Member, MemberKind, ProjectRole};
use mete_core::rights::Action;

use super::told::{keys_in, members, named, stops};
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Item};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Adds somebody of the organization.
    Add,
    /// Gives somebody another role.
    Role,
    /// Takes somebody out.
    Remove,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Add them, in a role.
    Add(Place, ProjectRole),
    /// Give them that role.
    Role(Place, ProjectRole),
    /// Take them out.
    Remove(Place),
}

/// Somebody in a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The project's id.
    pub project: String,
    /// The person's id.
    pub member: String,
}

impl Act {
    pub(super) const ALL: [Self; 3] = [Self::Add, Self::Role, Self::Remove];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Add => "add somebody to the project",
            Self::Role => "change a member's role in the project",
            Self::Remove => "take a member out of the project",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        target.is_open_project()
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        Right::Row(Action::ManageProjectMembers)
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let project = misplaced(target.project())?;
        let role = Field::choice("role", "Role", vec![Item::word("member"), Item::word("owner")]);
        if self == Self::Add {
            let candidates = ask.view.candidates(project).await?;
            if candidates.is_empty() {
                return Err(ControlError::Conflict(
                    "nobody can be added: every reader of the organization is in it; invite people first".to_owned(),
                ));
            }
            let who = Field::choice("member", "Who", members(&candidates)).hint("type letters to find somebody");
            return Ok(Form::new(format!("Add to {}", project.name), "add").with(who).with(role));
        }
        let mut people = ask.view.project_members(project).await?;
        people.retain(|member| member.kind == MemberKind::User && !member.through_organization);
        if people.is_empty() {
            return Err(ControlError::Conflict(
                "nobody is in it by a role of their own: owners of the organization are owners of each project"
                    .to_owned(),
            ));
        }
        if self == Self::Role {
            let who = Field::choice("member", "Who", members(&people)).hint("type letters to find somebody");
            return Ok(Form::new(format!("Role in {}", project.name), "change it").with(who).with(role));
        }
        let mut items = Vec::new();
        for member in &people {
            let hit = stops(ask, &keys_in(project, Some(&member.id))).await?;
            items.push(Item::of(&member.id, label(member)).noting(hit));
        }
        Ok(Form::new(format!("Take out of {}", project.name), "take out")
            .careful(Care::Deliberate)
            .telling("Their keys in the project are disabled at once.")
            .with(Field::choice("member", "Who", items)))
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Result<Deed, String> {
        let place = Place { project: there(target.project())?.id.clone(), member: form.text("member") };
        Ok(match self {
            Self::Add => Deed::Add(place, form.parsed("role")?),
            Self::Role => Deed::Role(place, form.parsed("role")?),
            Self::Remove => Deed::Remove(place),
        })
    }
}

fn label(member: &Member) -> String {
    let role = if member.role == ListedRole::Owner { " (owner)" } else { "" };
    format!("{}{role}", named(member))
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let Means { control, actor, .. } = means;
        Ok(Done::new(match &self {
            Self::Add(Place { project, member }, role) => {
                let added = control.add_project_member(actor, (project, member), *role).await?;
                format!("{} is in the project as {role}", named(&added))
            }
            Self::Role(Place { project, member }, role) => {
                let changed = control.set_project_role(actor, (project, member), *role).await?;
                format!("{} is {role} of the project", named(&changed))
            }
            Self::Remove(Place { project, member }) => {
                let removed = control.remove_project_member(actor, project, member).await?;
                format!("{} is out of the project, their keys there are disabled", named(&removed))
            }
        }))
    }
}
