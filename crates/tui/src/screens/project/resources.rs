//! The resources of a project that usage named (R36).

use mete_control::SeenResource;

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "No file, thread, assistant, fine-tuned model or vector store was named by usage yet.";

/// One resource.
pub struct ResourceRow {
    resource: SeenResource,
}

impl Row for ResourceRow {
    fn id(&self) -> &str {
        &self.resource.id
    }

    fn searched(&self) -> String {
        format!("{} {}", self.resource.kind.as_str(), self.resource.id)
    }
}

impl ResourceRow {
    fn kind(&self) -> String {
        self.resource.kind.as_str().replace(['.', '_'], " ")
    }
}

type Col = Column<ResourceRow>;

static COLUMNS: [Col; 7] = [
    Col::words(
        "RESOURCE",
        20,
        |row, _| cells::words(&row.resource.id, Tone::Strong),
        |a, b| a.resource.id.cmp(&b.resource.id),
    )
    .growing(44)
    .kept(),
    Col::words("KIND", 16, |row, _| cells::words(&row.kind(), Tone::Plain), |a, b| a.kind().cmp(&b.kind())),
    Col::numbers(
        "BYTES",
        11,
        |row, slot| cells::number(row.resource.bytes, slot),
        Figure::Count(|row| Some(row.resource.bytes)),
    ),
    Col::numbers(
        "SPENT",
        9,
        |row, slot| cells::seen(row.resource.spend, |spend| cells::amount(spend, slot)),
        Figure::Money(|row| row.resource.spend),
    )
    .also("spend"),
    Col::numbers(
        "SEEN",
        11,
        |row, slot| cells::age(Some(row.resource.last_seen_at), slot),
        Figure::Time(|row| Some(row.resource.last_seen_at)),
    ),
    Col::numbers(
        "REQUESTS",
        9,
        |row, slot| cells::seen(row.resource.requests, |requests| cells::number(requests, slot)),
        Figure::Count(|row| row.resource.requests),
    ),
    Col::numbers(
        "FIRST",
        11,
        |row, slot| cells::age(Some(row.resource.first_seen_at), slot),
        Figure::Time(|row| Some(row.resource.first_seen_at)),
    ),
];
/// What was seen last comes first.
const SORTED_BY: usize = 4;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<ResourceRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Its rows.
pub fn rows(resources: Vec<SeenResource>) -> Vec<ResourceRow> {
    resources.into_iter().map(|resource| ResourceRow { resource }).collect()
}
