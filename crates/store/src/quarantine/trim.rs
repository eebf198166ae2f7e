//! The quarantine within its limits: the oldest raw text goes first, then the oldest entries.

use sqlx::QueryBuilder;

use super::CHUNK;
use crate::boxed;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::settings::Setting;
use crate::{Store, Tx};

/// The most entries that the quarantine keeps. With what the store keeps of one without its text, and its places in four
/// indexes, a million are about half a gigabyte.
pub const QUARANTINE_ENTRIES: u64 = 1_000_000;

/// Entries that one step changes: ingest waits for as long as that takes, a few milliseconds.
const STEP: u64 = 500;

/// What a step of trimming did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Entries whose raw text went.
    pub cut: u64,
    /// Entries that went.
    pub dropped: u64,
    /// Whether another step has something to do.
    pub more: bool,
}

impl Store {
    /// Brings the quarantine nearer to its limits, by one small step: to the bytes of raw text that are set, and to
    /// [`QUARANTINE_ENTRIES`].
    ///
    /// # Errors
    /// When the store cannot be read or written; then nothing of the step happened.
    #[boxed]
    pub async fn trim_quarantine(&self) -> Result<Trimmed, StoreError> {
        self.trim_quarantine_to(QUARANTINE_ENTRIES).await
    }

    /// The same with another limit of entries.
    ///
    /// # Errors
    /// As [`Store::trim_quarantine`].
    #[boxed]
    pub async fn trim_quarantine_to(&self, entries: u64) -> Result<Trimmed, StoreError> {
        let mut tx = self.begin().await?;
        tx.lock_quarantine().await?;
        let trimmed = tx.trim_quarantine(entries, STEP).await?;
        tx.commit().await?;
        Ok(trimmed)
    }
}

impl Tx {
    /// One step of at most so many entries.
    pub(super) async fn trim_quarantine(&mut self, entries: u64, step: u64) -> Result<Trimmed, StoreError> {
        let there = self.count_quarantine().await?;
        let dropped = self.drop_oldest(there.saturating_sub(entries).min(step)).await?;
        let limit = self.setting(Setting::QuarantineBytes).await?;
        // What was dropped took its text along.
        let too_long = self.keep_quarantine_bytes(0).await? - limit;
        let cut = if too_long > 0 { self.cut_oldest(too_long, step).await? } else { 0 };
        Ok(Trimmed { cut, dropped, more: cut + dropped > 0 })
    }

    async fn drop_oldest(&mut self, number: u64) -> Result<u64, StoreError> {
        if number == 0 {
            return Ok(0);
        }
        let ids: Vec<(i64,)> = in_tx!(self, db => {
            sqlx::query_as("SELECT id FROM quarantine ORDER BY at LIMIT $1")
                .bind(number.cast_signed())
                .fetch_all(db)
                .await
        })?;
        let ids: Vec<i64> = ids.into_iter().map(|row| row.0).collect();
        self.drop_quarantine(&ids).await
    }

    /// Cuts the raw text of the oldest entries that have any, until `bytes` are free or the step is over.
    async fn cut_oldest(&mut self, bytes: i64, step: u64) -> Result<u64, StoreError> {
        let mut oldest: Vec<(i64, i64)> = in_tx!(self, db => {
            sqlx::query_as("SELECT id, kept FROM quarantine WHERE kept > 0 ORDER BY at LIMIT $1")
                .bind(step.cast_signed())
                .fetch_all(db)
                .await
        })?;
        let mut freed = 0;
        oldest.retain(|(_, kept)| {
            let is_needed = freed < bytes;
            freed += if is_needed { *kept } else { 0 };
            is_needed
        });
        for chunk in oldest.chunks(CHUNK) {
            in_tx!(self, db => {
                let mut query = QueryBuilder::new("UPDATE quarantine SET kept = 0, raw = ");
                query.push_bind(Vec::<u8>::new()).push(" WHERE id IN (");
                let mut list = query.separated(", ");
                for (id, _) in chunk {
                    list.push_bind(*id);
                }
                query.push(")");
                query.build().persistent(chunk.len() == CHUNK).execute(db).await.map(drop)
            })?;
        }
        self.keep_quarantine_bytes(-freed).await?;
        Ok(oldest.len() as u64)
    }
}
