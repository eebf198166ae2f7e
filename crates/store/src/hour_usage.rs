//! What was used of models that have rate limits by the day, for whoever starts to count anew (R23).

use mete_core::Timestamp;
use mete_core::time::HOUR;

use crate::Store;
use crate::boxed;
use crate::db::on_read;
use crate::error::StoreError;
use crate::rows::count;

/// What a project used of a model in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourUsage {
    /// `proj_…`
    pub project_id: String,
    /// The model, as the usage names it.
    pub model: String,
    /// When the hour is over.
    pub end: Timestamp,
    /// Requests.
    pub requests: u64,
    /// Input and output tokens.
    pub tokens: u64,
}

const LIMITED: &str = "(r.max_requests_per_1_day IS NOT NULL OR r.max_tokens_per_1_day IS NOT NULL)";

impl Store {
    /// What was used since `from`, by whole hours in their order, of models whose requests or tokens by the day are limited
    /// in a project, its organization or the one above. Exact at every commit (R31): what is not folded yet is in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn hour_usage(&self, from: Timestamp) -> Result<Vec<HourUsage>, StoreError> {
        // Where nobody has such a limit, the hours are not looked at.
        let any = format!("SELECT COUNT(*) FROM rate_limit r WHERE {LIMITED}");
        let (limits,): (i64,) = on_read!(self, db => sqlx::query_as(sqlx::AssertSqlSafe(any)).fetch_one(db).await)?;
        if limits == 0 {
            return Ok(Vec::new());
        }
        let sql = format!(
            "WITH wanted AS (SELECT DISTINCT g.num AS series, p.num AS project, p.id AS project_id, g.model FROM rate_limit r \
             JOIN series g ON g.model = r.model JOIN project p ON p.id = g.project_id \
             JOIN organization o ON o.id = p.organization_id \
             WHERE {LIMITED} AND (r.scope_id = p.id OR r.scope_id = o.id OR r.scope_id = o.parent_id)), \
             s AS (SELECT bucket, project, series, requests, input, output FROM spend_hour WHERE bucket >= $1 \
             UNION ALL SELECT hour, project, series, requests, input, output FROM spend_delta WHERE hour >= $1) \
             SELECT w.project_id, w.model, s.bucket, CAST(SUM(s.requests) AS BIGINT), \
             CAST(SUM(s.input + s.output) AS BIGINT) FROM s \
             JOIN wanted w ON w.series = s.series AND w.project = s.project \
             GROUP BY w.project_id, w.model, s.bucket ORDER BY s.bucket, w.project_id, w.model"
        );
        let rows: Vec<(String, String, i64, i64, i64)> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(from.hour()).fetch_all(db).await
        })?;
        let usage = |(project_id, model, hour, requests, tokens): (String, String, i64, i64, i64)| HourUsage {
            project_id,
            model,
            end: Timestamp((hour + 1) * HOUR),
            requests: count(requests),
            tokens: count(tokens),
        };
        Ok(rows.into_iter().map(usage).collect())
    }
}
