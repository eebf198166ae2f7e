//! The alerts of a project, its models, members and keys in the month shown (R27).

use mete_store::Alert;

use crate::screens::alerts::{SEEN, WHAT, WHEN};
use crate::screens::cells;
use crate::table::{Column, Figure, Table};

pub(super) use crate::screens::alerts::AlertRow;

/// What an empty list says.
pub const EMPTY: &str = "None in this month.";

type Col = Column<AlertRow>;

static COLUMNS: [Col; 4] = [
    WHAT,
    WHEN,
    Col::numbers(
        "AT SPEND",
        10,
        |row, slot| cells::amount(row.alert.spend, slot),
        Figure::Money(|row| Some(row.alert.spend)),
    ),
    SEEN,
];
/// The newest comes first.
const SORTED_BY: usize = 1;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<AlertRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Its rows.
pub fn rows(alerts: Vec<Alert>) -> Vec<AlertRow> {
    alerts.into_iter().map(AlertRow::of).collect()
}
