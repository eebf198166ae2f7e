//! What was done in a project, and by whom (R42, R44).

use mete_core::audit::{AuditEntry, AuditOutcome};

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "Nothing was changed in this project yet.";
/// What it says to somebody who may not read it.
pub const UNSEEN: &str = "The audit log is for owners of the project or the organization to read.";

/// One entry.
pub struct EntryRow {
    id: String,
    entry: AuditEntry,
}

impl EntryRow {
    fn who(&self) -> &str {
        &self.entry.record.actor_name
    }

    fn target(&self) -> &str {
        let record = &self.entry.record;
        if record.target_name.is_empty() { &record.target_id } else { &record.target_name }
    }
}

impl Row for EntryRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        let record = &self.entry.record;
        format!("{} {} {} {} {}", record.action, self.who(), self.target(), record.outcome, record.reason)
    }

    fn is_fault(&self) -> bool {
        self.entry.record.outcome == AuditOutcome::Refused
    }
}

type Col = Column<EntryRow>;

static COLUMNS: [Col; 6] = [
    Col::words(
        "ACTION",
        24,
        |row, _| match row.is_fault() {
            true => cells::words(&format!("▲ {}", row.entry.record.action), Tone::Bad),
            false => cells::words(&row.entry.record.action, Tone::Strong),
        },
        |a, b| a.entry.record.action.cmp(&b.entry.record.action),
    )
    .growing(32)
    .amounting(Figure::Text(|row| &row.entry.record.action))
    .kept(),
    Col::words("WHO", 16, |row, _| cells::words(row.who(), Tone::Plain), |a, b| a.who().cmp(b.who())).growing(30),
    Col::numbers(
        "WHEN",
        11,
        |row, slot| cells::age(Some(row.entry.record.at), slot),
        Figure::Time(|row| Some(row.entry.record.at)),
    )
    .ordered(|a, b| (a.entry.record.at, a.entry.seq).cmp(&(b.entry.record.at, b.entry.seq)))
    .kept(),
    Col::words("TARGET", 16, |row, _| cells::words(row.target(), Tone::Plain), |a, b| a.target().cmp(b.target()))
        .growing(30),
    Col::words(
        "OUTCOME",
        9,
        |row, _| match row.entry.record.outcome {
            AuditOutcome::Done => cells::words("done", Tone::Dim),
            AuditOutcome::Refused => cells::words("▲ refused", Tone::Bad),
        },
        |a, b| (a.entry.record.outcome as u8).cmp(&(b.entry.record.outcome as u8)),
    ),
    Col::words(
        "REASON",
        16,
        |row, _| cells::words(&row.entry.record.reason, Tone::Plain),
        |a, b| a.entry.record.reason.cmp(&b.entry.record.reason),
    )
    .growing(60),
];
/// The newest comes first.
const SORTED_BY: usize = 2;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<EntryRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Its rows.
pub fn rows(entries: Vec<AuditEntry>) -> Vec<EntryRow> {
    entries.into_iter().map(|entry| EntryRow { id: entry.seq.to_string(), entry }).collect()
}
