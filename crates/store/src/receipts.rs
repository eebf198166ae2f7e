//! What requests with an idempotency key were answered, so that one that is sent again gets the same answer.

use mete_core::time::DAY;
use mete_core::{Nanos, Timestamp};
use serde::{Deserialize, Serialize};

use crate::boxed;
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::ledger::{Conflict, Parcel, Receipt, Tally};
use crate::{Store, Tx};

/// Problems that are told of one request at most. All of them are in the quarantine.
pub const MOST_PROBLEMS: usize = 100;

/// How long a receipt is kept, in microseconds.
const KEPT: i64 = DAY;

/// What became of a request's events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Events that were new.
    pub accepted: u64,
    /// Copies of events that are kept already.
    pub duplicates: u64,
    /// Copies with other usage, whose difference was booked.
    pub amended: u64,
    /// What went to the quarantine.
    pub quarantined: u64,
    /// Lines that are no usage events by their format's rules.
    pub ignored: u64,
    /// All that was booked, differences included.
    pub spend: Nanos,
    /// Why something went to the quarantine: the first [`MOST_PROBLEMS`].
    pub problems: Vec<Problem>,
}

/// Why something of a request went to the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where in the body it starts: a byte offset.
    pub position: u64,
    /// Why, as a stable word.
    pub reason: String,
    /// Why, in words.
    pub detail: String,
}

/// A request that was answered before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The SHA-256 of its body.
    pub body: [u8; 32],
    /// When it was committed.
    pub at: Timestamp,
    /// What became of it.
    pub account: Account,
}

impl Account {
    /// What is known of a parcel before its commit: what was ignored, and what could not be read.
    #[must_use]
    pub fn of_parcel(parcel: &Parcel) -> Self {
        let problem = |entry: &crate::QuarantineEntry| Problem {
            position: entry.position,
            reason: entry.reason.to_owned(),
            detail: entry.detail.clone(),
        };
        let problems = parcel.quarantine.iter().take(MOST_PROBLEMS).map(problem).collect();
        Self { ignored: parcel.read.ignored, problems, ..Self::default() }
    }

    /// Adds what the commit of a parcel told.
    pub fn book(&mut self, tally: &Tally, conflicts: &[Conflict]) {
        self.accepted += tally.accepted;
        self.duplicates += tally.duplicates;
        self.amended += tally.amended;
        self.quarantined += tally.quarantined;
        self.spend += tally.spend;
        let problem = |conflict: &Conflict| Problem {
            position: conflict.position,
            reason: conflict.reason.to_owned(),
            detail: conflict.detail.clone(),
        };
        self.add_problems(conflicts.iter().map(problem));
    }

    /// Adds what became of another parcel of the same request.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.amended += other.amended;
        self.quarantined += other.quarantined;
        self.ignored += other.ignored;
        self.spend += other.spend;
        self.add_problems(other.problems);
    }

    fn add_problems(&mut self, more: impl IntoIterator<Item = Problem>) {
        let room = MOST_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(more.into_iter().take(room));
    }
}

impl Store {
    /// What a request with this idempotency key was answered within the last day, if there was one.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn receipt(&self, key: &str, now: Timestamp) -> Result<Option<StoredReceipt>, StoreError> {
        let row: Option<(Vec<u8>, i64, String)> = on_read!(self, db => {
            sqlx::query_as("SELECT body, at, answer FROM receipt WHERE key = $1 AND at > $2")
                .bind(key)
                .bind(now.plus(-KEPT).0)
                .fetch_optional(db)
                .await
        })?;
        let Some((body, at, answer)) = row else { return Ok(None) };
        let corrupt = || StoreError::Corrupt(format!("the receipt of {key:?} as it is"));
        let body = body.try_into().map_err(|_| corrupt())?;
        let account = serde_json::from_str(&answer).map_err(|_| corrupt())?;
        Ok(Some(StoredReceipt { body, at: Timestamp(at), account }))
    }
}

impl Tx {
    /// Keeps what a request was answered, in the commit of its events. Receipts that are over go on the way.
    pub(crate) async fn write_receipt(
        &mut self,
        receipt: &Receipt,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let answer = serde_json::to_string(account)
            .map_err(|error| StoreError::Corrupt(format!("an answer that cannot be written ({error})")))?;
        in_tx!(self, db => {
            sqlx::query("DELETE FROM receipt WHERE at <= $1").bind(now.plus(-KEPT).0).execute(db).await.map(drop)
        })?;
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO receipt (key, body, at, answer) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(&*receipt.key)
            .bind(receipt.body.as_slice())
            .bind(now.0)
            .bind(answer)
            .execute(db)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
