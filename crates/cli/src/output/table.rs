//! Tables without lines: easy to read, to copy and to grep.

use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};

use super::text::safe;

/// A column: its title and on which side its cells stand.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    alignment: CellAlignment,
}

/// A column of text.
pub const fn left(title: &'static str) -> Column {
    Column { title, alignment: CellAlignment::Left }
}

/// A column of numbers.
pub const fn right(title: &'static str) -> Column {
    Column { title, alignment: CellAlignment::Right }
}

/// A table of rows. Cells are never wrapped, however narrow the terminal: an id or a secret in two pieces is of no use.
pub struct Table {
    table: comfy_table::Table,
}

impl Table {
    /// With these columns and no rows.
    pub fn new(columns: &[Column]) -> Self {
        let mut table = plain();
        table.set_header(columns.iter().map(|column| Cell::new(column.title)));
        for (index, column) in columns.iter().enumerate() {
            if let Some(made) = table.column_mut(index) {
                made.set_cell_alignment(column.alignment);
                made.set_padding((0, 2));
            }
        }
        Self { table }
    }

    /// Adds a row. What its cells hold may come from anywhere: it is escaped.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.table.add_row(cells.map(|cell| safe(&cell)));
    }

    /// As text; `empty` and a line end when there is no row.
    pub fn render(self, empty: &str) -> String {
        if self.table.is_empty() { format!("{empty}\n") } else { self.table.trim_fmt() + "\n" }
    }
}

/// Names and values below one another.
pub fn facts(facts: &[(&str, String)]) -> String {
    let mut table = plain();
    for (name, value) in facts {
        table.add_row([(*name).to_owned(), safe(value)]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

fn plain() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}
