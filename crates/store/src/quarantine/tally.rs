//! Counts of all that ever was in the quarantine, by source and reason. They outlast the entries.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::rows::count;
use crate::{Store, Tx};

/// What became of everything from one source that was put into the quarantine for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuarantineCount {
    /// Where it came from.
    pub source: String,
    /// Why, as a stable word.
    pub reason: String,
    /// How many are there now.
    pub there: u64,
    /// How many ever were.
    pub seen: u64,
    /// How many left because they could be read after all.
    pub retried: u64,
    /// How many left because somebody said so.
    pub forgotten: u64,
    /// How many left because there were too many.
    pub dropped: u64,
}

/// By source and reason, in this order: several writers change rows in one order.
pub(super) type Counts = BTreeMap<(String, String), i64>;

/// The ways out of the quarantine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// It could be read after all.
    Retried,
    /// Somebody said so.
    Forgotten,
    /// There was no room.
    Dropped,
}

/// How many entries there are.
const THERE: &str =
    "SELECT CAST(COALESCE(SUM(seen - retried - forgotten - dropped), 0) AS BIGINT) FROM quarantine_tally";

type Row = (String, String, i64, i64, i64, i64);

impl Store {
    /// What ever was in the quarantine, by source and reason, the most that are there now first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn quarantine_counts(&self) -> Result<Vec<QuarantineCount>, StoreError> {
        let rows: Vec<Row> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT source, reason, seen, retried, forgotten, dropped FROM quarantine_tally \
                 ORDER BY seen - retried - forgotten - dropped DESC, seen DESC, source, reason",
            )
            .fetch_all(db)
            .await
        })?;
        let counted = |(source, reason, seen, retried, forgotten, dropped): Row| QuarantineCount {
            source,
            reason,
            there: count(seen - retried - forgotten - dropped),
            seen: count(seen),
            retried: count(retried),
            forgotten: count(forgotten),
            dropped: count(dropped),
        };
        Ok(rows.into_iter().map(counted).collect())
    }

    /// How many entries the quarantine has.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn count_quarantine(&self) -> Result<u64, StoreError> {
        let (number,): (i64,) = on_read!(self, db => sqlx::query_as(THERE).fetch_one(db).await)?;
        Ok(count(number))
    }

    /// How many bytes of raw text the quarantine keeps.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn quarantine_kept(&self) -> Result<u64, StoreError> {
        Ok(count(self.meta("quarantine_kept").await?))
    }
}

impl Tx {
    /// Keeps everybody else from changing the quarantine until this transaction ends.
    pub(super) async fn lock_quarantine(&mut self) -> Result<(), StoreError> {
        self.keep_quarantine_bytes(0).await.map(drop)
    }

    /// Notes that so many bytes of raw text more are kept, and tells how many are now.
    pub(super) async fn keep_quarantine_bytes(&mut self, more: i64) -> Result<i64, StoreError> {
        let (kept,): (i64,) = in_tx!(self, db => {
            sqlx::query_as("UPDATE meta SET value = value + $1 WHERE name = 'quarantine_kept' RETURNING value")
                .bind(more).fetch_one(db).await
        })?;
        Ok(kept)
    }

    /// How many entries the quarantine has.
    pub(super) async fn count_quarantine(&mut self) -> Result<u64, StoreError> {
        let (number,): (i64,) = in_tx!(self, db => sqlx::query_as(THERE).fetch_one(db).await)?;
        Ok(count(number))
    }

    /// Counts entries that came, or whose reason is another one now.
    pub(super) async fn count_seen(&mut self, counts: &Counts) -> Result<(), StoreError> {
        for ((source, reason), number) in counts {
            in_tx!(self, db => {
                sqlx::query(
                    "INSERT INTO quarantine_tally (source, reason, seen, retried, forgotten, dropped) \
                     VALUES ($1, $2, $3, 0, 0, 0) \
                     ON CONFLICT (source, reason) DO UPDATE SET seen = quarantine_tally.seen + excluded.seen",
                )
                .bind(source).bind(reason).bind(*number).execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Counts entries that left.
    pub(super) async fn count_left(&mut self, counts: &Counts, way: Way) -> Result<(), StoreError> {
        let sql = match way {
            Way::Retried => "UPDATE quarantine_tally SET retried = retried + $3 WHERE source = $1 AND reason = $2",
            Way::Forgotten => {
                "UPDATE quarantine_tally SET forgotten = forgotten + $3 WHERE source = $1 AND reason = $2"
            }
            Way::Dropped => "UPDATE quarantine_tally SET dropped = dropped + $3 WHERE source = $1 AND reason = $2",
        };
        for ((source, reason), number) in counts {
            in_tx!(self, db => {
                sqlx::query(sql).bind(source).bind(reason).bind(*number).execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }
}
