//! Spend by project, key, model, member, endpoint, day and hour (R33).

use mete_core::time::day_label;
use mete_core::{Month, Nanos};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;
use crate::rows::count;

/// What spend is shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendBy {
    /// One row a project.
    Project,
    /// One row a key; usage that names none is one row with an empty id.
    Key,
    /// One row a model.
    Model,
    /// One row a member or service account.
    Member,
    /// One row an endpoint group.
    Endpoint,
    /// One row a UTC day, `2026-11-23`.
    Day,
    /// One row a UTC hour, `2026-11-23T10`.
    Hour,
}

/// Whose spend, when, by what; what is `None` does not restrict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendQuery {
    /// This organization and its sub-organizations (R3).
    pub organization_id: Option<String>,
    /// These projects.
    pub project_ids: Option<Vec<String>>,
    /// The UTC month.
    pub month: Month,
    /// What one row is.
    pub by: SpendBy,
}

/// One row of spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendRow {
    /// The id, model, endpoint group, day or hour that the row is about; empty where usage names none.
    pub id: String,
    /// Its name for people: a project's name, a member's e-mail address; otherwise the id.
    pub name: String,
    /// Spent.
    pub spend: Nanos,
    /// Requests counted.
    pub requests: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Cached input tokens.
    pub cached_input_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    spend: i64,
    requests: i64,
    input: i64,
    cached_input: i64,
    output: i64,
}

/// How the rows of one kind of [`SpendBy`] are made: the roll-up to read, and what names a row.
struct Shape {
    /// The table.
    rollup: &'static str,
    /// The bucket of a row that is not folded yet.
    delta_bucket: &'static str,
    /// What a row is grouped by.
    id: &'static str,
    /// Its name.
    name: &'static str,
    /// Joins that the name needs.
    join: &'static str,
    order: &'static str,
}

const BY_SPEND: &str = "spend DESC, id";

impl SpendBy {
    fn shape(self) -> Shape {
        let by_month =
            |id, name, join| Shape { rollup: "spend_month", delta_bucket: "month", id, name, join, order: BY_SPEND };
        match self {
            Self::Project => by_month("g.project_id", "MAX(p.name)", ""),
            Self::Key => by_month(
                "g.key_id",
                "COALESCE(NULLIF(MAX(k.name), ''), MAX(k.redacted_value), g.key_id)",
                "LEFT JOIN api_key k ON k.id = g.key_id",
            ),
            Self::Model => by_month("g.model", "g.model", ""),
            Self::Member => by_month(
                "g.member_id",
                "COALESCE(MAX(u.email), MAX(a.name), g.member_id)",
                "LEFT JOIN person u ON u.id = g.member_id LEFT JOIN service_account a ON a.id = g.member_id",
            ),
            Self::Endpoint => by_month("g.endpoint", "g.endpoint", ""),
            Self::Day => Shape {
                rollup: "spend_day",
                delta_bucket: "hour / 24",
                id: "CAST(s.bucket AS TEXT)",
                name: "''",
                join: "",
                order: "MIN(s.bucket)",
            },
            Self::Hour => Shape {
                rollup: "spend_hour",
                delta_bucket: "hour",
                id: "CAST(s.bucket AS TEXT)",
                name: "''",
                join: "",
                order: "MIN(s.bucket)",
            },
        }
    }

    /// First and last bucket of a month.
    const fn span(self, month: Month) -> (i64, i64) {
        let (first, last) = month.days();
        match self {
            Self::Day => (first, last),
            Self::Hour => (first * 24, last * 24 + 23),
            _ => (month.yyyymm(), month.yyyymm()),
        }
    }

    /// A bucket's label, for the kinds whose id is a bucket.
    fn label(self, id: String) -> String {
        match (self, id.parse::<i64>()) {
            (Self::Day, Ok(day)) => day_label(day),
            (Self::Hour, Ok(hour)) => format!("{}T{:02}", day_label(hour.div_euclid(24)), hour.rem_euclid(24)),
            _ => id,
        }
    }
}

impl Store {
    /// Spend of a month. Sums the roll-up and what is not folded into it yet, so it is exact at every commit (R31).
    /// Largest first; days and hours in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn spend(&self, query: &SpendQuery) -> Result<Vec<SpendRow>, StoreError> {
        let Shape { rollup, delta_bucket, id, name, join, order } = query.by.shape();
        let (from, to) = query.by.span(query.month);
        let (conditions, texts) = Conditions::default()
            .text("(o.id = {} OR o.parent_id = {})", query.organization_id.as_deref())
            .any_of("p.id IN {}", query.project_ids.as_deref())
            .parts();
        let sql = format!(
            "WITH wanted AS (SELECT p.num, p.name FROM project p JOIN organization o ON o.id = p.organization_id \
             {conditions}), \
             s AS (SELECT bucket, project, series, requests, input, cached_input, output, cost FROM {rollup} \
             WHERE bucket BETWEEN {from} AND {to} AND project IN (SELECT num FROM wanted) \
             UNION ALL SELECT {delta_bucket}, project, series, requests, input, cached_input, output, cost FROM spend_delta \
             WHERE {delta_bucket} BETWEEN {from} AND {to} AND project IN (SELECT num FROM wanted)) \
             SELECT {id} AS id, {name} AS name, CAST(SUM(s.cost) AS BIGINT) AS spend, \
             CAST(SUM(s.requests) AS BIGINT) AS requests, CAST(SUM(s.input) AS BIGINT) AS input, \
             CAST(SUM(s.cached_input) AS BIGINT) AS cached_input, CAST(SUM(s.output) AS BIGINT) AS output \
             FROM s JOIN wanted p ON p.num = s.project JOIN series g ON g.num = s.series {join} \
             GROUP BY {id} ORDER BY {order}"
        );
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(|row| spend_row(query.by, row)).collect())
    }
}

fn spend_row(by: SpendBy, row: Row) -> SpendRow {
    let id = by.label(row.id);
    SpendRow {
        name: if row.name.is_empty() { id.clone() } else { row.name },
        id,
        spend: Nanos(row.spend),
        requests: count(row.requests),
        input_tokens: count(row.input),
        cached_input_tokens: count(row.cached_input),
        output_tokens: count(row.output),
    }
}
