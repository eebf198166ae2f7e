//! What a project's money went to: models, endpoints, keys or members.

use mete_core::Nanos;
use mete_store::{SpendBy, SpendRow};

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "No usage in this month. Usage arrives through: mete ingest FILE, or meted.";

/// By what it is divided, in the order in which a key goes through them.
const DIVISIONS: [SpendBy; 4] = [SpendBy::Model, SpendBy::Endpoint, SpendBy::Key, SpendBy::Member];

/// The division after another one.
pub fn next(by: SpendBy) -> SpendBy {
    let place = DIVISIONS.iter().position(|it| *it == by).unwrap_or_default();
    DIVISIONS[(place + 1) % DIVISIONS.len()]
}

/// What a division is called.
pub const fn title(by: SpendBy) -> &'static str {
    match by {
        SpendBy::Endpoint => "Usage by endpoint",
        SpendBy::Key => "Usage by key",
        SpendBy::Member => "Usage by member",
        _ => "Usage by model",
    }
}

/// A part of the usage and what was spent on it.
pub struct UsageRow {
    row: SpendRow,
    total: Nanos,
}

impl UsageRow {
    fn name(&self) -> &str {
        if self.row.name.is_empty() { "(not said)" } else { &self.row.name }
    }
}

impl Row for UsageRow {
    fn id(&self) -> &str {
        &self.row.id
    }

    fn searched(&self) -> String {
        self.row.name.clone()
    }
}

type Col = Column<UsageRow>;

static COLUMNS: [Col; 6] = [
    Col::words(
        "NAME",
        24,
        |row, _| cells::words(row.name(), Tone::Strong),
        |a, b| cells::by_letters(a.name(), b.name()),
    )
    .growing(40)
    .kept(),
    Col::numbers("SPENT", 9, |row, slot| cells::amount(row.row.spend, slot), Figure::Money(|row| Some(row.row.spend)))
        .kept(),
    Col::words(
        "SHARE",
        16,
        |row, slot| cells::share(row.row.spend, row.total, slot),
        |a, b| a.row.spend.cmp(&b.row.spend),
    )
    .amounting(Figure::Share(|row| Some(row.row.spend.per_mille_of(row.total))))
    .largest_first(),
    Col::numbers(
        "REQUESTS",
        9,
        |row, slot| cells::number(row.row.requests, slot),
        Figure::Count(|row| Some(row.row.requests)),
    ),
    Col::numbers(
        "TOKENS IN",
        10,
        |row, slot| cells::number(row.row.input_tokens, slot),
        Figure::Count(|row| Some(row.row.input_tokens)),
    ),
    Col::numbers(
        "OUT",
        10,
        |row, slot| cells::number(row.row.output_tokens, slot),
        Figure::Count(|row| Some(row.row.output_tokens)),
    ),
];
/// Where most money went comes first.
const SORTED_BY: usize = 1;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<UsageRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Its rows.
pub fn rows(spend: Vec<SpendRow>) -> Vec<UsageRow> {
    let total = spend.iter().map(|row| row.spend).sum();
    spend.into_iter().map(|row| UsageRow { row, total }).collect()
}
