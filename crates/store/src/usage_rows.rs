//! Usage row by row, for export: what each key used of each model in an hour, day or month (R33).

use mete_core::Nanos;
use mete_core::time::day_label;
use serde::Serialize;

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;
use crate::rows::count;

/// How long the time is that one row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// A UTC hour; a bucket is hours since 1970.
    Hour,
    /// A UTC day; a bucket is days since 1970.
    Day,
    /// A UTC month; a bucket is `yyyymm`.
    Month,
}

impl Grain {
    /// The roll-up, and the bucket of what is not folded into it yet.
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Hour => ("spend_hour", "d.hour"),
            Self::Day => ("spend_day", "d.hour / 24"),
            Self::Month => ("spend_month", "d.month"),
        }
    }

    /// A bucket as text: `2026-11-23T10`, `2026-11-23`, `2026-11`.
    #[must_use]
    pub fn label(self, bucket: i64) -> String {
        match self {
            Self::Hour => format!("{}T{:02}", day_label(bucket.div_euclid(24)), bucket.rem_euclid(24)),
            Self::Day => day_label(bucket),
            Self::Month => format!("{:04}-{:02}", bucket / 100, bucket % 100),
        }
    }
}

/// Whose usage; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageOf {
    /// Of this organization and its sub-organizations (R3).
    pub organization_id: Option<String>,
    /// Of these projects.
    pub project_ids: Option<Vec<String>>,
}

/// What was used of a model through a key, by its owner, in an endpoint group, in an hour, day or month. Ids are empty
/// where usage names none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// The hour, day or month, as its [`Grain`] counts it.
    #[serde(skip)]
    pub bucket: i64,
    /// `org-…`
    pub organization_id: String,
    /// Its name.
    pub organization: String,
    /// `proj_…`
    pub project_id: String,
    /// Its name.
    pub project: String,
    /// `key_…`
    pub key_id: String,
    /// The key's name; its redacted form where it has none.
    pub key: String,
    /// `user-…` or `svc-acct-…`
    pub member_id: String,
    /// An e-mail address or a service account's name.
    pub member: String,
    /// As usage names it.
    pub model: String,
    /// The endpoint group.
    pub endpoint: String,
    /// Requests counted.
    pub requests: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Cached input tokens.
    pub cached_input_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Spent.
    pub spend: Nanos,
}

/// A row as the database tells it.
type Told =
    (i64, String, String, String, String, String, String, String, String, String, String, i64, i64, i64, i64, i64);

impl Store {
    /// What was used in one hour, day or month, one row a key, member, model and endpoint group; by organization, project,
    /// key and model. Sums the roll-up and what is not folded into it yet, so it is exact at every commit (R31). One
    /// bucket is asked for at a time, so that what leaves in a stream is never in memory as a whole.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn usage_rows(&self, of: &UsageOf, grain: Grain, bucket: i64) -> Result<Vec<UsageRow>, StoreError> {
        let (rollup, delta_bucket) = grain.parts();
        let (conditions, texts) = Conditions::default()
            .text("(o.id = {} OR o.parent_id = {})", of.organization_id.as_deref())
            .any_of("p.id IN {}", of.project_ids.as_deref())
            .parts();
        let sql = format!(
            "WITH wanted AS (SELECT p.num, p.id, p.name, o.id AS organization_id, o.name AS organization FROM project p \
             JOIN organization o ON o.id = p.organization_id {conditions}), \
             s AS (SELECT project, series, requests, input, cached_input, output, cost FROM {rollup} \
             WHERE bucket = {bucket} AND project IN (SELECT num FROM wanted) \
             UNION ALL SELECT d.project, d.series, d.requests, d.input, d.cached_input, d.output, d.cost \
             FROM spend_delta d WHERE {delta_bucket} = {bucket} AND d.project IN (SELECT num FROM wanted)), \
             t AS (SELECT project, series, CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(input) AS BIGINT) AS input, \
             CAST(SUM(cached_input) AS BIGINT) AS cached_input, CAST(SUM(output) AS BIGINT) AS output, \
             CAST(SUM(cost) AS BIGINT) AS cost FROM s GROUP BY project, series) \
             SELECT CAST({bucket} AS BIGINT), p.organization_id, p.organization, p.id, p.name, g.key_id, \
             COALESCE(NULLIF(k.name, ''), k.redacted_value, g.key_id), g.member_id, \
             COALESCE(u.email, a.name, g.member_id), g.model, g.endpoint, \
             t.requests, t.input, t.cached_input, t.output, t.cost \
             FROM t JOIN wanted p ON p.num = t.project JOIN series g ON g.num = t.series \
             LEFT JOIN api_key k ON k.id = g.key_id LEFT JOIN person u ON u.id = g.member_id \
             LEFT JOIN service_account a ON a.id = g.member_id \
             ORDER BY p.organization, p.organization_id, p.name, p.id, g.key_id, g.model, g.endpoint, g.member_id"
        );
        let told: Vec<Told> = rows_of!(on_read, self, sql, texts)?;
        Ok(told.into_iter().map(usage_row).collect())
    }
}

fn usage_row(told: Told) -> UsageRow {
    let (bucket, organization_id, organization, project_id, project, key_id, key, member_id, member, model, ..) = told;
    let (.., endpoint, requests, input, cached_input, output, cost) = told;
    UsageRow {
        bucket,
        organization_id,
        organization,
        project_id,
        project,
        key_id,
        key,
        member_id,
        member,
        model,
        endpoint,
        requests: count(requests),
        input_tokens: count(input),
        cached_input_tokens: count(cached_input),
        output_tokens: count(output),
        spend: Nanos(cost),
    }
}
