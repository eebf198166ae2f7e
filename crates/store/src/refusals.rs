//! Who is refused now, and why: exhausted budgets of organizations, projects and what is within them (R26), and blocks by
//! hand (R41). What holds for single requests only (permissions, models, rates) is not among it.

use std::collections::HashMap;

use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::parts::{Part, PartKind};
use mete_core::{Nanos, Timestamp};
use serde::Serialize;

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;
use crate::manual_blocks::ManualBlockFilter;
use crate::rows::count;

/// Why somebody is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    /// A budget leaves nothing.
    Budget {
        /// The budget.
        budget: Nanos,
        /// Spent of it in the month; `None` for somebody who may not see it (R6).
        spend: Option<Nanos>,
    },
    /// Somebody placed a block.
    ByHand {
        /// `block_…`
        id: String,
        /// Why.
        reason: String,
        /// Who.
        placed_by: String,
    },
}

/// Somebody who is refused now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Whose organization.
    pub organization_id: String,
    /// The project; `None` where it is a whole organization.
    pub project_id: Option<String>,
    /// What is refused: `organization`, `project`, `model`, `member` or `key`.
    pub scope: &'static str,
    /// Its id, or the model.
    pub scope_id: String,
    /// Its name.
    pub scope_name: String,
    /// Why.
    pub cause: RefusalCause,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Until when, if nobody changes anything; `None` for a block until it is lifted.
    pub until: Option<Timestamp>,
    /// How many active keys it stops; for a model, how many it stops for that model.
    pub keys: u64,
    /// How many of these a release by hand lets go on.
    pub released: u64,
}

/// A budget's block: id of the scope, organization, kind, name, budget, since, keys.
type BlockRow = (String, String, String, Option<String>, i64, i64, i64);

impl Store {
    /// Who is refused at `now`, in one organization or in all; who was refused last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn refusals(&self, organization_id: Option<&str>, now: Timestamp) -> Result<Vec<Refusal>, StoreError> {
        let holding = ManualBlockFilter {
            organization_id: organization_id.map(str::to_owned),
            holding_at: Some(now),
            ..ManualBlockFilter::default()
        };
        let (blocks, releases): (Vec<_>, Vec<_>) =
            self.manual_blocks(&holding).await?.into_iter().partition(|block| block.kind == ManualBlockKind::Block);
        let mut refused = self.budget_refusals(organization_id, now).await?;
        refused.extend(self.part_refusals(organization_id, now).await?);
        self.count_released(&mut refused, &releases).await?;
        refused.extend(self.hand_refusals(blocks).await?);
        refused.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.scope_id.cmp(&b.scope_id)));
        Ok(refused)
    }

    async fn budget_refusals(&self, organization_id: Option<&str>, now: Timestamp) -> Result<Vec<Refusal>, StoreError> {
        let month = now.month();
        let (conditions, texts) = Conditions::default()
            .number("b.month = {}", Some(month.yyyymm()))
            .fixed("b.lifted_at IS NULL")
            .text("b.organization_id = {}", organization_id)
            .parts();
        let sql = format!(
            "SELECT b.scope_id, b.organization_id, b.scope_kind, COALESCE(p.name, o.name), \
             COALESCE(l.budget, b.budget), b.since, CASE WHEN b.scope_kind = 'project' \
             THEN (SELECT CAST(COUNT(*) AS BIGINT) FROM api_key k WHERE k.project_id = b.scope_id AND k.status = 'active') \
             ELSE (SELECT CAST(COUNT(*) AS BIGINT) FROM organization c JOIN project q ON q.organization_id = c.id \
             JOIN api_key k ON k.project_id = q.id AND k.status = 'active' \
             WHERE c.id = b.scope_id OR c.parent_id = b.scope_id) END \
             FROM block b LEFT JOIN project p ON p.id = b.scope_id LEFT JOIN organization o ON o.id = b.scope_id \
             LEFT JOIN limits l ON l.scope_id = b.scope_id {conditions}"
        );
        let rows: Vec<BlockRow> = rows_of!(on_read, self, sql, texts)?;
        let ids: Vec<String> = rows.iter().map(|row| row.0.clone()).collect();
        let spends = self.scope_spends(&ids, month).await?;
        let refusal = |(scope_id, organization_id, kind, name, budget, since, keys): BlockRow| {
            let is_project = kind == "project";
            Refusal {
                organization_id,
                project_id: is_project.then(|| scope_id.clone()),
                scope: if is_project { "project" } else { "organization" },
                scope_name: name.unwrap_or_else(|| scope_id.clone()),
                cause: RefusalCause::Budget {
                    budget: Nanos(budget),
                    spend: Some(spends.get(&scope_id).copied().unwrap_or_default()),
                },
                since: Some(Timestamp(since)),
                until: Some(month.end()),
                keys: count(keys),
                released: 0,
                scope_id,
            }
        };
        Ok(rows.into_iter().map(refusal).collect())
    }

    /// Models, members and keys whose budgets are exhausted. Since when is written down nowhere.
    async fn part_refusals(&self, organization_id: Option<&str>, now: Timestamp) -> Result<Vec<Refusal>, StoreError> {
        let month = now.month();
        let budgets = self.gate_parts().await?;
        if budgets.is_empty() {
            return Ok(Vec::new());
        }
        let spends: HashMap<(String, Part), Nanos> = self
            .part_spends(month)
            .await?
            .into_iter()
            .map(|total| ((total.project_id.to_string(), total.part), total.spend))
            .collect();
        let spend = |project_id: &str, part: &Part| {
            spends.get(&(project_id.to_owned(), part.clone())).copied().unwrap_or_default()
        };
        let exhausted: Vec<_> = budgets.into_iter().filter(|it| spend(&it.project_id, &it.part) >= it.budget).collect();
        let ids: Vec<String> = exhausted.iter().map(|it| it.project_id.clone()).collect();
        let projects = self.key_counts(&ids).await?;
        let mut refused = Vec::new();
        for part in exhausted {
            let Some((organization, active)) = projects.get(&part.project_id) else { continue };
            if organization_id.is_some_and(|wanted| wanted != organization) {
                continue;
            }
            let keys = if part.part.kind == PartKind::Model { *active } else { self.count_active(&part.keys).await? };
            refused.push(Refusal {
                organization_id: organization.clone(),
                scope: part.part.kind.as_str(),
                scope_name: part.name,
                cause: RefusalCause::Budget { budget: part.budget, spend: Some(spend(&part.project_id, &part.part)) },
                since: None,
                until: Some(month.end()),
                keys,
                released: 0,
                scope_id: part.part.id,
                project_id: Some(part.project_id),
            });
        }
        Ok(refused)
    }

    async fn hand_refusals(&self, blocks: Vec<ManualBlock>) -> Result<Vec<Refusal>, StoreError> {
        let projects =
            self.key_counts(&blocks.iter().map(|block| block.project_id.clone()).collect::<Vec<_>>()).await?;
        let mut refused = Vec::new();
        for block in blocks {
            let is_project = block.scope_kind == ManualBlockScope::Project;
            let (name, keys) = self.blocked(&block).await?;
            let keys = if is_project { projects.get(&block.project_id).map_or(0, |project| project.1) } else { keys };
            refused.push(Refusal {
                organization_id: block.organization_id,
                project_id: Some(block.project_id),
                scope: block.scope_kind.as_str(),
                scope_id: block.scope_id,
                scope_name: name,
                cause: RefusalCause::ByHand { id: block.id, reason: block.reason, placed_by: block.placed_by },
                since: Some(block.placed_at),
                until: block.until,
                keys,
                released: 0,
            });
        }
        Ok(refused)
    }

    /// The name of what is blocked, and for a key whether it is active.
    async fn blocked(&self, block: &ManualBlock) -> Result<(String, u64), StoreError> {
        let row: Option<(String, i64)> = on_read!(self, db => {
            sqlx::query_as(
                "SELECT name, CAST(0 AS BIGINT) FROM project WHERE id = $1 UNION ALL \
                 SELECT COALESCE(NULLIF(name, ''), redacted_value), CASE WHEN status = 'active' THEN 1 ELSE 0 END \
                 FROM api_key WHERE id = $1",
            )
            .bind(&block.scope_id)
            .fetch_optional(db)
            .await
        })?;
        let (name, active) = row.unwrap_or_else(|| (block.scope_id.clone(), 0));
        Ok((name, count(active)))
    }

    /// Organization and number of active keys of projects, by their ids.
    async fn key_counts(&self, project_ids: &[String]) -> Result<HashMap<String, (String, u64)>, StoreError> {
        let (conditions, texts) = Conditions::default().any_of("p.id IN {}", Some(project_ids)).parts();
        let sql = format!(
            "SELECT p.id, p.organization_id, (SELECT CAST(COUNT(*) AS BIGINT) FROM api_key k \
             WHERE k.project_id = p.id AND k.status = 'active') FROM project p {conditions}"
        );
        let rows: Vec<(String, String, i64)> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(|(id, organization, keys)| (id, (organization, count(keys)))).collect())
    }

    async fn count_active(&self, key_ids: &[String]) -> Result<u64, StoreError> {
        let (conditions, texts) =
            Conditions::default().any_of("id IN {}", Some(key_ids)).fixed("status = 'active'").parts();
        let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM api_key {conditions}");
        let rows: Vec<(i64,)> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.first().map_or(0, |row| count(row.0)))
    }

    /// Notes how many keys of each a release lets go on: of a project all, of a key that one.
    async fn count_released(&self, refused: &mut [Refusal], releases: &[ManualBlock]) -> Result<(), StoreError> {
        if releases.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = releases.iter().map(|release| release.project_id.clone()).collect();
        let counts = self.key_counts(&ids).await?;
        for refusal in refused {
            let mut projects: HashMap<&str, u64> = HashMap::new();
            for release in releases {
                let of_project = refusal.project_id.as_deref() == Some(release.project_id.as_str());
                let of_organization =
                    refusal.project_id.is_none() && refusal.organization_id == release.organization_id;
                if !of_project && !of_organization {
                    continue;
                }
                let all = counts.get(&release.project_id).map_or(0, |project| project.1);
                let released = projects.entry(&release.project_id).or_default();
                let more = if release.scope_kind == ManualBlockScope::Project { all } else { 1 };
                *released = (*released + more).min(all);
            }
            refusal.released = projects.values().sum::<u64>().min(refusal.keys);
        }
        Ok(())
    }
}
