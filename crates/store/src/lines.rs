//! Long tables, many rows in one.
//!
//! SQLite's driver hands every row and every column of it from one thread to another, which takes several times as long as to
//! find them. Of a million keys each page comes as one text instead: a line a key, its columns behind one another.

use std::str::Split;

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;

use crate::Store;
use crate::conditions::Conditions;
use crate::db::{Db, on_read};
use crate::error::StoreError;

/// What stands between two columns, and between two lines: no id and no JSON has control characters.
const BETWEEN_COLUMNS: char = '\u{1f}';
const BETWEEN_LINES: char = '\u{1e}';

/// So many rows make a page.
const PAGE: usize = 4096;

/// A column of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// A text that is never null.
    Text(&'static str),
    /// A number, or null.
    Number(&'static str),
    /// Bytes that are never null.
    Bytes(&'static str),
}

impl Column {
    /// Its text in SQL.
    fn sql(self, db: &Db) -> String {
        match (self, db) {
            (Self::Text(column), _) => column.to_owned(),
            (Self::Number(column), _) => format!("COALESCE(CAST({column} AS TEXT), '')"),
            (Self::Bytes(column), Db::Sqlite { .. }) => format!("hex({column})"),
            (Self::Bytes(column), Db::Postgres(_)) => format!("encode({column}, 'hex')"),
        }
    }
}

/// What is read: `columns` of `from`, whose rows SQLite numbers by `rowid`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub columns: &'static [Column],
    pub from: &'static str,
    pub rowid: &'static str,
}

/// The columns of one line, in their order.
pub(crate) struct Fields<'a>(Split<'a, char>);

impl<'a> Fields<'a> {
    fn of(line: &'a str) -> Self {
        Self(line.split(BETWEEN_COLUMNS))
    }

    /// The next one's text.
    pub(crate) fn text(&mut self) -> Result<&'a str, StoreError> {
        self.0.next().ok_or_else(|| StoreError::Corrupt("a row of which a column is missing".into()))
    }

    /// The next one, a number or nothing.
    pub(crate) fn number(&mut self) -> Result<Option<i64>, StoreError> {
        match self.text()? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| StoreError::Corrupt(format!("the number {text:?}"))),
        }
    }

    /// The next one, of 32 bytes.
    pub(crate) fn bytes32(&mut self) -> Result<[u8; 32], StoreError> {
        let (text, mut bytes) = (self.text()?, [0; 32]);
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(_) => Err(StoreError::Corrupt(format!("a key hash of {} digits", text.len()))),
        }
    }
}

impl Store {
    /// Hands out every row of `table`, or those that `conditions` find, in no order. A row that is changed meanwhile comes as
    /// it was or as it is.
    ///
    /// # Errors
    /// When the store cannot be read, or `each` cannot.
    pub(crate) async fn each_line(
        &self,
        table: Table,
        conditions: Option<Conditions>,
        each: &mut (dyn FnMut(Fields<'_>) -> Result<(), StoreError> + Send),
    ) -> Result<(), StoreError> {
        let columns: Vec<String> = table.columns.iter().map(|column| column.sql(&self.db)).collect();
        let line = columns.join(&format!(" || '{BETWEEN_COLUMNS}' || "));
        match (&*self.db, conditions) {
            (Db::Sqlite { read, .. }, None) => {
                let Table { from, rowid, .. } = table;
                let sql = format!(
                    "SELECT string_agg(line, '{BETWEEN_LINES}'), MAX(num) FROM (SELECT {line} AS line, {rowid} AS num \
                     FROM {from} WHERE {rowid} > $1 ORDER BY {rowid} LIMIT {PAGE})"
                );
                let mut last = i64::MIN;
                loop {
                    let page = sqlx::query_as(AssertSqlSafe(sql.as_str())).bind(last);
                    let (Some(lines), Some(end)): (Option<String>, Option<i64>) = page.fetch_one(read).await? else {
                        return Ok(());
                    };
                    lines.split(BETWEEN_LINES).try_for_each(|line| each(Fields::of(line)))?;
                    last = end;
                }
            }
            (_, conditions) => {
                let (conditions, texts) = conditions.unwrap_or_default().parts();
                let sql = format!("SELECT {line} FROM {} {conditions}", table.from);
                on_read!(self, db => {
                    let query = sqlx::query_scalar(AssertSqlSafe(sql));
                    let mut lines = texts.iter().fold(query, |query, text| query.bind(text)).fetch(db);
                    while let Some(line) = lines.try_next().await? {
                        let line: String = line;
                        each(Fields::of(&line))?;
                    }
                });
                Ok(())
            }
        }
    }
}
