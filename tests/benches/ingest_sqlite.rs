//! Events per second into SQLite: `mete ingest` end to end, its stages, and a bare loop of prepared inserts.

mod support;

use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mete_ingest::committer::{FOLD_EVENTS, GROUP};
use mete_ingest::formats;
use mete_ingest::framing::{Frame, Framer};
use mete_store::{Ledger, Parcel, Store, StoreUrl};
use mete_tests::bench::{self, Size, Stopwatch, Table, UsageLog, median, per_second};
use mete_tests::{Engine, TestStore};
use rusqlite::Connection;
use support::Log;

/// A million events, for the run that shows whether the rate stays.
const MILLION: u64 = 1_000_000;

fn main() -> Result<()> {
    bench::main("ingest_sqlite", |size| mete_tests::run(Engine::Sqlite, async |dir| run(size, dir).await))
}

async fn run(size: Size, dir: &TestStore) -> Result<()> {
    let events = size.number("METE_BENCH_EVENTS", MILLION, 2_000)?;
    let runs = size.number("METE_BENCH_RUNS", 5, 1)?;
    let long = size.number("METE_BENCH_LONG", 5 * MILLION, 4_000)?;
    let keys = size.number("METE_BENCH_KEYS", 2_000, 20)?;

    let (template, keys) = support::create_store(&dir.url().parse()?, keys).await?;
    let mut usage = UsageLog::new(42, keys)?;
    let log = Log::write(dir.path("usage.jsonl"), &mut usage, events)?;
    let parcels = log.parcels(&template).await?;
    template.close().await;

    let bench = Bench { dir, log, parcels };
    let mut out = io::stdout();
    writeln!(out, "\n{events} events, {runs} interleaved runs, medians\n")?;
    write!(out, "{}", bench.rates(runs).await?)?;
    let log = Log::write(dir.path("long.jsonl"), &mut usage, long)?;
    write!(out, "\n{}", bench.steadiness(&log).await?)?;
    Ok(())
}

/// A log, and a store without events from which every run starts.
struct Bench<'a> {
    dir: &'a TestStore,
    log: Log,
    parcels: Vec<Parcel>,
}

/// What was measured, in events per second, run by run.
#[derive(Default)]
struct Rates {
    inserts: Vec<f64>,
    parse: Vec<f64>,
    price: Vec<f64>,
    ledger: Vec<f64>,
    all: Vec<f64>,
}

impl Bench<'_> {
    async fn rates(&self, runs: u64) -> Result<Table> {
        let mut rates = Rates::default();
        let (mut bare_bytes, mut bytes) = (0, 0);
        let rows = support::rows(&self.parcels);
        let rate = |time| per_second(self.log.lines, time);
        for _ in 0..runs {
            let path = self.copy()?;
            let size = path.metadata()?.len();
            rates.inserts.push(rate(prepared_inserts(&path, &rows)?));
            bare_bytes = path.metadata()?.len() - size;
            rates.parse.push(rate(self.parse()?));
            let store = Store::open(&self.fresh()?).await?;
            rates.price.push(rate(self.price(&store).await?));
            rates.ledger.push(rate(self.commit(&store).await?));
            store.close().await;
            let store = Store::open(&self.fresh()?).await?;
            rates.all.push(rate(support::ingest(&store, &self.log).await?.0));
            store.close().await;
            bytes = path.metadata()?.len() - size;
        }
        let mut table = Table::new(&["SQLite", "events/s", "of prepared inserts", "bytes/event"]);
        let base = median(&rates.inserts);
        for (what, rates, bytes) in [
            ("prepared inserts, events only (baseline)", &rates.inserts, bare_bytes),
            ("parse", &rates.parse, 0),
            ("parse, attribute, price", &rates.price, 0),
            ("ledger: commits and folds, parcels ready", &rates.ledger, bytes),
            ("end to end from a file", &rates.all, bytes),
        ] {
            let bytes = if bytes == 0 { String::new() } else { format!("{:.0}", bytes as f64 / self.log.lines as f64) };
            table.row([what.into(), format!("{:.0}", median(rates)), format!("{:.2}", median(rates) / base), bytes]);
        }
        Ok(table)
    }

    /// The rate of every million events of a long log.
    async fn steadiness(&self, log: &Log) -> Result<Table> {
        let store = Store::open(&self.fresh()?).await?;
        let (_, marks) = support::ingest(&store, log).await?;
        store.close().await;
        let part = MILLION.min(log.lines / 2).max(1);
        let mut table = Table::new(&["end to end, long log", "events/s", "of the first part"]);
        let (mut first, mut begun) = (None, (Duration::ZERO, 0));
        let parts = log.lines.div_ceil(part);
        for number in 1..=parts {
            let end = (number * part).min(log.lines);
            let Some(&mark) = marks.iter().find(|mark| mark.1 >= end) else { continue };
            let rate = per_second(mark.1 - begun.1, mark.0 - begun.0);
            let first = *first.get_or_insert(rate);
            table.row([format!("up to {}", mark.1), format!("{rate:.0}"), format!("{:.2}", rate / first)]);
            begun = mark;
        }
        Ok(table)
    }

    /// A copy of the store without events, at the path of [`Self::fresh`].
    fn copy(&self) -> Result<std::path::PathBuf> {
        let path = self.dir.path("run.db");
        std::fs::copy(self.dir.path("mete.db"), &path).context("cannot copy the store")?;
        Ok(path)
    }

    fn fresh(&self) -> Result<StoreUrl> {
        Ok(format!("sqlite:{}", self.copy()?.display()).parse()?)
    }

    /// Framing and formats alone.
    fn parse(&self) -> Result<Duration> {
        let bytes = std::fs::read(&self.log.path)?;
        let since = Stopwatch::start();
        let mut framer = Framer::new(0);
        let mut last = None;
        for block in bytes.chunks(256 * 1024) {
            framer.push(block, |frame| {
                if let Frame::Line { bytes, .. } = frame {
                    formats::read(&bytes, None, &mut last, &mut |line| drop(black_box(line)));
                }
            });
        }
        Ok(since.elapsed())
    }

    /// All that a reader does, without anybody who commits.
    async fn price(&self, store: &Store) -> Result<Duration> {
        let mut reader = support::reader(store).await?;
        let path = self.log.path.clone();
        let since = Stopwatch::start();
        let parcels = tokio::task::spawn_blocking(move || support::read_parcels(&mut reader, &path)).await??;
        let time = since.elapsed();
        drop(parcels);
        Ok(time)
    }

    /// The ledger alone.
    async fn commit(&self, store: &Store) -> Result<Duration> {
        let mut ledger = Ledger::open(store.clone()).await?;
        let now = support::clock().now();
        let since = Stopwatch::start();
        let mut unfolded = 0;
        for parcel in &self.parcels {
            ledger.commit(std::slice::from_ref(parcel), now).await?;
            unfolded += parcel.events.len() as u64;
            if unfolded >= FOLD_EVENTS {
                ledger.fold().await?;
                unfolded = 0;
            }
        }
        ledger.fold().await?;
        Ok(since.elapsed())
    }
}

/// The baseline: one prepared insert an event, in transactions as large as the committer's, as durable as the store.
fn prepared_inserts(path: &Path, rows: &[[i64; 10]]) -> Result<Duration> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    let since = Stopwatch::start();
    for rows in rows.chunks(GROUP) {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO event (ts, id, series, input, cached_input, cache_write, output, reasoning, cost, rating) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            for row in rows {
                insert.execute(*row)?;
            }
        }
        transaction.commit()?;
    }
    let time = since.elapsed();
    connection.close().map_err(|(_, error)| error)?;
    Ok(time)
}
