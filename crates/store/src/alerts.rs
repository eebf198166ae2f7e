//! Alerts and budget blocks: rows written when spend crosses a limit (R26, R27).

use std::collections::HashMap;

use mete_core::limits::Limits;
use mete_core::parts::Part;
use mete_core::{IdHasher, Month, Nanos, Timestamp};
use serde::Serialize;

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::limits::{Scope, ScopeKind};
use crate::pages::{Cursor, CursorKey, Order, Page, Paging};
use crate::rows;
use crate::{Store, Tx};

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// The notification threshold was passed.
    Threshold,
    /// The budget is exhausted.
    Exhausted,
}

impl AlertKind {
    /// Its stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Exhausted => "exhausted",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "threshold" => Ok(Self::Threshold),
            "exhausted" => Ok(Self::Exhausted),
            _ => Err(StoreError::Corrupt(format!("the alert kind {text:?}"))),
        }
    }
}

/// The model, member or key within a project whose budget an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertPart {
    /// Which one.
    #[serde(flatten)]
    pub part: Part,
    /// Its name: the model, an e-mail address, a service account's or key's name.
    pub name: String,
}

/// An alert: one a scope or part of a project, limit and month (R27).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// `alert_…`
    pub id: String,
    /// Whose organization.
    pub organization_id: String,
    /// Organization or project.
    pub scope_kind: ScopeKind,
    /// Which one.
    pub scope_id: String,
    /// Its name.
    pub scope_name: String,
    /// The part of the project whose budget it is; `None` where it is the scope's own limit.
    pub part: Option<AlertPart>,
    /// What it is about.
    pub kind: AlertKind,
    /// The month whose spend crossed.
    pub month: Month,
    /// The threshold or budget that was crossed.
    pub amount: Nanos,
    /// The spend at that time.
    pub spend: Nanos,
    /// When.
    pub at: Timestamp,
    /// When somebody took note of it, if anybody has.
    pub acknowledged_at: Option<Timestamp>,
    /// Who did.
    pub acknowledged_by: Option<String>,
}

impl Alert {
    /// Whose limit it is, for people: the scope's name, with that of the part of it before it.
    #[must_use]
    pub fn whose(&self) -> String {
        let name = &self.scope_name;
        self.part.as_ref().map_or_else(|| name.clone(), |part| format!("{} in {name}", part.name))
    }
}

/// Which alerts to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Of this organization and its projects.
    pub organization_id: Option<String>,
    /// Of this project and its models, members and keys.
    pub project_id: Option<String>,
    /// Of this month's spend.
    pub month: Option<Month>,
    /// Only those of which nobody took note.
    pub is_open: bool,
    /// Of these organizations and projects only, by their ids.
    pub scope_ids: Option<Vec<String>>,
}

impl AlertFilter {
    fn conditions(&self) -> Conditions {
        let conditions = Conditions::default()
            .text("a.organization_id = {}", self.organization_id.as_deref())
            .text("a.scope_id = {}", self.project_id.as_deref())
            .number("a.month = {}", self.month.map(Month::yyyymm))
            .any_of("a.scope_id IN {}", self.scope_ids.as_deref());
        if self.is_open { conditions.fixed("a.acknowledged_at IS NULL") } else { conditions }
    }
}

/// Since when a budget refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// `block_…`
    pub id: String,
    /// The organization or project whose budget it is.
    pub scope_id: String,
    /// Since when.
    pub since: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: String,
    organization_id: String,
    scope_kind: String,
    scope_id: String,
    scope_name: Option<String>,
    part_kind: String,
    part_id: String,
    part_name: Option<String>,
    kind: String,
    month: i64,
    amount: i64,
    spend: i64,
    at: i64,
    acknowledged_at: Option<i64>,
    acknowledged_by: Option<String>,
}

impl Row {
    pub(crate) fn alert(self) -> Result<Alert, StoreError> {
        let part = match self.part_kind.as_str() {
            "" => None,
            kind => {
                let name = self.part_name.unwrap_or_else(|| self.part_id.clone());
                Some(AlertPart { part: Part { kind: rows::word(kind)?, id: self.part_id }, name })
            }
        };
        Ok(Alert {
            part,
            scope_kind: ScopeKind::parse(&self.scope_kind)?,
            kind: AlertKind::parse(&self.kind)?,
            month: rows::month(self.month)?,
            scope_name: self.scope_name.unwrap_or_else(|| self.scope_id.clone()),
            id: self.id,
            organization_id: self.organization_id,
            scope_id: self.scope_id,
            amount: Nanos(self.amount),
            spend: Nanos(self.spend),
            at: Timestamp(self.at),
            acknowledged_at: self.acknowledged_at.map(Timestamp),
            acknowledged_by: self.acknowledged_by,
        })
    }
}

/// What a scope has spent in a month: roll-ups and what is not folded yet.
const MONTH_SPEND: &str = "WITH wanted AS (SELECT p.num FROM project p JOIN organization o ON o.id = p.organization_id \
     WHERE p.id = $2 OR o.id = $2 OR o.parent_id = $2) \
     SELECT CAST(COALESCE(SUM(cost), 0) AS BIGINT) FROM \
     (SELECT cost FROM spend_month WHERE bucket = $1 AND project IN (SELECT num FROM wanted) \
     UNION ALL SELECT cost FROM spend_delta WHERE month = $1 AND project IN (SELECT num FROM wanted)) AS parts";

pub(crate) const ALERT: &str = "SELECT a.id, a.organization_id, a.scope_kind, a.scope_id, \
     COALESCE(p.name, o.name) AS scope_name, a.part_kind, a.part_id, \
     COALESCE(u.email, s.name, NULLIF(k.name, ''), k.redacted_value) AS part_name, \
     a.kind, a.month, a.amount, a.spend, a.at, a.acknowledged_at, a.acknowledged_by FROM alert a \
     LEFT JOIN project p ON p.id = a.scope_id LEFT JOIN organization o ON o.id = a.scope_id \
     LEFT JOIN person u ON a.part_kind = 'member' AND u.id = a.part_id \
     LEFT JOIN service_account s ON a.part_kind = 'member' AND s.id = a.part_id \
     LEFT JOIN api_key k ON a.part_kind = 'key' AND k.id = a.part_id";

impl Store {
    /// What organizations with their sub-organizations, and projects, have spent in a month, by their ids: exact at every
    /// commit (R31). What spent nothing is left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn scope_spends(&self, ids: &[String], month: Month) -> Result<HashMap<String, Nanos>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let month = month.yyyymm();
        let within = |texts: Vec<String>, column: &str| {
            Conditions::go_on(texts).any_of(&format!("{column} IN {{}}"), Some(ids)).parts()
        };
        let (projects, texts) = within(Vec::new(), "p.id");
        let (organizations, texts) = within(texts, "p.organization_id");
        let (of_projects, texts) = within(texts, "p.id");
        let (of_organizations, texts) = within(texts, "p.organization_id");
        let (below, texts) = within(texts, "o.parent_id");
        let fresh = format!("FROM spend_delta d JOIN project p ON p.num = d.project AND d.month = {month}");
        let sql = format!(
            "SELECT id, CAST(SUM(cost) AS BIGINT) FROM (\
             SELECT p.id, s.cost FROM project p JOIN scope_month s ON s.scope = p.num AND s.bucket = {month} {projects} \
             UNION ALL SELECT p.organization_id, s.cost FROM project p JOIN scope_month s ON s.scope = -p.num \
             AND s.bucket = {month} {organizations} AND p.is_default \
             UNION ALL SELECT p.id, d.cost {fresh} {of_projects} \
             UNION ALL SELECT p.organization_id, d.cost {fresh} {of_organizations} \
             UNION ALL SELECT o.parent_id, d.cost {fresh} JOIN organization o ON o.id = p.organization_id {below}\
             ) AS parts GROUP BY id"
        );
        let rows: Vec<(String, i64)> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(|(id, spend)| (id, Nanos(spend))).collect())
    }

    /// What a project, or an organization with its sub-organizations, has spent in a month: exact at every commit (R31).
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn scope_spend(&self, scope_id: &str, month: Month) -> Result<Nanos, StoreError> {
        let (spend,): (i64,) = on_read!(self, db => {
            sqlx::query_as(MONTH_SPEND).bind(month.yyyymm()).bind(scope_id).fetch_one(db).await
        })?;
        Ok(Nanos(spend))
    }

    /// Alerts, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<Alert>, StoreError> {
        let (conditions, texts) = filter.conditions().parts();
        let sql = format!("{ALERT} {conditions} ORDER BY a.at DESC, a.amount DESC, a.id");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(Row::alert).collect()
    }

    /// One alert, by its id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alert(&self, id: &str) -> Result<Option<Alert>, StoreError> {
        let sql = format!("{ALERT} WHERE a.id = $1");
        let row: Option<Row> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(Row::alert).transpose()
    }

    /// Some of the alerts, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alert_page(&self, filter: &AlertFilter, paging: &Paging) -> Result<Page<Alert>, StoreError> {
        const NEWEST: Order = Order::newest("a.at", "a.id");
        let (conditions, texts) = NEWEST.seek(filter.conditions(), paging).parts();
        let sql = format!("{ALERT} {conditions} {}", NEWEST.clause(paging));
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        Page::of(rows, paging, |row| Cursor { key: CursorKey::Number(row.at), id: row.id.clone() }).try_map(Row::alert)
    }

    /// The budget blocks of a month that are in force: whose, and since when.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn blocks(&self, month: Month) -> Result<Vec<Block>, StoreError> {
        let rows: Vec<(String, String, i64)> = on_read!(self, db => {
            sqlx::query_as("SELECT id, scope_id, since FROM block WHERE month = $1 AND lifted_at IS NULL ORDER BY since")
                .bind(month.yyyymm())
                .fetch_all(db)
                .await
        })?;
        Ok(rows.into_iter().map(|(id, scope_id, since)| Block { id, scope_id, since: Timestamp(since) }).collect())
    }
}

impl Tx {
    /// The alert with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alert(&mut self, id: &str) -> Result<Option<Alert>, StoreError> {
        let sql = format!("{ALERT} WHERE a.id = $1");
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(Row::alert).transpose()
    }

    /// Notes that somebody took note of an alert.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_alert_acknowledged(&mut self, id: &str, by: &str, at: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE alert SET acknowledged_at = $3, acknowledged_by = $2 WHERE id = $1")
                .bind(id).bind(by).bind(at.0)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// What a scope has spent in a month, as this transaction sees it: roll-ups and what is not folded yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn month_spend(&mut self, scope: &Scope, month: Month) -> Result<Nanos, StoreError> {
        let (spend,): (i64,) = in_tx!(self, db => {
            sqlx::query_as(MONTH_SPEND).bind(month.yyyymm()).bind(scope.id()).fetch_one(db).await
        })?;
        Ok(Nanos(spend))
    }

    /// Brings alerts and the block of a scope and month in line with `spend` under `limits`: idempotent, so it may be
    /// called on every crossing, on every change of limits, and again after a crash. Tells the alerts that are new.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn reconcile(
        &mut self,
        hasher: IdHasher,
        (scope, month): (&Scope, Month),
        (limits, spend): (Limits, Nanos),
        now: Timestamp,
    ) -> Result<Vec<Alert>, StoreError> {
        let mut fresh = Vec::new();
        let threshold = limits.threshold.filter(|_| limits.has_passed_threshold(spend));
        let exhausted = limits.budget.filter(|_| limits.is_exhausted(spend, Nanos::ZERO));
        for (kind, amount) in [(AlertKind::Threshold, threshold), (AlertKind::Exhausted, exhausted)] {
            let Some(amount) = amount else { continue };
            fresh.extend(self.raise(hasher, (scope, None), (kind, month, amount, spend), now).await?);
        }
        // A block of a month that is over would refuse nobody.
        match exhausted {
            Some(budget) if month.end() > now => self.open_block(hasher, (scope, month), budget, now).await?,
            Some(_) => {}
            None => self.lift_block(scope, month, now).await?,
        }
        Ok(fresh)
    }

    /// Raises the alert of a model, member or key of a project whose budget `spend` exhausts, once a budget and month (R27).
    /// Idempotent, as [`Tx::reconcile`] is. Tells it if it is new.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn raise_part(
        &mut self,
        hasher: IdHasher,
        (project, part): (&Scope, AlertPart),
        (month, budget, spend): (Month, Nanos, Nanos),
        now: Timestamp,
    ) -> Result<Option<Alert>, StoreError> {
        if !part_is_exhausted(budget, spend) {
            return Ok(None);
        }
        self.raise(hasher, (project, Some(part)), (AlertKind::Exhausted, month, budget, spend), now).await
    }

    /// Raises an alert, and tells it if it is new.
    async fn raise(
        &mut self,
        hasher: IdHasher,
        (scope, part): (&Scope, Option<AlertPart>),
        (kind, month, amount, spend): (AlertKind, Month, Nanos, Nanos),
        now: Timestamp,
    ) -> Result<Option<Alert>, StoreError> {
        let mut texts = vec![scope.id(), kind.as_str()];
        texts.extend(part.iter().flat_map(|of| [of.part.kind.as_str(), &of.part.id]));
        let alert = Alert {
            id: derived_id(hasher, "alert_", &texts, &[month.yyyymm(), amount.0]),
            organization_id: scope.organization_id().to_owned(),
            scope_kind: scope.kind(),
            scope_id: scope.id().to_owned(),
            scope_name: scope.id().to_owned(),
            part,
            kind,
            month,
            amount,
            spend,
            at: now,
            acknowledged_at: None,
            acknowledged_by: None,
        };
        Ok(self.insert_alert(&alert).await?.then_some(alert))
    }

    /// Whether the alert is new.
    async fn insert_alert(&mut self, alert: &Alert) -> Result<bool, StoreError> {
        let part = alert.part.as_ref().map(|of| &of.part);
        let (part_kind, part_id) = part.map_or(("", ""), |part| (part.kind.as_str(), part.id.as_str()));
        let rows = in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO alert (id, organization_id, scope_kind, scope_id, part_kind, part_id, kind, month, amount, \
                 spend, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
            )
            .bind(&alert.id)
            .bind(&alert.organization_id)
            .bind(alert.scope_kind.as_str())
            .bind(&alert.scope_id)
            .bind(part_kind)
            .bind(part_id)
            .bind(alert.kind.as_str())
            .bind(alert.month.yyyymm())
            .bind(alert.amount.0)
            .bind(alert.spend.0)
            .bind(alert.at.0)
            .execute(db)
            .await?
            .rows_affected()
        });
        Ok(rows == 1)
    }

    async fn open_block(
        &mut self,
        hasher: IdHasher,
        (scope, month): (&Scope, Month),
        budget: Nanos,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = derived_id(hasher, "block_", &[scope.id()], &[month.yyyymm(), now.0]);
        let opened = in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO block (id, organization_id, scope_kind, scope_id, month, budget, since) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            )
            .bind(&id)
            .bind(scope.organization_id())
            .bind(scope.kind().as_str())
            .bind(scope.id())
            .bind(month.yyyymm())
            .bind(budget.0)
            .bind(now.0)
            .execute(db)
            .await?
            .rows_affected()
        });
        if opened == 0 {
            // Either one is open already, or this very one was lifted in the same instant.
            in_tx!(self, db => {
                sqlx::query("UPDATE block SET lifted_at = NULL WHERE id = $1").bind(&id).execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }

    async fn lift_block(&mut self, scope: &Scope, month: Month, now: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE block SET lifted_at = $1 WHERE scope_id = $2 AND month = $3 AND lifted_at IS NULL")
                .bind(now.0).bind(scope.id()).bind(month.yyyymm()).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}

/// Whether what a model, member or key spent exhausts its budget (R26).
pub(crate) fn part_is_exhausted(budget: Nanos, spend: Nanos) -> bool {
    Limits { budget: Some(budget), threshold: None }.is_exhausted(spend, Nanos::ZERO)
}

/// An id that follows from what the row is about, so that writing the same row twice is one row.
pub(crate) fn derived_id(hasher: IdHasher, prefix: &str, texts: &[&str], numbers: &[i64]) -> String {
    let mut parts: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    parts.extend(numbers.iter().map(|number| number.to_le_bytes().to_vec()));
    let half = |salt: u8| {
        let mut slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let salt = [salt];
        slices.push(&salt);
        hasher.hash(&slices)
    };
    format!("{prefix}{:012x}{:012x}", half(0) & 0xffff_ffff_ffff, half(1) & 0xffff_ffff_ffff)
}
