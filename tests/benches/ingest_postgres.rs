//! Events per second into Postgres: `mete ingest` end to end, and `COPY` of the same rows into a table like it.

mod support;

use std::io::{self, Write as _};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mete_ingest::committer::GROUP;
use mete_store::Store;
use mete_tests::bench::{self, Size, Stopwatch, Table, UsageLog, median, per_second};
use mete_tests::postgres::Server;
use support::Log;
use tokio::task::JoinSet;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls};

fn main() -> Result<()> {
    bench::main("ingest_postgres", |size| {
        let folder = tempfile::tempdir()?;
        let server = Server::start_durable()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(run(size, folder.path(), server.url()))
    })
}

async fn run(size: Size, folder: &Path, url: &str) -> Result<()> {
    let events = size.number("METE_BENCH_EVENTS", 500_000, 2_000)?;
    let runs = size.number("METE_BENCH_RUNS", 5, 1)?;
    let keys = size.number("METE_BENCH_KEYS", 2_000, 20)?;

    let (mut databases, keys) = Databases::new(url, keys).await?;
    let mut usage = UsageLog::new(42, keys)?;
    let (mut copied, mut ingested, mut together) = (Vec::new(), Vec::new(), Vec::new());
    let (mut copied_bytes, mut bytes) = (0.0, 0.0);
    for _ in 0..runs {
        let log = Log::write(folder.join("usage.jsonl"), &mut usage, events)?;
        let each = |size: i64| size as f64 / events as f64;

        let database = databases.fresh().await?;
        let store = Store::open(&database.url.parse()?).await?;
        let rows = support::rows(&log.parcels(&store).await?);
        store.close().await;
        database.client.batch_execute(COPY_TABLE).await?;
        copied.push(per_second(events, copy(&database.client, &rows).await?));
        copied_bytes = each(size_of(&database.client, "copied%").await?);

        let database = databases.fresh().await?;
        let store = Store::open(&database.url.parse()?).await?;
        ingested.push(per_second(events, support::ingest(&store, &log).await?.0));
        store.close().await;
        bytes = each(size_of(&database.client, "event%").await? + size_of(&database.client, "segment%").await?);

        let halves = [
            Log::write(folder.join("one.jsonl"), &mut usage, events / 2)?,
            Log::write(folder.join("other.jsonl"), &mut usage, events / 2)?,
        ];
        let database = databases.fresh().await?;
        together.push(per_second(events / 2 * 2, both(&database.url, &halves).await?));
    }
    let mut table = Table::new(&["Postgres", "events/s", "of COPY", "bytes/event"]);
    for (what, rates, bytes) in [
        ("COPY of the events' rows (baseline)", &copied, format!("{copied_bytes:.0}")),
        ("end to end from a file", &ingested, format!("{bytes:.0}")),
        ("end to end, two writers with a file each", &together, String::new()),
    ] {
        let rate = median(rates);
        table.row([what.into(), format!("{rate:.0}"), format!("{:.2}", rate / median(&copied)), bytes]);
    }
    let scale = median(&together) / median(&ingested);
    writeln!(io::stdout(), "\ntwo writers together are {scale:.2} of one")?;
    write!(io::stdout(), "\n{events} events, {runs} interleaved runs, medians\n\n{table}")?;
    databases.close().await
}

/// Databases of one server, each a copy of a store with keys and without events.
struct Databases {
    url: String,
    admin: Client,
    connections: JoinSet<()>,
    made: u32,
}

struct Database {
    url: String,
    client: Client,
}

impl Databases {
    /// Tells also the keys' ids.
    async fn new(url: &str, keys: u64) -> Result<(Self, Vec<String>)> {
        let mut connections = JoinSet::new();
        let admin = connect(url, &mut connections).await?;
        admin.batch_execute("CREATE DATABASE bench").await?;
        let databases = Self { url: url.to_owned(), admin, connections, made: 0 };
        let (store, keys) = support::create_store(&databases.named("bench")?.parse()?, keys).await?;
        store.close().await;
        Ok((databases, keys))
    }

    fn named(&self, name: &str) -> Result<String> {
        let (server, _) = self.url.rsplit_once('/').context("the server's URL names no database")?;
        Ok(format!("{server}/{name}"))
    }

    /// Another copy; what was written before is on disk by then.
    async fn fresh(&mut self) -> Result<Database> {
        self.made += 1;
        let name = format!("bench_{}", self.made);
        self.admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE bench")).await?;
        self.admin.batch_execute("CHECKPOINT").await?;
        let url = self.named(&name)?;
        let client = connect(&url, &mut self.connections).await?;
        Ok(Database { url, client })
    }

    async fn close(mut self) -> Result<()> {
        drop(self.admin);
        while let Some(ended) = self.connections.join_next().await {
            ended?;
        }
        Ok(())
    }
}

/// Two writers at once, each with a store, a reader and a committer of its own. Tells how long both took together.
async fn both(url: &str, halves: &[Log; 2]) -> Result<Duration> {
    let (one, other) = (Store::open(&url.parse()?).await?, Store::open(&url.parse()?).await?);
    let since = Stopwatch::start();
    let (first, second) = tokio::join!(support::ingest(&one, &halves[0]), support::ingest(&other, &halves[1]));
    let time = since.elapsed();
    first?;
    second?;
    one.close().await;
    other.close().await;
    Ok(time)
}

/// Like the event table, partitioned as it is; the log runs within one month.
const COPY_TABLE: &str = "CREATE TABLE copied (LIKE event INCLUDING ALL) PARTITION BY RANGE (ts); \
     CREATE TABLE copied_all PARTITION OF copied FOR VALUES FROM (MINVALUE) TO (MAXVALUE)";

async fn connect(url: &str, connections: &mut JoinSet<()>) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    connections.spawn(async move {
        // What goes wrong with the connection goes wrong with the query that waits for it.
        let _ = connection.await;
    });
    Ok(client)
}

/// The baseline: rows in the binary format, in transactions as large as the committer's.
async fn copy(client: &Client, rows: &[[i64; 10]]) -> Result<Duration> {
    let since = Stopwatch::start();
    for rows in rows.chunks(GROUP) {
        let sink = client
            .copy_in(
                "COPY copied (ts, id, series, input, cached_input, cache_write, output, reasoning, cost, rating) \
                 FROM STDIN (FORMAT binary)",
            )
            .await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &[const { Type::INT8 }; 10]));
        for row in rows {
            writer.as_mut().write(&row.each_ref().map(|value| value as &(dyn ToSql + Sync))).await?;
        }
        writer.finish().await?;
    }
    Ok(since.elapsed())
}

/// The size of all tables whose names are like `pattern`, with their indexes.
async fn size_of(client: &Client, pattern: &str) -> Result<i64> {
    let sum =
        "SELECT CAST(SUM(pg_total_relation_size(oid)) AS BIGINT) FROM pg_class WHERE relkind = 'r' AND relname LIKE $1";
    Ok(client.query_one(sum, &[&pattern]).await?.get(0))
}
