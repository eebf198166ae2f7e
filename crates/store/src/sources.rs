//! What came from each source on each day of its arrival, and how far its files are read.

use mete_core::{Nanos, Timestamp};
use serde::Serialize;

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::ledger::{Parcel, Position, Tally};
use crate::rows::count;
use crate::{Store, Tx};

/// What came from a source on a UTC day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceDay {
    /// The source's name.
    pub source: String,
    /// The day on which it came, in days since 1970.
    pub day: i64,
    /// Lines, blank ones not counted.
    pub lines: u64,
    /// Lines that are no usage events by their format's rules.
    pub ignored: u64,
    /// Events that were new.
    pub accepted: u64,
    /// Copies of events that were kept already.
    pub duplicates: u64,
    /// Copies with other usage, whose difference was booked.
    pub amended: u64,
    /// Events that came more than a day after their own time, copies included.
    pub late: u64,
    /// Events that came before their own time, copies included.
    pub early: u64,
    /// What went to the quarantine, again or for the first time.
    pub quarantined: u64,
    /// Events whose own cost and catalogue price differ by more than 1% (R29).
    pub cost_differs: u64,
    /// All that was booked, differences included.
    pub spend: Nanos,
    /// When the last of it came.
    pub last_at: Timestamp,
    /// The latest time that an event had.
    pub last_event_at: Option<Timestamp>,
}

impl SourceDay {
    /// What a parcel that was committed at `now` adds to its source's day.
    #[must_use]
    pub fn of(parcel: &Parcel, tally: &Tally, now: Timestamp) -> Self {
        Self {
            source: parcel.source.to_string(),
            day: now.day(),
            lines: parcel.read.lines,
            ignored: parcel.read.ignored,
            accepted: tally.accepted,
            duplicates: tally.duplicates,
            amended: tally.amended,
            late: tally.late,
            early: tally.early,
            quarantined: tally.quarantined,
            cost_differs: parcel.read.cost_differs,
            spend: tally.spend,
            last_at: now,
            last_event_at: parcel.events.iter().map(|arrival| arrival.event.time).max(),
        }
    }
}

impl SourceDay {
    /// Adds what came later on the same day.
    pub(crate) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.ignored += other.ignored;
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.amended += other.amended;
        self.late += other.late;
        self.early += other.early;
        self.quarantined += other.quarantined;
        self.cost_differs += other.cost_differs;
        self.spend += other.spend;
        self.last_at = self.last_at.max(other.last_at);
        self.last_event_at = self.last_event_at.max(other.last_event_at);
    }
}

/// Which days of which sources; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFilter {
    /// This source.
    pub source: Option<String>,
    /// On this day or later, in days since 1970.
    pub since_day: Option<i64>,
}

/// How far a file of a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The source's name.
    pub source: String,
    /// The file, and how far.
    pub position: Position,
    /// When something of it was read last.
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    source: String,
    day: i64,
    lines: i64,
    ignored: i64,
    accepted: i64,
    duplicates: i64,
    amended: i64,
    late: i64,
    early: i64,
    quarantined: i64,
    cost_differs: i64,
    spend: i64,
    last_at: i64,
    last_event_at: Option<i64>,
}

impl From<Row> for SourceDay {
    fn from(row: Row) -> Self {
        Self {
            source: row.source,
            day: row.day,
            lines: count(row.lines),
            ignored: count(row.ignored),
            accepted: count(row.accepted),
            duplicates: count(row.duplicates),
            amended: count(row.amended),
            late: count(row.late),
            early: count(row.early),
            quarantined: count(row.quarantined),
            cost_differs: count(row.cost_differs),
            spend: Nanos(row.spend),
            last_at: Timestamp(row.last_at),
            last_event_at: row.last_event_at.map(Timestamp),
        }
    }
}

impl Store {
    /// What came from sources, by source, the newest day first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn source_days(&self, filter: &SourceFilter) -> Result<Vec<SourceDay>, StoreError> {
        let (conditions, texts) = Conditions::default()
            .text("source = {}", filter.source.as_deref())
            .number("day >= {}", filter.since_day)
            .parts();
        let sql = format!(
            "SELECT source, day, lines, ignored, accepted, duplicates, amended, late, early, quarantined, \
             cost_differs, spend, last_at, last_event_at FROM source_day {conditions} ORDER BY source, day DESC"
        );
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(SourceDay::from).collect())
    }

    /// When something was committed last, and the latest time of an event, of all sources; none where nothing ever came.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn newest(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        let (committed, event): (Option<i64>, Option<i64>) = on_read!(self, db => {
            sqlx::query_as("SELECT MAX(last_at), MAX(last_event_at) FROM source_day").fetch_one(db).await
        })?;
        Ok((committed.map(Timestamp), event.map(Timestamp)))
    }

    /// How far the files of all sources are read, by source, the one that was read last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn source_files(&self) -> Result<Vec<SourceFile>, StoreError> {
        let rows: Vec<(String, String, String, i64, Option<i64>, i64)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT source, identity, path, position, trail, updated_at FROM source_position \
                 ORDER BY source, updated_at DESC, path",
            )
            .fetch_all(db)
            .await
        })?;
        let file =
            |(source, identity, path, offset, trail, at): (String, String, String, i64, Option<i64>, i64)| SourceFile {
                source,
                position: Position { identity: identity.into(), path: path.into(), offset: count(offset), trail },
                at: Timestamp(at),
            };
        Ok(rows.into_iter().map(file).collect())
    }
}

impl Tx {
    /// Adds to what came from a source on a day.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn add_source_day(&mut self, more: &SourceDay) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO source_day (source, day, lines, ignored, accepted, duplicates, amended, late, early, \
                 quarantined, cost_differs, spend, last_at, last_event_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
                 ON CONFLICT (source, day) DO UPDATE SET \
                 lines = source_day.lines + excluded.lines, \
                 ignored = source_day.ignored + excluded.ignored, \
                 accepted = source_day.accepted + excluded.accepted, \
                 duplicates = source_day.duplicates + excluded.duplicates, \
                 amended = source_day.amended + excluded.amended, \
                 late = source_day.late + excluded.late, \
                 early = source_day.early + excluded.early, \
                 quarantined = source_day.quarantined + excluded.quarantined, \
                 cost_differs = source_day.cost_differs + excluded.cost_differs, \
                 spend = source_day.spend + excluded.spend, \
                 last_at = CASE WHEN source_day.last_at < excluded.last_at THEN excluded.last_at \
                 ELSE source_day.last_at END, \
                 last_event_at = CASE WHEN source_day.last_event_at IS NULL \
                 OR source_day.last_event_at < excluded.last_event_at THEN excluded.last_event_at \
                 ELSE source_day.last_event_at END",
            )
            .bind(&more.source)
            .bind(more.day)
            .bind(more.lines.cast_signed())
            .bind(more.ignored.cast_signed())
            .bind(more.accepted.cast_signed())
            .bind(more.duplicates.cast_signed())
            .bind(more.amended.cast_signed())
            .bind(more.late.cast_signed())
            .bind(more.early.cast_signed())
            .bind(more.quarantined.cast_signed())
            .bind(more.cost_differs.cast_signed())
            .bind(more.spend.0)
            .bind(more.last_at.0)
            .bind(more.last_event_at.map(|at| at.0))
            .execute(db)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
