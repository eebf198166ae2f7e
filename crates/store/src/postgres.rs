//! What only Postgres needs: how a server is reached, and partitions of the event table.

use std::str::FromStr;
use std::time::Duration;

use mete_core::Month;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};

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

/// Whether transactions of this user on this server are read-only unless they say otherwise.
pub(crate) async fn is_read_only(pool: &PgPool) -> bool {
    let setting = sqlx::query_as("SELECT current_setting('default_transaction_read_only')").fetch_one(pool).await;
    setting.is_ok_and(|(setting,): (String,)| setting == "on")
}

/// Makes the partition that holds the events of `month`, where it is missing.
pub(crate) async fn ensure_partition(pool: &PgPool, month: Month) -> Result<(), StoreError> {
    let name = format!("event_{}", month.yyyymm());
    let (is_there,): (bool,) = sqlx::query_as("SELECT to_regclass($1) IS NOT NULL").bind(&name).fetch_one(pool).await?;
    if is_there {
        return Ok(());
    }
    match make_partition(pool, &name, month).await {
        Err(sqlx::Error::Database(error)) if is_taken(&*error) => Ok(()),
        made => Ok(made?),
    }
}

/// Whether another writer made the table in the same moment. Which error tells so depends on how far it was: a clash in the
/// catalogue's unique indexes, or a table, or a type of its rows, that was there already.
fn is_taken(error: &dyn DatabaseError) -> bool {
    const DUPLICATE_TABLE: &str = "42P07";
    const DUPLICATE_OBJECT: &str = "42710";
    error.is_unique_violation() || matches!(error.code().as_deref(), Some(DUPLICATE_TABLE | DUPLICATE_OBJECT))
}

/// Made apart and attached: made in place, it would wait for everybody who uses the table, and they for it.
async fn make_partition(pool: &PgPool, name: &str, month: Month) -> Result<(), sqlx::Error> {
    let (start, end) = (month.start().0, month.end().0);
    let mut transaction = pool.begin().await?;
    for sql in [
        format!("CREATE TABLE {name} (LIKE event INCLUDING ALL)"),
        format!("ALTER TABLE event ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})"),
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
