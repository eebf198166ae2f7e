//! The people and service accounts of an organization: what they are there, what they spend.

use mete_core::directory::{Organization, Project};
use mete_core::people::{ListedRole, MemberKind};
use mete_core::{Month, Timestamp};
use mete_store::{MemberLine, MemberOrder};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Audit, Invites, Keys, ProjectScreen, Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::{Target, Wish, inviting, meant};
use crate::facts::{self, Fact};
use crate::format::{clock_time, count, money_exact};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::paged::Paged;
use crate::piece::{Piece, piece};
use crate::table::{Column, Figure, List, Row};
use crate::theme::Tone;

const EMPTY: &str = "Nobody yet. I shows the invites; . lists what can be done, inviting somebody among it.";

/// The list of members.
pub struct Members {
    organization: Organization,
    list: Paged<MemberRow>,
    /// For service accounts, which belong to one.
    projects: Vec<Project>,
}

struct MemberRow {
    line: MemberLine,
    /// A service account's project.
    project: Option<String>,
}

impl Row for MemberRow {
    fn id(&self) -> &str {
        &self.line.member.id
    }

    fn searched(&self) -> String {
        let member = &self.line.member;
        format!("{} {} {} {} {}", self.label(), member.name, self.kind(), member.role, member.id)
    }
}

type Col = Column<MemberRow>;

static COLUMNS: [Col; 9] = [
    Col::words(
        "MEMBER",
        20,
        |row, _| cells::words(row.label(), Tone::Strong),
        |a, b| cells::by_letters(a.label(), b.label()),
    )
    .growing(40)
    .kept(),
    Col::words("KIND", 7, |row, _| cells::words(row.kind(), Tone::Dim), |a, b| a.kind().cmp(b.kind())),
    Col::words(
        "ROLE",
        7,
        |row, _| cells::words(row.line.member.role.as_str(), row.role_tone()),
        |a, b| a.line.member.role.as_str().cmp(b.line.member.role.as_str()),
    ),
    Col::numbers("PROJECTS", 8, |row, _| row.projects_cell(), Figure::Count(|row| Some(row.line.projects))).growing(20),
    Col::numbers(
        "KEYS",
        5,
        |row, slot| cells::number(row.line.active_keys, slot),
        Figure::Count(|row| Some(row.line.active_keys)),
    ),
    Col::numbers(
        "SPENT",
        9,
        |row, slot| cells::amount(row.line.spend, slot),
        Figure::Money(|row| Some(row.line.spend)),
    )
    .also("spend")
    .kept(),
    Col::numbers(
        "USED",
        7,
        |row, slot| cells::age(row.line.last_used_at, slot),
        Figure::Time(|row| row.line.last_used_at),
    )
    .growing(11),
    Col::words(
        "SEES USAGE",
        10,
        |row, _| if row.line.member.usage_grant { cells::words("by grant", Tone::Plain) } else { Vec::new() },
        |a, b| a.line.member.usage_grant.cmp(&b.line.member.usage_grant),
    ),
    Col::numbers(
        "THERE",
        11,
        |row, slot| cells::age(Some(row.line.member.added_at), slot),
        Figure::Time(|row| Some(row.line.member.added_at)),
    ),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Project, Action::Keys, Action::Invites, Action::Audit];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// What the store can order by; who spent most comes first.
const ORDERS: &[usize] = &[5, 0];

impl MemberRow {
    fn label(&self) -> &str {
        let member = &self.line.member;
        member.email.as_deref().filter(|email| !email.is_empty()).unwrap_or(&member.name)
    }

    const fn kind(&self) -> &'static str {
        match self.line.member.kind {
            MemberKind::User => "person",
            MemberKind::ServiceAccount => "service",
        }
    }

    fn role_tone(&self) -> Tone {
        if self.line.member.role == ListedRole::Owner { Tone::Strong } else { Tone::Plain }
    }

    /// Owners are in all projects (R7), a service account in its own.
    fn is_in_all(&self) -> bool {
        self.line.member.kind == MemberKind::User && self.line.member.role == ListedRole::Owner
    }

    fn projects_cell(&self) -> Vec<Piece> {
        match &self.project {
            Some(project) => cells::words(project, Tone::Plain),
            None if self.is_in_all() => cells::words("all", Tone::Plain),
            None => vec![piece(count(self.line.projects), Tone::Plain)],
        }
    }

    fn facts(&self, look: &Look<'_>) -> Vec<Fact> {
        let member = &self.line.member;
        let used = self.line.last_used_at.map_or_else(|| "never".to_owned(), |at| clock_time(at, look.now));
        let projects: String = self.projects_cell().into_iter().map(|piece| piece.text).collect();
        vec![
            ("kind", self.kind().to_owned(), Tone::Plain),
            ("name", member.name.clone(), Tone::Plain),
            ("role", member.role.to_string(), self.role_tone()),
            ("projects", projects, Tone::Plain),
            ("active keys", count(self.line.active_keys), Tone::Plain),
            ("spent", money_exact(self.line.spend), Tone::Plain),
            ("last used", used, Tone::Plain),
            ("sees usage", if member.usage_grant { "by grant" } else { "by role only" }.to_owned(), Tone::Plain),
            ("there since", clock_time(member.added_at, look.now), Tone::Plain),
            ("id", member.id.clone(), Tone::Dim),
        ]
    }
}

impl Members {
    /// Everybody in an organization.
    #[must_use]
    pub fn of(organization: &Organization) -> Self {
        Self { organization: organization.clone(), list: Paged::new(&COLUMNS, ORDERS), projects: Vec::new() }
    }
}

impl Screen for Members {
    fn name(&self) -> &'static str {
        "members"
    }

    fn crumb(&self) -> String {
        format!("members of {}", self.organization.name)
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let organization_id = self.organization.id.clone();
        let order = if self.list.order() == 0 { MemberOrder::Name } else { MemberOrder::Spend };
        vec![
            Query::Projects { organization_id: Some(organization_id.clone()), month },
            Query::MemberPage { organization_id, ordered: (order, month), paging: self.list.paging() },
        ]
    }

    fn turned(&mut self) -> bool {
        self.list.turned()
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            match answer {
                Answer::Projects(views) => self.projects = views.into_iter().map(|view| view.project).collect(),
                Answer::MemberPage(page) => {
                    let projects = &self.projects;
                    self.list.take(page.map(|line| {
                        let own = line.member.project_id.as_deref().filter(|id| !id.is_empty());
                        let own = own.and_then(|id| projects.iter().find(|project| project.id == id));
                        MemberRow { project: own.map(|project| project.name.clone()), line }
                    }));
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
        let organization = &self.organization;
        let selected = self.list.selected();
        match action {
            Action::Open => Outcome::open(selected.map(|row| Keys::of_owner(&row.line.member.id, row.label()))),
            Action::Project => {
                let own = selected.and_then(|row| row.line.member.project_id.as_deref());
                let own = own.and_then(|id| self.projects.iter().find(|project| project.id == id));
                Outcome::open(own.map(ProjectScreen::of))
            }
            Action::Keys => Outcome::open(Some(Keys::of_organization(&organization.id, &organization.name))),
            Action::Invites => Outcome::open(Some(Invites::of(Some(organization)))),
            Action::Audit => Outcome::open(selected.map(|row| Audit::by(&row.line.member.id, row.label()))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        vec![Target::Organization(self.organization.clone())]
    }

    fn meant(&self, action: Action) -> Option<Wish> {
        match action {
            Action::New => Some(inviting(&self.organization)),
            action => meant(action, &self.targets()),
        }
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.list.arrange(facts::beside(area).0);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let list = |buffer: &mut Buffer, place| {
            self.list.draw(buffer, place, cells::words("Members", Tone::Strong), EMPTY, look);
        };
        let selected = || self.list.selected().map(|row| (row.label(), row.facts(look)));
        facts::draw_beside(buffer, area, look, list, selected);
    }
}
