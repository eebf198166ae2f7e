//! API keys everywhere, a page at a time (R15, R18).

use mete_core::directory::{ApiKey, KeyStatus};
use mete_core::{Month, Nanos};
use serde::Serialize;

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;
use crate::keys::{KEY_COLUMNS, KEY_OWNERS, KeyRow};
use crate::pages::{Cursor, CursorKey, Order, Page, Paging, Seek, anywhere};
use crate::shares::ShareKind;

/// By what keys are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyOrder {
    /// By name, without regard to case.
    #[default]
    Name,
    /// Used last first; never used last.
    LastUsed,
    /// Made last first.
    Created,
    /// What they spent in the month, the most first: as it was folded last, which is about a second ago. The amounts that
    /// are told are those of now.
    Spend,
}

/// Some of the keys that somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyReach {
    /// All.
    All,
    /// All of an organization.
    Organization(String),
    /// All of these projects.
    Projects(Vec<String>),
    /// Those of one owner in these projects.
    Owned {
        /// The person's or service account's id.
        owner_id: String,
        /// The projects' ids.
        project_ids: Vec<String>,
    },
}

/// Which keys to list; what is `None` does not restrict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQuery {
    /// What may be seen, each key in one of them only, and whether its spend may be.
    pub reaches: Vec<(KeyReach, bool)>,
    /// Of this organization.
    pub organization_id: Option<String>,
    /// Of this project.
    pub project_id: Option<String>,
    /// Of this person or service account.
    pub owner_id: Option<String>,
    /// With this status.
    pub status: Option<KeyStatus>,
    /// With this text in its name or redacted form, or in the name of its owner or project.
    pub text: Option<String>,
    /// The order.
    pub order: KeyOrder,
    /// The month whose spend is told.
    pub month: Month,
}

/// A key in a list of keys of several projects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyLine {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// Its project's name.
    pub project: String,
    /// Spent in the month; `None` for somebody who may not see it (R6).
    pub spend: Option<Nanos>,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    key: KeyRow,
    project: String,
    sort_number: i64,
    sort_text: String,
    shows_spend: bool,
}

/// What [`KeyQuery::text`] is looked for in.
const SEARCHED: &str = "(LOWER(k.name) LIKE {} ESCAPE '\\' OR LOWER(k.redacted_value) LIKE {} ESCAPE '\\' \
     OR EXISTS (SELECT 1 FROM person o WHERE o.id = k.owner_id AND LOWER(o.email) LIKE {} ESCAPE '\\') \
     OR EXISTS (SELECT 1 FROM service_account o WHERE o.id = k.owner_id AND LOWER(o.name) LIKE {} ESCAPE '\\') \
     OR EXISTS (SELECT 1 FROM project o WHERE o.id = k.project_id AND LOWER(o.name) LIKE {} ESCAPE '\\'))";

/// Keys that spent something come before those that did not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All, in another order than that of spend.
    Whole,
    Spenders,
    Others,
}

impl KeyOrder {
    const fn order(self) -> Order {
        match self {
            Self::Name => Order::named("LOWER(k.name)", "k.id"),
            Self::LastUsed => Order::newest("COALESCE(k.last_used_at, 0)", "k.id"),
            Self::Created => Order::newest("k.created_at", "k.id"),
            Self::Spend => Order::newest("t.cost", "t.id"),
        }
    }
}

impl KeyQuery {
    /// Whether a reach is small enough to be read wholly.
    fn is_small(&self, reach: &KeyReach) -> bool {
        let narrow = self.project_id.is_some() || self.owner_id.is_some();
        narrow || matches!(reach, KeyReach::Projects(_) | KeyReach::Owned { .. })
    }

    fn conditions(&self, reach: &KeyReach, texts: Vec<String>) -> Conditions {
        let conditions = Conditions::go_on(texts);
        let conditions = match reach {
            KeyReach::All => conditions,
            KeyReach::Organization(id) => conditions.text("k.organization_id = {}", Some(id)),
            KeyReach::Projects(ids) => conditions.any_of("k.project_id IN {}", Some(ids)),
            KeyReach::Owned { owner_id, project_ids } => {
                conditions.text("k.owner_id = {}", Some(owner_id)).any_of("k.project_id IN {}", Some(project_ids))
            }
        };
        let pattern = self.text.as_deref().filter(|text| !text.is_empty()).map(anywhere);
        let asked_of_reach = matches!(reach, KeyReach::Organization(id) if Some(id) == self.organization_id.as_ref());
        conditions
            .text("k.organization_id = {}", self.organization_id.as_deref().filter(|_| !asked_of_reach))
            .text("k.project_id = {}", self.project_id.as_deref())
            .text("k.owner_id = {}", self.owner_id.as_deref())
            .text("k.status = {}", self.status.map(KeyStatus::as_str))
            .text(SEARCHED, pattern.as_deref())
    }

    /// The ids of one part of one reach, in order.
    fn arm(
        &self,
        (reach, shows_spend): (&KeyReach, bool),
        part: Part,
        (paging, texts): (&Paging, Vec<String>),
    ) -> (String, Vec<String>) {
        let month = self.month.yyyymm();
        let of_month = format!("t.bucket = {month} AND t.kind = 'key'");
        let conditions = self.conditions(reach, texts);
        let (from, key, conditions, clause) = match part {
            Part::Whole => {
                let order = self.order.order();
                ("api_key k".to_owned(), order.key, order.seek(conditions, paging), order.clause(paging))
            }
            Part::Spenders if self.is_small(reach) => {
                let order = KeyOrder::Spend.order();
                let from = format!("api_key k JOIN share_month t ON t.id = k.id AND {of_month}");
                (from, "t.cost", order.seek(conditions.fixed("t.cost > 0"), paging), order.clause(paging))
            }
            Part::Spenders => {
                let order = KeyOrder::Spend.order();
                let organization = match reach {
                    KeyReach::Organization(id) => Some(id),
                    _ => self.organization_id.as_ref(),
                };
                let conditions = conditions
                    .fixed(&of_month)
                    .text("t.organization_id = {}", organization.map(String::as_str))
                    .fixed("t.cost > 0");
                let from = "share_month t JOIN api_key k ON k.id = t.id".to_owned();
                (from, "t.cost", order.seek(conditions, paging), order.clause(paging))
            }
            Part::Others => {
                let spends =
                    format!("NOT EXISTS (SELECT 1 FROM share_month t WHERE {of_month} AND t.id = k.id AND t.cost > 0)");
                let conditions = if shows_spend { conditions.fixed(&spends) } else { conditions };
                let (sign, way) = if paging.is_backwards() { (">", "ASC") } else { ("<", "DESC") };
                let conditions = match &paging.seek {
                    Seek::After(at) | Seek::Before(at) if at.key == CursorKey::Number(0) => {
                        conditions.texts(&format!("k.id {sign} {{}}"), &[&at.id])
                    }
                    _ => conditions.fixed("k.id > ''"),
                };
                let clause = format!("ORDER BY k.id {way} LIMIT {}", u64::from(paging.limit) + 1);
                ("api_key k".to_owned(), "CAST(0 AS BIGINT)", conditions, clause)
            }
        };
        let sort = if part == Part::Whole && self.order.order().is_text {
            format!("CAST(0 AS BIGINT) AS sort_number, {key} AS sort_text")
        } else {
            format!("{key} AS sort_number, '' AS sort_text")
        };
        let (conditions, texts) = conditions.parts();
        (format!("SELECT k.id, {sort}, {shows_spend} AS shows_spend FROM {from} {conditions} {clause}"), texts)
    }

    /// The statement for one part of all reaches.
    fn sql(&self, part: Part, paging: &Paging) -> Option<(String, Vec<String>)> {
        let (mut arms, mut texts) = (Vec::new(), Vec::new());
        // Who may not see what a key spent must not learn it from its place.
        let wanted = |(_, shows_spend): &&(KeyReach, bool)| part != Part::Spenders || *shows_spend;
        for (number, (reach, shows_spend)) in self.reaches.iter().filter(wanted).enumerate() {
            let (sql, bound) = self.arm((reach, *shows_spend), part, (paging, texts));
            texts = bound;
            arms.push(format!("SELECT * FROM ({sql}) AS a{number}"));
        }
        if arms.is_empty() {
            return None;
        }
        let is_descending = self.order.order().is_descending != paging.is_backwards();
        let way = if is_descending { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT {KEY_COLUMNS}, p.name AS project, w.sort_number, w.sort_text, w.shows_spend \
             FROM ({} ORDER BY sort_number {way}, sort_text {way}, id {way} LIMIT {}) AS w \
             JOIN api_key k ON k.id = w.id JOIN project p ON p.id = k.project_id {KEY_OWNERS} \
             ORDER BY w.sort_number {way}, w.sort_text {way}, w.id {way}",
            arms.join(" UNION ALL "),
            u64::from(paging.limit) + 1
        );
        Some((sql, texts))
    }
}

impl Store {
    /// Some of the keys, with what they spent in the month.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn key_page(&self, query: &KeyQuery, paging: &Paging) -> Result<Page<KeyLine>, StoreError> {
        let parts: &[Part] = match (query.order, paging.is_backwards()) {
            (KeyOrder::Spend, false) => &[Part::Spenders, Part::Others],
            (KeyOrder::Spend, true) => &[Part::Others, Part::Spenders],
            _ => &[Part::Whole],
        };
        let is_past_spenders = matches!(&paging.seek, Seek::After(at) if at.key == CursorKey::Number(0));
        let is_before_others = matches!(&paging.seek, Seek::Before(at) if at.key != CursorKey::Number(0));
        let mut rows: Vec<Row> = Vec::new();
        for part in parts {
            let is_over = (*part == Part::Spenders && is_past_spenders) || (*part == Part::Others && is_before_others);
            let left = paging.limit as usize + 1 - rows.len();
            if is_over || left == 0 {
                continue;
            }
            let Some((sql, texts)) = query.sql(*part, paging) else { continue };
            let found: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
            rows.extend(found.into_iter().take(left));
        }
        let page = Page::of(rows, paging, |row| Cursor {
            key: match query.order {
                KeyOrder::Name => CursorKey::Text(row.sort_text.clone()),
                _ => CursorKey::Number(row.sort_number),
            },
            id: row.key.id.clone(),
        });
        let shown = page.rows.iter().filter(|row| row.shows_spend).map(|row| row.key.id.clone());
        let mut spends = self.share_spends((ShareKind::Key, query.month), (None, &shown.collect::<Vec<_>>())).await?;
        page.try_map(|row| {
            let spend = row.shows_spend.then(|| spends.remove(&row.key.id).unwrap_or_default());
            Ok(KeyLine { project: row.project, spend, key: row.key.key()? })
        })
    }
}
