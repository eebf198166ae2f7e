//! Parcels to the committer, and the wait until they are on disk.

use std::sync::Arc;
use std::time::Duration;

use mete_ingest::committer::Delivery;
use mete_store::{Account, Committed, Parcel, Receipt};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use super::content::Content;
use super::reading::{self, Work};
use super::refused::Refused;
use super::{Admitted, Intake, keys};

/// Parcels of one request that are read and not handed over yet.
const AHEAD: usize = 2;

/// A parcel on its way: what is known of it, and who will tell the rest.
type OnItsWay = (Account, oneshot::Receiver<Committed>);

impl Intake {
    /// Reads a body, hands it over and waits until it is on disk. `_reading` is the right to read.
    pub(super) async fn deliver(
        &self,
        admitted: &Arc<Admitted>,
        (content, hash, receipt): (&Content, [u8; 32], Option<Receipt>),
        reading: OwnedSemaphorePermit,
        deadline: Instant,
    ) -> Result<Account, Refused> {
        let source = Arc::clone(&admitted.source);
        let reader = timeout_at(deadline, source.reader(&self.directories, &self.clock)).await;
        let reader = reader.map_err(|_| Refused::NotCommitted)?;
        let reader = reader.map_err(|error| Refused::Trouble(error.to_string()))?;
        let work =
            Work { content: content.clone(), format: admitted.format.clone(), run: keys::run_of(&hash), receipt };
        let (parcels, to_send) = mpsc::channel(AHEAD);
        let patience = self.bounds.patience;
        let read = spawn_blocking(move || {
            reading::read(&source, reader, work, &parcels);
            // Held for as long as the thread is busy, also when nobody waits for it any more.
            drop(reading);
        });
        let sent = send(to_send, &admitted.queue, patience).await.map_err(|refused| self.explain(refused))?;
        // It has handed over everything.
        read.await.map_err(|_| Refused::Unreadable("reading it failed".into()))?;
        settle(sent, patience).await.map_err(|refused| self.explain(refused))
    }

    /// Why nothing came in time, where that is known.
    fn explain(&self, refused: Refused) -> Refused {
        match (refused, self.readiness.trouble()) {
            (Refused::NotCommitted, Some(trouble)) => Refused::Trouble(trouble.to_string()),
            (refused, _) => refused,
        }
    }
}

/// Hands parcels over as they are read. While the queue is full, the reader pauses.
async fn send(
    mut parcels: mpsc::Receiver<Parcel>,
    queue: &mpsc::Sender<Delivery>,
    patience: Duration,
) -> Result<Vec<OnItsWay>, Refused> {
    let late = |_| Refused::NotCommitted;
    let mut sent = Vec::new();
    while let Some(parcel) = timeout(patience, parcels.recv()).await.map_err(late)? {
        let (done, told) = oneshot::channel();
        sent.push((Account::of_parcel(&parcel), told));
        let handed_over = timeout(patience, queue.send(Delivery { parcel, done: Some(done) })).await.map_err(late)?;
        handed_over.map_err(|_| Refused::Stopping)?;
    }
    Ok(sent)
}

/// Waits until all of it is on disk. As long as one parcel after the other gets there, however long that takes.
async fn settle(sent: Vec<OnItsWay>, patience: Duration) -> Result<Account, Refused> {
    let mut sum = Account::default();
    for (mut account, told) in sent {
        let committed = timeout(patience, told).await.map_err(|_| Refused::NotCommitted)?;
        // A committer that gives up lets it go.
        let committed = committed.map_err(|_| Refused::Stopping)?;
        account.book(&committed.tally, &committed.conflicts);
        sum.add(account);
    }
    Ok(sum)
}
