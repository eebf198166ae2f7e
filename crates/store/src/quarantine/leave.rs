//! Out of the quarantine: read after all, or forgotten; and what stays because it failed again.

use std::collections::HashMap;

use mete_core::secret::without_secrets;
use sqlx::QueryBuilder;

use super::CHUNK;
use super::tally::{Counts, Way};
use crate::boxed;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::{Store, Tx};

/// How often a transaction is tried that is in another one's way.
const TRIES: u32 = 10;

/// An entry that was read again, in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRetry {
    /// Its number.
    pub id: i64,
    /// Why now, as a stable word.
    pub reason: &'static str,
    /// Why now, in words.
    pub detail: String,
    /// Which byte of it is the first that is wrong, where that is known.
    pub spot: Option<u32>,
}

#[derive(sqlx::FromRow)]
struct Left {
    id: i64,
    source: String,
    reason: String,
    kept: i64,
    tries: i64,
}

impl Tx {
    /// Takes entries out because they were read after all. Tells how often each was tried; those that were gone are not
    /// among them.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn resolve_quarantine(&mut self, ids: &[i64]) -> Result<HashMap<i64, u64>, StoreError> {
        let left = self.take_out(ids, Way::Retried).await?;
        Ok(left.into_iter().map(|row| (row.id, row.tries.cast_unsigned())).collect())
    }

    /// Takes entries out because somebody says so; their counts stay. Tells how many were there, by source and reason.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn forget_quarantine(&mut self, ids: &[i64]) -> Result<Vec<(String, String, u64)>, StoreError> {
        let counts = counts_of(&self.take_out(ids, Way::Forgotten).await?);
        Ok(counts.into_iter().map(|((source, reason), number)| (source, reason, number.cast_unsigned())).collect())
    }

    /// Takes the oldest entries out to make room for others. Tells how many there were.
    pub(super) async fn drop_quarantine(&mut self, ids: &[i64]) -> Result<u64, StoreError> {
        Ok(self.take_out(ids, Way::Dropped).await?.len() as u64)
    }

    async fn take_out(&mut self, ids: &[i64], way: Way) -> Result<Vec<Left>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.lock_quarantine().await?;
        let mut left: Vec<Left> = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            left.extend(in_tx!(self, db => {
                let mut query = QueryBuilder::new("DELETE FROM quarantine WHERE id IN (");
                let mut list = query.separated(", ");
                for id in chunk {
                    list.push_bind(*id);
                }
                query.push(") RETURNING id, source, reason, kept, tries");
                let comes_again = matches!(chunk.len(), 1 | CHUNK);
                query.build_query_as::<Left>().persistent(comes_again).fetch_all(db).await
            })?);
        }
        self.count_left(&counts_of(&left), way).await?;
        self.keep_quarantine_bytes(-left.iter().map(|row| row.kept).sum::<i64>()).await?;
        Ok(left)
    }

    async fn note_failed_retries(&mut self, failed: &[FailedRetry]) -> Result<(), StoreError> {
        self.lock_quarantine().await?;
        let mut counts = Counts::new();
        for again in failed {
            let Some((source, reason)) = self.place_in_quarantine(again.id).await? else { continue };
            *counts.entry((source.clone(), reason)).or_default() -= 1;
            *counts.entry((source, again.reason.to_owned())).or_default() += 1;
            let detail = without_secrets(&again.detail).replace('\0', "\u{fffd}");
            in_tx!(self, db => {
                sqlx::query(
                    "UPDATE quarantine SET reason = $2, detail = $3, spot = $4, tries = tries + 1 WHERE id = $1",
                )
                .bind(again.id)
                .bind(again.reason)
                .bind(detail)
                .bind(again.spot.map(i64::from))
                .execute(db)
                .await
                .map(drop)
            })?;
        }
        counts.retain(|_, number| *number != 0);
        self.count_seen(&counts).await
    }

    /// Source and reason of an entry, if it is there.
    async fn place_in_quarantine(&mut self, id: i64) -> Result<Option<(String, String)>, StoreError> {
        Ok(in_tx!(self, db => {
            sqlx::query_as("SELECT source, reason FROM quarantine WHERE id = $1").bind(id).fetch_optional(db).await
        })?)
    }
}

impl Store {
    /// Notes of entries that they were read again in vain, and why: they stay. What was seen counts for the reason that
    /// it is there for now.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing of it happened.
    #[boxed]
    pub async fn note_failed_retries(&self, failed: &[FailedRetry]) -> Result<(), StoreError> {
        if failed.is_empty() {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = async {
                let mut tx = self.begin().await?;
                tx.note_failed_retries(failed).await?;
                tx.commit().await
            };
            match outcome.await {
                Err(error) if tries < TRIES && error.is_retryable() => {}
                outcome => return outcome,
            }
        }
    }
}

fn counts_of(left: &[Left]) -> Counts {
    let mut counts = Counts::new();
    for row in left {
        *counts.entry((row.source.clone(), row.reason.clone())).or_default() += 1;
    }
    counts
}
