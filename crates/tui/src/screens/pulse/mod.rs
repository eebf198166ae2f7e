//! The pulse: what is spent how fast, what needs somebody, which projects burn. The first screen.

mod needs;
mod projects;
mod spend;

use mete_core::directory::{Organization, Project};
use mete_core::time::SECOND;
use mete_core::{Month, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::{ProjectScreen, Projects, Screen, organizations, trouble};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::jumps::{Atlas, Line};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::recovery::Recoveries;
use crate::table::{List, Table};
use needs::{Leads, NeedRow};
use projects::BurningRow;
use spend::Spend;

/// From this width on, spend and needs stand side by side.
const WIDE: u16 = 110;
/// Columns of the spend then.
const SPEND_COLUMNS: u16 = 48;
/// Below this height there is room for the spend and one list only: the one that has the keys.
const LOW: u16 = 17;
/// Border and header of a list.
const AROUND: u16 = 3;
/// So old, in microseconds, figures are asked again though nothing was written: burn and silence go on by themselves.
const RENEWED_AFTER: i64 = 10 * SECOND;

/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::NextPanel, Action::Faults];

/// The lists by their names in the configuration, with the names of their columns.
pub(super) fn lists() -> Vec<(&'static str, Vec<String>)> {
    vec![("pulse", projects::columns()), ("pulse_needs", needs::columns())]
}

/// The lists of the screen, in the order in which Tab goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panel {
    Projects,
    Needs,
}

/// The screen.
pub struct Pulse {
    spend: Option<Spend>,
    needs: Table<NeedRow>,
    projects: Table<BurningRow>,
    /// How many active projects there are, of which the list has some.
    project_count: u64,
    organizations: Vec<Organization>,
    focus: Panel,
    recoveries: Recoveries,
    /// Whether the person at the screen is told of sources and quarantine.
    sees_intake: bool,
}

/// Where the panels stand.
struct Areas {
    spend: Rect,
    needs: Rect,
    projects: Rect,
}

impl Pulse {
    /// The screen, its figures not yet known.
    #[must_use]
    pub fn new() -> Self {
        Self {
            spend: None,
            needs: needs::table(),
            projects: projects::table(),
            project_count: 0,
            organizations: Vec::new(),
            focus: Panel::Projects,
            recoveries: Recoveries::default(),
            sees_intake: false,
        }
    }

    fn areas(&self, area: Rect, look: &Look<'_>) -> Areas {
        let text = |width: u16| self.spend.as_ref().map_or(3, |spend| spend.height(width, look)) + 2;
        let wanted = (self.needs.rows().len().max(1) as u16).saturating_add(AROUND);
        if area.width >= WIDE && area.height >= LOW {
            let height = (area.height * 2 / 5).clamp(9, 16);
            let [top, projects] = Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
            let [spend, needs] =
                Layout::horizontal([Constraint::Length(SPEND_COLUMNS), Constraint::Fill(1)]).areas(top);
            return Areas { spend, needs, projects };
        }
        if area.height < LOW {
            let [spend, list] =
                Layout::vertical([Constraint::Length(text(area.width)), Constraint::Fill(1)]).areas(area);
            let only = |panel| if self.focus == panel { list } else { Rect::ZERO };
            return Areas { spend, needs: only(Panel::Needs), projects: only(Panel::Projects) };
        }
        // a third each where there is more room than a small screen has
        let third = area.height / 3;
        let chart = if area.height >= 30 { third } else { 0 };
        let [spend, needs, projects] = Layout::vertical([
            Constraint::Length(text(area.width).max(chart)),
            Constraint::Length(wanted.min(third)),
            Constraint::Fill(1),
        ])
        .areas(area);
        Areas { spend, needs, projects }
    }

    fn take(&mut self, pulse: mete_control::Pulse, month: Month, now: Timestamp) {
        let states = organizations::states(&pulse.organizations, month, now);
        self.needs.set_rows(needs::rows(&pulse, &states));
        self.sees_intake = pulse.sources.is_some();
        self.project_count = pulse.project_count;
        self.organizations = pulse.organizations.iter().map(|view| view.organization.clone()).collect();
        self.spend = Some(Spend::of(&pulse));
        let rows = projects::rows(pulse, &states, (month, now));
        let observed = rows.into_iter().map(|mut row| {
            row.state = self.recoveries.observe(&row.view.project.id, row.state, now);
            row
        });
        self.projects.set_rows(observed.collect());
    }

    fn organization(&self, id: &str) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }

    /// What the selected row is about: a project, an organization, or neither.
    fn selected(&self) -> (Option<&Project>, Option<&Organization>) {
        let project = match self.focus {
            Panel::Projects => self.projects.selected().map(|row| &row.view.project),
            Panel::Needs => self.needs.selected().and_then(NeedRow::project),
        };
        let organization_id = match (project, self.focus) {
            (Some(project), _) => Some(project.organization_id.as_str()),
            (None, Panel::Needs) => self.needs.selected().and_then(NeedRow::organization_id),
            (None, Panel::Projects) => None,
        };
        (project, organization_id.and_then(|id| self.organization(id)))
    }

    fn open(&self) -> Outcome {
        if let (Panel::Needs, Some(Leads::Jump(name))) = (self.focus, self.needs.selected().map(|row| &row.leads)) {
            return Line::new(name).open(&Atlas::default()).map_or(Outcome::Done, Outcome::Open);
        }
        match self.selected() {
            (Some(project), _) => Outcome::Open(Box::new(ProjectScreen::of(project))),
            (None, organization) => Outcome::open(organization.map(Projects::of)),
        }
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Pulse {
    fn name(&self) -> &'static str {
        "pulse"
    }

    fn crumb(&self) -> String {
        "pulse".to_owned()
    }

    fn is_home(&self) -> bool {
        true
    }

    fn renewed_after(&self) -> Option<i64> {
        Some(RENEWED_AFTER)
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        vec![Query::Pulse(month)]
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp) {
        for answer in answers {
            if let Answer::Pulse(pulse) = answer {
                self.take(*pulse, month, now);
            }
        }
    }

    fn forget(&mut self) {
        self.recoveries.forget();
        self.spend = None;
        self.needs.set_rows(Vec::new());
        self.projects.set_rows(Vec::new());
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Open => return self.open(),
            Action::NextPanel => {
                self.focus = match self.focus {
                    Panel::Projects => Panel::Needs,
                    Panel::Needs => Panel::Projects,
                };
            }
            _ => {}
        }
        Outcome::Done
    }

    fn targets(&self) -> Vec<Target> {
        let (project, organization) = self.selected();
        let alert = self.needs.selected().filter(|_| self.focus == Panel::Needs).and_then(|row| row.alert.clone());
        let alert = alert.map(|alert| Target::Alert(alert, project.cloned()));
        let project = project.map(|project| Target::Project(project.clone()));
        let organization = organization.map(|organization| Target::Organization(organization.clone()));
        alert.into_iter().chain(project).chain(organization).chain([Target::Deployment]).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        match self.focus {
            Panel::Projects => &mut self.projects,
            Panel::Needs => &mut self.needs,
        }
    }

    fn all_lists(&mut self) -> Vec<(&'static str, &mut dyn List)> {
        vec![("pulse", &mut self.projects), ("pulse_needs", &mut self.needs)]
    }

    fn click(&mut self, place: Position) -> Outcome {
        let before = self.focus;
        for panel in [Panel::Projects, Panel::Needs] {
            self.focus = panel;
            if self.list().click(place) {
                return Outcome::Done;
            }
        }
        self.focus = before;
        Outcome::Done
    }

    fn refused(&self) -> usize {
        self.needs.rows().iter().filter(|row| row.is_refused()).count()
    }

    fn arrange(&mut self, area: Rect, look: &Look<'_>) {
        let areas = self.areas(area, look);
        self.needs.arrange(areas.needs);
        self.projects.arrange(areas.projects);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let areas = self.areas(area, look);
        spend::draw(self.spend.as_ref(), buffer, areas.spend, look);
        let focus = |panel| look.focus(self.focus == panel);
        let quiet = needs::empty(self.sees_intake, look.is_present());
        self.needs.draw(buffer, areas.needs, needs::title(self.needs.rows()), quiet, &focus(Panel::Needs));
        let name = match self.projects.rows().len() as u64 {
            some if some < self.project_count => format!("Projects by burn, {some} of {}", self.project_count),
            _ => "Projects by burn".to_owned(),
        };
        let name = trouble::title(&name, self.projects.rows().iter().map(|row| row.state));
        let empty = if self.organizations.is_empty() { organizations::EMPTY } else { projects::EMPTY };
        self.projects.draw(buffer, areas.projects, name, empty, &focus(Panel::Projects));
    }
}
