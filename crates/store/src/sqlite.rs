//! What only SQLite needs: how a file is opened.

use std::path::Path;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::db::Db;
use crate::error::StoreError;
use crate::url::StoreUrl;

/// Connections that read; short reads, so few are enough.
const READERS: u32 = 4;

/// How many rows the thread that reads may be ahead of the one that takes them: with the driver's 50, a list of 50,000
/// rows takes half as long again.
const ROWS: usize = 1000;

/// How long a writer waits for another process' transaction.
const BUSY: Duration = Duration::from_secs(30);

/// Opens `path`: one connection that writes, several that read.
pub(crate) async fn connect(url: &StoreUrl, path: &Path, create: bool) -> Result<Db, StoreError> {
    if !path.exists() {
        if !create {
            return Err(StoreError::Missing(url.clone()));
        }
        make_private(path).map_err(|source| StoreError::File { path: path.display().to_string(), source })?;
    }
    // FULL has the better tail than NORMAL, and with group commit costs nothing (measured).
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(false)
        .row_buffer_size(ROWS)
        .statement_cache_capacity(200);
    let open = |source| StoreError::Open { url: url.clone(), source };
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(BUSY)
        // A full disk makes SQLite end a transaction by itself. The driver does not notice: to it the connection is in one
        // for good, and begins no other.
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
        .connect_with(options.clone().pragma("cache_size", "-16384"))
        .await
        .map_err(open)?;
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .idle_timeout(Duration::from_secs(60))
        .connect_with(options.pragma("query_only", "on"))
        .await
        .map_err(open)?;
    let file = identity(path).map_err(|source| StoreError::File { path: path.display().to_string(), source })?;
    Ok(Db::Sqlite { read, write, file })
}

/// What tells a file from any other, wherever it is moved to: device and number.
pub(crate) type Identity = (u64, u64);

fn identity(path: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().map(|file| (file.dev(), file.ino()))
}

/// Whether the file that was opened is still where it was. SQLite itself goes on with it wherever it is.
pub(crate) fn check_place(path: &Path, opened: Identity) -> Result<(), StoreError> {
    let shown = || path.display().to_string();
    match identity(path) {
        Ok(found) if found == opened => Ok(()),
        Ok(_) => Err(StoreError::Replaced(shown())),
        Err(source) => Err(StoreError::File { path: shown(), source }),
    }
}

/// Whether nobody has the permission to write the file.
pub(crate) fn is_read_only(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.permissions().readonly())
}

/// Whoever can open the file is an operator: its owner only, or also a group to which the folder was opened on purpose.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let shared = folder.metadata()?.permissions().mode() & 0o022 == 0o020;
    let mode = if shared { 0o660 } else { 0o600 };
    std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map(drop)
}
