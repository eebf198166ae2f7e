//! Lines of the quarantine, read again once what was wrong is mended (R34).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use mete_core::Clock;
use mete_prices::Catalogue;
use mete_store::{FailedRetry, Ledger, Parcel, QuarantineEntry, QuarantineRow, ReadCounts, Store, StoreError, Tally};
use tokio::task::{JoinError, spawn_blocking};

use crate::attribution::Directories;
use crate::framing::Frame;
use crate::reader::{Reader, Settings};

/// Entries that one commit takes: with 64 KiB of text each, the most that is in memory is 13 MB.
const GROUP: usize = 200;

/// Why entries could not be read again. What was committed before stays so.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reader ended in a way that it must not.
    #[error("the reader failed inside: {0}")]
    Reader(#[from] JoinError),
}

/// What became of entries that were to be read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Entries that left the quarantine: they are in the ledger, or turned out to be no usage.
    pub left: u64,
    /// Entries that stay, with the reason that they have now.
    pub stayed: u64,
    /// Entries that stay as they were, because part of their text was cut.
    pub cut: u64,
    /// Entries that were gone.
    pub gone: u64,
    /// What the ledger says of their events.
    pub tally: Tally,
}

/// Reads entries again.
pub struct Retry<S> {
    store: Store,
    directories: Arc<Directories>,
    clock: Arc<dyn Clock>,
    catalogue: Arc<Catalogue>,
    /// The settings of a source, by its name.
    settings: S,
    ledger: Ledger,
    /// That of the source at hand.
    reader: Option<Reader>,
}

/// Entries of one commit: what could be read, and what could not.
#[derive(Default)]
struct Work {
    parcels: Vec<Parcel>,
    failed: Vec<FailedRetry>,
}

impl<S: Fn(&str) -> Settings> Retry<S> {
    /// Reads lines of `store`, each as its source's `settings` say.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        catalogue: Arc<Catalogue>,
        settings: S,
    ) -> Result<Self, StoreError> {
        let ledger = Ledger::open(store.clone()).await?;
        let directories = Directories::new(store.clone());
        Ok(Self { store, directories, clock, catalogue, settings, ledger, reader: None })
    }

    /// Reads the entries with these numbers again. Those that can be counted now leave the quarantine in the transaction
    /// of their events; the others stay, with one try more.
    ///
    /// # Errors
    /// When the store fails. What was read up to there is counted, and is not there to be retried any more.
    pub async fn run(&mut self, ids: &[i64]) -> Result<Retried, RetryError> {
        let mut retried = Retried::default();
        for group in ids.chunks(GROUP) {
            let rows = self.store.quarantine_entries(group).await?;
            retried.gone += (group.len() - rows.len()) as u64;
            let (whole, cut): (Vec<_>, Vec<_>) = rows.into_iter().partition(QuarantineRow::is_whole);
            retried.cut += cut.len() as u64;
            let mut work = Work::default();
            let mut by_source: BTreeMap<String, Vec<QuarantineRow>> = BTreeMap::new();
            for row in whole {
                by_source.entry(row.source.clone()).or_default().push(row);
            }
            for (source, rows) in by_source {
                self.read(&source, rows, &mut work).await?;
            }
            self.write(work, &mut retried).await?;
        }
        self.ledger.fold().await?;
        Ok(retried)
    }

    async fn read(&mut self, source: &str, rows: Vec<QuarantineRow>, work: &mut Work) -> Result<(), RetryError> {
        let mut reader = match self.reader.take().filter(|reader| reader.source() == source) {
            Some(reader) => reader,
            None => {
                let settings = Settings { name: source.to_owned(), ..(self.settings)(source) };
                let (catalogue, clock) = (Arc::clone(&self.catalogue), Arc::clone(&self.clock));
                Reader::new(settings, Arc::clone(&self.directories), catalogue, clock).await?
            }
        };
        // A reader may wait for the store.
        let (reader, readings) = spawn_blocking(move || {
            let readings: Vec<_> = rows.into_iter().map(|row| (row.id, row.spot, reread(&mut reader, row))).collect();
            (reader, readings)
        })
        .await?;
        self.reader = Some(reader);
        for (id, spot, parcel) in readings {
            work.add(id, spot, parcel);
        }
        Ok(())
    }

    async fn write(&mut self, work: Work, retried: &mut Retried) -> Result<(), StoreError> {
        let Work { parcels, failed } = work;
        self.store.note_failed_retries(&failed).await?;
        retried.stayed += failed.len() as u64;
        if parcels.is_empty() {
            return Ok(());
        }
        let outcome = self.ledger.commit(&parcels, self.clock.now()).await?;
        for tally in &outcome.tallies {
            retried.tally += *tally;
        }
        let contradicting: HashSet<usize> = outcome.conflicts.iter().map(|(parcel, _)| *parcel).collect();
        for (number, _) in parcels.iter().enumerate().filter(|(_, parcel)| !parcel.retried.is_empty()) {
            let count = if contradicting.contains(&number) { &mut retried.stayed } else { &mut retried.left };
            *count += 1;
        }
        Ok(())
    }
}

impl Work {
    /// What came of an entry. One that holds several events stays until all of them can be read; those that can are
    /// counted all the same, and are recognised when they come again.
    fn add(&mut self, id: i64, spot: Option<u32>, mut parcel: Parcel) {
        // Its line was counted when it was read first.
        parcel.read = ReadCounts { cost_differs: parcel.read.cost_differs, ..ReadCounts::default() };
        let problems = std::mem::take(&mut parcel.quarantine);
        match problems.iter().find(|problem| problem.spot == spot).or(problems.first()) {
            None => parcel.retried = vec![id],
            Some(QuarantineEntry { reason, detail, spot, .. }) => {
                self.failed.push(FailedRetry { id, reason, detail: detail.clone(), spot: *spot });
                if parcel.events.is_empty() {
                    return;
                }
            }
        }
        self.parcels.push(parcel);
    }
}

fn reread(reader: &mut Reader, row: QuarantineRow) -> Parcel {
    let mut parcel = reader.parcel();
    reader.read(Frame::Line { position: row.position, bytes: row.raw.into() }, &mut parcel);
    parcel
}
