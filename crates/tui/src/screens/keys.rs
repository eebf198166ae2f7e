//! Keys wherever they are: of everything, an organization, a project, or one owner.

use std::collections::HashMap;

use mete_core::directory::{ApiKey, KeyStatus, OrganizationView, Project, ProjectView};
use mete_core::{Month, Timestamp};
use mete_store::{KeyLine, KeyOrder, KeyQuery, Page};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::project::keys::{Ground, KeyState};
use super::{Audit, ProjectScreen, Screen, cells, organizations};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::facts::{self, Fact};
use crate::format::{clock_time, money_exact};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::paged::Paged;
use crate::state::State;
use crate::table::{Column, Figure, List, Row};
use crate::theme::Tone;

const EMPTY: &str = "No key here. Open a project (⏎ on one of :projects) and press n to make one.";

/// The list of keys.
pub struct Keys {
    crumb: String,
    organization_id: Option<String>,
    project_id: Option<String>,
    owner_id: Option<String>,
    list: Paged<KeyRow>,
    projects: HashMap<String, Project>,
}

struct KeyRow {
    line: KeyLine,
    state: KeyState,
}

impl Row for KeyRow {
    fn id(&self) -> &str {
        &self.line.key.id
    }

    fn searched(&self) -> String {
        let (key, state) = (&self.line.key, self.state.word());
        format!("{} {} {} {} {} {state}", key.name, key.redacted_value, key.owner, self.line.project, key.id)
    }

    fn is_fault(&self) -> bool {
        self.state.is_fault()
    }
}

type Col = Column<KeyRow>;

static COLUMNS: [Col; 8] = [
    Col::words(
        "KEY",
        14,
        |row, _| cells::words(row.name(), Tone::Strong),
        |a, b| cells::by_letters(a.name(), b.name()),
    )
    .growing(30)
    .kept(),
    Col::words(
        "PROJECT",
        12,
        |row, _| cells::words(&row.line.project, Tone::Plain),
        |a, b| cells::by_letters(&a.line.project, &b.line.project),
    )
    .growing(24),
    Col::words(
        "OWNER",
        14,
        |row, _| cells::words(&row.line.key.owner, Tone::Plain),
        |a, b| cells::by_letters(&a.line.key.owner, &b.line.key.owner),
    )
    .growing(28),
    Col::numbers(
        "SPENT",
        8,
        |row, slot| cells::seen(row.line.spend, |spend| cells::amount(spend, slot)),
        Figure::Money(|row| row.line.spend),
    )
    .growing(10)
    .also("spend"),
    Col::numbers(
        "USED",
        7,
        |row, slot| cells::age(row.line.key.last_used_at, slot),
        Figure::Time(|row| row.line.key.last_used_at),
    )
    .growing(11),
    Col::numbers(
        "MADE",
        11,
        |row, slot| cells::age(Some(row.line.key.created_at), slot),
        Figure::Time(|row| Some(row.line.key.created_at)),
    ),
    Col::words(
        "SECRET",
        14,
        |row, _| cells::words(&row.line.key.redacted_value, Tone::Dim),
        |a, b| a.line.key.redacted_value.cmp(&b.line.key.redacted_value),
    )
    .growing(18),
    Col::words(
        "STATE",
        10,
        |row, _| {
            let (text, tone) = row.state.look();
            cells::words(text, tone)
        },
        |a, b| a.state.cmp(&b.state),
    )
    .amounting(Figure::Text(|row| row.state.word()))
    .largest_first()
    .kept(),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Owner, Action::Project, Action::Audit, Action::Faults];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// What the store can order by; what was used last comes first.
const ORDERS: &[usize] = &[4, 3, 5, 0];

impl KeyRow {
    fn name(&self) -> &str {
        let key = &self.line.key;
        if key.name.is_empty() { &key.redacted_value } else { &key.name }
    }

    fn facts(&self, look: &Look<'_>) -> Vec<Fact> {
        let key = &self.line.key;
        let time = |at: Option<_>, none: &str| at.map_or_else(|| none.to_owned(), |at| clock_time(at, look.now));
        let (state, tone) = self.state.look();
        vec![
            ("state", state.to_owned(), tone),
            ("project", self.line.project.clone(), Tone::Plain),
            ("owner", key.owner.clone(), Tone::Plain),
            ("secret", key.redacted_value.clone(), Tone::Plain),
            ("spent", self.line.spend.map_or_else(cells::unseen, money_exact), Tone::Plain),
            ("last used", time(key.last_used_at, "never"), Tone::Plain),
            ("made", time(Some(key.created_at), ""), Tone::Plain),
            ("expires", time(key.expires_at, "never"), Tone::Plain),
            ("may", key.permissions.to_string(), Tone::Plain),
            ("id", key.id.clone(), Tone::Dim),
        ]
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
        Self {
            organization_id: organization.map(|view| view.organization.id.clone()),
            project_id: project.map(|view| view.project.id.clone()),
            ..Self::all(name)
        }
    }

    /// The keys of a person or service account, in all projects.
    #[must_use]
    pub fn of_owner(owner_id: &str, owner: &str) -> Self {
        Self { owner_id: Some(owner_id.to_owned()), ..Self::all(format!("keys of {owner}")) }
    }

    /// The keys of a project.
    #[must_use]
    pub fn of_project(project: &Project) -> Self {
        Self { project_id: Some(project.id.clone()), ..Self::all(format!("keys of {}", project.name)) }
    }

    /// The keys of an organization.
    #[must_use]
    pub fn of_organization(organization_id: &str, name: &str) -> Self {
        Self { organization_id: Some(organization_id.to_owned()), ..Self::all(format!("keys of {name}")) }
    }

    fn all(crumb: String) -> Self {
        let list = Paged::new(&COLUMNS, ORDERS);
        Self { crumb, organization_id: None, project_id: None, owner_id: None, list, projects: HashMap::new() }
    }

    /// The same with a filter.
    #[must_use]
    pub fn filtered(self, filter: &str) -> Self {
        Self { list: self.list.filtered(filter), ..self }
    }

    fn query(&self, month: Month) -> KeyQuery {
        let word = self.list.word();
        // typed by itself it means the state all the same
        let status = self.list.said_of("state").or(word.as_deref()).and_then(|word| word.parse::<KeyStatus>().ok());
        let text = word.filter(|word| word.parse::<KeyStatus>().is_err());
        KeyQuery {
            reaches: Vec::new(),
            organization_id: self.organization_id.clone(),
            project_id: self.project_id.clone(),
            owner_id: self.owner_id.clone(),
            status,
            text: ["owner", "project", "key"]
                .iter()
                .find_map(|column| self.list.said_of(column).map(str::to_owned))
                .or(text),
            order: match self.list.order() {
                0 => KeyOrder::Name,
                3 => KeyOrder::Spend,
                5 => KeyOrder::Created,
                _ => KeyOrder::LastUsed,
            },
            month,
        }
    }

    fn project_of_selected(&self) -> Option<&Project> {
        self.projects.get(&self.list.selected()?.line.key.project_id)
    }

    fn take(&mut self, page: Page<KeyLine>, grounds: &HashMap<String, Ground>, now: Timestamp) {
        let free = Ground { refused: false, blocks: Vec::new(), now };
        self.list.take(page.map(|line| {
            let ground = grounds.get(&line.key.project_id).unwrap_or(&free);
            KeyRow { state: ground.state_of(&line.key), line }
        }));
    }
}

/// What decides on the keys of each project besides their own status; in a month that is over nothing does.
fn grounds(
    projects: &[ProjectView],
    organizations: &HashMap<String, State>,
    (month, now): (Month, Timestamp),
) -> HashMap<String, Ground> {
    let ground = |view: &ProjectView| {
        let organization = organizations.get(&view.project.organization_id).copied();
        let is_present = month == now.month();
        let blocks = view.manual_blocks.iter().filter(|block| is_present && block.holds_at(now)).cloned().collect();
        let refused = is_present && State::of_project_in(view, organization, now).is_refused();
        (view.project.id.clone(), Ground { refused, blocks, now })
    };
    projects.iter().map(ground).collect()
}

impl Screen for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn crumb(&self) -> String {
        self.crumb.clone()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let organization_id = self.organization_id.clone();
        vec![
            Query::Organizations(month),
            Query::Projects { organization_id, month },
            Query::KeyPage(Box::new(self.query(month)), self.list.paging()),
        ]
    }

    fn turned(&mut self) -> bool {
        self.list.turned()
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp) {
        let (mut states, mut known) = (HashMap::new(), HashMap::new());
        for answer in answers {
            match answer {
                Answer::Organizations(views) => {
                    let found = organizations::states(&views, month, now);
                    states = views.into_iter().map(|view| view.organization.id).zip(found).collect();
                }
                Answer::Projects(views) => {
                    known = grounds(&views, &states, (month, now));
                    self.projects = views.into_iter().map(|view| (view.project.id.clone(), view.project)).collect();
                }
                Answer::KeyPage(page) => self.take(page, &known, now),
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
        let Some(row) = self.list.selected() else { return Outcome::Done };
        let key = &row.line.key;
        match action {
            Action::Open | Action::Project => Outcome::open(self.project_of_selected().map(ProjectScreen::of)),
            Action::Owner => Outcome::open(Some(Self::of_owner(&key.owner_id, &key.owner))),
            Action::Audit => Outcome::open(Some(Audit::about(&key.id, row.name()))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let Some((row, project)) = self.list.selected().zip(self.project_of_selected()) else { return Vec::new() };
        let key: ApiKey = row.line.key.clone();
        vec![Target::Key(Box::new(key), project.clone()), Target::Project(project.clone())]
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.list.arrange(facts::beside(area).0);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let list =
            |buffer: &mut Buffer, place| self.list.draw(buffer, place, cells::words("Keys", Tone::Strong), EMPTY, look);
        let selected = || self.list.selected().map(|row| (row.name(), row.facts(look)));
        facts::draw_beside(buffer, area, look, list, selected);
    }
}
