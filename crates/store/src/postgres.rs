//! What only Postgres needs: how a server is reached, and partitions of the event table.

use std::str::FromStr;
use std::time::Duration;

use mete_core::Month;
use sqlx::AssertSqlSafe;
use sqlx::Transaction;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, Postgres};

use crate::db::Db;
use crate::error::StoreError;
use crate::url::StoreUrl;

/// The most connections of one process.
const CONNECTIONS: u32 = 8;

/// Reaches the server.
pub(crate) async fn connect(url: &StoreUrl, text: &str) -> Result<Db, StoreError> {
    let open = |source| StoreError::Open { url: url.clone(), source };
    let options = PgConnectOptions::from_str(text).map_err(open)?.application_name("mete");
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options)
        .await
        .map_err(open)?;
    Ok(Db::Postgres(pool))
}

/// Makes the partition that holds the events of `month`, where it is missing.
pub(crate) async fn ensure_partition(
    transaction: &mut Transaction<'static, Postgres>,
    month: Month,
) -> Result<(), StoreError> {
    let (start, end) = (month.start().0, month.end().0);
    let name = month.yyyymm();
    let sql =
        format!("CREATE TABLE IF NOT EXISTS event_{name} PARTITION OF event FOR VALUES FROM ({start}) TO ({end})");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut **transaction).await?;
    Ok(())
}
