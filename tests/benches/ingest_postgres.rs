//! Events per second into Postgres: `mete ingest` end to end, and `COPY` of the same rows into a table like it.

mod support;

use std::io::{self, Write as _};
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
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

async fn run(size: Size, folder: &std::path::Path, url: &str) -> Result<()> {
    let events = size.number("METE_BENCH_EVENTS", 500_000, 2_000)?;
    let runs = size.number("METE_BENCH_RUNS", 5, 1)?;
    let keys = size.number("METE_BENCH_KEYS", 2_000, 20)?;

    let (store, keys) = support::create_store(&url.parse()?, keys).await?;
    let mut usage = UsageLog::new(42, keys)?;
    let mut connections = JoinSet::new();
    let client = connect(url, &mut connections).await?;
    client.batch_execute(COPY_TABLE).await?;

    let (mut copied, mut ingested) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let log = Log::write(folder.join("usage.jsonl"), &mut usage, events)?;
        let rows = support::rows(&log.parcels(&store).await?);
        client.batch_execute("CHECKPOINT").await?;
        copied.push(per_second(events, copy(&client, &rows).await?));
        client.batch_execute("CHECKPOINT").await?;
        ingested.push(per_second(events, support::ingest(&store, &log).await?.0));
    }
    let kept = (events * runs) as f64;
    let mut table = Table::new(&["Postgres", "events/s", "of COPY", "bytes/event"]);
    for (what, rates, tables) in
        [("COPY of the events' rows (baseline)", &copied, "copied%"), ("end to end from a file", &ingested, "event%")]
    {
        let bytes = size_of(&client, tables).await? as f64 / kept;
        let rate = median(rates);
        table.row([what.into(), format!("{rate:.0}"), format!("{:.2}", rate / median(&copied)), format!("{bytes:.0}")]);
    }
    write!(io::stdout(), "\n{events} events, {runs} interleaved runs, medians\n\n{table}")?;
    close(store, client, connections).await
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

async fn close(store: Store, client: Client, mut connections: JoinSet<()>) -> Result<()> {
    store.close().await;
    drop(client);
    while let Some(ended) = connections.join_next().await {
        ended?;
    }
    Ok(())
}
