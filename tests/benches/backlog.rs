//! How much memory `meted` takes for a backlog of many gigabytes, and how fast it works it off.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use mete_control::host::{SystemClock, origin};
use mete_control::{Control, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_store::{SourceFilter, Store, StoreUrl};
use mete_tests::bench::{self, Size, Stopwatch, Table, UsageLog, per_second};
use mete_tests::{Engine, TestStore, process};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const KEYS: u64 = 2_000;
const MIB: u64 = 1024 * 1024;

/// Events a second of their own time, in the logs: what is kept in memory of an event's id depends on how many there are a
/// day.
const RATES: [u64; 2] = [25, 100];

fn main() -> Result<()> {
    bench::main("backlog", |size| mete_tests::run(Engine::Sqlite, async |dir| run(size, dir).await))
}

async fn run(size: Size, dir: &TestStore) -> Result<()> {
    let megabytes = size.number("METE_BENCH_MEGABYTES", 10_000, 1)?;
    let keys = size.number("METE_BENCH_KEYS", KEYS, 20)?;
    let template: StoreUrl = dir.url().parse()?;
    let keys = create(&template, keys).await?;
    let mut table = Table::new(&["backlog", "events", "a day", "events/s", "peak of resident memory, MiB"]);
    for rate in RATES {
        let usage = UsageLog::new(42, keys.clone())?.at_rate(rate);
        let worked = work_off(dir, usage, megabytes * 1_000_000).await?;
        table.row([
            format!("{megabytes} MB"),
            worked.lines.to_string(),
            (rate * 86_400).to_string(),
            format!("{:.0}", per_second(worked.lines, worked.time)),
            (worked.peak / MIB).to_string(),
        ]);
    }
    write!(io::stdout(), "\n{table}")?;
    Ok(())
}

struct Worked {
    lines: u64,
    time: Duration,
    /// The most resident memory, in bytes.
    peak: u64,
}

/// Has a daemon work off a log of so many bytes, with a copy of the store that has no events.
async fn work_off(dir: &TestStore, usage: UsageLog, bytes: u64) -> Result<Worked> {
    let (path, log, config) = (dir.path("run.db"), dir.path("backlog.jsonl"), dir.path("meted.toml"));
    fs::copy(dir.path("mete.db"), &path).context("cannot copy the store")?;
    let lines = write_log(&log, usage, bytes)?;
    let url = format!("sqlite:{}", path.display());
    let source = format!("[[source]]\nkind = 'file'\nname = 'backlog'\npath = '{}'\n", log.display());
    fs::write(&config, format!("[store]\nurl = '{url}'\n{source}"))?;
    let since = Stopwatch::start();
    let mut meted = Running::start(&config)?;
    let store = Store::open(&url.parse()?).await?;
    let mut peak = 0;
    loop {
        peak = peak.max(meted.peak()?);
        let days = store.source_days(&SourceFilter::default()).await?;
        if days.iter().map(|day| day.lines).sum::<u64>() >= lines {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let time = since.elapsed();
    peak = peak.max(meted.peak()?);
    meted.stop()?;
    store.close().await;
    for name in ["run.db", "run.db-wal", "run.db-shm"] {
        // What SQLite removed itself is gone.
        let _ = fs::remove_file(dir.path(name));
    }
    Ok(Worked { lines, time, peak })
}

async fn create(url: &StoreUrl, count: u64) -> Result<Vec<String>> {
    let mut random = StdRng::seed_from_u64(1);
    let store = Store::create(url, &mut random).await?;
    let control = Control::new(&store, &SystemClock, &mut random);
    let (operator, owner) = (Actor::operator(origin()), "owner@example.com");
    let acme = NewOrganizationInput { name: "Acme".into(), owner: owner.into(), parent: None };
    control.init(&operator, &acme).await?;
    control.create_project(&operator, &NewProjectInput::named("Acme", "Bot")).await?;
    let mut keys = Vec::new();
    for _ in 0..count {
        keys.push(control.create_key(&operator, &NewKeyInput::for_person("Bot", owner)).await?.key.id);
    }
    store.close().await;
    Ok(keys)
}

/// Writes lines until the file is so long; tells how many.
fn write_log(path: &Path, mut usage: UsageLog, bytes: u64) -> Result<u64> {
    const STEP: u64 = 1_000;
    let mut file = BufWriter::new(File::create(path)?);
    let mut lines = 0;
    while file.get_ref().metadata()?.len() < bytes {
        usage.write(STEP, &mut file)?;
        lines += STEP;
    }
    file.flush()?;
    Ok(lines)
}

/// A daemon that runs; a drop kills it.
struct Running(Child);

impl Running {
    fn start(config: &Path) -> Result<Self> {
        let mut command: Command = process::meted()?;
        command.arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn().context("cannot start meted")?))
    }

    /// The most resident memory that it ever had, in bytes.
    fn peak(&mut self) -> Result<u64> {
        if let Some(status) = self.0.try_wait()? {
            bail!("meted has ended: {status}");
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }

    fn stop(&mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.0.wait()?;
        ensure!(status.success(), "meted left with {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have left already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
