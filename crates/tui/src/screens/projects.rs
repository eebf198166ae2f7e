//! The projects of one organization, under the organization's own budget.

use mete_core::directory::{Organization, ProjectStatus, ProjectView};
use mete_core::{Month, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::of_projects::{self, OfProject};
use super::project::ProjectScreen;
use super::{Audit, Keys, Members, Screen, cells, organizations, trouble};
use crate::actions::Action;
use crate::budget::Budget;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::facts::{self, Fact};
use crate::format::{clock_time, count, money_exact};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::recovery::Recoveries;
use crate::state::State;
use crate::table::{Column, Figure, List, Row, Table};
use crate::theme::Tone;

const EMPTY: &str =
    "No project yet besides what archiving hides (v). Make one with: mete project create NAME --org ORG";
const NONE_ARCHIVED: &str = "No project is archived. Press v for the active ones.";
/// Lines that the list keeps, however much the budget has to say.
const LEAST_LIST: u16 = 6;

/// The list of projects; active and archived ones are listed apart (R22).
pub struct Projects {
    organization: Organization,
    archived: bool,
    views: Vec<ProjectView>,
    budget: Option<Budget>,
    table: Table<ProjectRow>,
    recoveries: Recoveries,
    /// When the figures came, and of which month they are.
    received: (Timestamp, Month),
}

struct ProjectRow {
    view: ProjectView,
    state: State,
}

impl OfProject for ProjectRow {
    fn view(&self) -> &ProjectView {
        &self.view
    }
}

impl Row for ProjectRow {
    fn id(&self) -> &str {
        &self.view.project.id
    }

    fn searched(&self) -> String {
        format!("{} {}", self.view.project.name, self.view.project.id)
    }

    fn is_fault(&self) -> bool {
        self.state.is_fault()
    }
}

type Col = Column<ProjectRow>;

static COLUMNS: [Col; 9] = [
    of_projects::name(16, 40),
    of_projects::spent(10),
    of_projects::budget(10),
    of_projects::used(16),
    of_projects::keys(7),
    Col::numbers(
        "REQUESTS",
        11,
        |row, slot| cells::seen(row.view.requests, |requests| cells::number(requests, slot)),
        Figure::Count(|row| row.view.requests),
    ),
    Col::numbers(
        "THRESHOLD",
        10,
        |row, slot| cells::limit(row.view.limits.threshold, slot),
        Figure::Money(|row| row.view.limits.threshold),
    ),
    Col::numbers(
        "MADE",
        11,
        |row, slot| cells::age(Some(row.view.project.created_at), slot),
        Figure::Time(|row| Some(row.view.project.created_at)),
    ),
    Col::words(
        "STATE",
        14,
        |row, slot| cells::state(row.state, slot),
        |a, b| a.state.cmp(&b.state).then(a.view.spend.cmp(&b.view.spend)),
    )
    .amounting(Figure::Text(|row| row.state.word()))
    .largest_first()
    .kept(),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] =
    &[Action::Open, Action::Archived, Action::Faults, Action::Keys, Action::Members, Action::Audit];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// Trouble comes first.
const SORTED_BY: usize = COLUMNS.len() - 1;

impl Projects {
    /// The projects of `organization`, not yet known.
    #[must_use]
    pub fn of(organization: &Organization) -> Self {
        Self {
            organization: organization.clone(),
            archived: false,
            views: Vec::new(),
            budget: None,
            table: Table::new(&COLUMNS, SORTED_BY),
            recoveries: Recoveries::default(),
            received: (Timestamp::default(), Timestamp::default().month()),
        }
    }

    /// Fills the list with the active or the archived projects.
    fn refill(&mut self) {
        let wanted = if self.archived { ProjectStatus::Archived } else { ProjectStatus::Active };
        let organization = self.budget.as_ref().map(|budget| budget.state);
        let (now, month) = self.received;
        let mut rows = Vec::new();
        for view in self.views.iter().filter(|view| view.project.status == wanted) {
            let state = State::of_project_in(view, organization, now);
            let state = if month == now.month() { state } else { state.in_the_past() };
            let state = self.recoveries.observe(&view.project.id, state, now);
            rows.push(ProjectRow { view: view.clone(), state });
        }
        self.table.set_rows(rows);
    }

    /// The organization's budget, the list, and the facts of the selected row.
    fn layout(&self, area: Rect, look: &Look<'_>) -> (Rect, Rect, Option<Rect>) {
        let wanted = self.budget.as_ref().map_or(0, |budget| budget.height(area.width, look));
        let height = wanted.min(area.height.saturating_sub(LEAST_LIST));
        let top = Rect { height, ..area };
        let (list, side) = facts::beside(Rect { y: area.y + height, height: area.height - height, ..area });
        (top, list, side)
    }
}

impl Screen for Projects {
    fn name(&self) -> &'static str {
        "projects"
    }

    fn crumb(&self) -> String {
        self.organization.name.clone()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let organization_id = Some(self.organization.id.clone());
        vec![Query::Organizations(month), Query::Projects { organization_id, month }]
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp) {
        self.received = (now, month);
        for answer in answers {
            match answer {
                Answer::Organizations(views) => {
                    let states = organizations::states(&views, month, now);
                    let own =
                        views.into_iter().zip(states).find(|(view, _)| view.organization.id == self.organization.id);
                    if let Some((view, _)) = &own {
                        self.organization = view.organization.clone();
                    }
                    self.budget = own.map(|(view, state)| Budget {
                        name: view.organization.name,
                        limits: view.limits,
                        spend: view.spend,
                        today: None,
                        requests: view.requests,
                        state,
                    });
                }
                Answer::Projects(views) => self.views = views,
                _ => {}
            }
        }
        self.refill();
    }

    fn forget(&mut self) {
        self.recoveries.forget();
        self.views.clear();
        self.budget = None;
        self.refill();
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Archived => {
                self.archived = !self.archived;
                self.refill();
                Outcome::Done
            }
            Action::Open => Outcome::open(self.table.selected().map(|row| ProjectScreen::of(&row.view.project))),
            Action::Keys => Outcome::open(self.table.selected().map(|row| Keys::of_project(&row.view.project))),
            Action::Members => Outcome::open(Some(Members::of(&self.organization))),
            Action::Audit => Outcome::open(self.table.selected().map(|row| Audit::of_project(&row.view.project))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let selected = self.table.selected().map(|row| Target::Project(row.view.project.clone()));
        selected.into_iter().chain([Target::Organization(self.organization.clone())]).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn refused(&self) -> usize {
        self.table.rows().iter().filter(|row| row.state.is_refused()).count()
    }

    fn arrange(&mut self, area: Rect, look: &Look<'_>) {
        let (_, list, _) = self.layout(area, look);
        self.table.arrange(list);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let (top, list, side) = self.layout(area, look);
        if let Some(budget) = &self.budget {
            budget.draw(buffer, top, look);
        }
        let (name, empty) = if self.archived { ("Archived projects", NONE_ARCHIVED) } else { ("Projects", EMPTY) };
        let name = trouble::title(name, self.table.rows().iter().map(|row| row.state));
        self.table.draw(buffer, list, name, empty, look);
        if let (Some(side), Some(row)) = (side, self.table.selected()) {
            facts::draw(buffer, side, &row.view.project.name, &row.facts(look), look);
        }
    }
}

impl ProjectRow {
    fn facts(&self, look: &Look<'_>) -> Vec<Fact> {
        let view = &self.view;
        let amount = |amount: Option<_>| amount.map_or_else(|| "none".to_owned(), money_exact);
        let refused_since = view.blocked_since.map_or_else(|| "–".to_owned(), |at| clock_time(at, look.now));
        vec![
            ("state", self.state.label(look.now), self.state.tone(look.now)),
            ("since", refused_since, Tone::Plain),
            ("spent", view.spend.map_or_else(cells::unseen, money_exact), Tone::Plain),
            ("budget", amount(view.limits.budget), Tone::Plain),
            ("threshold", amount(view.limits.threshold), Tone::Plain),
            ("requests", view.requests.map_or_else(cells::unseen, count), Tone::Plain),
            ("active keys", count(view.active_keys), Tone::Plain),
            ("made", clock_time(view.project.created_at, look.now), Tone::Plain),
            ("id", view.project.id.clone(), Tone::Dim),
        ]
    }
}
