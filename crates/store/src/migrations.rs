//! The schema's versions, as one text for both engines.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::db::Db;
use crate::error::StoreError;
use crate::url::StoreUrl;

/// Number, name and text of every version. A version that was released is never edited.
const VERSIONS: [(i64, &str, &str); 1] = [(1, "walls", include_str!("migrations/0001_walls.sql"))];

fn migrator(words: [(&str, &str); 3]) -> Migrator {
    let migrations = VERSIONS.into_iter().map(|(version, name, text)| {
        let sql = words.iter().fold(text.to_owned(), |sql, (word, meaning)| sql.replace(word, meaning));
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Brings the schema up to date.
pub(crate) async fn run(db: &Db, url: &StoreUrl) -> Result<(), StoreError> {
    let outcome = match db {
        Db::Sqlite { write, .. } => {
            migrator([("{bytes}", "BLOB"), ("{clustered}", "WITHOUT ROWID"), ("{by_month}", "")]).run(write).await
        }
        Db::Postgres(pool) => {
            migrator([("{bytes}", "BYTEA"), ("{clustered}", ""), ("{by_month}", "PARTITION BY RANGE (ts)")])
                .run(pool)
                .await
        }
    };
    outcome.map_err(|source| StoreError::Migrate { url: url.clone(), source })
}

/// Whether there is a schema at all.
pub(crate) async fn are_there(db: &Db) -> Result<bool, StoreError> {
    let found: (i64,) = match db {
        Db::Sqlite { read, .. } => {
            sqlx::query_as("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'")
                .fetch_one(read)
                .await?
        }
        Db::Postgres(pool) => {
            sqlx::query_as("SELECT CAST(COUNT(*) AS BIGINT) FROM pg_tables WHERE tablename = 'meta' AND schemaname = ANY (current_schemas(false))")
                .fetch_one(pool)
                .await?
        }
    };
    Ok(found.0 > 0)
}
