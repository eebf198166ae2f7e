//! Blocks and releases that people place by hand (R41).

use mete_core::Timestamp;
use mete_core::manual_block::ManualBlock;

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::pages::{Cursor, CursorKey, Order, Page, Paging};
use crate::rows::word;
use crate::{Store, Tx};

/// Which of them to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManualBlockFilter {
    /// Of this organization.
    pub organization_id: Option<String>,
    /// Of this project and its keys.
    pub project_id: Option<String>,
    /// Only those that were not lifted.
    pub open: bool,
    /// Only those that hold at this instant.
    pub holding_at: Option<Timestamp>,
    /// Only those that somebody may see.
    pub seen: Option<SeenBlocks>,
}

/// The blocks and releases that somebody may see who does not see all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenBlocks {
    /// Of these projects and of all their keys.
    pub managed: Vec<String>,
    /// Of these projects, and of those of their keys that the person owns.
    pub others: Vec<String>,
    /// The person's id.
    pub user_id: String,
}

impl ManualBlockFilter {
    fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::default()
            .text("organization_id = {}", self.organization_id.as_deref())
            .text("project_id = {}", self.project_id.as_deref());
        if self.open || self.holding_at.is_some() {
            conditions = conditions.fixed("lifted_at IS NULL");
        }
        if let Some(now) = self.holding_at {
            conditions = conditions.number("(until IS NULL OR until > {})", Some(now.0));
        }
        let Some(SeenBlocks { managed, others, user_id }) = &self.seen else { return conditions };
        let list = |ids: &[String]| {
            if ids.is_empty() { "('')".to_owned() } else { format!("({})", vec!["{}"; ids.len()].join(", ")) }
        };
        let condition = format!(
            "(project_id IN {} OR (project_id IN {} AND (scope_kind = 'project' \
             OR scope_id IN (SELECT k.id FROM api_key k WHERE k.owner_id = {{}}))))",
            list(managed),
            list(others)
        );
        let texts: Vec<&str> = managed.iter().chain(others).chain([user_id]).map(String::as_str).collect();
        conditions.texts(&condition, &texts)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organization_id: String,
    project_id: String,
    scope_kind: String,
    scope_id: String,
    kind: String,
    reason: String,
    placed_by: String,
    placed_at: i64,
    until: Option<i64>,
    lifted_by: Option<String>,
    lifted_at: Option<i64>,
}

impl Row {
    fn block(self) -> Result<ManualBlock, StoreError> {
        Ok(ManualBlock {
            scope_kind: word(&self.scope_kind)?,
            kind: word(&self.kind)?,
            id: self.id,
            organization_id: self.organization_id,
            project_id: self.project_id,
            scope_id: self.scope_id,
            reason: self.reason,
            placed_by: self.placed_by,
            placed_at: Timestamp(self.placed_at),
            until: self.until.map(Timestamp),
            lifted_by: self.lifted_by,
            lifted_at: self.lifted_at.map(Timestamp),
        })
    }
}

const COLUMNS: &str = "SELECT id, organization_id, project_id, scope_kind, scope_id, kind, reason, placed_by, placed_at, \
     until, lifted_by, lifted_at FROM manual_block ";

impl Store {
    /// Blocks and releases placed by hand, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn manual_blocks(&self, filter: &ManualBlockFilter) -> Result<Vec<ManualBlock>, StoreError> {
        let (conditions, texts) = filter.conditions().parts();
        let sql = format!("{COLUMNS} {conditions} ORDER BY placed_at DESC, id");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(Row::block).collect()
    }

    /// Some of the blocks and releases placed by hand, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn manual_block_page(
        &self,
        filter: &ManualBlockFilter,
        paging: &Paging,
    ) -> Result<Page<ManualBlock>, StoreError> {
        const NEWEST: Order = Order::newest("placed_at", "id");
        let (conditions, texts) = NEWEST.seek(filter.conditions(), paging).parts();
        let sql = format!("{COLUMNS} {conditions} {}", NEWEST.clause(paging));
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        let cursor = |row: &Row| Cursor { key: CursorKey::Number(row.placed_at), id: row.id.clone() };
        Page::of(rows, paging, cursor).try_map(Row::block)
    }

    /// The block or release with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn manual_block(&self, id: &str) -> Result<Option<ManualBlock>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row: Option<Row> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(Row::block).transpose()
    }
}

impl Tx {
    /// The block or release with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn manual_block(&mut self, id: &str) -> Result<Option<ManualBlock>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        row.map(Row::block).transpose()
    }

    /// The blocks and releases of a key or project that were not lifted, those whose time is over included.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn open_manual_blocks(&mut self, scope_id: &str) -> Result<Vec<ManualBlock>, StoreError> {
        let sql = format!("{COLUMNS} WHERE scope_id = $1 AND lifted_at IS NULL ORDER BY id");
        let rows: Vec<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(scope_id).fetch_all(db).await
        })?;
        rows.into_iter().map(Row::block).collect()
    }

    /// Places a block or release.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_manual_block(&mut self, block: &ManualBlock) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO manual_block (id, organization_id, project_id, scope_kind, scope_id, kind, reason, placed_by, \
                 placed_at, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(&block.id).bind(&block.organization_id).bind(&block.project_id).bind(block.scope_kind.as_str())
            .bind(&block.scope_id).bind(block.kind.as_str()).bind(&block.reason).bind(&block.placed_by)
            .bind(block.placed_at.0).bind(block.until.map(|at| at.0))
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Lifts a block or release.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_manual_block_lifted(&mut self, id: &str, by: &str, at: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE manual_block SET lifted_by = $2, lifted_at = $3 WHERE id = $1")
                .bind(id).bind(by).bind(at.0)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
