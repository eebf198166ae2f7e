//! Whether the roll-ups by scope and the shares of a month are what its events come to.

use std::collections::HashMap;

use mete_core::Month;
use mete_core::time::{DAY, HOUR};
use sqlx::AssertSqlSafe;

use super::{Difference, Sums};
use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// What counts to a project counts to the organization, to the one above it, and to all.
const PAYERS: &str = "SELECT p.id, p.organization_id, o.parent_id FROM project p \
     LEFT JOIN organization o ON o.id = p.organization_id";

/// Scopes and what they are called.
const SCOPES: &str = "SELECT num AS scope, id FROM project \
     UNION ALL SELECT -num, organization_id FROM project WHERE is_default UNION ALL SELECT 0, 'all'";

/// The scopes of each project, for what is not folded yet.
const OF_PROJECT: &str = "SELECT num AS project, id FROM project UNION ALL SELECT num, 'all' FROM project \
     UNION ALL SELECT num, organization_id FROM project \
     UNION ALL SELECT p.num, o.parent_id FROM project p JOIN organization o ON o.id = p.organization_id \
     WHERE o.parent_id IS NOT NULL";

/// What differs in a month from the sums of its events by project.
pub(super) async fn differences(tx: &mut Tx, month: Month, events: &Sums) -> Result<Vec<Difference>, StoreError> {
    let payers: Vec<(String, String, Option<String>)> = in_tx!(tx, db => sqlx::query_as(PAYERS).fetch_all(db).await)?;
    let payers: HashMap<String, (String, Option<String>)> =
        payers.into_iter().map(|(project, own, above)| (project, (own, above))).collect();
    let (mut by_scope, mut by_organization) = (Sums::new(), Sums::new());
    for (project, sum) in events {
        let (own, above) = payers.get(project).cloned().unwrap_or_default();
        add(&mut by_organization, own.clone(), *sum);
        for scope in [Some(project.clone()), Some("all".to_owned()), Some(own), above].into_iter().flatten() {
            add(&mut by_scope, scope, *sum);
        }
    }
    let (start, end) = (month.start().0, month.end().0 - 1);
    let mut found = Vec::new();
    for (rollup, delta, (from, to)) in [
        ("scope_month", "month", (month.yyyymm(), month.yyyymm())),
        ("scope_day", "hour / 24", (start / DAY, end / DAY)),
        ("scope_hour", "hour", (start / HOUR, end / HOUR)),
    ] {
        let sql = format!(
            "SELECT id, CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM (\
             SELECT w.id, s.requests, s.cost FROM ({SCOPES}) AS w JOIN {rollup} s ON s.scope = w.scope \
             AND s.bucket BETWEEN {from} AND {to} UNION ALL \
             SELECT w.id, d.requests, d.cost FROM spend_delta d JOIN ({OF_PROJECT}) AS w ON w.project = d.project \
             WHERE {delta} BETWEEN {from} AND {to}) AS parts GROUP BY id"
        );
        found.extend(super::differences((month, rollup), &by_scope, &shown(tx, sql).await?));
    }
    for (rollup, kind) in [("share_key", "key"), ("share_member", "member"), ("share_model", "model")] {
        let sql = format!(
            "SELECT organization_id, CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM (\
             SELECT organization_id, requests, cost FROM share_month WHERE bucket = {month} AND kind = '{kind}' UNION ALL \
             SELECT g.organization_id, d.requests, d.cost FROM spend_delta d JOIN series g ON g.num = d.series \
             WHERE d.month = {month}) AS parts GROUP BY organization_id",
            month = month.yyyymm()
        );
        found.extend(super::differences((month, rollup), &by_organization, &shown(tx, sql).await?));
    }
    Ok(found)
}

fn add(sums: &mut Sums, id: String, (requests, cost): (i64, i64)) {
    let sum = sums.entry(id).or_default();
    *sum = (sum.0 + requests, sum.1.saturating_add(cost));
}

async fn shown(tx: &mut Tx, sql: String) -> Result<Sums, StoreError> {
    let rows: Vec<(String, i64, i64)> = in_tx!(tx, db => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(db).await)?;
    Ok(rows.into_iter().map(|(id, requests, cost)| (id, (requests, cost))).collect())
}
