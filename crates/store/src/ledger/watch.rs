//! Month-to-date totals of every scope, and who crosses a limit (R25 to R27).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mete_core::limits::Limits;
use mete_core::{IdHasher, Month, Nanos, Timestamp};

use super::parts::Parts;
use crate::Tx;
use crate::alerts::Alert;
use crate::boxed;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::gate::ProjectSpend;
use crate::limits::Scope;
use crate::resources::ProjectBytes;
use crate::rows;

/// A project and those above it whose budgets its spend counts to.
struct Chain {
    project: Arc<str>,
    scopes: Vec<usize>,
}

/// Scopes with their limits and what they have spent.
#[derive(Default)]
pub(super) struct Watch {
    /// The change feed's position at which directory and limits were read.
    change_seq: Option<i64>,
    scopes: Vec<(Scope, Limits)>,
    chains: HashMap<i64, Chain>,
    spent: HashMap<(usize, Month), Nanos>,
    months: HashSet<Month>,
    /// Limits changed since the last booking: whoever changed them may not have seen the spend that others booked
    /// meanwhile, so every scope is looked at once more.
    limits_changed: bool,
    pub(super) parts: Parts,
}

/// Booked on a project and month.
pub(super) type Booked = BTreeMap<(i64, Month), Nanos>;

impl Watch {
    /// Reads directory and limits again if anybody changed them.
    pub(super) async fn refresh(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let (seq,): (i64,) = in_tx!(tx, db => {
            sqlx::query_as("SELECT value FROM meta WHERE name = 'change_seq'").fetch_one(db).await
        })?;
        if self.change_seq == Some(seq) {
            return Ok(());
        }
        let limits_changed = self.limits_changed || self.change_seq.is_some();
        *self = Self { change_seq: Some(seq), limits_changed, ..Self::default() };
        self.parts = Parts::read(tx).await?;
        let limits = tx.limits_by_scope().await?;
        let projects: Vec<(i64, String, String, Option<String>)> = in_tx!(tx, db => {
            sqlx::query_as(
                "SELECT p.num, p.id, p.organization_id, o.parent_id FROM project p \
                 JOIN organization o ON o.id = p.organization_id",
            )
            .fetch_all(db)
            .await
        })?;
        let mut organizations: HashMap<String, usize> = HashMap::new();
        for (number, id, organization, parent) in projects {
            let mut scopes = vec![self.push(Scope::project(&id, &organization), &limits)];
            for above in [Some(organization), parent].into_iter().flatten() {
                let scope = match organizations.get(&above) {
                    Some(scope) => *scope,
                    None => self.push(Scope::organization(&above), &limits),
                };
                organizations.insert(above, scope);
                scopes.push(scope);
            }
            self.chains.insert(number, Chain { project: id.into(), scopes });
        }
        Ok(())
    }

    fn push(&mut self, scope: Scope, limits: &HashMap<String, Limits>) -> usize {
        let limits = limits.get(scope.id()).copied().unwrap_or_default();
        self.scopes.push((scope, limits));
        self.scopes.len() - 1
    }

    /// Forgets the totals, because somebody else wrote the ledger.
    pub(super) fn forget_totals(&mut self) {
        self.spent.clear();
        self.months.clear();
        self.parts.forget_totals();
    }

    /// Takes in what a batch books, before its transaction is committed: brings the alerts and blocks of every scope
    /// that crosses a limit in line. Tells the new totals and alerts.
    pub(super) async fn book(
        &mut self,
        tx: &mut Tx,
        hasher: IdHasher,
        booked: &Booked,
        now: Timestamp,
    ) -> Result<(Vec<ProjectSpend>, Vec<Alert>), StoreError> {
        let mut before: BTreeMap<(usize, Month), Nanos> = BTreeMap::new();
        for ((project, month), amount) in booked {
            self.load(tx, *month, booked).await?;
            let scopes = self.chains.get(project).map(|chain| chain.scopes.clone()).unwrap_or_default();
            for scope in scopes {
                let spent = self.spent.entry((scope, *month)).or_default();
                before.entry((scope, *month)).or_insert(*spent);
                *spent += *amount;
            }
        }
        let mut crossing: BTreeSet<(usize, Month)> = before
            .into_iter()
            .filter(|((scope, month), before)| {
                let limits = self.scopes[*scope].1;
                let state = |spend| (limits.has_passed_threshold(spend), limits.is_exhausted(spend, Nanos::ZERO));
                state(*before) != state(self.spent_by(*scope, *month))
            })
            .map(|(place, _)| place)
            .collect();
        if std::mem::take(&mut self.limits_changed) {
            self.load(tx, now.month(), booked).await?;
            let limited = self.scopes.iter().enumerate().filter(|(_, (_, limits))| *limits != Limits::default());
            crossing.extend(limited.map(|(scope, _)| (scope, now.month())));
        }
        let mut alerts = Vec::new();
        for (index, month) in crossing {
            let (scope, limits) = &self.scopes[index];
            let spend = self.spent_by(index, month);
            alerts.extend(tx.reconcile(hasher, (scope, month), (*limits, spend), now).await?);
        }
        let spends = booked.keys().filter_map(|(project, month)| self.total(*project, *month)).collect();
        Ok((spends, alerts))
    }

    fn spent_by(&self, scope: usize, month: Month) -> Nanos {
        self.spent.get(&(scope, month)).copied().unwrap_or_default()
    }

    fn total(&self, project: i64, month: Month) -> Option<ProjectSpend> {
        let chain = self.chains.get(&project)?;
        let spend = self.spent_by(*chain.scopes.first()?, month);
        Some(ProjectSpend { project_id: Arc::clone(&chain.project), month, spend })
    }

    /// Totals of stored bytes by the projects' numbers, as totals by their ids.
    pub(super) fn project_bytes(&self, totals: Vec<(i64, i64)>) -> Vec<ProjectBytes> {
        let named = |(project, bytes)| {
            let project_id = Arc::clone(&self.chains.get(&project)?.project);
            Some(ProjectBytes { project_id, bytes: rows::count(bytes) })
        };
        totals.into_iter().filter_map(named).collect()
    }

    /// Reads a month's totals where they are not known yet, and takes out what the batch at hand has added to them: its
    /// sums are written already.
    async fn load(&mut self, tx: &mut Tx, month: Month, booked: &Booked) -> Result<(), StoreError> {
        if !self.months.insert(month) {
            return Ok(());
        }
        let totals: Vec<(i64, i64)> = in_tx!(tx, db => {
            sqlx::query_as(MONTH_TOTALS).bind(month.yyyymm()).fetch_all(db).await
        })?;
        for (project, spend) in totals {
            let own = booked.get(&(project, month)).copied().unwrap_or_default();
            self.add(project, month, Nanos(spend) - own);
        }
        Ok(())
    }

    /// Takes in what another writer booked: a list of project, month and amount in JSON.
    pub(super) fn learn(&mut self, booked: Option<&str>) -> Result<(), StoreError> {
        // What others book is told by project only.
        self.parts.forget_totals();
        let Some(booked) = booked else {
            self.forget_totals();
            return Ok(());
        };
        let booked: Vec<(i64, i64, i64)> = serde_json::from_str(booked)
            .map_err(|error| StoreError::Corrupt(format!("what a commit booked ({error})")))?;
        for (project, month, amount) in booked {
            let month = rows::month(month)?;
            if self.months.contains(&month) {
                self.add(project, month, Nanos(amount));
            }
        }
        Ok(())
    }

    fn add(&mut self, project: i64, month: Month, amount: Nanos) {
        for scope in self.chains.get(&project).map(|chain| chain.scopes.as_slice()).unwrap_or_default() {
            *self.spent.entry((*scope, month)).or_default() += amount;
        }
    }
}

const MONTH_TOTALS: &str = "SELECT project, CAST(SUM(cost) AS BIGINT) FROM \
     (SELECT project, cost FROM spend_month WHERE bucket = $1 \
     UNION ALL SELECT project, cost FROM spend_delta WHERE month = $1) AS parts GROUP BY project";

impl crate::Store {
    /// What every project has spent in a month.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn month_spends(&self, month: Month) -> Result<Vec<ProjectSpend>, StoreError> {
        let totals: Vec<(String, i64, i64)> = crate::db::on_read!(self, db => {
            sqlx::query_as(
                "SELECT p.id, s.month, CAST(SUM(s.cost) AS BIGINT) FROM \
                 (SELECT project, bucket AS month, cost FROM spend_month WHERE bucket = $1 \
                 UNION ALL SELECT project, month, cost FROM spend_delta WHERE month = $1) AS s \
                 JOIN project p ON p.num = s.project GROUP BY p.id, s.month",
            )
            .bind(month.yyyymm())
            .fetch_all(db)
            .await
        })?;
        totals
            .into_iter()
            .map(|(project, month, spend)| {
                Ok(ProjectSpend { project_id: project.into(), month: rows::month(month)?, spend: Nanos(spend) })
            })
            .collect()
    }
}
