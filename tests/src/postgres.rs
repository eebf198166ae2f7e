//! A Postgres server that lives as long as a test run, and a database in it for each test.
//!
//! `cargo xtask test` starts one server for the whole run and names it in `METE_TEST_POSTGRES`; without that variable
//! every test process starts its own, once.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::wait::{self, Deadline, PAUSE};

/// The URL of a server to use, with a database in which to say `CREATE DATABASE`.
pub const SERVER_VARIABLE: &str = "METE_TEST_POSTGRES";

/// Starting up takes a fraction of a second; a machine under load may need more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Somebody else may take the port between our look and the server's.
const START_TRIES: u32 = 5;

/// Runs the server, and ends it when our end of standard input closes: at a drop, a panic, or a SIGKILL alike.
/// Arguments: the folder to remove unless there is a file [`KEEP`] in it, then the server's command line.
const GUARDIAN: &str = r#"
    folder=$1; shift
    exec 3<&0
    "$@" &
    server=$!
    { cat <&3; kill -QUIT "$server"; } >/dev/null 2>&1 &
    wait "$server"
    [ -e "$folder/keep" ] || rm -rf "$folder"
"#;

/// Has the guardian leave the folder to the next one.
const KEEP: &str = "keep";

/// Whether a server's commits are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// Not: a test's data is worth nothing after a crash.
    None,
    /// As a server is by default, which is what a benchmark has to measure.
    Full,
}

/// A throwaway server in a temporary folder: no passwords, this machine only.
#[derive(Debug)]
pub struct Server {
    url: String,
    guardian: Child,
    dir: PathBuf,
    port: u16,
    durability: Durability,
}

impl Server {
    /// Initialises and starts one that does not wait for the disk; returns when it takes connections.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start; the error has the server's own words.
    pub fn start() -> Result<Self> {
        Self::start_with(Durability::None)
    }

    /// The same, but commits are on disk, as on a server in earnest.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_durable() -> Result<Self> {
        Self::start_with(Durability::Full)
    }

    fn start_with(durability: Durability) -> Result<Self> {
        let programs = programs()?;
        let account = Account::for_server()?;
        let dir = tempfile::Builder::new().prefix("mete-postgres-").tempdir()?;
        account.give(dir.path())?;
        initialise(&programs, &account, dir.path())?;
        start_in(&programs, &account, dir, durability)
    }

    /// The URL of its `postgres` database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills all its processes at once with SIGKILL, and waits until they are gone.
    ///
    /// # Errors
    /// When it does not run, or the system refuses.
    pub fn crash(&mut self) -> Result<()> {
        File::create(self.dir.join(KEEP))?;
        let lock = fs::read_to_string(self.dir.join("data/postmaster.pid")).context("the server does not run")?;
        let server = lock.lines().next().and_then(|line| line.trim().parse().ok()).context("no process id")?;
        // The first one first, or it would begin to mend what happens to the others.
        let processes: Vec<i32> = std::iter::once(server).chain(children(server)?).collect();
        for process in &processes {
            let process = Pid::from_raw(*process).context("no process id")?;
            match kill_process(process, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error).context("cannot kill the server"),
            }
        }
        drop(self.guardian.stdin.take());
        self.guardian.wait()?;
        wait::until("the end of the server's processes", START_LIMIT, || {
            processes.iter().all(|process| parent(*process).is_none()).then_some(())
        })?;
        // It says that the server is ready, and another process may get its number.
        Ok(fs::remove_file(self.dir.join("data/postmaster.pid"))?)
    }

    /// Starts it again where it was, after [`Server::crash`]; returns when it takes connections.
    ///
    /// # Errors
    /// When it does not start; the error has the server's own words.
    pub fn start_again(&mut self) -> Result<()> {
        let mut log = tempfile::tempfile()?;
        self.guardian = spawn(&programs()?, &Account::for_server()?, &self.dir, (self.port, self.durability), &log)?;
        let ready = wait_until_ready(&mut self.guardian, &self.dir).or_else(|error| with_words(error, &mut log));
        fs::remove_file(self.dir.join(KEEP))?;
        ready
    }
}

/// The processes that have `process` as their parent.
fn children(process: i32) -> Result<Vec<i32>> {
    let all = fs::read_dir("/proc").context("cannot list processes")?.flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(all.filter(|child| parent(*child) == Some(process)).collect())
}

/// The parent of a process that lives.
fn parent(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may have anything in it: the state and the parent.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let is_over = matches!(fields.next()?, "Z" | "X");
    fields.next()?.parse().ok().filter(|_| !is_over)
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        // Nothing can be done about a guardian that cannot be waited for, and there is none after a crash.
        let _ = self.guardian.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A database of one test, dropped with it.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// A new, empty database in the test run's server.
    ///
    /// # Errors
    /// When there is no server, none can be started, or it refuses.
    pub fn create() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = server_url()?;
        let name = format!("mete_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let url = with_database(&server, &name)?;
        let database = Self { server, name, url };
        // A killed process may have left one of this name.
        database.drop_it()?;
        psql(&database.server, &format!("CREATE DATABASE {}", database.name))?;
        Ok(database)
    }

    /// Where a store can open it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn drop_it(&self) -> Result<()> {
        psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What is left behind goes with its server.
        let _ = self.drop_it();
    }
}

/// The folder with `initdb`, `postgres` and `psql`: on the path, or where distributions put them (the newest).
///
/// # Errors
/// When there is none; the error says how to get it.
pub fn programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(distribution_folders())
        .find(|folder| ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).exists()))
        .context("no PostgreSQL server: `initdb`, `postgres` and `psql` are neither on the path nor in /usr/lib/postgresql; run `cargo xtask test`, which installs it, or install your distribution's package `postgresql`")
}

/// Where Debian, Fedora and others put a server, newest version first.
fn distribution_folders() -> Vec<PathBuf> {
    let versions = |parent: &str| fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<(u32, PathBuf)> = versions("/usr/lib/postgresql")
        .chain(versions("/usr/local/pgsql"))
        .chain(versions("/usr").filter(|path| path.to_string_lossy().starts_with("/usr/pgsql-")))
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.trim_start_matches("pgsql-").parse().unwrap_or(0), path.join("bin"))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The user whom the server runs as: Postgres refuses to be root.
enum Account {
    Ours,
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// Us, or, if we are root, the distribution's `postgres` or `nobody`.
    fn for_server() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ours);
        }
        let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| find_user(&users, name))
            .map(|(uid, gid)| Self::Other { uid, gid })
            .context("Postgres does not run as root, and neither `postgres` nor `nobody` is a user here")
    }

    /// Makes `folder` the account's.
    fn give(&self, folder: &Path) -> Result<()> {
        if let Self::Other { uid, gid } = self {
            chown(folder, Some(*uid), Some(*gid)).with_context(|| format!("cannot give away {}", folder.display()))?;
        }
        Ok(())
    }

    /// A command that runs as the account, in `folder`.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        // Ours may be closed to that user.
        command.current_dir(folder);
        if let Self::Other { uid, gid } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }
}

/// User and group number of `name` in the text of /etc/passwd.
fn find_user(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = passwd.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
    Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn initialise(programs: &Path, account: &Account, dir: &Path) -> Result<()> {
    let output = account
        .command(programs.join("initdb"), dir)
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
        .arg(dir.join("data"))
        .output()
        .context("cannot run initdb")?;
    check("initdb", &output)
}

fn start_in(programs: &Path, account: &Account, dir: TempDir, durability: Durability) -> Result<Server> {
    let mut last = None;
    for _ in 0..START_TRIES {
        let port = free_port()?;
        let mut log = tempfile::tempfile()?;
        let mut server = Server {
            url: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            guardian: spawn(programs, account, dir.path(), (port, durability), &log)?,
            dir: dir.path().to_owned(),
            port,
            durability,
        };
        match wait_until_ready(&mut server.guardian, dir.path()) {
            Ok(()) => {
                // From here the guardian removes it.
                let _ = dir.keep();
                return Ok(server);
            }
            Err(error) => last = with_words(error, &mut log).err(),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("never tried")))
}

/// The error with what the server said.
fn with_words(error: anyhow::Error, log: &mut File) -> Result<()> {
    let mut words = String::new();
    log.rewind()?;
    log.read_to_string(&mut words)?;
    Err(error.context(format!("the server said:\n{words}")))
}

fn spawn(
    programs: &Path,
    account: &Account,
    dir: &Path,
    (port, durability): (u16, Durability),
    log: &File,
) -> Result<Child> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        "unix_socket_directories=".into(),
        "max_connections=200".into(),
    ];
    if durability == Durability::None {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    let mut command = account.command("sh", dir);
    command.args(["-c", GUARDIAN, "sh"]).arg(dir).arg(programs.join("postgres")).arg("-D").arg(dir.join("data"));
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    // A group of its own: a Ctrl-C meant for the tests reaches it through its standard input only.
    command.process_group(0).stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    command.spawn().context("cannot run sh")
}

/// The server writes its state into the last line of its lock file, as `pg_ctl` knows.
fn wait_until_ready(guardian: &mut Child, dir: &Path) -> Result<()> {
    let lock = dir.join("data/postmaster.pid");
    let deadline = Deadline::after(START_LIMIT);
    while !deadline.passed() {
        if fs::read_to_string(&lock).is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready")) {
            return Ok(());
        }
        if let Some(status) = guardian.try_wait()? {
            bail!("Postgres ended at once ({status})");
        }
        std::thread::sleep(PAUSE);
    }
    bail!("Postgres was not ready after {START_LIMIT:?}")
}

/// The run's server, or this process's own, started at the first call.
fn server_url() -> Result<String> {
    static OWN: Mutex<Option<Server>> = Mutex::new(None);
    if let Ok(url) = std::env::var(SERVER_VARIABLE) {
        return Ok(url);
    }
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match own.take() {
        Some(server) => server,
        None => Server::start()?,
    };
    Ok(own.insert(server).url.clone())
}

/// `server` with another database's name in it.
fn with_database(server: &str, name: &str) -> Result<String> {
    let (base, options) = server.split_once('?').map_or((server, None), |(base, options)| (base, Some(options)));
    let authority =
        base.find("://").map(|at| at + 3).with_context(|| format!("{SERVER_VARIABLE} is no URL: {server}"))?;
    let end = base[authority..].find('/').map_or(base.len(), |at| authority + at);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    Ok(format!("{}/{name}{options}", &base[..end]))
}

fn psql(server: &str, statement: &str) -> Result<()> {
    let output = Command::new(programs()?.join("psql"))
        .args(["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--command", statement, server])
        .env("PGOPTIONS", "--client-min-messages=warning")
        .stdin(Stdio::null())
        .output()
        .context("cannot run psql")?;
    check(statement, &output)
}

fn check(what: &str, output: &Output) -> Result<()> {
    if !output.status.success() {
        bail!("{what}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A TCP port of this machine that nobody listened on a moment ago, and that no other test is given: a process has a few
/// of its own. They lie below those that the system gives to outgoing connections, which would take one that is free for
/// a moment, as between the end of a daemon and its next start.
///
/// # Errors
/// When none of this process's ports is free.
pub fn free_port() -> Result<u16> {
    const FIRST: u32 = 10_000;
    const BEYOND: u32 = 32_000;
    const OWN: u32 = 20;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let block = FIRST + std::process::id() % ((BEYOND - FIRST) / OWN) * OWN;
    for _ in 0..OWN {
        let port = u16::try_from(block + NEXT.fetch_add(1, Ordering::Relaxed) % OWN)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("none of the ports from {block} on is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        let cases = [
            ("postgres://postgres@127.0.0.1:5000/postgres", "postgres://postgres@127.0.0.1:5000/x"),
            ("postgres://u:p@h/db?sslmode=disable", "postgres://u:p@h/x?sslmode=disable"),
            ("postgres://h", "postgres://h/x"),
        ];
        for (server, expected) in cases {
            assert_eq!(with_database(server, "x").unwrap(), expected);
        }
        assert!(with_database("h/db", "x").is_err());
    }

    #[test]
    fn users_are_found_by_their_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nposts:x:1:2::/:/bin/sh\npostgres:x:104:109::/:/bin/sh\n";
        assert_eq!(find_user(passwd, "postgres"), Some((104, 109)));
        assert_eq!(find_user(passwd, "post"), None);
    }

    #[test]
    fn databases_come_and_go() {
        let database = Database::create().unwrap();
        let url = database.url().to_owned();
        psql(&url, "CREATE TABLE t (x INTEGER)").unwrap();
        drop(database);
        assert!(psql(&url, "SELECT 1").is_err());
    }

    #[test]
    fn a_dropped_server_leaves_nothing() {
        let server = Server::start().unwrap();
        let url = server.url().to_owned();
        psql(&url, "SELECT 1").unwrap();
        drop(server);
        assert!(psql(&url, "SELECT 1").is_err());
    }

    #[test]
    fn a_server_that_crashed_starts_again_with_what_was_committed() {
        let mut server = Server::start_durable().unwrap();
        let url = server.url().to_owned();
        psql(&url, "CREATE TABLE t (x INTEGER)").unwrap();
        for _ in 0..2 {
            server.crash().unwrap();
            assert!(psql(&url, "SELECT 1").is_err());
            server.start_again().unwrap();
            psql(&url, "SELECT x FROM t").unwrap();
        }
        let dir = server.dir.clone();
        drop(server);
        assert!(!dir.exists());
    }
}
