//! What usage named of a project: its resources (R36), and the bytes that it stores (R28). The ledger writes both.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use mete_core::directory::UnknownWord;
use mete_core::{Nanos, Timestamp};
use serde::Serialize;

use crate::Store;
use crate::boxed;
use crate::db::on_read;
use crate::error::StoreError;
use crate::rows::{count, word};

/// What is listed of a project; usage may name other things, which are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A file.
    File,
    /// A thread of messages.
    Thread,
    /// An assistant.
    Assistant,
    /// A model of the project's own.
    FineTunedModel,
    /// A vector store.
    VectorStore,
}

impl ResourceKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::File, Self::Thread, Self::Assistant, Self::FineTunedModel, Self::VectorStore];

    const NAMES: [&str; 5] = {
        let mut names = [""; 5];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].as_str();
            at += 1;
        }
        names
    };

    /// Its stable text form, which is also what events say.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Thread => "thread",
            Self::Assistant => "assistant",
            Self::FineTunedModel => "fine_tuned_model",
            Self::VectorStore => "vector_store",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ResourceKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let unknown = || UnknownWord { what: "resource type", word: text.to_owned(), known: &Self::NAMES };
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(unknown)
    }
}

/// Which resources to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// The project's id.
    pub project_id: String,
    /// Only those of this kind.
    pub kind: Option<ResourceKind>,
    /// At most so many, those seen last; `None` for all.
    pub limit: Option<i64>,
}

/// A resource that usage named, with all that was booked on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceRow {
    /// The project's id.
    pub project_id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ResourceKind,
    /// The provider's id of it, as its writer wrote it: make it safe before it is shown.
    pub id: String,
    /// The time of the earliest event that named it.
    pub first_seen_at: Timestamp,
    /// The time of the latest.
    pub last_seen_at: Timestamp,
    /// Requests that named it.
    pub requests: u64,
    /// Bytes stored less bytes freed by them, never below 0.
    pub bytes: u64,
    /// What they cost.
    pub spend: Nanos,
}

/// The bytes that one project stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectBytes {
    /// `proj_…`
    pub project_id: Arc<str>,
    /// Stored less freed since the beginning, never below 0.
    pub bytes: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    kind: String,
    id: String,
    first_seen_at: i64,
    last_seen_at: i64,
    requests: i64,
    bytes: i64,
    cost: i64,
}

impl Row {
    fn into_resource(self, project_id: &str) -> Result<ResourceRow, StoreError> {
        Ok(ResourceRow {
            project_id: project_id.to_owned(),
            kind: word(&self.kind)?,
            id: self.id,
            first_seen_at: Timestamp(self.first_seen_at),
            last_seen_at: Timestamp(self.last_seen_at),
            requests: count(self.requests),
            bytes: count(self.bytes),
            spend: Nanos(self.cost),
        })
    }
}

/// Without those whose every event turned out, by a later copy, to be about something else.
const LIST: &str = "SELECT kind, id, first_seen_at, last_seen_at, requests, bytes, cost FROM resource \
     WHERE project = (SELECT num FROM project WHERE id = $1) AND ($2 = '' OR kind = $2) AND requests > 0 \
     ORDER BY last_seen_at DESC, kind, id LIMIT $3";

impl Store {
    /// The resources of a project, those seen last first. A project that is not there has none.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn resources(&self, filter: &ResourceFilter) -> Result<Vec<ResourceRow>, StoreError> {
        let rows: Vec<Row> = on_read!(self, db => {
            sqlx::query_as(LIST)
                .bind(&filter.project_id)
                .bind(filter.kind.map_or("", ResourceKind::as_str))
                .bind(filter.limit.unwrap_or(i64::MAX))
                .fetch_all(db)
                .await
        })?;
        rows.into_iter().map(|row| row.into_resource(&filter.project_id)).collect()
    }

    /// The bytes that each project stores; one that never stored any has no entry.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_bytes(&self) -> Result<Vec<ProjectBytes>, StoreError> {
        let totals: Vec<(String, i64)> = on_read!(self, db => {
            sqlx::query_as("SELECT p.id, b.bytes FROM project_bytes b JOIN project p ON p.num = b.project")
                .fetch_all(db)
                .await
        })?;
        Ok(totals.into_iter().map(|(id, bytes)| ProjectBytes { project_id: id.into(), bytes: count(bytes) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use mete_tests::{TestStore, each_engine};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::db::Tx;

    #[test]
    fn r36_kinds_are_what_events_say() {
        for kind in ResourceKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        let error = "batch".parse::<ResourceKind>().unwrap_err().to_string();
        assert!(error.contains("batch") && error.contains("fine_tuned_model"), "{error}");
    }

    /// How the engine would find the rows of a list.
    async fn plan(store: &Store) -> anyhow::Result<String> {
        let steps: Vec<String> = match store.begin().await? {
            Tx::Sqlite(mut tx) => {
                let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {LIST}"));
                let rows: Vec<(i64, i64, i64, String)> =
                    sqlx::query_as(sql).bind("p").bind("").bind(1_i64).fetch_all(&mut *tx).await?;
                rows.into_iter().map(|row| row.3).collect()
            }
            Tx::Postgres(mut tx) => {
                // An empty table is read whole, whatever its indexes.
                sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut *tx).await?;
                sqlx::query("SET LOCAL enable_bitmapscan = off").execute(&mut *tx).await?;
                let sql = sqlx::AssertSqlSafe(format!("EXPLAIN {LIST}"));
                let rows: Vec<(String,)> =
                    sqlx::query_as(sql).bind("p").bind("").bind(1_i64).fetch_all(&mut *tx).await?;
                rows.into_iter().map(|row| row.0).collect()
            }
        };
        Ok(steps.join("\n"))
    }

    each_engine! {
        async fn a_list_reads_the_newest_first_from_its_index(place: &TestStore) -> anyhow::Result<()> {
            let store = Store::create(&place.url().parse()?, &mut StdRng::seed_from_u64(1)).await?;
            let plan = plan(&store).await?;
            assert!(plan.contains("resource_last_seen"), "{plan}");
            for whole in ["SCAN resource", "USE TEMP B-TREE FOR ORDER BY", "Seq Scan on resource"] {
                assert!(!plan.contains(whole), "{plan}");
            }
            Ok(())
        }
    }
}
