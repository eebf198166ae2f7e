//! What could not be counted (R34).

use mete_core::Timestamp;
use serde::Serialize;

use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::rows::count;
use crate::{Store, Tx};

/// The most bytes of raw text that are kept of one entry (R34).
pub const RAW_LIMIT: usize = 64 * 1024;

/// Something that could not be counted, as ingest found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Where in the source it starts: a byte offset.
    pub position: u64,
    /// Why, as a stable word.
    pub reason: &'static str,
    /// Why, in words.
    pub detail: String,
    /// The raw bytes, at most [`RAW_LIMIT`].
    pub raw: Vec<u8>,
    /// How many bytes it had.
    pub raw_bytes: u64,
    /// Which byte of it is the first that is wrong, where that is known.
    pub spot: Option<u32>,
}

/// An entry of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuarantineRow {
    /// Its number.
    pub id: i64,
    /// When it was put there.
    pub at: Timestamp,
    /// Where it came from.
    pub source: String,
    /// Where in the source it starts: a byte offset.
    pub position: u64,
    /// Why, as a stable word.
    pub reason: String,
    /// Why, in words.
    pub detail: String,
    /// The raw text; bytes that are not UTF-8 are replaced.
    pub raw: String,
    /// How many bytes it had before it was cut.
    pub raw_bytes: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    at: i64,
    source: String,
    position: i64,
    reason: String,
    detail: String,
    raw: Vec<u8>,
    raw_bytes: i64,
}

impl Store {
    /// The newest entries of the quarantine, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn quarantine(&self, limit: i64) -> Result<Vec<QuarantineRow>, StoreError> {
        let rows: Vec<Row> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT id, at, source, position, reason, detail, raw, raw_bytes FROM quarantine \
                 ORDER BY at DESC, id LIMIT $1",
            )
            .bind(limit)
            .fetch_all(db)
            .await
        })?;
        let entry = |row: Row| QuarantineRow {
            id: row.id,
            at: Timestamp(row.at),
            source: row.source,
            position: count(row.position),
            reason: row.reason,
            detail: row.detail,
            raw: String::from_utf8_lossy(&row.raw).into_owned(),
            raw_bytes: count(row.raw_bytes),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// How many entries the quarantine has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_quarantine(&self) -> Result<u64, StoreError> {
        let (number,): (i64,) = on_read!(self, db => {
            sqlx::query_as("SELECT CAST(COUNT(*) AS BIGINT) FROM quarantine").fetch_one(db).await
        })?;
        Ok(count(number))
    }
}

impl Tx {
    /// Puts an entry there; one that is there already (same source, position and text) stays as it is.
    pub(crate) async fn insert_quarantine(
        &mut self,
        id: i64,
        source: &str,
        entry: &QuarantineEntry,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let raw = entry.raw[..entry.raw.len().min(RAW_LIMIT)].to_vec();
        // Postgres' text has no NUL.
        let detail = entry.detail.replace('\0', "\u{fffd}");
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO quarantine (id, at, source, position, reason, detail, raw, raw_bytes) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(at.0)
            .bind(source)
            .bind(entry.position.cast_signed())
            .bind(entry.reason)
            .bind(detail)
            .bind(raw)
            .bind(entry.raw_bytes.cast_signed())
            .execute(db)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
