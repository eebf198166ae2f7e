//! One handle for both engines, and the macros that run one body on whichever it is.

use std::sync::Arc;

use mete_core::IdHasher;
use rand::{Rng, RngExt};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::boxed;
use crate::error::StoreError;
use crate::migrations;
use crate::url::StoreUrl;
use crate::{postgres, sqlite};

/// The engine's pools. SQLite has one connection that writes and several that read.
pub(crate) enum Db {
    /// A file.
    Sqlite {
        /// Several connections that only read.
        read: SqlitePool,
        /// The one that writes.
        write: SqlitePool,
        /// Which file they opened.
        file: sqlite::Identity,
    },
    /// A server.
    Postgres(PgPool),
}

/// Runs `$body` with `$db` as an executor for reading.
macro_rules! on_read {
    ($store:expr, $db:ident => $body:expr) => {
        match &*$store.db {
            $crate::db::Db::Sqlite { read: $db, .. } => $body,
            $crate::db::Db::Postgres($db) => $body,
        }
    };
}
pub(crate) use on_read;

/// Runs `$body` with `$db` as the connection of the transaction `$tx`.
macro_rules! in_tx {
    ($tx:expr, $db:ident => $body:expr) => {
        match $tx {
            $crate::db::Tx::Sqlite(transaction) => {
                let $db = &mut **transaction;
                $body
            }
            $crate::db::Tx::Postgres(transaction) => {
                let $db = &mut **transaction;
                $body
            }
        }
    };
}
pub(crate) use in_tx;

/// A store that is open. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Arc<Db>,
    url: StoreUrl,
    hasher: IdHasher,
}

/// A transaction that writes. Dropping it undoes what it did.
///
/// Never race one against a timeout or another future: a dropped `begin` or `commit` can leave a connection in an
/// unknown state. Units of work run to their end.
pub enum Tx {
    /// On the one writing connection; it holds the write lock from the start.
    Sqlite(Transaction<'static, Sqlite>),
    /// On a connection of its own.
    Postgres(Transaction<'static, Postgres>),
}

impl Store {
    /// Opens a store that exists and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none, else what the engine says.
    #[boxed]
    pub async fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        let db = Self::connect(url, false).await?;
        if !migrations::are_there(&db).await? {
            return Err(StoreError::Missing(url.clone()));
        }
        migrations::run(&db, url).await?;
        Self::ready(db, url).await
    }

    /// Opens a store that exists and whose schema is up to date, and changes nothing of it: for a program that only
    /// looks.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none, [`StoreError::Outdated`] where another version of Mete left it, else
    /// what the engine says.
    #[boxed]
    pub async fn open_as_it_is(url: &StoreUrl) -> Result<Self, StoreError> {
        let db = Self::connect(url, false).await?;
        if !migrations::are_there(&db).await? {
            return Err(StoreError::Missing(url.clone()));
        }
        if !migrations::are_all_there(&db).await? {
            return Err(StoreError::Outdated(url.clone()));
        }
        Self::ready(db, url).await
    }

    /// Opens a store, making file and schema where they are missing. `random` gives the key that event ids are hashed
    /// with.
    ///
    /// # Errors
    /// What the engine or the file system says.
    pub async fn create(url: &StoreUrl, random: &mut dyn Rng) -> Result<Self, StoreError> {
        let db = Self::connect(url, true).await?;
        migrations::run(&db, url).await?;
        let store = Self { db: Arc::new(db), url: url.clone(), hasher: IdHasher::new((0, 0)) };
        let mut tx = store.begin().await?;
        for (name, value) in [
            ("id_key_a", random.random::<i64>()),
            ("id_key_b", random.random::<i64>()),
            ("change_seq", 0),
            ("ledger_version", 0),
        ] {
            in_tx!(&mut tx, db => {
                sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(name).bind(value).execute(db).await.map(drop)
            })?;
        }
        tx.commit().await?;
        let db = Arc::into_inner(store.db).ok_or_else(|| StoreError::Corrupt("a store shared too early".into()))?;
        Self::ready(db, url).await
    }

    async fn connect(url: &StoreUrl, create: bool) -> Result<Db, StoreError> {
        match url {
            StoreUrl::Sqlite(path) => sqlite::connect(url, path, create).await,
            StoreUrl::Postgres(text) => postgres::connect(url, text).await,
        }
    }

    async fn ready(db: Db, url: &StoreUrl) -> Result<Self, StoreError> {
        let mut store = Self { db: Arc::new(db), url: url.clone(), hasher: IdHasher::new((0, 0)) };
        let (a, b) = (store.meta("id_key_a").await?, store.meta("id_key_b").await?);
        store.hasher = IdHasher::new((a.cast_unsigned(), b.cast_unsigned()));
        Ok(store)
    }

    /// Hashes event ids with this store's key.
    #[must_use]
    pub const fn id_hasher(&self) -> IdHasher {
        self.hasher
    }

    /// Whether nothing can be written by the look of it: a SQLite file without the permission to write, a Postgres server
    /// or user whose transactions are read-only. What cannot be found out counts as no.
    #[boxed]
    pub async fn is_read_only(&self) -> bool {
        match (&*self.db, &self.url) {
            (Db::Sqlite { .. }, StoreUrl::Sqlite(path)) => sqlite::is_read_only(path),
            (Db::Postgres(pool), _) => postgres::is_read_only(pool).await,
            _ => false,
        }
    }

    /// Checks that a SQLite file is where it was opened: one that was moved away is still read and written, but nobody
    /// else finds it. Cheap; of a server there is nothing to check.
    ///
    /// # Errors
    /// When there is no file any more, or another one.
    pub fn check_place(&self) -> Result<(), StoreError> {
        match (&*self.db, &self.url) {
            (Db::Sqlite { file, .. }, StoreUrl::Sqlite(path)) => sqlite::check_place(path, *file),
            _ => Ok(()),
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// Starts a transaction that writes.
    ///
    /// # Errors
    /// When no connection can be had, or the file stays locked by another process for too long.
    #[boxed]
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        match &*self.db {
            Db::Sqlite { write, .. } => Ok(Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)),
            Db::Postgres(pool) => Ok(Tx::Postgres(pool.begin().await?)),
        }
    }

    /// Starts a transaction that only reads and sees one state of the store from its first to its last statement.
    pub(crate) async fn begin_reading(&self) -> Result<Tx, StoreError> {
        match &*self.db {
            Db::Sqlite { read, .. } => Ok(Tx::Sqlite(read.begin().await?)),
            Db::Postgres(pool) => {
                Ok(Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?))
            }
        }
    }

    /// Starts a transaction in which a decision read from the store still holds when it is written: serialisable on
    /// Postgres (tried again when it fails as such, see [`StoreError::is_retryable`]), the ordinary one on SQLite.
    ///
    /// # Errors
    /// As [`Store::begin`].
    #[boxed]
    pub async fn begin_serializable(&self) -> Result<Tx, StoreError> {
        match &*self.db {
            Db::Sqlite { .. } => self.begin().await,
            Db::Postgres(pool) => Ok(Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?)),
        }
    }

    /// Closes all connections; on SQLite this also writes the log back into the file.
    #[boxed]
    pub async fn close(&self) {
        match &*self.db {
            Db::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    pub(crate) async fn meta(&self, name: &'static str) -> Result<i64, StoreError> {
        let row: Option<(i64,)> = on_read!(self, db => {
            sqlx::query_as("SELECT value FROM meta WHERE name = $1").bind(name).fetch_optional(db).await
        })?;
        row.map(|row| row.0).ok_or_else(|| StoreError::Missing(self.url.clone()))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Tx {
    /// Makes what was done last.
    ///
    /// # Errors
    /// When the engine cannot; then nothing of it happened.
    #[boxed]
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// When the connection is gone; then it is undone as well.
    #[boxed]
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.rollback().await?,
            Self::Postgres(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }

    /// Adds one to a counter in `meta` and tells what it is now. On Postgres its row stays locked until the commit, so
    /// the counter's order is the order of commits.
    pub(crate) async fn count_up(&mut self, counter: &'static str) -> Result<i64, StoreError> {
        let (value,): (i64,) = in_tx!(self, db => {
            sqlx::query_as("UPDATE meta SET value = value + 1 WHERE name = $1 RETURNING value")
                .bind(counter)
                .fetch_one(db)
                .await
        })?;
        Ok(value)
    }
}
