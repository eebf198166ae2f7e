//! How much is and was in the quarantine, by reason and source.

use mete_store::{QuarantineCount, QuarantineFilter};

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "Nothing ever was in the quarantine: all that came was counted.";

/// A reason and a source.
pub struct GroupRow {
    id: String,
    /// How much of it.
    pub count: QuarantineCount,
}

impl GroupRow {
    /// From its counts.
    pub fn of(count: QuarantineCount) -> Self {
        Self { id: format!("{}\n{}", count.reason, count.source), count }
    }

    /// The entries that it has.
    pub fn filter(&self) -> QuarantineFilter {
        QuarantineFilter {
            reason: Some(self.count.reason.clone()),
            source: Some(self.count.source.clone()),
            since: None,
        }
    }
}

impl Row for GroupRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        format!("{} {}", self.count.reason, self.count.source)
    }

    fn is_fault(&self) -> bool {
        self.count.there > 0
    }
}

type Col = Column<GroupRow>;

static COLUMNS: [Col; 7] = [
    Col::words(
        "REASON",
        20,
        |row, _| {
            let tone = if row.count.there > 0 { Tone::Near } else { Tone::Dim };
            let sign = if row.count.there > 0 { "● " } else { "  " };
            cells::words(&format!("{sign}{}", row.count.reason), tone)
        },
        |a, b| a.count.reason.cmp(&b.count.reason),
    )
    .amounting(Figure::Text(|row| &row.count.reason))
    .kept(),
    Col::words(
        "SOURCE",
        16,
        |row, _| cells::words(&row.count.source, Tone::Plain),
        |a, b| cells::by_letters(&a.count.source, &b.count.source),
    )
    .growing(40),
    Col::numbers(
        "THERE",
        7,
        |row, slot| cells::number(row.count.there, slot),
        Figure::Count(|row| Some(row.count.there)),
    )
    .growing(10)
    .kept(),
    Col::numbers("SEEN", 7, |row, slot| cells::number(row.count.seen, slot), Figure::Count(|row| Some(row.count.seen)))
        .growing(10),
    Col::numbers(
        "RETRIED",
        7,
        |row, slot| cells::number(row.count.retried, slot),
        Figure::Count(|row| Some(row.count.retried)),
    )
    .growing(10),
    Col::numbers(
        "FORGOTTEN",
        9,
        |row, slot| cells::number(row.count.forgotten, slot),
        Figure::Count(|row| Some(row.count.forgotten)),
    ),
    Col::numbers(
        "DROPPED",
        7,
        |row, slot| cells::number(row.count.dropped, slot),
        Figure::Count(|row| Some(row.count.dropped)),
    ),
];

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// Those with most entries come first.
const SORTED_BY: usize = 2;

/// The list, still empty.
pub fn table() -> Table<GroupRow> {
    Table::new(&COLUMNS, SORTED_BY)
}
