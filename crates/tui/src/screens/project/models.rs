//! The models that a project's money went to.

use mete_core::Nanos;
use mete_store::SpendRow;

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "No usage in this month.";

/// A model and what was spent on it.
pub struct ModelRow {
    row: SpendRow,
    total: Nanos,
}

impl Row for ModelRow {
    fn id(&self) -> &str {
        &self.row.id
    }

    fn searched(&self) -> String {
        self.row.name.clone()
    }
}

type Col = Column<ModelRow>;

static COLUMNS: [Col; 6] = [
    Col::words(
        "MODEL",
        10,
        |row, _| cells::words(&row.row.name, Tone::Strong),
        |a, b| cells::by_letters(&a.row.name, &b.row.name),
    )
    .growing(30)
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
pub fn table() -> Table<ModelRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Its rows.
pub fn rows(spend: Vec<SpendRow>) -> Vec<ModelRow> {
    let total = spend.iter().map(|row| row.spend).sum();
    spend.into_iter().map(|row| ModelRow { row, total }).collect()
}
