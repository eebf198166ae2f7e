//! The projects that burn the most.

use mete_control::{Outlook, Pulse};
use mete_core::directory::ProjectView;
use mete_core::time::DAY;
use mete_core::{Month, Nanos, Timestamp};

use crate::format::{ago, factor, span};
use crate::piece::{Piece, piece};
use crate::screens::cells;
use crate::screens::of_projects::{self, OfProject};
use crate::state::State;
use crate::table::{Column, Figure, Row, Slot, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "No project yet besides default ones. :organizations shows where to make one.";
/// A budget that runs out within so long, in microseconds, needs somebody.
const LEFT_FOR: i64 = DAY;
/// From this factor on, in per mille, a project burns.
const BURNING: u32 = 3_000;
/// Less than this in an hour is no burning, whatever the habit.
const LEAST: Nanos = Nanos::from_dollars(1);

/// One project.
pub struct BurningRow {
    /// The project with its figures.
    pub view: ProjectView,
    /// How it stands.
    pub state: State,
    organization: String,
    outlook: Option<Outlook>,
    /// Whether it burns as it should not.
    burning: bool,
}

/// When the budget of an outlook runs out at the present burn or by habit, if it does in its month.
#[must_use]
pub fn runs_out(outlook: &Outlook) -> Option<Timestamp> {
    outlook.runs_out.and_then(|runs_out| runs_out.earliest())
}

/// Whether it burns as it should not: far above its habit, or through its budget within a day.
#[must_use]
pub fn is_burning(outlook: &Outlook, now: Timestamp) -> bool {
    let unusual = outlook.burn.now >= LEAST && outlook.factor_per_mille.is_some_and(|factor| factor >= BURNING);
    unusual || runs_out(outlook).is_some_and(|at| at.since(now) < LEFT_FOR)
}

impl BurningRow {
    fn burn(&self) -> Option<Nanos> {
        self.outlook.map(|outlook| outlook.burn.now)
    }

    /// Whether that is what its state says: refused, blocked and released (R41) come before it.
    const fn says_burning(&self) -> bool {
        self.burning && matches!(self.state, State::Ok | State::Near | State::Recovered(_))
    }

    fn habit(&self, _: Slot) -> Vec<Piece> {
        match self.outlook.and_then(|outlook| outlook.factor_per_mille) {
            Some(times) if times >= BURNING => vec![piece(factor(times), Tone::Near)],
            Some(times) => vec![piece(factor(times), Tone::Plain)],
            None => cells::words("–", Tone::Dim),
        }
    }

    /// When it runs out; of what is refused, since when.
    fn runs_out(&self, slot: Slot) -> Vec<Piece> {
        if let State::Refused(Some(at)) = self.state {
            return vec![piece(ago(at, slot.now), Tone::Bad)];
        }
        match self.outlook.as_ref().and_then(runs_out) {
            Some(at) if at <= slot.now => cells::words("used up", Tone::Bad),
            Some(at) => {
                let tone = if at.since(slot.now) < LEFT_FOR { Tone::Near } else { Tone::Plain };
                vec![piece(format!("in {}", span(at.since(slot.now))), tone)]
            }
            None => cells::words("–", Tone::Dim),
        }
    }

    fn label(&self, slot: Slot) -> Vec<Piece> {
        if self.says_burning() { cells::words("● burning", Tone::Near) } else { cells::state(self.state, slot) }
    }
}

impl OfProject for BurningRow {
    fn view(&self) -> &ProjectView {
        &self.view
    }
}

impl Row for BurningRow {
    fn id(&self) -> &str {
        &self.view.project.id
    }

    fn searched(&self) -> String {
        format!("{} {} {}", self.view.project.name, self.organization, self.view.project.id)
    }

    fn is_fault(&self) -> bool {
        self.state.is_fault() || self.burning
    }
}

type Col = Column<BurningRow>;

static COLUMNS: [Col; 10] = [
    of_projects::name(14, 36),
    Col::words(
        "ORG",
        8,
        |row, _| cells::words(&row.organization, Tone::Dim),
        |a, b| cells::by_letters(&a.organization, &b.organization),
    )
    .growing(20),
    of_projects::spent(9),
    of_projects::budget(9),
    of_projects::used(14),
    Col::numbers(
        "$/H",
        8,
        |row, slot| cells::seen(row.burn(), |burn| cells::amount(burn, slot)),
        Figure::Money(BurningRow::burn),
    )
    .also("burn")
    // where nothing burns, what was spent decides
    .ordered(|a, b| (a.burn(), a.view.spend).cmp(&(b.burn(), b.view.spend)))
    .kept(),
    Col::numbers(
        "HABIT",
        6,
        BurningRow::habit,
        Figure::Share(|row| row.outlook.and_then(|outlook| outlook.factor_per_mille)),
    ),
    Col::numbers("RUNS OUT", 11, BurningRow::runs_out, Figure::Time(|row| row.outlook.as_ref().and_then(runs_out))),
    of_projects::keys(5),
    Col::words("STATE", 14, BurningRow::label, |a, b| {
        let order = |row: &BurningRow| (row.state, row.burning, row.burn());
        order(a).cmp(&order(b))
    })
    .amounting(Figure::Text(|row| if row.says_burning() { "burning" } else { row.state.word() }))
    .largest_first()
    .kept(),
];
/// What burns most comes first.
const SORTED_BY: usize = 5;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<BurningRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Its rows; `states` are those of the pulse's organizations.
pub fn rows(pulse: Pulse, states: &[State], (month, now): (Month, Timestamp)) -> Vec<BurningRow> {
    let organizations = pulse.organizations;
    let row = |it: mete_control::ProjectPulse| {
        let mut above = organizations.iter().zip(states);
        let above = above.find(|(view, _)| view.organization.id == it.view.project.organization_id);
        let state = State::of_project_in(&it.view, above.map(|(_, state)| *state), now);
        BurningRow {
            state: if month == now.month() { state } else { state.in_the_past() },
            organization: above.map_or_else(String::new, |(view, _)| view.organization.name.clone()),
            burning: it.outlook.is_some_and(|outlook| is_burning(&outlook, now)),
            outlook: it.outlook,
            view: it.view,
        }
    };
    pulse.projects.into_iter().map(row).collect()
}
