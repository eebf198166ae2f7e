//! Unix sockets and TCP: many writers at once, each with lines of its own, and only those who may.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::thread::scope;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_tests::postgres::free_port;
use mete_tests::{Engine, TestStore, each_engine};
use rustix::process::Signal;

use crate::support::{Gateway, LIMIT, Line, Meted, Stage, stage};

const SOCKET: &str = "[[source]]\nkind = 'socket'\npath = 'usage.sock'\nproject = 'Bot'\n";

/// Nobody's number on most systems.
const STRANGER: u32 = 65_533;

fn listen(stage: &Stage<'_>, settings: &str) -> Result<Meted> {
    Meted::start(&stage.configure(&format!("{SOCKET}{settings}")))
}

fn write(stream: &mut impl std::io::Write, lines: &[Line]) -> Result<()> {
    let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
    Ok(stream.write_all(text.as_bytes())?)
}

each_engine! {
    async fn many_writers_of_a_socket_count_exactly(store: &TestStore) -> Result<()> {
        const WRITERS: usize = 40;
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.sock");
        let meted = listen(&stage, "")?;
        let lines: Vec<Vec<Line>> = (0..WRITERS).map(|_| stage.lines(60)).collect();
        scope(|threads| {
            for lines in &lines {
                let mut stream = UnixStream::connect(&path).unwrap();
                // In pieces that end anywhere: no two writers' lines may be mixed.
                threads.spawn(move || {
                    let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
                    text.as_bytes().chunks(97).for_each(|piece| stream.write_all(piece).unwrap());
                });
            }
        });
        stage.expect(&lines.concat());
        stage.counted().await?;
        meted.stop()?;
        ensure!(!path.exists(), "the socket goes with the daemon");
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }

    async fn a_writer_that_breaks_off_harms_no_other(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.sock");
        let meted = listen(&stage, "")?;
        let lines = stage.lines(5);
        let (mut one, mut other) = (UnixStream::connect(&path)?, UnixStream::connect(&path)?);
        write(&mut other, &lines[..1])?;
        for _ in 0..2 {
            // The same torn line of two writers is two entries.
            let mut torn = UnixStream::connect(&path)?;
            torn.write_all(&lines[4].text.as_bytes()[..20])?;
        }
        write(&mut one, &lines[1..3])?;
        // The last line has no end: the connection's end is one.
        one.write_all(lines[3].text.as_bytes())?;
        drop(one);
        write(&mut other, &lines[4..])?;
        stage.expect(&lines);
        stage.counted().await?;
        let rows = stage.quarantined(2).await?;
        ensure!(rows.iter().all(|row| row.reason == "not_json" && row.raw.len() == 20), "{rows:?}");
        meted.stop()?;
        stage.check().await
    }

    /// What a writer has handed to the system is the daemon's, also of one that was not let in yet.
    async fn a_daemon_that_stops_leaves_nothing_in_the_socket(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.sock");
        for _ in 0..5 {
            let meted = listen(&stage, "")?;
            let lines = stage.lines(300);
            let mut streams = Vec::new();
            for lines in lines.chunks(100) {
                let mut stream = UnixStream::connect(&path)?;
                write(&mut stream, lines)?;
                streams.push(stream);
            }
            meted.stop()?;
            stage.expect(&lines);
            stage.check().await?;
        }
        ensure!(stage.store.count_quarantine().await? == 0);
        Ok(())
    }

    async fn a_port_takes_lines_and_an_idle_writer_stays(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let source = format!("[[source]]\nkind = 'tcp'\nlisten = '{address}'\nproject = 'Bot'\n");
        let meted = Meted::start(&stage.configure(&source))?;
        let mut idle = TcpStream::connect(&address)?;
        let lines = stage.lines(3);
        write(&mut idle, &lines[..1])?;
        stage.expect(&lines[..1]);
        stage.counted().await?;
        write(&mut TcpStream::connect(&address)?, &lines[1..2])?;
        stage.expect(&lines[1..2]);
        stage.counted().await?;
        // A reload leaves connections alone.
        stage.configure(&format!("{source}{}", stage::source("usage.jsonl")));
        meted.0.signal(Signal::HUP)?;
        meted.said("read again")?;
        write(&mut idle, &lines[2..])?;
        idle.write_all(b"{\"id\":")?;
        stage.expect(&lines[2..]);
        stage.counted().await?;
        drop(idle);
        let rows = stage.quarantined(1).await?;
        ensure!(rows[0].source == format!("tcp:{address}"), "{rows:?}");
        meted.stop()?;
        stage.check().await
    }
}

/// Runs as a user without rights; only root can become somebody else.
fn as_stranger(path: &Path, text: &str) -> Result<bool> {
    let script = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode()); s.shutdown(1); s.recv(1)";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(path).arg(text).uid(STRANGER).gid(STRANGER);
    Ok(command.output().context("cannot run python3")?.status.success())
}

#[test]
fn only_those_who_may_write_to_a_socket() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |place| {
        let mut stage = Stage::new(place).await?;
        let path = stage.path("usage.sock");
        let meted = listen(&stage, "")?;
        ensure!(fs::metadata(&path)?.permissions().mode() & 0o777 == 0o600);
        meted.stop()?;
        if !rustix::process::geteuid().is_root() {
            // Nobody else can be played.
            return Ok(());
        }
        fs::set_permissions(place.dir(), fs::Permissions::from_mode(0o755))?;
        let line = stage.lines(1).remove(0);
        let text = format!("{}\n", line.text);

        // The file would let anybody in: the daemon looks who it is.
        let gateway = Gateway(free_port()?);
        let meted = listen(&stage, &format!("mode = '0666'\n[listen]\naddress = '127.0.0.1:{}'\n", gateway.0))?;
        as_stranger(&path, &text)?;
        let refused = meted.said("the writer is not allowed")?;
        ensure!(refused.contains(&format!("user {STRANGER}")) && refused.contains("refused=1"), "{refused}");
        let metrics = gateway.get("/metrics")?.1;
        let told = format!("mete_connections_refused_total{{source=\"{}\"}} 1\n", path.display());
        ensure!(metrics.contains(&told), "{metrics}");
        meted.stop()?;
        stage.check().await?;

        for allowed in ["allow_users", "allow_groups"] {
            let meted = listen(&stage, &format!("{allowed} = ['{STRANGER}']\n"))?;
            ensure!(fs::metadata(&path)?.permissions().mode() & 0o777 == 0o666);
            let line = stage.lines(1).remove(0);
            ensure!(as_stranger(&path, &format!("{}\n", line.text))?, "{}", meted.0.output());
            stage.expect(&[line]);
            stage.counted().await?;
            meted.stop()?;
        }
        stage.check().await
    })
}

#[test]
fn a_place_that_is_taken_is_told_and_a_stale_socket_is_replaced() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |place| {
        let mut stage = Stage::new(place).await?;
        let path = stage.path("usage.sock");
        let mut killed = listen(&stage, "")?;
        killed.0.kill()?;
        ensure!(path.exists(), "a killed daemon leaves its socket");
        let meted = listen(&stage, "")?;
        let lines = stage.lines(1);
        write(&mut UnixStream::connect(&path)?, &lines)?;
        stage.expect(&lines);
        stage.counted().await?;
        meted.stop()?;

        fs::write(&path, "precious")?;
        let taken = TcpListener::bind("127.0.0.1:0")?;
        let port = format!("[[source]]\nkind = 'tcp'\nlisten = '{}'\n", taken.local_addr()?);
        let meted = Meted::start(&stage.configure(&format!("{SOCKET}{port}{}", stage::source("usage.jsonl"))))?;
        meted.0.wait_for_line(LIMIT, |line| line.contains("given up") && line.contains("in the way"))?;
        meted.0.wait_for_line(LIMIT, |line| line.contains("given up") && line.contains("cannot listen"))?;
        stage.write(&stage.path("usage.jsonl"), 1);
        stage.counted().await?;
        ensure!(fs::read_to_string(&path)? == "precious");
        meted.0.signal(Signal::TERM)?;
        let mut meted = meted;
        ensure!(meted.0.wait(LIMIT)?.success());
        Ok(())
    })
}

/// A store that takes nothing makes the writers wait, and nothing grows without end.
#[test]
fn writers_wait_while_the_store_is_busy() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |place| {
        let stage = Stage::new(place).await?;
        let path = stage.path("usage.sock");
        let meted = listen(&stage, "")?;
        const MOST: usize = 1_000;
        let held = stage.store.begin().await?;
        let mut stream = UnixStream::connect(&path)?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        // A line of a megabyte each, most of it blank: far more than all queues hold.
        let line = stage.lines(1).remove(0);
        let long = format!("{}{}\n", line.text, " ".repeat(1_000_000 - line.text.len()));
        let stuck = (0..MOST).find(|_| stream.write_all(long.as_bytes()).is_err());
        let held_mb = resident_mb(meted.0.id())?;
        ensure!(stuck.is_some(), "nobody waits");
        ensure!(held_mb < 200, "{stuck:?} MB sent, {held_mb} MB held");
        held.rollback().await?;
        Ok(())
    })
}

/// The process's resident memory.
fn resident_mb(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? / 1024)
}
