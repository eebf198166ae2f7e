//! The quarantine within its limits: the oldest raw text goes first, then the oldest entries.

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
    pub async fn trim_quarantine(&self) -> Result<Trimmed, StoreError> {
        self.trim_quarantine_to(QUARANTINE_ENTRIES).await
    }

    /// The same with another limit of entries.
    ///
    /// # Errors
    /// As [`Store::trim_quarantine`].
    pub async fn trim_quarantine_to(&self, entries: u64) -> Result<Trimmed, StoreError> {
        let mut tx = self.begin().await?;
        tx.lock_quarantine().await?;
        let there = tx.count_quarantine().await?;
        let dropped = tx.drop_oldest(there.saturating_sub(entries).min(STEP)).await?;
        let limit = tx.setting(Setting::QuarantineBytes).await?;
        // What was dropped took its text along.
        let too_long = tx.keep_quarantine_bytes(0).await? - limit;
        let cut = if too_long > 0 { tx.cut_oldest(too_long).await? } else { 0 };
        tx.commit().await?;
        Ok(Trimmed { cut, dropped, more: cut + dropped > 0 })
    }
}

impl Tx {
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
    async fn cut_oldest(&mut self, bytes: i64) -> Result<u64, StoreError> {
        let oldest: Vec<(i64, i64)> = in_tx!(self, db => {
            sqlx::query_as("SELECT id, kept FROM quarantine WHERE kept > 0 ORDER BY at LIMIT $1")
                .bind(STEP.cast_signed())
                .fetch_all(db)
                .await
        })?;
        let (mut cut, mut freed) = (0, 0);
        for (id, kept) in oldest {
            if freed >= bytes {
                break;
            }
            in_tx!(self, db => {
                sqlx::query("UPDATE quarantine SET raw = $2, kept = 0 WHERE id = $1")
                    .bind(id).bind(Vec::<u8>::new()).execute(db).await.map(drop)
            })?;
            (cut, freed) = (cut + 1, freed + kept);
        }
        self.keep_quarantine_bytes(-freed).await?;
        Ok(cut)
    }
}
