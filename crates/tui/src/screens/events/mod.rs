//! Events as they are counted, newest first: of everything, an organization or a project.

mod event;

use mete_core::directory::{OrganizationView, ProjectView};
use mete_core::{Month, Timestamp};
use mete_store::{EventLine, EventPlace};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::event::EventScreen;
use super::pages::{PAGE, Pages, TURNS};
use super::{Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::piece::piece;
use crate::table::{Column, Figure, List, Row, Table};
use crate::theme::Tone;

const EMPTY: &str = "No event is kept. Usage arrives through: mete ingest FILE, or meted.";
const SEARCHED: &str = "Nothing newer is kept of these: } looks further back.";

/// The tail of the ledger.
pub struct Events {
    crumb: String,
    organization_id: Option<String>,
    project_id: Option<String>,
    pages: Pages<EventPlace>,
    /// Whether the page ended before it was full, for it took too much work.
    is_partial: bool,
    table: Table<EventRow>,
}

struct EventRow {
    id: String,
    line: EventLine,
}

impl EventRow {
    fn of(line: EventLine) -> Self {
        let place = line.place();
        Self { id: format!("{:020} {}", place.time.0, place.id.0), line }
    }

    fn model(&self) -> &str {
        &self.line.event.series.model
    }

    fn endpoint(&self) -> String {
        event::endpoint(&self.line)
    }
}

impl Row for EventRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        let EventLine { project, key, member, .. } = &self.line;
        format!("{project} {} {key} {member} {} {}", self.model(), self.endpoint(), self.line.event.rating.version)
    }
}

type Col = Column<EventRow>;

static COLUMNS: [Col; 11] = [
    Col::numbers(
        "AGE",
        8,
        |row, slot| cells::age(Some(row.line.event.time), slot),
        Figure::Time(|row| Some(row.line.event.time)),
    )
    .also("time")
    .ordered(|a, b| a.line.place().cmp(&b.line.place()))
    .growing(11)
    .kept(),
    Col::words(
        "PROJECT",
        16,
        |row, _| cells::words(&row.line.project, Tone::Strong),
        |a, b| cells::by_letters(&a.line.project, &b.line.project),
    )
    .growing(26)
    .kept(),
    Col::words("MODEL", 18, |row, _| cells::words(row.model(), Tone::Plain), |a, b| a.model().cmp(b.model()))
        .growing(30),
    Col::numbers(
        "COST",
        10,
        |row, slot| cells::amount(row.line.event.cost, slot),
        Figure::Money(|row| Some(row.line.event.cost)),
    )
    .growing(12)
    .kept(),
    Col::numbers(
        "INPUT",
        7,
        |row, slot| cells::number(row.line.event.usage.input, slot),
        Figure::Count(|row| Some(row.line.event.usage.input)),
    )
    .growing(9),
    Col::numbers(
        "OUTPUT",
        7,
        |row, slot| cells::number(row.line.event.usage.output, slot),
        Figure::Count(|row| Some(row.line.event.usage.output)),
    )
    .growing(9),
    Col::words(
        "KEY",
        16,
        |row, _| cells::words(&row.line.key, Tone::Plain),
        |a, b| cells::by_letters(&a.line.key, &b.line.key),
    )
    .growing(24),
    Col::words(
        "MEMBER",
        18,
        |row, _| cells::words(&row.line.member, Tone::Plain),
        |a, b| cells::by_letters(&a.line.member, &b.line.member),
    )
    .growing(28),
    Col::words(
        "ENDPOINT",
        16,
        |row, _| cells::words(&row.endpoint(), Tone::Dim),
        |a, b| a.endpoint().cmp(&b.endpoint()),
    ),
    Col::numbers(
        "CACHED",
        7,
        |row, slot| cells::number(row.line.event.usage.cached_input, slot),
        Figure::Count(|row| Some(row.line.event.usage.cached_input)),
    )
    .growing(9),
    Col::words(
        "PRICE",
        16,
        |row, _| cells::words(&row.line.event.rating.version, Tone::Dim),
        |a, b| a.line.event.rating.version.cmp(&b.line.event.rating.version),
    )
    .growing(30),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Older, Action::Newer];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The newest come first.
const SORTED_BY: usize = 0;

impl Events {
    /// Those of a project, an organization, or everything.
    #[must_use]
    pub fn of(organization: Option<&OrganizationView>, project: Option<&ProjectView>) -> Self {
        let crumb = match (organization, project) {
            (_, Some(view)) => format!("events of {}", view.project.name),
            (Some(view), None) => format!("events of {}", view.organization.name),
            (None, None) => "events".to_owned(),
        };
        Self {
            crumb,
            organization_id: organization.map(|view| view.organization.id.clone()),
            project_id: project.map(|view| view.project.id.clone()),
            pages: Pages::default(),
            is_partial: false,
            table: Table::new(&COLUMNS, SORTED_BY),
        }
    }
}

impl Screen for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    fn crumb(&self) -> String {
        self.crumb.clone()
    }

    /// Whatever the month: the newest first, or those before a place.
    fn queries(&self, _: Month) -> Vec<Query> {
        vec![Query::Events {
            organization_id: self.organization_id.clone(),
            project_id: self.project_id.clone(),
            before: self.pages.place().copied(),
            limit: PAGE as usize,
        }]
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            if let Answer::Events(page) = answer {
                self.pages.set_next(page.older);
                self.is_partial = page.is_partial;
                self.table.set_rows(page.events.into_iter().map(EventRow::of).collect());
            }
        }
    }

    // the tail is the same in every month
    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Open => Outcome::open(self.table.selected().map(|row| EventScreen::of(&row.line))),
            turn if TURNS.contains(&turn) => self.pages.turn(turn),
            _ => Outcome::Done,
        }
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(area);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let title = vec![piece("Events", Tone::Strong), piece(self.pages.words(), Tone::Dim)];
        let empty = if self.is_partial { SEARCHED } else { EMPTY };
        self.table.draw(buffer, area, title, empty, look);
    }
}
