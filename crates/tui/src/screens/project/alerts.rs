//! The alerts of a project, its models, members and keys in the month shown (R27).

use mete_store::Alert;

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "None in this month.";

/// One alert.
pub struct AlertRow {
    alert: Alert,
}

impl AlertRow {
    /// The alert.
    pub const fn alert(&self) -> &Alert {
        &self.alert
    }

    fn what(&self) -> (String, Tone) {
        cells::alert(&self.alert)
    }
}

impl Row for AlertRow {
    fn id(&self) -> &str {
        &self.alert.id
    }

    fn searched(&self) -> String {
        self.what().0
    }
}

type Col = Column<AlertRow>;

static COLUMNS: [Col; 4] = [
    Col::words(
        "ALERT",
        19,
        |row, _| {
            let (text, tone) = row.what();
            cells::words(&text, tone)
        },
        |a, b| (a.alert.kind as u8, a.alert.amount).cmp(&(b.alert.kind as u8, b.alert.amount)),
    )
    .growing(26)
    .kept(),
    Col::numbers("WHEN", 5, |row, slot| cells::age(Some(row.alert.at), slot), Figure::Time(|row| Some(row.alert.at)))
        .ordered(|a, b| {
            // of two at the same time the graver comes first
            (a.alert.at, a.alert.kind as u8, a.alert.amount).cmp(&(b.alert.at, b.alert.kind as u8, b.alert.amount))
        })
        .growing(11)
        .kept(),
    Col::numbers(
        "AT SPEND",
        10,
        |row, slot| cells::amount(row.alert.spend, slot),
        Figure::Money(|row| Some(row.alert.spend)),
    ),
    Col::words(
        "SEEN",
        8,
        |row, _| match row.alert.acknowledged_at {
            Some(_) => cells::words("seen", Tone::Dim),
            None => cells::words("not yet", Tone::Plain),
        },
        |a, b| a.alert.acknowledged_at.cmp(&b.alert.acknowledged_at),
    ),
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
    alerts.into_iter().map(|alert| AlertRow { alert }).collect()
}
