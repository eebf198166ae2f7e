//! Keys wherever they are: of everything, an organization, a project, or one owner.

use mete_core::directory::{ApiKey, KeyStatus, OrganizationView, Project, ProjectView};
use mete_core::{Month, Timestamp};
use mete_store::KeyFilter;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{ProjectScreen, Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::look::Look;
use crate::outcome::Outcome;
use crate::table::{Column, Figure, List, Row, Table};
use crate::theme::Tone;

const EMPTY: &str = "No key here. Make one with: mete key create --project PROJECT";

/// The list of keys.
pub struct Keys {
    crumb: String,
    filter: KeyFilter,
    table: Table<KeyRow>,
    projects: Vec<Project>,
}

struct KeyRow {
    key: ApiKey,
    project: String,
    state: &'static str,
}

impl Row for KeyRow {
    fn id(&self) -> &str {
        &self.key.id
    }

    fn searched(&self) -> String {
        let key = &self.key;
        format!("{} {} {} {} {} {}", key.name, key.redacted_value, key.owner, self.project, key.id, self.state)
    }
}

type Col = Column<KeyRow>;

static COLUMNS: [Col; 7] = [
    Col::words(
        "KEY",
        16,
        |row, _| cells::words(row.name(), Tone::Strong),
        |a, b| cells::by_letters(a.name(), b.name()),
    )
    .growing(30)
    .kept(),
    Col::words(
        "PROJECT",
        16,
        |row, _| cells::words(&row.project, Tone::Plain),
        |a, b| cells::by_letters(&a.project, &b.project),
    )
    .growing(30),
    Col::words(
        "OWNER",
        18,
        |row, _| cells::words(&row.key.owner, Tone::Plain),
        |a, b| cells::by_letters(&a.key.owner, &b.key.owner),
    )
    .growing(30),
    Col::numbers(
        "USED",
        11,
        |row, slot| cells::age(row.key.last_used_at, slot),
        Figure::Time(|row| row.key.last_used_at),
    ),
    Col::words(
        "SECRET",
        14,
        |row, _| cells::words(&row.key.redacted_value, Tone::Dim),
        |a, b| a.key.redacted_value.cmp(&b.key.redacted_value),
    )
    .growing(18),
    Col::numbers(
        "MADE",
        11,
        |row, slot| cells::age(Some(row.key.created_at), slot),
        Figure::Time(|row| Some(row.key.created_at)),
    ),
    Col::words(
        "STATE",
        9,
        |row, _| {
            let tone = if row.state == "active" { Tone::Dim } else { Tone::Plain };
            cells::words(row.state, tone)
        },
        |a, b| a.state.cmp(b.state),
    )
    .kept(),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Owner];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// What was used last comes first.
const SORTED_BY: usize = 3;

impl KeyRow {
    fn name(&self) -> &str {
        if self.key.name.is_empty() { &self.key.redacted_value } else { &self.key.name }
    }
}

impl Keys {
    /// The keys of a project, an organization, or everything.
    #[must_use]
    pub fn of(organization: Option<&OrganizationView>, project: Option<&ProjectView>) -> Self {
        let name = match (organization, project) {
            (_, Some(view)) => format!("keys of {}", view.project.name),
            (Some(view), None) => format!("keys of {}", view.organization.name),
            (None, None) => "keys".to_owned(),
        };
        let filter = KeyFilter {
            organization_id: organization.map(|view| view.organization.id.clone()),
            project_id: project.map(|view| view.project.id.clone()),
            owner_id: None,
        };
        Self::filtered(name, filter)
    }

    /// The keys of a person or service account, in all projects.
    #[must_use]
    pub fn of_owner(owner_id: &str, owner: &str) -> Self {
        let filter = KeyFilter { owner_id: Some(owner_id.to_owned()), ..KeyFilter::default() };
        Self::filtered(format!("keys of {owner}"), filter)
    }

    fn filtered(crumb: String, filter: KeyFilter) -> Self {
        Self { crumb, filter, table: Table::new(&COLUMNS, SORTED_BY), projects: Vec::new() }
    }
}

impl Screen for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn crumb(&self) -> String {
        self.crumb.clone()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let organization_id = self.filter.organization_id.clone();
        vec![Query::Projects { organization_id, month }, Query::Keys(self.filter.clone())]
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, now: Timestamp) {
        for answer in answers {
            match answer {
                Answer::Projects(views) => self.projects = views.into_iter().map(|view| view.project).collect(),
                Answer::Keys(keys) => {
                    let names = self.projects.iter().map(|project| (project.id.as_str(), project.name.as_str()));
                    let names: std::collections::HashMap<&str, &str> = names.collect();
                    let row = |key: ApiKey| KeyRow {
                        project: names.get(key.project_id.as_str()).copied().unwrap_or_default().to_owned(),
                        state: state(&key, now),
                        key,
                    };
                    self.table.set_rows(keys.into_iter().map(row).collect());
                }
                _ => {}
            }
        }
    }

    // keys are the same in every month
    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        let Some(row) = self.table.selected() else { return Outcome::Done };
        match action {
            Action::Open => {
                let project = self.projects.iter().find(|project| project.id == row.key.project_id);
                Outcome::open(project.map(ProjectScreen::of))
            }
            Action::Owner => Outcome::open(Some(Self::of_owner(&row.key.owner_id, &row.key.owner))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let Some(row) = self.table.selected() else { return Vec::new() };
        let project = self.projects.iter().find(|project| project.id == row.key.project_id);
        let both = |project: &Project| {
            [Target::Key(Box::new(row.key.clone()), project.clone()), Target::Project(project.clone())]
        };
        project.map(both).into_iter().flatten().collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(area);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        self.table.draw(buffer, area, cells::words("Keys", Tone::Strong), EMPTY, look);
    }
}

fn state(key: &ApiKey, now: Timestamp) -> &'static str {
    match key.status {
        KeyStatus::Active if key.expires_at.is_some_and(|expires| expires <= now) => "expired",
        KeyStatus::Active => "active",
        KeyStatus::Disabled => "disabled",
        KeyStatus::Revoked => "revoked",
    }
}
