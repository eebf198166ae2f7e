//! The roll-ups that screens read: hours, days and months of whole scopes, and the months of keys, members and models.
//!
//! A scope is a number: a project's own; for an organization with its sub-organizations (R3) the number of its default
//! project, negative; 0 for all. An organization has one default project, and one organization above it or none, for good.

use sqlx::AssertSqlSafe;

use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// What is not folded yet, by scope.
const BY_SCOPE: &str = "WITH d AS (SELECT hour, month, project, SUM(requests) AS requests, SUM(cost) AS cost \
     FROM spend_delta GROUP BY hour, month, project), \
     s AS (SELECT project AS scope, hour, month, requests, cost FROM d \
     UNION ALL SELECT 0, hour, month, requests, cost FROM d \
     UNION ALL SELECT -h.num, d.hour, d.month, d.requests, d.cost FROM d JOIN project p ON p.num = d.project \
     JOIN project h ON h.organization_id = p.organization_id AND h.is_default \
     UNION ALL SELECT -h.num, d.hour, d.month, d.requests, d.cost FROM d JOIN project p ON p.num = d.project \
     JOIN organization o ON o.id = p.organization_id \
     JOIN project h ON h.organization_id = o.parent_id AND h.is_default)";

/// Folds what commits appended into the roll-ups of scopes and shares.
pub(super) async fn fold(tx: &mut Tx) -> Result<(), StoreError> {
    for (rollup, bucket, key) in [
        ("scope_hour", "hour", "scope, bucket"),
        ("scope_day", "hour / 24", "scope, bucket"),
        ("scope_month", "month", "bucket, scope"),
    ] {
        let sql = format!(
            "{BY_SCOPE} INSERT INTO {rollup} (scope, bucket, requests, cost) SELECT scope, {bucket}, \
             CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM s WHERE true GROUP BY scope, {bucket} \
             ORDER BY 1, 2 ON CONFLICT ({key}) DO UPDATE SET requests = {rollup}.requests + excluded.requests, \
             cost = {rollup}.cost + excluded.cost"
        );
        in_tx!(tx, db => sqlx::query(AssertSqlSafe(sql)).execute(db).await.map(drop))?;
    }
    for (kind, id) in [("key", "g.key_id"), ("member", "g.member_id"), ("model", "g.model")] {
        let sql = format!(
            "INSERT INTO share_month (bucket, kind, id, organization_id, requests, cost) \
             SELECT d.month, '{kind}', {id}, g.organization_id, CAST(SUM(d.requests) AS BIGINT), \
             CAST(SUM(d.cost) AS BIGINT) FROM (SELECT month, series, SUM(requests) AS requests, SUM(cost) AS cost \
             FROM spend_delta GROUP BY month, series) AS d JOIN series g ON g.num = d.series \
             WHERE true GROUP BY d.month, {id}, g.organization_id ORDER BY 1, 3, 4 \
             ON CONFLICT (bucket, kind, id, organization_id) DO UPDATE SET \
             requests = share_month.requests + excluded.requests, cost = share_month.cost + excluded.cost"
        );
        in_tx!(tx, db => sqlx::query(AssertSqlSafe(sql)).execute(db).await.map(drop))?;
    }
    Ok(())
}
