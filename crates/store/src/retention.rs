//! How long raw events are kept: months that are over for long enough are sealed with their totals, then dropped in steps
//! that ingest hardly notices. Roll-ups stay for ever.
//!
//! A month is sealed only if its events and its roll-up agree; the seal then stands for the events wherever sums are
//! proved. What arrives later for a sealed month goes to the quarantine (`closed_month`): nobody can tell any more
//! whether it was counted already.

use std::collections::BTreeMap;

use mete_core::actor::Actor;
use mete_core::audit::{AuditOutcome, AuditRecord};
use mete_core::{Month, Nanos, Timestamp};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::boxed;
use crate::db::{Tx, in_tx};
use crate::error::StoreError;
use crate::ledger::take_turn;
use crate::settings::Setting;
use crate::verify::{MonthSums, shown_by_month};
use crate::{Store, rows};

/// Segments, and rows of each table, that one step drops.
const SEGMENTS: i64 = 32;
const ROWS: i64 = 5_000;

/// What a step of retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The month that was sealed by this step.
    pub sealed: Option<Month>,
    /// The month of which the last events went.
    pub dropped: Option<Month>,
    /// Whether another step has something to do.
    pub more: bool,
}

impl Store {
    /// Goes on with retention by one small step: seals the oldest month that is kept for longer than the setting says, or
    /// drops some of the events of one that is sealed. That a month was sealed is in the deployment's audit log, as
    /// `actor`'s deed (R42).
    ///
    /// # Errors
    /// When the store cannot be read or written, and where a month's events and sums differ: such a month is not dropped.
    #[boxed]
    pub async fn retain(&self, now: Timestamp, actor: &Actor) -> Result<Retention, StoreError> {
        if let Some(month) = self.being_dropped().await? {
            return self.drop_some(month).await;
        }
        match self.next_to_seal(now).await? {
            None => Ok(Retention::default()),
            Some(month) => self.seal(month, now, actor).await,
        }
    }

    async fn being_dropped(&self) -> Result<Option<Month>, StoreError> {
        let mut tx = self.begin_reading().await?;
        let row: Option<(i64,)> = in_tx!(&mut tx, db => {
            sqlx::query_as("SELECT month FROM sealed_month WHERE state = 'sealed' ORDER BY month LIMIT 1")
                .fetch_optional(db)
                .await
        })?;
        tx.rollback().await?;
        row.map(|row| rows::month(row.0)).transpose()
    }

    /// The oldest month with events that is over for longer than they are kept.
    async fn next_to_seal(&self, now: Timestamp) -> Result<Option<Month>, StoreError> {
        let keep = self.setting(Setting::RetentionMonths).await?;
        if keep <= 0 {
            return Ok(None);
        }
        let mut tx = self.begin_reading().await?;
        let (packed, first): (Option<i64>, Option<i64>) = in_tx!(&mut tx, db => {
            sqlx::query_as("SELECT (SELECT MIN(month) FROM segment), (SELECT MIN(ts) FROM event)").fetch_one(db).await
        })?;
        tx.rollback().await?;
        let packed = packed.map(rows::month).transpose()?;
        let oldest = packed.into_iter().chain(first.map(|time| Timestamp(time).month())).min();
        let mut kept = now.month();
        for _ in 0..keep {
            kept = kept.previous();
        }
        Ok(oldest.filter(|month| *month < kept))
    }

    async fn seal(&self, month: Month, now: Timestamp, actor: &Actor) -> Result<Retention, StoreError> {
        let mut tx = self.begin_reading().await?;
        let sums = MonthSums::of_events(&mut tx, month).await?;
        let shown = shown_by_month(&mut tx, month).await?;
        tx.rollback().await?;
        if sums.by_project != shown {
            return Err(StoreError::Corrupt(format!(
                "sums of {month} that are not those of its events, so that these cannot be dropped"
            )));
        }
        let mut tx = self.begin().await?;
        take_turn(&mut tx).await?;
        if shown_by_month(&mut tx, month).await? != shown {
            // Something late came in between: the next step looks again.
            tx.rollback().await?;
            return Ok(Retention { more: true, ..Retention::default() });
        }
        let cost = tx.write_seal(month, &sums, now).await?;
        tx.append_audit(&sealing(actor, now, month, &sums, cost)).await?;
        tx.commit().await?;
        Ok(Retention { sealed: Some(month), more: true, ..Retention::default() })
    }

    async fn drop_some(&self, month: Month) -> Result<Retention, StoreError> {
        let mut tx = self.begin().await?;
        let left = tx.drop_events(month).await?;
        if !left {
            in_tx!(&mut tx, db => {
                sqlx::query("UPDATE sealed_month SET state = 'dropped' WHERE month = $1")
                    .bind(month.yyyymm())
                    .execute(db)
                    .await
                    .map(drop)
            })?;
        }
        tx.commit().await?;
        Ok(Retention { dropped: (!left).then_some(month), more: true, ..Retention::default() })
    }
}

/// What the audit log keeps of a seal: what the events that go came to.
fn sealing(actor: &Actor, at: Timestamp, month: Month, sums: &MonthSums, cost: Nanos) -> AuditRecord {
    AuditRecord {
        organization_id: String::new(),
        at,
        actor_kind: actor.kind().to_owned(),
        actor_id: actor.id().to_owned(),
        actor_name: actor.name().to_owned(),
        os_user: actor.origin.os_user.clone(),
        host: actor.origin.host.clone(),
        action: "month.sealed".to_owned(),
        outcome: AuditOutcome::Done,
        project_id: String::new(),
        target_id: String::new(),
        target_name: month.to_string(),
        reason: String::new(),
        change: json!({"after": {"events": sums.events, "corrections": sums.corrections, "cost": cost}}),
    }
}

impl Tx {
    /// The last month that is sealed; none before the first.
    pub(crate) async fn closed_through(&mut self) -> Result<Option<Month>, StoreError> {
        let (yyyymm,): (i64,) = in_tx!(self, db => {
            sqlx::query_as("SELECT value FROM meta WHERE name = 'closed_through'").fetch_one(db).await
        })?;
        (yyyymm != 0).then(|| rows::month(yyyymm)).transpose()
    }

    /// What the events of sealed months came to, by the projects' ids: requests, cost and stored bytes.
    pub(crate) async fn sealed(&mut self, month: Month) -> Result<BTreeMap<String, (i64, i64, i64)>, StoreError> {
        let rows: Vec<(String, i64, i64, i64)> = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT p.id, s.requests, s.cost, s.bytes FROM sealed_project s JOIN project p ON p.num = s.project \
                 WHERE s.month = $1",
            )
            .bind(month.yyyymm())
            .fetch_all(db)
            .await
        })?;
        Ok(rows.into_iter().map(|(project, requests, cost, bytes)| (project, (requests, cost, bytes))).collect())
    }

    /// Tells what the month came to.
    async fn write_seal(&mut self, month: Month, sums: &MonthSums, now: Timestamp) -> Result<Nanos, StoreError> {
        let cost = sums.by_project.values().fold(0_i64, |sum, project| sum.saturating_add(project.1));
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO sealed_month (month, sealed_at, state, events, corrections, cost) \
                 VALUES ($1, $2, 'sealed', $3, $4, $5)",
            )
            .bind(month.yyyymm())
            .bind(now.0)
            .bind(sums.events)
            .bind(sums.corrections)
            .bind(cost)
            .execute(db)
            .await
            .map(drop)
        })?;
        for (project, (requests, cost)) in &sums.by_project {
            let bytes = sums.bytes.get(project).copied().unwrap_or_default();
            in_tx!(self, db => {
                sqlx::query(
                    "INSERT INTO sealed_project (month, project, requests, cost, bytes) \
                     SELECT $1, num, $2, $3, $4 FROM project WHERE id = $5",
                )
                .bind(month.yyyymm())
                .bind(requests)
                .bind(cost)
                .bind(bytes)
                .bind(project)
                .execute(db)
                .await
                .map(drop)
            })?;
        }
        in_tx!(self, db => {
            sqlx::query("UPDATE meta SET value = $1 WHERE name = 'closed_through' AND value < $1")
                .bind(month.yyyymm())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(Nanos(cost))
    }

    /// Drops some events and corrections of a month; tells whether any may be left.
    async fn drop_events(&mut self, month: Month) -> Result<bool, StoreError> {
        let segments = in_tx!(self, db => {
            sqlx::query(
                "DELETE FROM segment WHERE num IN (SELECT num FROM segment WHERE month = $1 ORDER BY num LIMIT $2)",
            )
            .bind(month.yyyymm())
            .bind(SEGMENTS)
            .execute(db)
            .await?
            .rows_affected()
        });
        let mut rows = 0;
        for (table, key) in [("event", "(ts, id)"), ("correction", "(ts, id, seq)")] {
            let columns = key.trim_matches(['(', ')']);
            let sql = format!(
                "DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE ts >= $1 AND ts < $2 \
                 ORDER BY {columns} LIMIT $3)"
            );
            rows += in_tx!(self, db => {
                sqlx::query(AssertSqlSafe(sql))
                    .bind(month.start().0)
                    .bind(month.end().0)
                    .bind(ROWS)
                    .execute(db)
                    .await?
                    .rows_affected()
            });
        }
        if segments + rows > 0 {
            return Ok(true);
        }
        if let Self::Postgres(transaction) = self {
            // Its rows are gone: what is left of it is the empty partition.
            let sql = format!("DROP TABLE IF EXISTS event_{}", month.yyyymm());
            sqlx::query(AssertSqlSafe(sql)).execute(&mut **transaction).await?;
        }
        Ok(false)
    }
}
