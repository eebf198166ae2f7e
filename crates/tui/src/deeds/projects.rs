//! Making, editing and archiving projects (R19 to R21).

use mete_control::{ControlError, NewProjectInput, ProjectChange, Sight};
use mete_core::rights::Action;

use super::told::{FINAL, keys_in, spent, stops};
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Rule};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes a project in an organization.
    Create,
    /// Changes its name, description or website.
    Edit,
    /// Archives it for good.
    Archive,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make it.
    Create(NewProjectInput),
    /// Change it.
    Edit {
        /// Its id.
        project: String,
        /// What changes.
        change: ProjectChange,
    },
    /// Archive it.
    Archive {
        /// Its id.
        project: String,
        /// Its name, as somebody typed it.
        typed_name: String,
    },
}

impl Act {
    pub(super) const ALL: [Self; 3] = [Self::Create, Self::Edit, Self::Archive];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Create => "make a project",
            Self::Edit => "rename or edit the project",
            Self::Archive => "archive the project",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        match self {
            // a sub-organization has its default project only
            Self::Create => target.organization().is_some_and(|organization| organization.parent_id.is_none()),
            Self::Edit | Self::Archive => target.is_open_project(),
        }
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        Right::Row(match self {
            Self::Create => Action::CreateProject,
            Self::Edit => Action::EditProject,
            Self::Archive => Action::ArchiveProject,
        })
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let name = Field::text("name", "Name", Rule::Name);
        let description = Field::text("description", "Description", Rule::Description).hint("may be empty");
        let website = Field::text("website", "Website", Rule::Website).hint("an http or https URL; may be empty");
        if self == Self::Create {
            let form = Form::new(format!("New project in {}", target.name()), "make it");
            return Ok(form.with(name).with(description).with(website));
        }
        let project = misplaced(target.project())?;
        if self == Self::Edit {
            return Ok(Form::new(format!("Edit {}", project.name), "save")
                .with(name.preset(&project.name))
                .with(description.preset(&project.description))
                .with(website.preset(&project.website)));
        }
        let view = ask.view.project_view(project, ask.now.month()).await?;
        let hit = stops(ask, &keys_in(project, None)).await?;
        let name = Field::text("name", "Its name", Rule::Exactly(project.name.clone()));
        Ok(Form::new(format!("Archive {}", project.name), "archive for good")
            .careful(Care::Typed)
            .telling(format!("{hit}{}", spent(view.spend)))
            .telling(FINAL)
            .with(name.hint("type the project's name to go on")))
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Result<Deed, String> {
        let (name, description, website) = (form.text("name"), form.text("description"), form.text("website"));
        if self == Self::Create {
            let organization = there(target.organization())?.id.clone();
            return Ok(Deed::Create(NewProjectInput { organization, name, description, website }));
        }
        let before = there(target.project())?;
        let project = before.id.clone();
        if self == Self::Archive {
            return Ok(Deed::Archive { project, typed_name: name });
        }
        let changed = |typed: String, before: &str| (typed != before).then_some(typed);
        let change = ProjectChange {
            name: changed(name, &before.name),
            description: changed(description, &before.description),
            website: changed(website, &before.website),
        };
        Ok(Deed::Edit { project, change })
    }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let Means { control, actor, .. } = means;
        Ok(Done::new(match self {
            Self::Create(input) => {
                format!("the project {:?} is made", control.create_project(actor, &input).await?.name)
            }
            Self::Edit { project, change } => {
                format!("the project {:?} is changed", control.edit_project(actor, &project, &change).await?.name)
            }
            Self::Archive { project, typed_name } => {
                let archived = control.archive_project(actor, &project, &typed_name).await?;
                format!("the project {:?} is archived, its keys are stopped", archived.name)
            }
        }))
    }
}
