//! All organizations of the deployment.

use std::collections::HashMap;

use mete_core::directory::OrganizationView;
use mete_core::{Month, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::projects::Projects;
use super::{Audit, Invites, Keys, Members, Screen, cells, trouble};
use crate::actions::Action;
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

pub(super) const EMPTY: &str = "No organization yet. Make the first one with: mete init --org NAME --owner EMAIL";

/// The list of organizations; a sub-organization stands under its parent (R3).
pub struct Organizations {
    table: Table<OrganizationRow>,
    recoveries: Recoveries,
}

struct OrganizationRow {
    view: OrganizationView,
    state: State,
}

impl Row for OrganizationRow {
    fn id(&self) -> &str {
        &self.view.organization.id
    }

    fn searched(&self) -> String {
        let organization = &self.view.organization;
        format!("{} {}", organization.name, organization.id)
    }

    fn is_fault(&self) -> bool {
        self.state.is_fault()
    }

    fn under(&self) -> Option<&str> {
        self.view.organization.parent_id.as_deref()
    }
}

type Col = Column<OrganizationRow>;

static COLUMNS: [Col; 9] = [
    Col::words(
        "ORGANIZATION",
        16,
        |row, _| {
            let sign = if row.under().is_some() { "└ " } else { "" };
            cells::words(&format!("{sign}{}", row.view.organization.name), Tone::Strong)
        },
        |a, b| cells::by_letters(&a.view.organization.name, &b.view.organization.name),
    )
    .growing(40)
    .amounting(Figure::Text(|row| &row.view.organization.name))
    .kept(),
    Col::numbers(
        "SPENT",
        10,
        |row, slot| cells::seen(row.view.spend, |spend| cells::amount(spend, slot)),
        Figure::Money(|row| row.view.spend),
    )
    .also("spend"),
    Col::numbers(
        "BUDGET",
        10,
        |row, slot| cells::limit(row.view.limits.budget, slot),
        Figure::Money(|row| row.view.limits.budget),
    ),
    Col::words(
        "USED",
        16,
        |row, slot| cells::seen(row.view.spend, |spend| cells::used(spend, &row.view.limits, slot)),
        |a, b| cells::used_share(a.view.spend, &a.view.limits).cmp(&cells::used_share(b.view.spend, &b.view.limits)),
    )
    .growing(26)
    .amounting(Figure::Share(|row| cells::used_share(row.view.spend, &row.view.limits)))
    .largest_first(),
    Col::numbers(
        "PROJECTS",
        9,
        |row, slot| cells::number(row.view.active_projects, slot),
        Figure::Count(|row| Some(row.view.active_projects)),
    ),
    Col::numbers(
        "REFUSED",
        8,
        |row, slot| cells::number(row.view.blocked_projects, slot),
        Figure::Count(|row| Some(row.view.blocked_projects)),
    ),
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
    &[Action::Open, Action::Faults, Action::Keys, Action::Members, Action::Invites, Action::Audit];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// Trouble comes first.
const SORTED_BY: usize = COLUMNS.len() - 1;

impl Organizations {
    /// The list, still empty.
    #[must_use]
    pub fn new() -> Self {
        Self { table: Table::new(&COLUMNS, SORTED_BY), recoveries: Recoveries::default() }
    }
}

impl Default for Organizations {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Organizations {
    fn name(&self) -> &'static str {
        "organizations"
    }

    fn crumb(&self) -> String {
        "organizations".to_owned()
    }

    fn is_home(&self) -> bool {
        true
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        vec![Query::Organizations(month)]
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp) {
        for answer in answers {
            let Answer::Organizations(views) = answer else { continue };
            let states = states(&views, month, now);
            let rows = views.into_iter().zip(states).map(|(view, state)| {
                let state = self.recoveries.observe(&view.organization.id, state, now);
                OrganizationRow { view, state }
            });
            self.table.set_rows(rows.collect());
        }
    }

    fn forget(&mut self) {
        self.recoveries.forget();
        self.table.set_rows(Vec::new());
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        let Some(row) = self.table.selected() else { return Outcome::Done };
        let organization = &row.view.organization;
        match action {
            Action::Open => Outcome::open(Some(Projects::of(organization))),
            Action::Keys => Outcome::open(Some(Keys::of_organization(&organization.id, &organization.name))),
            Action::Members => Outcome::open(Some(Members::of(organization))),
            Action::Invites => Outcome::open(Some(Invites::of(Some(organization)))),
            Action::Audit => Outcome::open(Some(Audit::of_organization(&organization.id, &organization.name))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let selected = self.table.selected().map(|row| Target::Organization(row.view.organization.clone()));
        selected.into_iter().chain([Target::Deployment]).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn refused(&self) -> usize {
        self.table
            .rows()
            .iter()
            .map(|row| usize::from(row.state.is_refused()) + row.view.blocked_projects as usize)
            .sum()
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(facts::beside(area).0);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let name = trouble::title("Organizations", self.table.rows().iter().map(|row| row.state));
        let list = |buffer: &mut Buffer, place| self.table.draw(buffer, place, name, EMPTY, look);
        let selected = || self.table.selected().map(|row| (&*row.view.organization.name, row.facts(look)));
        facts::draw_beside(buffer, area, look, list, selected);
    }
}

impl OrganizationRow {
    fn facts(&self, look: &Look<'_>) -> Vec<Fact> {
        let view = &self.view;
        let amount = |amount: Option<_>| amount.map_or_else(|| "none".to_owned(), money_exact);
        vec![
            ("state", self.state.label(look.now), self.state.tone(look.now)),
            ("spent", view.spend.map_or_else(cells::unseen, money_exact), Tone::Plain),
            ("budget", amount(view.limits.budget), Tone::Plain),
            ("threshold", amount(view.limits.threshold), Tone::Plain),
            ("requests", view.requests.map_or_else(cells::unseen, count), Tone::Plain),
            ("projects", count(view.active_projects), Tone::Plain),
            ("refused", count(view.blocked_projects), Tone::Plain),
            ("made", clock_time(view.organization.created_at, look.now), Tone::Plain),
            ("id", view.organization.id.clone(), Tone::Dim),
        ]
    }
}

/// The states of organizations in a month, in their order, the budgets of their parents considered (R3).
pub(super) fn states(views: &[OrganizationView], month: Month, now: Timestamp) -> Vec<State> {
    let by_id: HashMap<&str, &OrganizationView> =
        views.iter().map(|view| (view.organization.id.as_str(), view)).collect();
    let parent = |view: &OrganizationView| view.organization.parent_id.as_deref().and_then(|id| by_id.get(id).copied());
    views
        .iter()
        .map(|view| State::of_organization(view, parent(view).map(|parent| State::of_organization(parent, None))))
        .map(|state| if month == now.month() { state } else { state.in_the_past() })
        .collect()
}
