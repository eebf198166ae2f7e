//! The schema's versions, as one text for both engines.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::db::Db;
use crate::error::StoreError;
use crate::url::StoreUrl;

/// Number, name and text of every version. A version that was released is never edited.
const VERSIONS: [(i64, &str, &str); 10] = [
    (1, "walls", include_str!("migrations/0001_walls.sql")),
    (2, "directory", include_str!("migrations/0002_directory.sql")),
    (3, "ingest", include_str!("migrations/0003_ingest.sql")),
    (4, "gate", include_str!("migrations/0004_gate.sql")),
    (5, "budgets", include_str!("migrations/0005_budgets.sql")),
    (6, "rates", include_str!("migrations/0006_rates.sql")),
    (7, "part_alerts", include_str!("migrations/0007_part_alerts.sql")),
    (8, "screens", include_str!("migrations/0008_screens.sql")),
    (9, "deliveries", include_str!("migrations/0009_deliveries.sql")),
    (10, "acknowledged_by", include_str!("migrations/0010_acknowledged_by.sql")),
];

/// The versions up to `last` with the words of an engine.
fn migrator(words: [(&str, &str); 6], last: i64) -> Migrator {
    let wanted = VERSIONS.into_iter().filter(|(version, ..)| *version <= last);
    let migrations = wanted.map(|(version, name, text)| {
        let sql = words.iter().fold(text.to_owned(), |sql, (word, meaning)| sql.replace(word, meaning));
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Brings the schema up to date.
pub(crate) async fn run(db: &Db, url: &StoreUrl) -> Result<(), StoreError> {
    run_to(db, url, i64::MAX).await
}

async fn run_to(db: &Db, url: &StoreUrl, last: i64) -> Result<(), StoreError> {
    const SQLITE: [(&str, &str); 6] = [
        ("{bytes}", "BLOB"),
        ("{clustered}", "WITHOUT ROWID"),
        ("{by_month}", ""),
        ("{json}", ""),
        ("{no_link}", "zeroblob(32)"),
        ("{as_it_is}", "SELECT 1"),
    ];
    const POSTGRES: [(&str, &str); 6] = [
        ("{bytes}", "BYTEA"),
        ("{clustered}", ""),
        ("{by_month}", "PARTITION BY RANGE (ts)"),
        ("{json}", "::json"),
        ("{no_link}", "decode(repeat('00', 32), 'hex')"),
        ("{as_it_is}", "ALTER TABLE segment ALTER COLUMN body SET STORAGE EXTERNAL"),
    ];
    let outcome = match db {
        Db::Sqlite { write, .. } => migrator(SQLITE, last).run(write).await,
        Db::Postgres(pool) => migrator(POSTGRES, last).run(pool).await,
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

/// Whether the schema is of the newest version.
pub(crate) async fn are_all_there(db: &Db) -> Result<bool, StoreError> {
    const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";
    let found: (Option<i64>,) = match db {
        Db::Sqlite { read, .. } => sqlx::query_as(NEWEST).fetch_one(read).await?,
        Db::Postgres(pool) => sqlx::query_as(NEWEST).fetch_one(pool).await?,
    };
    Ok(found.0 == VERSIONS.last().map(|(version, ..)| *version))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use mete_core::people::ListedRole;
    use mete_tests::{TestStore, each_engine};

    use super::*;
    use crate::db::{Tx, in_tx};
    use crate::{AlertFilter, ResourceFilter, Setting, Store, postgres, sqlite};

    /// A store as the first version left it: Acme with its owner, the project Bot with a member, a key, and events that
    /// name a file, one of them corrected.
    const WALLS: [&str; 13] = [
        "INSERT INTO meta (name, value) VALUES ('id_key_a', 1), ('id_key_b', 2), ('change_seq', 3), ('ledger_version', 0)",
        "INSERT INTO organization (id, name, created_at) VALUES ('org-1', 'Acme', 1)",
        "INSERT INTO project (id, num, organization_id, name, name_key, status, is_default, created_at) \
         VALUES ('proj_0', 1, 'org-1', 'Default project', 'default project', 'active', TRUE, 1)",
        "INSERT INTO project (id, num, organization_id, name, name_key, status, is_default, created_at) \
         VALUES ('proj_1', 2, 'org-1', 'Bot', 'bot', 'active', FALSE, 1)",
        "INSERT INTO person (id, email, name, created_at) VALUES ('user-1', 'dana@acme.test', '', 1), \
         ('user-2', 'eve@acme.test', '', 1)",
        "INSERT INTO organization_member (organization_id, user_id, role, added_at) VALUES ('org-1', 'user-1', 'owner', 1), \
         ('org-1', 'user-2', 'reader', 1)",
        "INSERT INTO project_member (project_id, user_id, role, added_at) VALUES ('proj_0', 'user-1', 'owner', 1), \
         ('proj_1', 'user-1', 'member', 1), ('proj_1', 'user-2', 'member', 1)",
        "INSERT INTO api_key (id, organization_id, project_id, owner_id, name, hash, redacted_value, status, created_at) \
         VALUES ('key_1', 'org-1', 'proj_1', 'user-2', 'ci', '01234567890123456789012345678901', 'sk-proj-…aaaa', 'active', 1)",
        "INSERT INTO series (num, organization_id, project_id, key_id, member_id, model, endpoint) \
         VALUES (1, 'org-1', 'proj_1', 'key_1', 'user-2', 'm', 'files')",
        "INSERT INTO price (num, version) VALUES (1, 'own')",
        "INSERT INTO event (ts, id, series, input, cached_input, cache_write, output, reasoning, cost, price, extra) VALUES \
         (1000, 1, 1, 0, 0, 0, 0, 0, 5, 1, '{\"bytes\":100,\"resource\":{\"type\":\"file\",\"id\":\"file-1\"}}'), \
         (2000, 2, 1, 0, 0, 0, 0, 0, 7, 1, '{\"bytes\":50,\"resource\":{\"type\":\"file\",\"id\":\"file-1\"}}')",
        "INSERT INTO correction (ts, id, seq, copy_ts, series, requests, input, cached_input, cache_write, output, \
         reasoning, cost, price, extra) VALUES (2000, 2, 1, 2001, 1, 0, 0, 0, 0, 0, 0, 3, 1, \
         '{\"bytes\":70,\"resource\":{\"type\":\"file\",\"id\":\"file-1\"}}')",
        "INSERT INTO alert (id, organization_id, scope_kind, scope_id, kind, month, amount, spend, at, acknowledged_at) \
         VALUES ('alert_1', 'org-1', 'project', 'proj_1', 'exhausted', 197001, 10, 15, 3000, 4000)",
    ];

    async fn first_version(url: &StoreUrl) -> anyhow::Result<()> {
        let db = match url {
            StoreUrl::Sqlite(path) => sqlite::connect(url, Path::new(path), true).await?,
            StoreUrl::Postgres(text) => postgres::connect(url, text).await?,
        };
        run_to(&db, url, 1).await?;
        let mut tx = match &db {
            Db::Sqlite { write, .. } => Tx::Sqlite(write.begin().await?),
            Db::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        };
        if matches!(tx, Tx::Postgres(_)) {
            in_tx!(&mut tx, db => sqlx::query("CREATE TABLE event_all PARTITION OF event DEFAULT").execute(db).await.map(drop))?;
        }
        for sql in WALLS {
            in_tx!(&mut tx, db => sqlx::query(sql).execute(db).await.map(drop))?;
        }
        tx.commit().await?;
        match db {
            Db::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
        Ok(())
    }

    each_engine! {
        async fn a_store_of_the_first_version_is_brought_up_to_date(place: &TestStore) -> anyhow::Result<()> {
            let url: StoreUrl = place.url().parse()?;
            first_version(&url).await?;
            assert!(matches!(Store::open_as_it_is(&url).await, Err(StoreError::Outdated(_))));
            let store = Store::open(&url).await?;
            Store::open_as_it_is(&url).await?.close().await;
            let roles = |members: Vec<mete_core::people::Member>| -> Vec<_> {
                members.into_iter().map(|member| (member.id, member.role, member.through_organization)).collect()
            };
            let (dana, eve) = ("user-1".to_owned(), "user-2".to_owned());
            let expected = [(dana.clone(), ListedRole::Owner, true), (eve.clone(), ListedRole::Member, false)];
            assert_eq!(roles(store.project_members("proj_0").await?), expected, "R2: everybody, without a row");
            assert_eq!(roles(store.project_members("proj_1").await?), expected, "R7: owners are owners of every project");
            let memberships = store.memberships(&dana).await?;
            assert_eq!((memberships.organizations.len(), memberships.projects.len()), (1, 0));
            assert_eq!(store.find_key("key_1").await?.permissions, mete_core::permissions::Permissions::ALL);
            assert_eq!(store.setting(Setting::MaxProjects).await?, 1000);
            let resources = store.resources(&ResourceFilter { project_id: "proj_1".into(), ..ResourceFilter::default() }).await?;
            assert_eq!(resources.len(), 1);
            assert_eq!((resources[0].bytes, resources[0].requests, resources[0].spend.0), (170, 2, 15));
            assert_eq!(store.project_bytes().await?.iter().map(|total| total.bytes).collect::<Vec<_>>(), [170]);
            let alerts = store.alerts(&AlertFilter::default()).await?;
            assert_eq!((alerts.len(), alerts[0].amount.0, alerts[0].spend.0, &alerts[0].part), (1, 10, 15, &None));
            assert_eq!((&*alerts[0].scope_name, alerts[0].at.0, alerts[0].acknowledged_at.map(|at| at.0)), ("Bot", 3000, Some(4000)));
            assert!(!store.has_unplanned_alerts().await?, "R27: nobody is told of last year's alerts");
            assert_eq!(alerts[0].acknowledged_by, None, "nobody wrote it down then");
            assert!(store.verify().await?.byte_differences.is_empty());
            let chains = store.verify_audit(None).await?;
            assert!(matches!(&chains[..], [chain] if chain.entries == 0 && chain.breaks.is_empty()), "{chains:?}");
            store.close().await;
            Ok(())
        }
    }
}
