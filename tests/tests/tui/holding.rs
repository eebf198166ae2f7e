//! A store that another program holds, all of it, for itself.

use mete_tests::{Engine, TestStore};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Error, NoTls};

/// It is held until this is dropped. Nothing else may be connected when it begins.
pub enum Holding {
    Sqlite(rusqlite::Connection),
    Postgres(Client, JoinSet<Result<(), Error>>),
}

impl Holding {
    pub async fn of(store: &TestStore) -> anyhow::Result<Self> {
        match store.engine() {
            Engine::Sqlite => {
                let holder = rusqlite::Connection::open(store.path("mete.db"))?;
                holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT")?;
                Ok(Self::Sqlite(holder))
            }
            Engine::Postgres => {
                let (client, connection) = tokio_postgres::connect(store.url(), NoTls).await?;
                let driving = JoinSet::from_iter([connection]);
                client.batch_execute("BEGIN; LOCK TABLE meta IN ACCESS EXCLUSIVE MODE").await?;
                Ok(Self::Postgres(client, driving))
            }
        }
    }

    /// Lets go of it.
    pub async fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(holder) => holder.close().map_err(|(_, error)| error)?,
            Self::Postgres(client, mut driving) => {
                client.batch_execute("ROLLBACK").await?;
                drop(client);
                while let Some(ended) = driving.join_next().await {
                    ended??;
                }
            }
        }
        Ok(())
    }
}
