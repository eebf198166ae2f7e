//! Budgets of models, members and keys within a project, and what each of these spent.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::parts::{Part, PartKind};
use mete_core::{Month, Nanos};

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::rows::word;
use crate::{Scope, Store, Tx};

/// A budget of a part of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartBudget {
    /// What it is for.
    pub part: Part,
    /// Its name for people: the model, a person's e-mail address, a service account's or key's name.
    pub name: String,
    /// Whose it is: the member's own id, that of a key's owner; nobody's for a model.
    pub owner_id: Option<String>,
    /// The monthly budget.
    pub budget: Nanos,
}

/// A part that has a budget, as the gate sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatePart {
    /// The project's id.
    pub project_id: String,
    /// What it is.
    pub part: Part,
    /// Its name, for messages.
    pub name: String,
    /// The monthly budget.
    pub budget: Nanos,
    /// The ids of the keys that always count to it: a key's own, all those that a member owns in the project; none for a
    /// model, which the request decides.
    pub keys: Vec<String>,
}

/// The absolute spend of one part of a project in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSpend {
    /// `proj_…`
    pub project_id: Arc<str>,
    /// What spent it.
    pub part: Part,
    /// The month.
    pub month: Month,
    /// All that it spent in it.
    pub spend: Nanos,
    /// The ledger's version of which this is the state: of two totals of one month the one with the higher is newer.
    pub version: i64,
}

type BudgetRow = (String, String, String, i64, Option<String>, Option<String>, Option<String>, Option<String>);

const BUDGETS: &str = "SELECT b.project_id, b.kind, b.part_id, b.budget, u.email, a.name, \
     COALESCE(NULLIF(k.name, ''), k.redacted_value), k.owner_id FROM part_budget b \
     LEFT JOIN person u ON b.kind = 'member' AND u.id = b.part_id \
     LEFT JOIN service_account a ON b.kind = 'member' AND a.id = b.part_id \
     LEFT JOIN api_key k ON b.kind = 'key' AND k.id = b.part_id";

/// What every part with a budget spent in a month, by project and part.
const TOTALS: &str = "SELECT b.project_id, b.kind, b.part_id, CAST(SUM(s.cost) AS BIGINT) FROM \
     (SELECT project, series, cost FROM spend_month WHERE bucket = $1 AND project IN \
     (SELECT p.num FROM project p JOIN part_budget o ON o.project_id = p.id) \
     UNION ALL SELECT project, series, cost FROM spend_delta WHERE month = $1 AND project IN \
     (SELECT p.num FROM project p JOIN part_budget o ON o.project_id = p.id)) AS s \
     JOIN series g ON g.num = s.series JOIN part_budget b ON b.project_id = g.project_id \
     AND ((b.kind = 'key' AND b.part_id = g.key_id) OR (b.kind = 'member' AND b.part_id = g.member_id) \
     OR (b.kind = 'model' AND b.part_id = g.model)) GROUP BY b.project_id, b.kind, b.part_id";

fn budget_of(row: BudgetRow) -> Result<(String, PartBudget), StoreError> {
    let (project_id, kind, id, budget, email, account, key, key_owner) = row;
    let part = Part { kind: word(&kind)?, id };
    let name = email.clone().or_else(|| account.clone()).or(key).unwrap_or_else(|| part.id.clone());
    let owner_id = email.or(account).map(|_| part.id.clone()).or(key_owner);
    Ok((project_id, PartBudget { part, name, owner_id, budget: Nanos(budget) }))
}

impl Store {
    /// The budgets within a project: models, members, keys, each by their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn part_budgets(&self, project_id: &str) -> Result<Vec<PartBudget>, StoreError> {
        let mut found: Vec<PartBudget> =
            self.budgets_of_parts(Some(project_id)).await?.into_iter().map(|(_, budget)| budget).collect();
        found.sort_by(|a, b| a.part.cmp(&b.part));
        Ok(found)
    }

    async fn budgets_of_parts(&self, project_id: Option<&str>) -> Result<Vec<(String, PartBudget)>, StoreError> {
        let (conditions, texts) = Conditions::default().text("b.project_id = {}", project_id).parts();
        let sql = format!("{BUDGETS} {conditions}");
        let rows: Vec<BudgetRow> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(budget_of).collect()
    }

    /// All parts that have budgets, for the gate.
    pub(crate) async fn gate_parts(&self) -> Result<Vec<GatePart>, StoreError> {
        let budgets = self.budgets_of_parts(None).await?;
        if budgets.is_empty() {
            return Ok(Vec::new());
        }
        let owned: Vec<(String, String, String)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT b.project_id, b.part_id, k.id FROM part_budget b JOIN api_key k ON k.project_id = b.project_id \
                 AND k.owner_id = b.part_id WHERE b.kind = 'member'",
            )
            .fetch_all(db)
            .await
        })?;
        let mut keys: HashMap<(String, String), Vec<String>> = HashMap::new();
        for (project_id, member_id, key_id) in owned {
            keys.entry((project_id, member_id)).or_default().push(key_id);
        }
        let part = |(project_id, PartBudget { part, name, budget, .. }): (String, PartBudget)| {
            let keys = match part.kind {
                PartKind::Model => Vec::new(),
                PartKind::Member => keys.remove(&(project_id.clone(), part.id.clone())).unwrap_or_default(),
                PartKind::Key => vec![part.id.clone()],
            };
            GatePart { project_id, part, name, budget, keys }
        };
        Ok(budgets.into_iter().map(part).collect())
    }

    /// What every part that has a budget spent in a month, with the ledger's version of which that is the state. Parts
    /// that spent nothing are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn part_spends(&self, month: Month) -> Result<Vec<PartSpend>, StoreError> {
        let mut tx = self.begin_reading().await?;
        let (version,): (i64,) = in_tx!(&mut tx, db => {
            sqlx::query_as("SELECT value FROM meta WHERE name = 'ledger_version'").fetch_one(db).await
        })?;
        let totals = tx.part_totals(month).await?;
        tx.rollback().await?;
        let total = |(project_id, part, spend): (String, Part, Nanos)| PartSpend {
            project_id: project_id.into(),
            part,
            month,
            spend,
            version,
        };
        Ok(totals.into_iter().map(total).collect())
    }
}

impl Tx {
    /// Every budget within a project, with that project, as this transaction sees them.
    pub(crate) async fn parts_with_budgets(&mut self) -> Result<Vec<(Scope, Part, Nanos)>, StoreError> {
        let rows: Vec<(String, String, String, String, i64)> = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT b.project_id, p.organization_id, b.kind, b.part_id, b.budget FROM part_budget b \
                 JOIN project p ON p.id = b.project_id",
            )
            .fetch_all(db)
            .await
        })?;
        let read = |(project_id, organization_id, kind, id, budget): (String, String, String, String, i64)| {
            Ok((Scope::project(&project_id, &organization_id), Part { kind: word(&kind)?, id }, Nanos(budget)))
        };
        rows.into_iter().map(read).collect()
    }

    /// What a part of a project spent in a month, as this transaction sees it: roll-ups and what is not folded yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn part_spend(&mut self, project_id: &str, part: &Part, month: Month) -> Result<Nanos, StoreError> {
        let column = match part.kind {
            PartKind::Model => "model",
            PartKind::Member => "member_id",
            PartKind::Key => "key_id",
        };
        let sql = format!(
            "WITH wanted AS (SELECT num FROM project WHERE id = $2) SELECT CAST(COALESCE(SUM(s.cost), 0) AS BIGINT) FROM \
             (SELECT series, cost FROM spend_month WHERE bucket = $1 AND project IN (SELECT num FROM wanted) \
             UNION ALL SELECT series, cost FROM spend_delta WHERE month = $1 AND project IN (SELECT num FROM wanted)) AS s \
             JOIN series g ON g.num = s.series WHERE g.{column} = $3"
        );
        let (spend,): (i64,) = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(month.yyyymm())
                .bind(project_id)
                .bind(&part.id)
                .fetch_one(db)
                .await
        })?;
        Ok(Nanos(spend))
    }

    /// What parts with budgets spent in a month, as this transaction sees it.
    pub(crate) async fn part_totals(&mut self, month: Month) -> Result<Vec<(String, Part, Nanos)>, StoreError> {
        let rows: Vec<(String, String, String, i64)> =
            in_tx!(self, db => sqlx::query_as(TOTALS).bind(month.yyyymm()).fetch_all(db).await)?;
        rows.into_iter()
            .map(|(project_id, kind, id, spend)| Ok((project_id, Part { kind: word(&kind)?, id }, Nanos(spend))))
            .collect()
    }

    /// The budgets within a project, as this transaction sees them: models, members, keys, each by their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn part_budgets(&mut self, project_id: &str) -> Result<Vec<PartBudget>, StoreError> {
        let sql = format!("{BUDGETS} WHERE b.project_id = $1");
        let rows: Vec<BudgetRow> = rows_of!(in_tx, self, sql, [project_id])?;
        let mut found = rows.into_iter().map(|row| Ok(budget_of(row)?.1)).collect::<Result<Vec<_>, StoreError>>()?;
        found.sort_by(|a, b| a.part.cmp(&b.part));
        Ok(found)
    }

    /// Sets the budget of a part, or takes it away. Whether it is allowed (R24) is the caller's to check.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_part_budget(
        &mut self,
        project_id: &str,
        part: &Part,
        budget: Option<Nanos>,
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            let query = match budget {
                Some(budget) => sqlx::query(
                    "INSERT INTO part_budget (project_id, kind, part_id, budget) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (project_id, kind, part_id) DO UPDATE SET budget = excluded.budget",
                )
                .bind(project_id)
                .bind(part.kind.as_str())
                .bind(&part.id)
                .bind(budget.0),
                None => sqlx::query("DELETE FROM part_budget WHERE project_id = $1 AND kind = $2 AND part_id = $3")
                    .bind(project_id)
                    .bind(part.kind.as_str())
                    .bind(&part.id),
            };
            query.execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
