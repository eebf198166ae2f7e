//! Entries of the quarantine.

use mete_store::QuarantineRow;

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "The quarantine is empty. What cannot be counted is put here, with the reason.";

/// One entry, with the beginning of its text.
pub struct EntryRow {
    id: String,
    /// The text without API keys.
    text: String,
    /// The entry.
    pub entry: QuarantineRow,
}

impl EntryRow {
    /// Of this entry.
    pub fn of(entry: QuarantineRow) -> Self {
        Self { id: entry.id.to_string(), text: entry.text().into_owned(), entry }
    }
}

impl Row for EntryRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        let QuarantineRow { reason, source, detail, .. } = &self.entry;
        format!("{reason} {source} {detail} {}", self.text)
    }
}

type Col = Column<EntryRow>;

static COLUMNS: [Col; 8] = [
    Col::numbers("AGE", 6, |row, slot| cells::age(Some(row.entry.at), slot), Figure::Time(|row| Some(row.entry.at)))
        .growing(11)
        .kept(),
    Col::words(
        "REASON",
        15,
        |row, _| cells::words(&row.entry.reason, Tone::Strong),
        |a, b| a.entry.reason.cmp(&b.entry.reason),
    )
    .growing(20)
    .kept(),
    Col::words(
        "SOURCE",
        14,
        |row, _| cells::words(&row.entry.source, Tone::Plain),
        |a, b| cells::by_letters(&a.entry.source, &b.entry.source),
    )
    .growing(24),
    Col::numbers(
        "POSITION",
        9,
        |row, slot| cells::number(row.entry.position, slot),
        Figure::Count(|row| Some(row.entry.position)),
    )
    .growing(15),
    Col::words(
        "DETAIL",
        20,
        |row, _| cells::words(&row.entry.detail, Tone::Plain),
        |a, b| a.entry.detail.cmp(&b.entry.detail),
    )
    .growing(70),
    Col::numbers(
        "TRIES",
        5,
        |row, slot| cells::number(row.entry.tries, slot),
        Figure::Count(|row| Some(row.entry.tries)),
    ),
    Col::numbers(
        "BYTES",
        7,
        |row, slot| cells::number(row.entry.raw_bytes, slot),
        Figure::Count(|row| Some(row.entry.raw_bytes)),
    ),
    Col::words("TEXT", 20, |row, _| cells::words(&row.text, Tone::Dim), |a, b| a.text.cmp(&b.text)).growing(120),
];

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The newest come first.
const SORTED_BY: usize = 0;

/// The list, still empty.
pub fn table() -> Table<EntryRow> {
    Table::new(&COLUMNS, SORTED_BY)
}
