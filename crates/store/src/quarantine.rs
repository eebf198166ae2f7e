//! What could not be counted (R34): a place to look at, to work through and to empty.
//!
//! Whoever changes it locks it first (`Tx::lock_quarantine`), so that several writers never wait for one another in a
//! circle. Counts of all that ever was in it are kept beside it, whatever becomes of the entries.

mod hidden;
mod insert;
mod leave;
mod tally;
mod trim;

use std::borrow::Cow;

use bytes::Bytes;
use mete_core::Timestamp;
use mete_core::secret::without_secrets;
use sqlx::QueryBuilder;

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;
use crate::pages::{Cursor, CursorKey, Order, Page, Paging};
use crate::rows::count;

pub(crate) use insert::Caught;
pub use leave::FailedRetry;
pub use tally::QuarantineCount;
pub use trim::{QUARANTINE_ENTRIES, Trimmed};

/// The most bytes of raw text that are kept of one entry (R34).
pub const RAW_LIMIT: usize = 64 * 1024;

/// How many bytes of its text an entry has in a list of many.
const BEGINNING: usize = 512;

/// Rows of one statement.
const CHUNK: usize = 50;

const COLUMNS: &str = "id, at, source, position, reason, detail, raw, raw_bytes, spot, tries";

/// Something that could not be counted, as ingest found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Where in the source it starts: a byte offset.
    pub position: u64,
    /// Why, as a stable word.
    pub reason: &'static str,
    /// Why, in words.
    pub detail: String,
    /// The raw bytes, at most [`RAW_LIMIT`]. What stands in one line shares them.
    pub raw: Bytes,
    /// How many bytes it had.
    pub raw_bytes: u64,
    /// Which byte of it is the first that is wrong, where that is known.
    pub spot: Option<u32>,
}

impl QuarantineEntry {
    /// Whether this is about the same place of the same line as `other`, and so is the same entry. Compares no text: it
    /// is asked of the many things that one line can hold.
    pub(crate) fn is_where(&self, other: &Self) -> bool {
        self.raw.as_ptr_range() == other.raw.as_ptr_range()
            && (self.position, self.spot) == (other.position, other.spot)
    }
}

/// An entry of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The raw bytes, with the SHA-256 of each API key in place of the key.
    pub raw: Vec<u8>,
    /// How many bytes it had before it was cut.
    pub raw_bytes: u64,
    /// Which byte of it is the first that is wrong, where that is known.
    pub spot: Option<u32>,
    /// How often it was tried to count it.
    pub tries: u64,
}

impl QuarantineRow {
    /// The raw text; bytes that are not UTF-8 are replaced, and so are API keys, which an older version may have kept.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match String::from_utf8_lossy(&self.raw) {
            Cow::Borrowed(text) => without_secrets(text),
            Cow::Owned(text) => Cow::Owned(without_secrets(&text).into_owned()),
        }
    }

    /// Whether the raw text is all there, as it must be to be read again.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.raw.len() as u64 == self.raw_bytes
    }
}

/// Which entries of the quarantine; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    /// Put there for this reason.
    pub reason: Option<String>,
    /// From this source.
    pub source: Option<String>,
    /// Put there at this time or later.
    pub since: Option<Timestamp>,
}

impl QuarantineFilter {
    fn conditions(&self) -> Conditions {
        Conditions::default()
            .text("reason = {}", self.reason.as_deref())
            .text("source = {}", self.source.as_deref())
            .number("at >= {}", self.since.map(|since| since.0))
    }

    fn parts(&self) -> (String, Vec<String>) {
        self.conditions().parts()
    }
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
    spot: Option<i64>,
    tries: i64,
}

impl From<Row> for QuarantineRow {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            at: Timestamp(row.at),
            source: row.source,
            position: count(row.position),
            reason: row.reason,
            detail: row.detail,
            raw: row.raw,
            raw_bytes: count(row.raw_bytes),
            spot: row.spot.and_then(|spot| u32::try_from(spot).ok()),
            tries: count(row.tries),
        }
    }
}

impl Store {
    /// The newest entries of the quarantine, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn quarantine(&self, limit: i64) -> Result<Vec<QuarantineRow>, StoreError> {
        self.quarantine_list(&QuarantineFilter::default(), limit).await
    }

    /// The newest entries that `filter` lets through, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn quarantine_list(
        &self,
        filter: &QuarantineFilter,
        limit: i64,
    ) -> Result<Vec<QuarantineRow>, StoreError> {
        let (conditions, texts) = filter.parts();
        let sql = format!("SELECT {COLUMNS} FROM quarantine {conditions} ORDER BY at DESC, id LIMIT {limit}");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(QuarantineRow::from).collect())
    }

    /// Some of the entries that `filter` lets through, newest first, each with the beginning of its text. How many there
    /// are is told where no time restricts them.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn quarantine_page(
        &self,
        filter: &QuarantineFilter,
        paging: &Paging,
    ) -> Result<Page<QuarantineRow>, StoreError> {
        const NEWEST: Order = Order { has_number_id: true, ..Order::newest("at", "id") };
        let (conditions, texts) = NEWEST.seek(filter.conditions(), paging).parts();
        let columns = COLUMNS.replace("raw,", &format!("SUBSTR(raw, 1, {BEGINNING}) AS raw,"));
        let sql = format!("SELECT {columns} FROM quarantine {conditions} {}", NEWEST.clause(paging));
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        let mut page = Page::of(rows, paging, |row| Cursor { key: CursorKey::Number(row.at), id: row.id.to_string() });
        if filter.since.is_none() {
            let is_wanted = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
            let counts = self.quarantine_counts().await?.into_iter();
            let of_filter =
                counts.filter(|it| is_wanted(&filter.reason, &it.reason) && is_wanted(&filter.source, &it.source));
            page.total = Some(of_filter.map(|it| it.there).sum());
        }
        page.try_map(|row| Ok(QuarantineRow::from(row)))
    }

    /// How many entries `filter` lets through.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn count_quarantine_of(&self, filter: &QuarantineFilter) -> Result<u64, StoreError> {
        let (conditions, texts) = filter.parts();
        let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM quarantine {conditions}");
        let rows: Vec<(i64,)> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.first().map_or(0, |row| count(row.0)))
    }

    /// The numbers of all entries that `filter` lets through, by source, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn quarantine_ids(&self, filter: &QuarantineFilter) -> Result<Vec<i64>, StoreError> {
        let (conditions, texts) = filter.parts();
        let sql = format!("SELECT id FROM quarantine {conditions} ORDER BY source, at, position, id");
        let rows: Vec<(i64,)> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The entries with these numbers, by source, oldest first; those that are gone are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn quarantine_entries(&self, ids: &[i64]) -> Result<Vec<QuarantineRow>, StoreError> {
        let mut rows: Vec<Row> = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            rows.extend(on_read!(self, db => {
                let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM quarantine WHERE id IN ("));
                let mut list = query.separated(", ");
                for id in chunk {
                    list.push_bind(*id);
                }
                query.push(")");
                query.build_query_as::<Row>().persistent(chunk.len() == CHUNK).fetch_all(db).await
            })?);
        }
        rows.sort_unstable_by(|a, b| (&a.source, a.at, a.position, a.id).cmp(&(&b.source, b.at, b.position, b.id)));
        Ok(rows.into_iter().map(QuarantineRow::from).collect())
    }
}
