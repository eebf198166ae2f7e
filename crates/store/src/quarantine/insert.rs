//! Into the quarantine, many at once: a log of nothing but bad lines must not be slow.

use std::collections::HashSet;

use mete_core::secret::without_secrets;
use mete_core::{IdHasher, Timestamp};
use sqlx::QueryBuilder;

use super::hidden::Hidden;
use super::tally::Counts;
use super::{CHUNK, QUARANTINE_ENTRIES, QuarantineEntry};
use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

const HEAD: &str =
    "INSERT INTO quarantine (id, at, source, position, reason, detail, raw, raw_bytes, spot, tries, kept) ";

/// So many entries in one commit are a flood.
const FLOOD: usize = 1000;

/// An entry on its way into the quarantine.
#[derive(Debug)]
pub(crate) struct Caught<'a> {
    id: i64,
    source: &'a str,
    entry: &'a QuarantineEntry,
    /// How often it was tried to count it before.
    tried: u64,
}

impl<'a> Caught<'a> {
    /// An entry of a source and its run. What has the same place and text is the same entry, however often it is read.
    pub(crate) fn new(
        hasher: IdHasher,
        (source, run): (&'a str, &str),
        entry: &'a QuarantineEntry,
        tried: u64,
    ) -> Self {
        let (position, spot) = (entry.position.to_le_bytes(), entry.spot.unwrap_or_default().to_le_bytes());
        let place = [position.as_slice(), &spot].concat();
        Self { id: hasher.hash(&[source.as_bytes(), run.as_bytes(), &place, &entry.raw]), source, entry, tried }
    }
}

impl Tx {
    /// Puts entries there; one that is there already stays as it is. Tells of each whether it is new.
    pub(crate) async fn insert_quarantine(
        &mut self,
        caught: &[Caught<'_>],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        if caught.is_empty() {
            return Ok(Vec::new());
        }
        self.lock_quarantine().await?;
        let (mut new, mut counts, mut kept) = (Vec::with_capacity(caught.len()), Counts::new(), 0);
        for chunk in caught.chunks(CHUNK) {
            let hidden: Vec<_> = chunk.iter().map(|caught| Hidden::of(caught.entry)).collect();
            let mut inserted = self.insert_chunk(chunk, &hidden, now).await?;
            for (caught, hidden) in chunk.iter().zip(&hidden) {
                // Of two that are the same in one chunk, the first is new.
                let is_new = inserted.remove(&caught.id);
                new.push(is_new);
                if is_new {
                    *counts.entry((caught.source.to_owned(), caught.entry.reason.to_owned())).or_default() += 1;
                    kept += hidden.raw.len();
                }
            }
        }
        self.count_seen(&counts).await?;
        self.keep_quarantine_bytes(i64::try_from(kept).unwrap_or(i64::MAX)).await?;
        if caught.len() >= FLOOD {
            // Whoever trims now and then would not keep up: each makes the room that it takes, and a little more.
            self.trim_quarantine(QUARANTINE_ENTRIES, 2 * caught.len() as u64).await?;
        }
        Ok(new)
    }

    /// The numbers of those that are new.
    async fn insert_chunk(
        &mut self,
        chunk: &[Caught<'_>],
        hidden: &[Hidden<'_>],
        now: Timestamp,
    ) -> Result<HashSet<i64>, StoreError> {
        let inserted: Vec<(i64,)> = in_tx!(self, db => {
            let mut query = QueryBuilder::new(HEAD);
            query.push_values(chunk.iter().zip(hidden), |mut row, (caught, hidden)| {
                let entry = caught.entry;
                row.push_bind(caught.id)
                    .push_bind(now.0)
                    .push_bind(caught.source)
                    .push_bind(entry.position.cast_signed())
                    .push_bind(entry.reason)
                    // Postgres' text has no NUL.
                    .push_bind(without_secrets(&entry.detail).replace('\0', "\u{fffd}"))
                    .push_bind(hidden.raw.to_vec())
                    .push_bind(hidden.raw_bytes.cast_signed())
                    .push_bind(hidden.spot.map(i64::from))
                    .push_bind(caught.tried.cast_signed() + 1)
                    .push_bind(hidden.raw.len().cast_signed() as i64);
            });
            query.push(" ON CONFLICT DO NOTHING RETURNING id");
            // Only sizes that come again are worth remembering.
            let comes_again = matches!(chunk.len(), 1 | CHUNK);
            query.build_query_as().persistent(comes_again).fetch_all(db).await
        })?;
        Ok(inserted.into_iter().map(|row| row.0).collect())
    }
}
