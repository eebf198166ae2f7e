//! Inserting many rows of whole numbers at once: multi-row `VALUES` on SQLite, `UNNEST` on Postgres.

use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::Tx;
use crate::error::StoreError;

/// Rows of one statement on SQLite. Fixed sizes keep the statement cache small; a changing size would churn it.
const CHUNKS: [usize; 4] = [500, 50, 5, 1];

/// The texts of one bulk insert.
pub(crate) struct BulkInsert {
    values: [String; CHUNKS.len()],
    unnest: String,
}

impl BulkInsert {
    /// Into `table` with `numbers` columns of whole numbers, followed by `text` if there is one.
    pub(crate) fn new(table: &str, numbers: &[&str], text: Option<&str>) -> Self {
        let mut columns = numbers.to_vec();
        columns.extend(text);
        let width = columns.len();
        let head = format!("INSERT INTO {table} ({})", columns.join(", "));
        let values = CHUNKS.map(|rows| {
            // Not `$1`: SQLite keeps such names in a list, and with thousands of them every look-up walks it.
            let row = format!("({})", vec!["?"; width].join(", "));
            format!("{head} VALUES {}", vec![row; rows].join(", "))
        });
        let mut arrays: Vec<String> = (1..=numbers.len()).map(|c| format!("${c}::BIGINT[]")).collect();
        arrays.extend(text.map(|_| format!("${width}::TEXT[]")));
        Self { values, unnest: format!("{head} SELECT * FROM UNNEST({})", arrays.join(", ")) }
    }

    /// Inserts `rows`; `texts` has one entry a row where the insert has a text column, and is empty where not.
    pub(crate) async fn run<const N: usize>(
        &'static self,
        tx: &mut Tx,
        rows: &[[i64; N]],
        texts: &[String],
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let inserted = match tx {
            Tx::Sqlite(_) => self.run_sqlite(tx, rows, texts).await?,
            Tx::Postgres(transaction) => {
                let mut arguments = PgArguments::default();
                for column in 0..N {
                    let values: Vec<i64> = rows.iter().map(|row| row[column]).collect();
                    arguments.add(values).map_err(sqlx::Error::Encode)?;
                }
                if !texts.is_empty() {
                    arguments.add(texts.to_vec()).map_err(sqlx::Error::Encode)?;
                }
                sqlx::query_with(self.unnest.as_str(), arguments).execute(&mut **transaction).await?.rows_affected()
            }
        };
        if inserted == rows.len() as u64 {
            return Ok(());
        }
        Err(StoreError::Corrupt(format!("{inserted} rows where {} were inserted", rows.len())))
    }

    async fn run_sqlite<const N: usize>(
        &'static self,
        tx: &mut Tx,
        mut rows: &[[i64; N]],
        mut texts: &[String],
    ) -> Result<u64, StoreError> {
        let Tx::Sqlite(transaction) = tx else { return Ok(0) };
        let mut inserted = 0;
        for (size, text) in CHUNKS.into_iter().zip(&self.values) {
            while rows.len() >= size {
                let (chunk, rest) = rows.split_at(size);
                rows = rest;
                let mut arguments = SqliteArguments::default();
                for (row, values) in chunk.iter().enumerate() {
                    for value in values {
                        arguments.add(*value).map_err(sqlx::Error::Encode)?;
                    }
                    if let Some(value) = texts.get(row) {
                        arguments.add(value.as_str()).map_err(sqlx::Error::Encode)?;
                    }
                }
                texts = texts.get(size..).unwrap_or_default();
                inserted +=
                    sqlx::query_with(text.as_str(), arguments).execute(&mut **transaction).await?.rows_affected();
            }
        }
        Ok(inserted)
    }
}
