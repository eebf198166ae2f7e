//! A list of facts about one thing: what they are called, and what they are.

use super::cells;
use crate::table::{Column, Row, Table};
use crate::theme::Tone;

/// One fact.
pub struct FactRow {
    /// In which order it stands.
    place: usize,
    label: &'static str,
    value: String,
    tone: Tone,
}

impl Row for FactRow {
    fn id(&self) -> &str {
        self.label
    }

    fn searched(&self) -> String {
        format!("{} {}", self.label, self.value)
    }
}

type Col = Column<FactRow>;

static COLUMNS: [Col; 2] = [
    Col::words("WHAT", 18, |row, _| cells::words(row.label, Tone::Dim), |a, b| a.place.cmp(&b.place)).kept(),
    Col::words("IS", 40, |row, _| cells::words(&row.value, row.tone), |a, b| a.value.cmp(&b.value)).growing(160).kept(),
];

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<FactRow> {
    Table::new(&COLUMNS, 0)
}

/// Facts in their order; each label is there once.
pub fn rows(facts: Vec<(&'static str, String, Tone)>) -> Vec<FactRow> {
    let row = |(place, (label, value, tone))| FactRow { place, label, value, tone };
    facts.into_iter().enumerate().map(row).collect()
}
