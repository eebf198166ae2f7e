//! An engine's plan for a statement.

use mete_store::StoreUrl;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

/// Tables of which a list must not read every row.
const LARGE: [&str; 23] = [
    "project",
    "api_key",
    "api_key_old_secret",
    "admin_key",
    "organization_member",
    "project_member",
    "service_account",
    "invite",
    "manual_block",
    "resource",
    "audit",
    "alert",
    "delivery",
    "spend_month",
    "spend_day",
    "spend_hour",
    "scope_month",
    "scope_day",
    "scope_hour",
    "share_month",
    "event",
    "segment",
    "quarantine",
];

/// The steps of the plan that read a large table row by row.
pub async fn scans(url: &StoreUrl, sql: &str) -> anyhow::Result<Vec<String>> {
    let steps = match url {
        StoreUrl::Sqlite(path) => sqlite(&path.to_string_lossy(), sql).await?,
        StoreUrl::Postgres(text) => postgres(text, sql).await?,
    };
    Ok(steps.into_iter().filter(|step| reads_all(step)).collect())
}

async fn sqlite(path: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{path}")).await?;
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&mut connection).await?;
    let steps = rows.iter().map(|row| row.try_get::<String, _>("detail")).collect::<Result<_, _>>()?;
    // SQLite names a table by its alias: tell both.
    Ok(named(steps, sql))
}

async fn postgres(url: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut connection = PgConnection::connect(url).await?;
    // All rows are of one organization: without this, reading all of them is right, and says nothing of the index.
    for setting in ["SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan"] {
        sqlx::query(setting).execute(&mut connection).await?;
    }
    let parameters = (1..).take_while(|number| sql.contains(&format!("${number}"))).count();
    let values = vec!["NULL"; parameters].join(", ");
    let values = if parameters == 0 { String::new() } else { format!("({values})") };
    sqlx::raw_sql(AssertSqlSafe(format!("PREPARE listed AS {sql}"))).execute(&mut connection).await?;
    let rows =
        sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE listed{values}"))).fetch_all(&mut connection).await?;
    Ok(rows.iter().map(|row| row.try_get::<String, _>(0)).collect::<Result<_, _>>()?)
}

/// `SCAN p` as `SCAN p (project)`, by the alias that the statement gives.
fn named(steps: Vec<String>, sql: &str) -> Vec<String> {
    let words: Vec<&str> =
        sql.split(|c: char| c.is_whitespace() || c == '(' || c == ')').filter(|w| !w.is_empty()).collect();
    let table_of = |alias: &str| {
        words.windows(3).find(|w| ["FROM", "JOIN"].contains(&w[0]) && w[2] == alias).map(|w| w[1].to_owned())
    };
    let full = |step: String| match step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()) {
        Some(alias) => table_of(alias).map_or_else(|| step.clone(), |table| step.replacen(alias, &table, 1)),
        None => step,
    };
    steps.into_iter().map(full).collect()
}

fn reads_all(step: &str) -> bool {
    let step = step.trim().trim_start_matches("-> ").trim();
    LARGE.iter().any(|table| {
        let sqlite = step.strip_prefix("SCAN ").is_some_and(|rest| rest.split(' ').next() == Some(table));
        let postgres = step.split_once("Seq Scan on ").is_some_and(|(_, rest)| rest.split(' ').next() == Some(table));
        sqlite || postgres
    })
}

#[test]
fn a_scan_is_seen_in_both_engines_words() {
    assert!(reads_all("SCAN api_key USING INDEX api_key_project"));
    assert!(reads_all("        ->  Seq Scan on api_key k  (cost=0.00..1.00 rows=1 width=1)"));
    assert!(!reads_all("SEARCH k USING INDEX api_key_project (project_id=?)"));
    assert!(!reads_all("->  Index Scan using api_key_project on api_key k  (cost=0.1..8.2 rows=1 width=1)"));
    assert!(!reads_all("SCAN spend_delta"));
    assert_eq!(named(vec!["SCAN k".into()], "SELECT 1 FROM (SELECT a FROM api_key k) x"), ["SCAN api_key"]);
}
