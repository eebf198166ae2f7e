//! The alerts of a month, of everything, an organization or a project (R27): what was crossed, when, and how it stands
//! now.

use std::collections::HashMap;

use mete_core::directory::{Organization, OrganizationView, Project, ProjectView};
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, AlertFilter, ScopeKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Audit, Keys, ProjectScreen, Projects, Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::facts::{self, Fact};
use crate::format::{clock_time, money_exact};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::paged::Paged;
use crate::piece::{Piece, piece};
use crate::table::{Column, Figure, List, Row};
use crate::theme::Tone;

const EMPTY: &str = "No budget and no threshold was crossed in this month. < shows the month before.";

/// The list of alerts.
pub struct Alerts {
    crumb: String,
    organization_id: Option<String>,
    project_id: Option<String>,
    list: Paged<AlertRow>,
    organizations: HashMap<String, OrganizationView>,
    projects: HashMap<String, ProjectView>,
}

/// One alert.
pub(super) struct AlertRow {
    /// The alert.
    pub(super) alert: Alert,
    organization: String,
    /// What the scope has spent by now, for somebody who may see it.
    now: Option<Nanos>,
}

impl Row for AlertRow {
    fn id(&self) -> &str {
        &self.alert.id
    }

    fn searched(&self) -> String {
        format!("{} {} {} {}", self.alert.whose(), self.organization, self.what().0, self.seen().0)
    }

    fn is_fault(&self) -> bool {
        self.alert.acknowledged_at.is_none()
    }
}

type Col = Column<AlertRow>;

/// What was crossed.
pub(super) const WHAT: Col = Col::words(
    "ALERT",
    19,
    |row, _| {
        let (text, tone) = row.what();
        cells::words(&text, tone)
    },
    |a, b| (a.alert.kind as u8, a.alert.amount).cmp(&(b.alert.kind as u8, b.alert.amount)),
)
.growing(26)
.kept();
/// How long ago.
pub(super) const WHEN: Col =
    Col::numbers("WHEN", 8, |row, slot| cells::age(Some(row.alert.at), slot), Figure::Time(|row| Some(row.alert.at)))
        .ordered(|a, b| {
            // of two at the same time the graver comes first
            (a.alert.at, a.alert.kind as u8, a.alert.amount).cmp(&(b.alert.at, b.alert.kind as u8, b.alert.amount))
        })
        .growing(11)
        .kept();
/// Whether somebody took note of it.
pub(super) const SEEN: Col = Col::words(
    "SEEN",
    7,
    |row, _| {
        let (text, tone) = row.seen();
        cells::words(text, tone)
    },
    |a, b| a.alert.acknowledged_at.cmp(&b.alert.acknowledged_at),
);

static COLUMNS: [Col; 8] = [
    WHAT,
    Col::words(
        "WHOSE",
        14,
        |row, _| cells::words(&row.alert.scope_name, Tone::Strong),
        |a, b| cells::by_letters(&a.alert.scope_name, &b.alert.scope_name),
    )
    .growing(40)
    .kept(),
    WHEN,
    Col::numbers(
        "THEN",
        9,
        |row, slot| cells::amount(row.alert.spend, slot),
        Figure::Money(|row| Some(row.alert.spend)),
    )
    .growing(11),
    Col::numbers(
        "NOW",
        9,
        |row, slot| cells::seen(row.now, |now| cells::amount(now, slot)),
        Figure::Money(|row| row.now),
    )
    .growing(11)
    .also("spend"),
    SEEN,
    Col::words("KIND", 12, |row, _| cells::words(row.kind(), Tone::Dim), |a, b| a.kind().cmp(b.kind())),
    Col::words(
        "ORGANIZATION",
        12,
        |row, _| cells::words(&row.organization, Tone::Plain),
        |a, b| cells::by_letters(&a.organization, &b.organization),
    )
    .growing(24),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Keys, Action::Audit, Action::Faults];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The store has them in this order alone: the newest first.
const ORDERS: &[usize] = &[2];

impl AlertRow {
    /// Without what is known of more than the alert.
    pub(super) const fn of(alert: Alert) -> Self {
        Self { alert, organization: String::new(), now: None }
    }

    fn what(&self) -> (String, Tone) {
        cells::alert(&self.alert)
    }

    const fn seen(&self) -> (&'static str, Tone) {
        if self.alert.acknowledged_at.is_some() { ("seen", Tone::Dim) } else { ("not yet", Tone::Plain) }
    }

    fn kind(&self) -> &'static str {
        self.alert.part.as_ref().map_or(self.alert.scope_kind.as_str(), |of| of.part.kind.as_str())
    }

    fn facts(&self, look: &Look<'_>) -> Vec<Fact> {
        let alert = &self.alert;
        let (what, tone) = self.what();
        let seen = alert.acknowledged_at.map_or_else(|| "not yet".to_owned(), |at| clock_time(at, look.now));
        let seen = alert.acknowledged_by.as_ref().map_or_else(|| seen.clone(), |by| format!("{seen} by {by}"));
        vec![
            ("alert", what, tone),
            ("whose", format!("{} {}", self.kind(), alert.whose()), Tone::Plain),
            ("org", self.organization.clone(), Tone::Plain),
            ("limit", money_exact(alert.amount), Tone::Plain),
            ("when", clock_time(alert.at, look.now), Tone::Plain),
            ("spent then", money_exact(alert.spend), Tone::Plain),
            ("spent now", self.now.map_or_else(cells::unseen, money_exact), Tone::Plain),
            ("seen", seen, Tone::Plain),
            ("id", alert.id.clone(), Tone::Dim),
        ]
    }
}

impl Alerts {
    /// The alerts of a project, an organization with its projects, or everything.
    #[must_use]
    pub fn of(organization: Option<&OrganizationView>, project: Option<&ProjectView>) -> Self {
        let crumb = match (organization, project) {
            (_, Some(view)) => format!("alerts of {}", view.project.name),
            (Some(view), None) => format!("alerts of {}", view.organization.name),
            (None, None) => "alerts".to_owned(),
        };
        Self {
            crumb,
            organization_id: organization.map(|view| view.organization.id.clone()),
            project_id: project.map(|view| view.project.id.clone()),
            list: Paged::new(&COLUMNS, ORDERS),
            organizations: HashMap::new(),
            projects: HashMap::new(),
        }
    }

    fn selected_project(&self) -> Option<&Project> {
        Some(&self.projects.get(&self.list.selected()?.alert.scope_id)?.project)
    }

    fn selected_organization(&self) -> Option<&Organization> {
        Some(&self.organizations.get(&self.list.selected()?.alert.organization_id)?.organization)
    }

    /// The spend of an alert's scope in the month shown; that of a part of a project is not asked.
    fn spend_now(&self, alert: &Alert) -> Option<Nanos> {
        match alert.scope_kind {
            _ if alert.part.is_some() => None,
            ScopeKind::Organization => self.organizations.get(&alert.scope_id)?.spend,
            ScopeKind::Project => self.projects.get(&alert.scope_id)?.spend,
        }
    }

    fn title(&self) -> Vec<Piece> {
        let new = self.list.rows().iter().filter(|row| row.alert.acknowledged_at.is_none()).count();
        let mut title = cells::words("Alerts", Tone::Strong);
        if new > 0 {
            title.extend([piece(" · ", Tone::Dim), piece(format!("● {new} not seen yet"), Tone::Near)]);
        }
        title
    }
}

impl Screen for Alerts {
    fn name(&self) -> &'static str {
        "alerts"
    }

    fn crumb(&self) -> String {
        self.crumb.clone()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let (organization_id, project_id) = (self.organization_id.clone(), self.project_id.clone());
        let wanted = AlertFilter {
            organization_id: organization_id.clone(),
            project_id,
            month: Some(month),
            ..AlertFilter::default()
        };
        vec![
            Query::Organizations(month),
            Query::Projects { organization_id, month },
            Query::AlertPage(wanted, self.list.paging()),
        ]
    }

    fn turned(&mut self) -> bool {
        self.list.turned()
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            match answer {
                Answer::Organizations(views) => {
                    self.organizations = views.into_iter().map(|view| (view.organization.id.clone(), view)).collect();
                }
                Answer::Projects(views) => {
                    self.projects = views.into_iter().map(|view| (view.project.id.clone(), view)).collect();
                }
                Answer::AlertPage(page) => {
                    let page = page.map(|alert| {
                        let own = self.organizations.get(&alert.organization_id);
                        let organization = own.map(|view| view.organization.name.clone()).unwrap_or_default();
                        AlertRow { organization, now: self.spend_now(&alert), alert }
                    });
                    self.list.take(page);
                }
                _ => {}
            }
        }
    }

    fn forget(&mut self) {
        self.list.forget();
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        let (project, organization) = (self.selected_project(), self.selected_organization());
        match (action, project, organization) {
            (Action::Open, Some(project), _) => Outcome::open(Some(ProjectScreen::of(project))),
            (Action::Open, None, Some(organization)) => Outcome::open(Some(Projects::of(organization))),
            (Action::Keys, Some(project), _) => Outcome::open(Some(Keys::of_project(project))),
            (Action::Keys, None, Some(it)) => Outcome::open(Some(Keys::of_organization(&it.id, &it.name))),
            (Action::Audit, Some(project), _) => Outcome::open(Some(Audit::of_project(project))),
            (Action::Audit, None, Some(it)) => Outcome::open(Some(Audit::of_organization(&it.id, &it.name))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let (alert, project) = (self.list.selected().map(|row| &row.alert), self.selected_project().cloned());
        let alert = alert.map(|alert| Target::Alert(Box::new(alert.clone()), project.clone()));
        let organization = self.selected_organization().cloned().map(Target::Organization);
        alert.into_iter().chain(project.map(Target::Project)).chain(organization).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.list.arrange(facts::beside(area).0);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let list = |buffer: &mut Buffer, place| self.list.draw(buffer, place, self.title(), EMPTY, look);
        let selected = || self.list.selected().map(|row| (&*row.alert.scope_name, row.facts(look)));
        facts::draw_beside(buffer, area, look, list, selected);
    }
}
