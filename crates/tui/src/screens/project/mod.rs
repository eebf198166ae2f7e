//! One project in one month, in tabs: overview, people, keys, limits, usage, resources, alerts, audit.

mod alerts;
mod audit;
pub(super) mod keys;
mod limits;
mod overview;
mod people;
mod resources;
mod tabs;
mod usage;

use mete_core::directory::{Project, ProjectView};
use mete_core::manual_block::ManualBlock;
use mete_core::{Month, Timestamp};
use mete_store::{AlertFilter, KeyFilter, SpendBy, SpendRow};
use overview::{Overview, UNSEEN};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use tabs::Tab;

use super::{Audit, Keys, Screen, cells, organizations};
use crate::actions::Action;
use crate::budget::Budget;
use crate::data::{Answer, NEWEST, ProjectLimits, Query};
use crate::deeds::{Target, Wish, Within, meant, meant_within};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::recovery::Recoveries;
use crate::state::State;
use crate::table::{List, Table};
use crate::theme::Tone;

/// What it offers whichever tab is shown.
pub const ACTIONS: &[Action] = &[
    Action::NextPanel,
    Action::PreviousPanel,
    Action::Tab(1),
    Action::Tab(2),
    Action::Tab(3),
    Action::Tab(4),
    Action::Tab(5),
    Action::Tab(6),
    Action::Tab(7),
    Action::Tab(8),
    Action::Owner,
    Action::Divide,
    Action::Faults,
    Action::Keys,
    Action::Audit,
];

/// The lists by their names in the configuration, with the names of their columns.
pub fn lists() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("project_keys", keys::columns()),
        ("project_people", people::columns()),
        ("project_limits", limits::columns()),
        ("project_usage", usage::columns()),
        ("project_resources", resources::columns()),
        ("project_alerts", alerts::columns()),
        ("project_audit", audit::columns()),
    ]
}

/// One project.
pub struct ProjectScreen {
    project: Project,
    view: Option<ProjectView>,
    limits: ProjectLimits,
    overview: Overview,
    keys: Table<keys::KeyRow>,
    people: Table<people::PersonRow>,
    limit_rows: Table<limits::LimitRow>,
    by: SpendBy,
    usage: Table<usage::UsageRow>,
    resources: Table<resources::ResourceRow>,
    alerts: Table<alerts::AlertRow>,
    audit: Table<audit::EntryRow>,
    /// Whether the person at the screen may read the audit log.
    reads_audit: bool,
    tab: Tab,
    /// Where the tabs stand.
    line: Rect,
    recoveries: Recoveries,
}

/// What was answered to one asking, before it is put together.
#[derive(Default)]
struct Heard {
    organization: Option<State>,
    projects: Vec<ProjectView>,
    by_key: Option<Option<Vec<SpendRow>>>,
    by_member: Option<Vec<SpendRow>>,
    keys: Option<Vec<mete_core::directory::ApiKey>>,
    members: Option<Vec<mete_core::people::Member>>,
    has_limits: bool,
}

impl ProjectScreen {
    /// The screen of `project`, its figures not yet known.
    #[must_use]
    pub fn of(project: &Project) -> Self {
        Self {
            project: project.clone(),
            view: None,
            limits: ProjectLimits::default(),
            overview: Overview::new(),
            keys: keys::table(),
            people: people::table(),
            limit_rows: limits::table(),
            by: SpendBy::Model,
            usage: usage::table(),
            resources: resources::table(),
            alerts: alerts::table(),
            audit: audit::table(),
            reads_audit: true,
            tab: Tab::Overview,
            line: Rect::ZERO,
            recoveries: Recoveries::default(),
        }
    }

    /// The line of tabs, and what is below it.
    fn areas(area: Rect) -> [Rect; 2] {
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area)
    }

    fn take(&mut self, answer: Answer, heard: &mut Heard, (month, now): (Month, Timestamp)) {
        match answer {
            Answer::Organizations(views) => {
                let states = organizations::states(&views, month, now);
                let mut views = views.iter().zip(states);
                let own = views.find(|(view, _)| view.organization.id == self.project.organization_id);
                heard.organization = own.map(|(_, state)| state);
            }
            Answer::Projects(views) => heard.projects = views,
            Answer::Spend(SpendBy::Day, rows) => {
                self.overview.sees_spend = rows.is_some();
                self.overview.days = rows.unwrap_or_default();
            }
            Answer::Spend(by, rows) => {
                self.overview.sees_spend = rows.is_some();
                if self.tab == Tab::Usage && by == self.by {
                    self.usage.set_rows(usage::rows(rows.unwrap_or_default()));
                } else if by == SpendBy::Key {
                    heard.by_key = Some(rows);
                } else {
                    heard.by_member = rows;
                }
            }
            Answer::Keys(all) => heard.keys = Some(all),
            Answer::Alerts(all) => self.alerts.set_rows(alerts::rows(all)),
            Answer::Course(course) => self.overview.course = course,
            Answer::Outlook(outlook) => self.overview.outlook = outlook,
            Answer::Members(members) => heard.members = Some(members),
            Answer::ProjectLimits(limits) => (self.limits, heard.has_limits) = (limits, true),
            Answer::Resources(all) => self.resources.set_rows(resources::rows(all)),
            Answer::Audit(entries) => {
                self.reads_audit = entries.is_some();
                self.audit.set_rows(audit::rows(entries.unwrap_or_default()));
            }
            _ => {}
        }
    }

    fn take_project(&mut self, view: ProjectView, organization: Option<State>, month: Month, now: Timestamp) {
        let state = State::of_project_in(&view, organization, now);
        let state = if month == now.month() { state } else { state.in_the_past() };
        let state = self.recoveries.observe(&view.project.id, state, now);
        self.overview.budget = Some(Budget {
            name: view.project.name.clone(),
            limits: view.limits,
            spend: view.spend,
            today: self.overview.today(month, now),
            requests: view.requests,
            state,
        });
        self.project = view.project.clone();
        self.view = Some(view);
    }

    /// Shows a tab; what it has to know is asked.
    fn show(&mut self, tab: Option<Tab>) -> Outcome {
        match tab {
            Some(tab) if tab != self.tab => {
                self.tab = tab;
                Outcome::Ask
            }
            _ => Outcome::Done,
        }
    }

    /// Whether keys are listed.
    fn lists_keys(&self) -> bool {
        matches!(self.tab, Tab::Overview | Tab::Keys)
    }

    /// What the keys mean on the selected row, on a tab that is not of keys.
    fn within(&self) -> Option<Within> {
        match self.tab {
            Tab::People if self.people.selected().is_some_and(people::PersonRow::is_service_account) => {
                Some(Within::ServiceAccounts)
            }
            Tab::People => Some(Within::People),
            Tab::Limits => Some(self.limit_rows.selected().map_or(Within::Budget, limits::LimitRow::within)),
            _ => None,
        }
    }

    fn draw_list(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let title = |name: &str| cells::words(name, Tone::Strong);
        let seen = |empty| if self.overview.sees_spend { empty } else { UNSEEN };
        match self.tab {
            Tab::Overview | Tab::Keys => self.keys.draw(buffer, area, title("Keys"), keys::EMPTY, look),
            Tab::People => {
                self.people.draw(buffer, area, title("Members and service accounts"), people::EMPTY, look);
            }
            Tab::Limits => self.limit_rows.draw(buffer, area, title("Limits"), limits::EMPTY, look),
            Tab::Usage => self.usage.draw(buffer, area, title(usage::title(self.by)), seen(usage::EMPTY), look),
            Tab::Resources => {
                let name = newest("Resources that usage named", self.resources.rows().len());
                self.resources.draw(buffer, area, title(&name), resources::EMPTY, look);
            }
            Tab::Alerts => self.alerts.draw(buffer, area, title("Alerts"), seen(alerts::EMPTY), look),
            Tab::Audit => {
                let empty = if self.reads_audit { audit::EMPTY } else { audit::UNSEEN };
                let name = newest("What was done, and by whom", self.audit.rows().len());
                self.audit.draw(buffer, area, title(&name), empty, look);
            }
        }
    }
}

/// A name for a list that may not be whole.
fn newest(name: &str, rows: usize) -> String {
    if rows < NEWEST as usize { name.to_owned() } else { format!("{name}, the newest") }
}

impl Screen for ProjectScreen {
    fn name(&self) -> &'static str {
        "project"
    }

    fn crumb(&self) -> String {
        self.project.name.clone()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let id = || self.project.id.clone();
        let organization_id = Some(self.project.organization_id.clone());
        let spend = |by| Query::Spend { project_id: id(), month, by };
        let keys = KeyFilter { organization_id: organization_id.clone(), project_id: Some(id()), owner_id: None };
        let limits = || Query::ProjectLimits { project_id: id(), month };
        let own = match self.tab {
            Tab::Overview => vec![
                spend(SpendBy::Day),
                spend(SpendBy::Key),
                Query::Keys(keys),
                Query::Course { project_id: id(), key_id: None },
                Query::Outlook(id()),
            ],
            Tab::People => vec![Query::Members(id()), spend(SpendBy::Member), limits()],
            Tab::Keys => vec![spend(SpendBy::Key), Query::Keys(keys)],
            Tab::Limits => vec![limits()],
            Tab::Usage => vec![spend(self.by)],
            Tab::Resources => vec![Query::Resources(id())],
            Tab::Alerts => vec![Query::Alerts(AlertFilter {
                organization_id: organization_id.clone(),
                project_id: Some(id()),
                month: Some(month),
                ..AlertFilter::default()
            })],
            Tab::Audit => vec![Query::Audit(id())],
        };
        let state = [Query::Organizations(month), Query::Projects { organization_id, month }];
        state.into_iter().chain(own).collect()
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp) {
        let mut heard = Heard::default();
        for answer in answers {
            self.take(answer, &mut heard, (month, now));
        }
        let blocks: Vec<ManualBlock> = heard
            .projects
            .iter()
            .flat_map(|view| &view.manual_blocks)
            .filter(|block| block.project_id == self.project.id && block.holds_at(now))
            .cloned()
            .collect();
        if let Some(view) = heard.projects.into_iter().find(|view| view.project.id == self.project.id) {
            self.take_project(view, heard.organization, month, now);
        }
        if let (Some(all), Some(by_key)) = (heard.keys, heard.by_key) {
            let refused = self.overview.budget.as_ref().is_some_and(|budget| budget.state.is_refused());
            self.keys.set_rows(keys::rows(all, by_key, &keys::Ground { refused, blocks, now }));
        }
        if let Some(members) = heard.members {
            self.people.set_rows(people::rows(members, heard.by_member.as_deref(), &self.limits.parts));
        }
        if let Some(view) = self.view.as_ref().filter(|_| heard.has_limits) {
            self.limit_rows.set_rows(limits::rows(view, &self.limits, month));
        }
    }

    fn forget(&mut self) {
        self.recoveries.forget();
        self.overview.forget();
        (self.view, self.limits) = (None, ProjectLimits::default());
        self.keys.set_rows(Vec::new());
        self.people.set_rows(Vec::new());
        self.limit_rows.set_rows(Vec::new());
        self.usage.set_rows(Vec::new());
        self.alerts.set_rows(Vec::new());
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Owner if self.lists_keys() => {
                let owner = self.keys.selected().and_then(|key| key.owned_by());
                Outcome::open(owner.map(|(id, name)| Keys::of_owner(id, name)))
            }
            Action::NextPanel => self.show(Some(self.tab.next())),
            Action::PreviousPanel => self.show(Some(self.tab.previous())),
            Action::Tab(number) => self.show(Tab::numbered(number)),
            Action::Divide if self.tab == Tab::Usage => {
                self.by = usage::next(self.by);
                self.usage.set_rows(Vec::new());
                Outcome::Ask
            }
            Action::Divide => self.show(Some(Tab::Usage)),
            Action::Keys => Outcome::open(Some(Keys::of_project(&self.project))),
            Action::Audit => Outcome::open(Some(Audit::of_project(&self.project))),
            _ => Outcome::Done,
        }
    }

    fn all_lists(&mut self) -> Vec<(&'static str, &mut dyn List)> {
        vec![
            ("project_keys", &mut self.keys),
            ("project_people", &mut self.people),
            ("project_limits", &mut self.limit_rows),
            ("project_usage", &mut self.usage),
            ("project_resources", &mut self.resources),
            ("project_alerts", &mut self.alerts),
            ("project_audit", &mut self.audit),
        ]
    }

    fn targets(&self) -> Vec<Target> {
        let key = self.keys.selected().filter(|_| self.lists_keys()).and_then(|row| row.key());
        let key = key.map(|key| Target::Key(Box::new(key.clone()), self.project.clone()));
        let alert = self.alerts.selected().filter(|_| self.tab == Tab::Alerts);
        let alert = alert.map(|row| Target::Alert(Box::new(row.alert.clone()), Some(self.project.clone())));
        alert.into_iter().chain(key).chain([Target::Project(self.project.clone())]).collect()
    }

    fn meant(&self, action: Action) -> Option<Wish> {
        let own = self.within().and_then(|within| meant_within(action, within, &self.project));
        own.or_else(|| meant(action, &self.targets()))
    }

    fn list(&mut self) -> &mut dyn List {
        match self.tab {
            Tab::Overview | Tab::Keys => &mut self.keys,
            Tab::People => &mut self.people,
            Tab::Limits => &mut self.limit_rows,
            Tab::Usage => &mut self.usage,
            Tab::Resources => &mut self.resources,
            Tab::Alerts => &mut self.alerts,
            Tab::Audit => &mut self.audit,
        }
    }

    fn click(&mut self, place: Position) -> Outcome {
        let tab = tabs::at(place, self.line);
        if tab.is_none() {
            self.list().click(place);
        }
        self.show(tab)
    }

    fn refused(&self) -> usize {
        usize::from(self.overview.budget.as_ref().is_some_and(|budget| budget.state.is_refused()))
    }

    fn arrange(&mut self, area: Rect, look: &Look<'_>) {
        let [line, body] = Self::areas(area);
        self.line = line;
        let list = if self.tab == Tab::Overview { self.overview.areas(body, look).list } else { body };
        match self.tab {
            Tab::Overview | Tab::Keys => self.keys.arrange(list),
            Tab::People => self.people.arrange(list),
            Tab::Limits => self.limit_rows.arrange(list),
            Tab::Usage => self.usage.arrange(list),
            Tab::Resources => self.resources.arrange(list),
            Tab::Alerts => self.alerts.arrange(list),
            Tab::Audit => self.audit.arrange(list),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let [line, body] = Self::areas(area);
        let state = self.overview.budget.as_ref().map(|budget| budget.state);
        tabs::draw(self.tab, (state, self.overview.runs_out(look)), buffer, line, look);
        if self.tab == Tab::Overview {
            let areas = self.overview.areas(body, look);
            self.overview.draw(&self.project, buffer, &areas, look);
            self.draw_list(buffer, areas.list, look);
        } else {
            self.draw_list(buffer, body, look);
        }
    }
}
