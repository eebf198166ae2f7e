//! Who is told of an alert, on which way, and what came of it (R27).
//!
//! An alert is written in the transaction of the spend that raised it, and is so what waits to be told. Planning makes a
//! delivery of it for everybody who is to be told. Whoever sends a delivery claims it for a while, so that several daemons
//! on one store do not send it twice; one that dies between sending and marking leaves it to be sent again when the claim
//! is over, with the same message id.

mod sending;

use mete_core::limits::Limits;
use mete_core::{IdHasher, Month, Nanos, Timestamp};
use serde::Serialize;

use crate::alerts::{ALERT, AlertKind, Row, derived_id};
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::limits::{Scope, ScopeKind};
use crate::rows::{count, month};
use crate::{Alert, Store, Tx};

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, or sent again.
    Waiting,
    /// Whoever was to take it on took it.
    Sent,
    /// It waits until its channel is configured.
    NoChannel,
    /// There is nobody, or no address, to send it to.
    Undeliverable,
    /// Its time ran out.
    GivenUp,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Sent, Self::NoChannel, Self::Undeliverable, Self::GivenUp];

    /// Its stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::NoChannel => "no_channel",
            Self::Undeliverable => "undeliverable",
            Self::GivenUp => "given_up",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| StoreError::Corrupt(format!("the delivery state {text:?}")))
    }
}

/// How a delivery begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedState {
    /// It can be sent.
    Waiting,
    /// Its channel is not configured.
    NoChannel,
    /// It cannot be sent, for this reason.
    Undeliverable(&'static str),
}

/// A delivery that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The channel's name.
    pub channel: String,
    /// Who is told: a person's or service account's id; empty where nobody is.
    pub recipient_id: String,
    /// Where: an e-mail address; empty where there is none.
    pub address: String,
    /// The domain of its message id.
    pub domain: String,
    /// How it begins.
    pub state: PlannedState,
    /// When trying ends.
    pub keep_until: Timestamp,
}

/// A delivery that somebody claimed, to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `delivery_…`
    pub id: String,
    /// The alert that it tells of.
    pub alert_id: String,
    /// The channel's name.
    pub channel: String,
    /// Who is told.
    pub recipient_id: String,
    /// Where.
    pub address: String,
    /// The same at every try, so that whoever gets it twice can see that.
    pub message_id: String,
    /// How often it was tried, this time included.
    pub tries: u32,
    /// When trying ends.
    pub keep_until: Timestamp,
}

/// A delivery in a list, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedDelivery {
    /// `delivery_…`
    pub id: String,
    /// The alert that it tells of.
    pub alert_id: String,
    /// What the alert is about.
    pub kind: AlertKind,
    /// Whose limit it is: the name of the project or organization.
    pub scope_name: String,
    /// The limit that was crossed.
    pub amount: Nanos,
    /// The month whose spend crossed it.
    pub month: Month,
    /// The channel's name.
    pub channel: String,
    /// Who is told: a person's or service account's id; empty where nobody is.
    pub recipient_id: String,
    /// Where; empty where there is no address.
    pub address: String,
    /// The message's id, the same at every try.
    pub message_id: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Since when it is there.
    pub made_at: Timestamp,
    /// When it is tried next, while it waits.
    pub due_at: Timestamp,
    /// When trying ends.
    pub keep_until: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// Until when somebody has claimed it, who is sending it or died over it.
    pub claimed_until: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// What whoever took it on answered.
    pub receipt: Option<String>,
    /// What went wrong last, or why it cannot be sent.
    pub error: Option<String>,
    /// When it was given up.
    pub given_up_at: Option<Timestamp>,
}

/// Which deliveries to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those that stand so.
    pub state: Option<DeliveryState>,
    /// Those of this alert.
    pub alert_id: Option<String>,
}

/// How many deliveries stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Those that are to be sent.
    pub waiting: u64,
    /// Those whose channel is not configured.
    pub no_channel: u64,
    /// Since when the oldest of those that are to be sent is there.
    pub oldest_waiting: Option<Timestamp>,
}

/// An owner who is to be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The id of a person or service account.
    pub id: String,
    /// The e-mail address; a service account has none (R12).
    pub email: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    id: String,
    alert_id: String,
    kind: String,
    scope_name: String,
    amount: i64,
    month: i64,
    channel: String,
    recipient_id: String,
    address: String,
    message_id: String,
    state: String,
    made_at: i64,
    due_at: i64,
    keep_until: i64,
    tries: i64,
    claimed_until: Option<i64>,
    sent_at: Option<i64>,
    receipt: Option<String>,
    error: Option<String>,
    given_up_at: Option<i64>,
}

impl ListedRow {
    fn listed(self) -> Result<ListedDelivery, StoreError> {
        Ok(ListedDelivery {
            kind: AlertKind::parse(&self.kind)?,
            state: DeliveryState::parse(&self.state)?,
            month: month(self.month)?,
            id: self.id,
            alert_id: self.alert_id,
            scope_name: self.scope_name,
            amount: Nanos(self.amount),
            channel: self.channel,
            recipient_id: self.recipient_id,
            address: self.address,
            message_id: self.message_id,
            made_at: Timestamp(self.made_at),
            due_at: Timestamp(self.due_at),
            keep_until: Timestamp(self.keep_until),
            tries: tries(self.tries),
            claimed_until: self.claimed_until.map(Timestamp),
            sent_at: self.sent_at.map(Timestamp),
            receipt: self.receipt,
            error: self.error,
            given_up_at: self.given_up_at.map(Timestamp),
        })
    }
}

fn tries(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The owners of the organization `$1` and of the project `$2`, each once. What stands for an address is empty for a service
/// account. Whoever owns a project is in its organization (R10), so a row that a departure left behind counts for nothing.
const OWNERS: &str = "SELECT u.id, u.email FROM organization_member m JOIN person u ON u.id = m.user_id \
     WHERE m.organization_id = $1 AND m.role = 'owner' \
     UNION SELECT u.id, u.email FROM project_member pm \
     JOIN organization_member m ON m.organization_id = $1 AND m.user_id = pm.user_id JOIN person u ON u.id = pm.user_id \
     WHERE pm.project_id = $2 AND pm.role = 'owner' \
     UNION SELECT s.id, '' FROM service_account s \
     WHERE s.project_id = $2 AND s.role = 'owner' AND s.removed_at IS NULL ORDER BY 1";

fn owner((id, email): (String, String)) -> Owner {
    Owner { id, email: Some(email).filter(|email| !email.is_empty()) }
}

/// The scope that an alert is about.
fn scope_of(alert: &Alert) -> Scope {
    match alert.scope_kind {
        ScopeKind::Organization => Scope::organization(&alert.scope_id),
        ScopeKind::Project => Scope::project(&alert.scope_id, &alert.organization_id),
    }
}

impl Store {
    /// Whether there are alerts whose deliveries are not written down yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn has_unplanned_alerts(&self) -> Result<bool, StoreError> {
        let row: Option<(String,)> = on_read!(self, db => {
            sqlx::query_as("SELECT id FROM alert WHERE planned_at IS NULL LIMIT 1").fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// The owners of the alert's project and of its organization, now.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alert_owners(&self, alert: &Alert) -> Result<Vec<Owner>, StoreError> {
        let rows: Vec<(String, String)> = on_read!(self, db => {
            sqlx::query_as(OWNERS).bind(&alert.organization_id).bind(&alert.scope_id).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(owner).collect())
    }

    /// The budget and threshold now of the scope that an alert is about.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alert_limits(&self, alert: &Alert) -> Result<Limits, StoreError> {
        let mut tx = self.begin_reading().await?;
        let limits = tx.limits(&scope_of(alert)).await?;
        tx.commit().await?;
        Ok(limits)
    }

    /// Deliveries, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn deliveries(&self, filter: &DeliveryFilter, limit: u32) -> Result<Vec<ListedDelivery>, StoreError> {
        let (conditions, texts) = Conditions::default()
            .text("d.state = {}", filter.state.map(DeliveryState::as_str))
            .text("d.alert_id = {}", filter.alert_id.as_deref())
            .parts();
        let sql = format!(
            "SELECT d.id, d.alert_id, a.kind, COALESCE(p.name, o.name, a.scope_id) AS scope_name, a.amount, a.month, \
             d.channel, d.recipient_id, d.address, d.message_id, d.state, d.made_at, d.due_at, d.keep_until, d.tries, \
             d.claimed_until, d.sent_at, d.receipt, d.error, d.given_up_at FROM delivery d \
             JOIN alert a ON a.id = d.alert_id LEFT JOIN project p ON p.id = a.scope_id \
             LEFT JOIN organization o ON o.id = a.scope_id {conditions} ORDER BY d.made_at DESC, d.id DESC LIMIT {limit}"
        );
        let rows: Vec<ListedRow> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(ListedRow::listed).collect()
    }

    /// How many deliveries wait, and since when: to be sent on one of these channels, or for one that is not among them.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn delivery_counts(&self, channels: &[String]) -> Result<DeliveryCounts, StoreError> {
        let rows: Vec<(String, i64, i64)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT channel, CAST(COUNT(*) AS BIGINT), MIN(made_at) FROM delivery \
                 WHERE state IN ('waiting', 'no_channel') GROUP BY channel",
            )
            .fetch_all(db)
            .await
        })?;
        let mut counts = DeliveryCounts::default();
        for (channel, number, oldest) in rows {
            if channels.contains(&channel) {
                counts.waiting += count(number);
                let oldest = Timestamp(oldest);
                counts.oldest_waiting = Some(counts.oldest_waiting.map_or(oldest, |known| known.min(oldest)));
            } else {
                counts.no_channel += count(number);
            }
        }
        Ok(counts)
    }
}

impl Tx {
    /// Alerts whose deliveries are not written down yet, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn unplanned_alerts(&mut self, limit: u32) -> Result<Vec<Alert>, StoreError> {
        let sql = format!("{ALERT} WHERE a.planned_at IS NULL ORDER BY a.at, a.id LIMIT {limit}");
        let rows: Vec<Row> = in_tx!(self, db => sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(db).await)?;
        rows.into_iter().map(Row::alert).collect()
    }

    /// Takes an alert on, to write its deliveries down in this transaction; no if somebody else did. On Postgres others wait
    /// until this transaction ends.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn plan_alert(&mut self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows = in_tx!(self, db => {
            sqlx::query("UPDATE alert SET planned_at = $2 WHERE id = $1 AND planned_at IS NULL")
                .bind(id).bind(now.0).execute(db).await?.rows_affected()
        });
        Ok(rows == 1)
    }

    /// The owners of the alert's project and of its organization, as this transaction sees them.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alert_owners(&mut self, alert: &Alert) -> Result<Vec<Owner>, StoreError> {
        let rows: Vec<(String, String)> = in_tx!(self, db => {
            sqlx::query_as(OWNERS).bind(&alert.organization_id).bind(&alert.scope_id).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(owner).collect())
    }

    /// Writes down a delivery of an alert. Its id follows from alert, channel and recipient: written twice, it is one.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn plan_delivery(
        &mut self,
        hasher: IdHasher,
        (alert, delivery): (&Alert, &NewDelivery),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let texts = [alert.id.as_str(), &delivery.channel, &delivery.recipient_id];
        let id = derived_id(hasher, "delivery_", &texts, &[]);
        let (state, error) = match delivery.state {
            PlannedState::Waiting => (DeliveryState::Waiting, None),
            PlannedState::NoChannel => (DeliveryState::NoChannel, Some("the channel is not configured")),
            PlannedState::Undeliverable(reason) => (DeliveryState::Undeliverable, Some(reason)),
        };
        let given_up_at = (state == DeliveryState::Undeliverable).then_some(now.0);
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO delivery (id, alert_id, channel, recipient_id, address, message_id, state, made_at, due_at, \
                 keep_until, tries, error, given_up_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, 0, $10, $11) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(&id)
            .bind(&alert.id)
            .bind(&delivery.channel)
            .bind(&delivery.recipient_id)
            .bind(&delivery.address)
            .bind(format!("{id}@{}", delivery.domain))
            .bind(state.as_str())
            .bind(now.0)
            .bind(delivery.keep_until.0)
            .bind(error)
            .bind(given_up_at)
            .execute(db)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
