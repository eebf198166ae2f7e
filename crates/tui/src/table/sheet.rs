//! A table's rows as plain values, for files.

use mete_core::Timestamp;

use super::{Row, Table, Value};

/// Rows of values under the names of their columns; the first column is the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The names.
    pub columns: Vec<String>,
    /// The values, as many in each row as there are names.
    pub rows: Vec<Vec<Value>>,
}

impl<R: Row> Table<R> {
    /// All columns, hidden ones too, of the rows shown.
    pub(super) fn to_sheet(&self, now: Timestamp) -> Sheet {
        let names = self.columns.iter().map(|column| column.name());
        let row = |row: &R| {
            let values = self.columns.iter().map(|column| column.value(row, now));
            std::iter::once(Value::Text(row.id().to_owned())).chain(values).collect()
        };
        Sheet {
            columns: std::iter::once("id".to_owned()).chain(names).collect(),
            rows: self.shown().map(row).collect(),
        }
    }
}
