//! Claiming deliveries, and marking what came of them.

use mete_core::Timestamp;

use super::{Delivery, DeliveryState, tries};
use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: String,
    alert_id: String,
    channel: String,
    recipient_id: String,
    address: String,
    message_id: String,
    tries: i64,
    keep_until: i64,
}

impl ClaimedRow {
    fn delivery(self) -> Delivery {
        Delivery {
            id: self.id,
            alert_id: self.alert_id,
            channel: self.channel,
            recipient_id: self.recipient_id,
            address: self.address,
            message_id: self.message_id,
            tries: tries(self.tries),
            keep_until: Timestamp(self.keep_until),
        }
    }
}

impl Store {
    /// Claims the delivery that is due the longest on one of these channels, for `by` until `until`; counts as a try. Run
    /// it to its end: see [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn claim_delivery(
        &self,
        channels: &[String],
        (by, until): (&str, Timestamp),
        now: Timestamp,
    ) -> Result<Option<Delivery>, StoreError> {
        let free =
            format!("state = 'waiting' AND due_at <= {0} AND (claimed_until IS NULL OR claimed_until <= {0})", now.0);
        let given = vec![by.to_owned()];
        let (conditions, texts) = Conditions::go_on(given).fixed(&free).any_of("channel IN {}", Some(channels)).parts();
        // A look first: to find nothing must not take the lock that writers wait for.
        let is_any = format!("SELECT $1, id FROM delivery {conditions} LIMIT 1");
        // Asked twice: on Postgres another daemon may have claimed the row between the look and the lock, and only the outer
        // condition is looked at again then.
        let sql = format!(
            "UPDATE delivery SET claimed_by = $1, claimed_until = {}, tries = tries + 1 \
             WHERE id = (SELECT id FROM delivery {conditions} ORDER BY due_at, id LIMIT 1) AND {free} \
             RETURNING id, alert_id, channel, recipient_id, address, message_id, tries, keep_until",
            until.0
        );
        loop {
            let found: Vec<(String, String)> = rows_of!(on_read, self, is_any.as_str(), texts)?;
            if found.is_empty() {
                return Ok(None);
            }
            let mut tx = self.begin().await?;
            let rows: Vec<ClaimedRow> = rows_of!(in_tx, &mut tx, sql.as_str(), texts)?;
            tx.commit().await?;
            // Somebody else was faster: there may be another one.
            let Some(row) = rows.into_iter().next() else { continue };
            return Ok(Some(row.delivery()));
        }
    }

    /// Marks a delivery as sent, whoever has claimed it since: it is. Run it to its end: see [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn mark_delivery_sent(&self, id: &str, receipt: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        in_tx!(&mut tx, db => {
            sqlx::query(
                "UPDATE delivery SET state = 'sent', sent_at = $2, receipt = $3, error = NULL, claimed_by = NULL, \
                 claimed_until = NULL, given_up_at = NULL WHERE id = $1 AND state <> 'sent'",
            )
            .bind(id).bind(now.0).bind(receipt).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }

    /// Notes why a delivery that `by` claimed was not sent, and when it is tried again. Run it to its end: see [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn mark_delivery_failed(
        &self,
        (id, by): (&str, &str),
        error: &str,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        in_tx!(&mut tx, db => {
            sqlx::query(
                "UPDATE delivery SET error = $3, due_at = $4, claimed_by = NULL, claimed_until = NULL \
                 WHERE id = $1 AND claimed_by = $2 AND state = 'waiting'",
            )
            .bind(id).bind(by).bind(error).bind(due_at.0).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }

    /// Ends a delivery that `by` claimed without having sent it: given up, or undeliverable. Run it to its end: see
    /// [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn end_delivery(
        &self,
        (id, by): (&str, &str),
        (state, error): (DeliveryState, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        in_tx!(&mut tx, db => {
            sqlx::query(
                "UPDATE delivery SET state = $3, error = $4, given_up_at = $5, claimed_by = NULL, claimed_until = NULL \
                 WHERE id = $1 AND claimed_by = $2 AND state = 'waiting'",
            )
            .bind(id).bind(by).bind(state.as_str()).bind(error).bind(now.0).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }

    /// Gives up deliveries whose time was over at `then`, which nobody has tried since: their channel is configured no more.
    /// Run it to its end: see [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn end_overdue(&self, then: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let is_there: Option<(String,)> = on_read!(self, db => {
            sqlx::query_as("SELECT id FROM delivery WHERE state = 'waiting' AND keep_until <= $1 LIMIT 1")
                .bind(then.0).fetch_optional(db).await
        })?;
        if is_there.is_none() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        in_tx!(&mut tx, db => {
            sqlx::query(
                "UPDATE delivery SET state = 'given_up', given_up_at = $2, claimed_by = NULL, claimed_until = NULL, \
                 error = COALESCE(error, 'its channel is not configured') WHERE state = 'waiting' AND keep_until <= $1",
            )
            .bind(then.0).bind(now.0).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }

    /// Lets deliveries go that waited for their channel to be configured, those whose time is not over; tells how many. Run
    /// it to its end: see [`crate::Tx`].
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn open_channel(&self, channel: &str, domain: &str, now: Timestamp) -> Result<u64, StoreError> {
        let waits: Option<(String,)> = on_read!(self, db => {
            sqlx::query_as("SELECT id FROM delivery WHERE state = 'no_channel' AND channel = $1 AND keep_until > $2 LIMIT 1")
                .bind(channel).bind(now.0).fetch_optional(db).await
        })?;
        if waits.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let opened = in_tx!(&mut tx, db => {
            sqlx::query(
                "UPDATE delivery SET state = 'waiting', due_at = $3, error = NULL, message_id = id || '@' || $4 \
                 WHERE state = 'no_channel' AND channel = $1 AND keep_until > $2",
            )
            .bind(channel).bind(now.0).bind(now.0).bind(domain).execute(db).await?.rows_affected()
        });
        tx.commit().await?;
        Ok(opened)
    }
}
