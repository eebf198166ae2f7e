//! One project in one month: budget, spend by day, keys, models, alerts.

mod alerts;
pub(super) mod keys;
mod models;

use mete_core::directory::{Project, ProjectView};
use mete_core::manual_block::ManualBlock;
use mete_core::time::{day_label, day_of_month};
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{AlertFilter, KeyFilter, SpendBy, SpendRow};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{Audit, Keys, Screen, cells, organizations};
use crate::actions::Action;
use crate::budget::Budget;
use crate::chart::Days;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::format::money;
use crate::look::Look;
use crate::outcome::Outcome;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::piece;
use crate::recovery::Recoveries;
use crate::state::State;
use crate::table::{List, Table};
use crate::theme::Tone;

/// From this size on, models and alerts stand in a column of their own.
const WIDE: (u16, u16) = (120, 30);
/// Below this height there is room for the budget and one list only: the one that has the keys.
const LOW: u16 = 18;
/// What the panels say that need to see spend, where that is not allowed.
const UNSEEN: &str = "Spend is for owners to see, and for those whom they grant it.";
/// Lines of the budget panel before what it says is known.
const UNKNOWN_BUDGET: u16 = 4;

/// What it offers of its own.
pub const ACTIONS: &[Action] = &[Action::NextPanel, Action::Owner, Action::Faults, Action::Keys, Action::Audit];

/// The lists by their names in the configuration, with the names of their columns.
pub fn lists() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("project_keys", keys::columns()),
        ("project_models", models::columns()),
        ("project_alerts", alerts::columns()),
    ]
}

/// The lists of the screen, in the order in which Tab goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panel {
    Keys,
    Models,
    Alerts,
}

/// One project.
pub struct ProjectScreen {
    project: Project,
    budget: Option<Budget>,
    /// Whether the person at the screen may see what was spent (R6).
    sees_spend: bool,
    days: Vec<SpendRow>,
    keys: Table<keys::KeyRow>,
    models: Table<models::ModelRow>,
    alerts: Table<alerts::AlertRow>,
    focus: Panel,
    recoveries: Recoveries,
}

/// Where the panels stand.
struct Areas {
    budget: Rect,
    chart: Rect,
    keys: Rect,
    models: Rect,
    alerts: Rect,
}

impl ProjectScreen {
    /// The screen of `project`, its figures not yet known.
    #[must_use]
    pub fn of(project: &Project) -> Self {
        Self {
            project: project.clone(),
            budget: None,
            sees_spend: true,
            days: Vec::new(),
            keys: keys::table(),
            models: models::table(),
            alerts: alerts::table(),
            focus: Panel::Keys,
            recoveries: Recoveries::default(),
        }
    }

    fn areas(&self, area: Rect, look: &Look<'_>) -> Areas {
        let budget = self.budget.as_ref().map_or(UNKNOWN_BUDGET, |budget| budget.height(area.width, look));
        if area.height < LOW {
            let [budget, list] = Layout::vertical([Constraint::Length(budget), Constraint::Fill(1)]).areas(area);
            let only = |panel| if self.focus == panel { list } else { Rect::ZERO };
            let [keys, models, alerts] = [Panel::Keys, Panel::Models, Panel::Alerts].map(only);
            return Areas { budget, chart: Rect::ZERO, keys, models, alerts };
        }
        if area.width >= WIDE.0 && area.height >= WIDE.1 {
            let [budget, rest] = Layout::vertical([Constraint::Length(budget), Constraint::Fill(1)]).areas(area);
            let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(rest);
            let [chart, keys] =
                Layout::vertical([Constraint::Length(rest.height / 3), Constraint::Fill(1)]).areas(left);
            let [models, alerts] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(right);
            return Areas { budget, chart, keys, models, alerts };
        }
        let [budget, top, bottom] =
            Layout::vertical([Constraint::Length(budget), Constraint::Fill(4), Constraint::Fill(5)]).areas(area);
        let halves = Layout::horizontal([Constraint::Fill(5), Constraint::Fill(3)]);
        let ([chart, alerts], [keys, models]) = (halves.areas(top), halves.areas(bottom));
        Areas { budget, chart, keys, models, alerts }
    }

    fn draw_days(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let days = self.days(look);
        let most = days.spend.iter().copied().max().unwrap_or_default();
        let mut title = Title::new("Spend per day, US$");
        title.note = days.today.filter(|_| self.sees_spend).map(|day| format!("today {}", money(days.spend[day - 1])));
        let inner = panel(buffer, area, &title, look.theme);
        if most > Nanos::ZERO {
            days.draw(buffer, inner, look.theme);
            return;
        }
        let empty = match self.sees_spend {
            true => format!("No spend in {}. Usage arrives through: mete ingest FILE, or meted.", look.month.name()),
            false => UNSEEN.to_owned(),
        };
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let text = wrapped(look.arrival.reason(&empty), usize::from(inner.width))
            .into_iter()
            .map(|line| vec![piece(line, Tone::Dim)]);
        lines(buffer, inner, &text.collect::<Vec<_>>(), look.theme);
    }

    /// Every day of the month shown, those without spend too.
    fn days(&self, look: &Look<'_>) -> Days {
        let (first, last) = look.month.days();
        let spend = (first..=last).map(|day| self.spend_on(&day_label(day))).collect();
        let today = look.is_present().then(|| day_of_month(look.now.day()) as usize);
        Days { spend, today }
    }

    fn spend_on(&self, day: &str) -> Nanos {
        self.days.iter().find(|row| row.id == day).map_or(Nanos::ZERO, |row| row.spend)
    }

    fn take_project(&mut self, views: Vec<ProjectView>, organization: Option<State>, month: Month, now: Timestamp) {
        let Some(view) = views.into_iter().find(|view| view.project.id == self.project.id) else { return };
        let state = State::of_project_in(&view, organization, now);
        let state = if month == now.month() { state } else { state.in_the_past() };
        let state = self.recoveries.observe(&view.project.id, state, now);
        let present = self.days.iter().any(|row| row.id == day_label(now.day()));
        self.budget = Some(Budget {
            name: view.project.name.clone(),
            limits: view.limits,
            spend: view.spend,
            today: present.then(|| self.spend_on(&day_label(now.day()))),
            requests: view.requests,
            state,
        });
        self.project = view.project;
    }
}

impl Screen for ProjectScreen {
    fn name(&self) -> &'static str {
        "project"
    }

    fn crumb(&self) -> String {
        self.project.name.clone()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let project_id = Some(self.project.id.clone());
        let organization_id = Some(self.project.organization_id.clone());
        let spend = |by| Query::Spend { project_id: self.project.id.clone(), month, by };
        vec![
            Query::Organizations(month),
            Query::Projects { organization_id: organization_id.clone(), month },
            spend(SpendBy::Day),
            spend(SpendBy::Key),
            spend(SpendBy::Model),
            Query::Keys(KeyFilter {
                organization_id: organization_id.clone(),
                project_id: project_id.clone(),
                owner_id: None,
            }),
            Query::Alerts(AlertFilter { organization_id, project_id, month: Some(month), ..AlertFilter::default() }),
        ]
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp) {
        let (mut organization, mut projects, mut by_key, mut keys) = (None, Vec::new(), None, Vec::new());
        for answer in answers {
            match answer {
                Answer::Organizations(views) => {
                    let states = organizations::states(&views, month, now);
                    let mut views = views.iter().zip(states);
                    let own = views.find(|(view, _)| view.organization.id == self.project.organization_id);
                    organization = own.map(|(_, state)| state);
                }
                Answer::Projects(views) => projects = views,
                Answer::Spend(SpendBy::Day, rows) => {
                    self.sees_spend = rows.is_some();
                    self.days = rows.unwrap_or_default();
                }
                Answer::Spend(SpendBy::Key, rows) => by_key = rows,
                Answer::Spend(SpendBy::Model, rows) => self.models.set_rows(models::rows(rows.unwrap_or_default())),
                Answer::Keys(all) => keys = all,
                Answer::Alerts(all) => self.alerts.set_rows(alerts::rows(all)),
                _ => {}
            }
        }
        let blocks: Vec<ManualBlock> = projects
            .iter()
            .flat_map(|view| &view.manual_blocks)
            .filter(|block| block.project_id == self.project.id && block.holds_at(now))
            .cloned()
            .collect();
        self.take_project(projects, organization, month, now);
        let refused = self.budget.as_ref().is_some_and(|budget| budget.state.is_refused());
        self.keys.set_rows(keys::rows(keys, by_key, &keys::Ground { refused, blocks, now }));
    }

    fn forget(&mut self) {
        self.recoveries.forget();
        self.budget = None;
        self.days.clear();
        self.keys.set_rows(Vec::new());
        self.models.set_rows(Vec::new());
        self.alerts.set_rows(Vec::new());
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        if action == Action::Owner {
            let key = self.keys.selected().filter(|_| self.focus == Panel::Keys);
            let owner = key.and_then(|key| key.owned_by());
            return Outcome::open(owner.map(|(id, name)| Keys::of_owner(id, name)));
        }
        if action == Action::Keys {
            return Outcome::open(Some(Keys::of_project(&self.project)));
        }
        if action == Action::Audit {
            return Outcome::open(Some(Audit::of_project(&self.project)));
        }
        if action == Action::NextPanel {
            self.focus = match self.focus {
                Panel::Keys => Panel::Models,
                Panel::Models => Panel::Alerts,
                Panel::Alerts => Panel::Keys,
            };
        }
        Outcome::Done
    }

    fn all_lists(&mut self) -> Vec<(&'static str, &mut dyn List)> {
        vec![
            ("project_keys", &mut self.keys),
            ("project_models", &mut self.models),
            ("project_alerts", &mut self.alerts),
        ]
    }

    fn targets(&self) -> Vec<Target> {
        let key = self.keys.selected().filter(|_| self.focus == Panel::Keys).and_then(|row| row.key());
        let key = key.map(|key| Target::Key(Box::new(key.clone()), self.project.clone()));
        key.into_iter().chain([Target::Project(self.project.clone())]).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        match self.focus {
            Panel::Keys => &mut self.keys,
            Panel::Models => &mut self.models,
            Panel::Alerts => &mut self.alerts,
        }
    }

    fn refused(&self) -> usize {
        usize::from(self.budget.as_ref().is_some_and(|budget| budget.state.is_refused()))
    }

    fn arrange(&mut self, area: Rect, look: &Look<'_>) {
        let areas = self.areas(area, look);
        self.keys.arrange(areas.keys);
        self.models.arrange(areas.models);
        self.alerts.arrange(areas.alerts);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let areas = self.areas(area, look);
        match &self.budget {
            Some(budget) => budget.draw(buffer, areas.budget, look),
            None => {
                panel(buffer, areas.budget, &Title::new(self.project.name.clone()), look.theme);
            }
        }
        if !areas.chart.is_empty() {
            self.draw_days(buffer, areas.chart, look);
        }
        let focus = |panel| look.focus(self.focus == panel);
        let (no_models, no_alerts) = if self.sees_spend { (models::EMPTY, alerts::EMPTY) } else { (UNSEEN, UNSEEN) };
        self.keys.draw(buffer, areas.keys, cells::words("Keys", Tone::Strong), keys::EMPTY, &focus(Panel::Keys));
        self.models.draw(buffer, areas.models, cells::words("Models", Tone::Strong), no_models, &focus(Panel::Models));
        self.alerts.draw(buffer, areas.alerts, cells::words("Alerts", Tone::Strong), no_alerts, &focus(Panel::Alerts));
    }
}
