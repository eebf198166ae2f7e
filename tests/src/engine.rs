//! One fresh store per test and engine.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use crate::postgres::Database;

/// The databases that Mete runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// A file in the test's own folder.
    Sqlite,
    /// A database of its own in the test run's server.
    Postgres,
}

impl Engine {
    /// Both, for tests that loop over them.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// What the engine's store URLs begin with, without the colon.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// The place of an empty store and a folder for the test's other files. Both are gone when it is dropped.
#[derive(Debug)]
pub struct TestStore {
    engine: Engine,
    url: String,
    // Dropped before the folder; what it holds is the right to drop the database.
    _database: Option<Database>,
    dir: TempDir,
}

impl TestStore {
    /// A new, empty place on `engine`. Nothing has been created in it: that is the store's work.
    ///
    /// # Errors
    /// When no folder can be made, or no Postgres server be found or started.
    pub fn new(engine: Engine) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("mete-test-").tempdir()?;
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::create()?),
        };
        let url = match &database {
            None => format!("sqlite:{}", dir.path().join("mete.db").display()),
            Some(database) => database.url().to_owned(),
        };
        Ok(Self { engine, url, _database: database, dir })
    }

    /// Which engine it is on.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// `sqlite:/tmp/…/mete.db` or `postgres://postgres@127.0.0.1:PORT/mete_test_…`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder of the test's own, for logs, sockets and configuration.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the test's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Runs `test` with a fresh store on `engine`, on a runtime of two threads. [`each_engine!`](crate::each_engine) calls
/// it.
///
/// # Panics
/// When there is no store to be had: Postgres missing is a failure, never a silent skip.
#[expect(clippy::panic, reason = "a harness reports by failing the test")]
pub fn run<T>(engine: Engine, test: impl AsyncFnOnce(&TestStore) -> T) -> T {
    let store = match TestStore::new(engine) {
        Ok(store) => store,
        Err(error) => panic!("no store on {engine:?}: {error:#}"),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime: {error}"),
    };
    let result = runtime.block_on(test(&store));
    // The test's tasks end before their store goes.
    drop(runtime);
    result
}

/// Turns each `async fn name(store: &TestStore)` into two tests, `name::sqlite` and `name::postgres`.
///
/// Attributes such as `#[ignore]` go to both tests; a return type such as `anyhow::Result<()>` is kept.
#[macro_export]
macro_rules! each_engine {
    ($($(#[$meta:meta])* async fn $name:ident($store:ident: &$type:ty) $(-> $result:ty)? $body:block)+) => {$(
        #[cfg(test)]
        async fn $name($store: &$type) $(-> $result)? $body

        #[cfg(test)]
        mod $name {
            $(#[$meta])*
            #[test]
            fn sqlite() -> impl std::process::Termination {
                $crate::run($crate::Engine::Sqlite, super::$name)
            }

            $(#[$meta])*
            #[test]
            fn postgres() -> impl std::process::Termination {
                $crate::run($crate::Engine::Postgres, super::$name)
            }
        }
    )+};
}
