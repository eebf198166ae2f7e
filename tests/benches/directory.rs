//! How long a person waits for a list: an organization with 1000 projects of 50 keys each, asked by the real `mete`.

#[path = "support/crowd.rs"]
mod crowd;

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, ensure};
use crowd::populate;
use mete_store::StoreUrl;
use mete_tests::bench::{self, Size, Stopwatch, Table, median};
use mete_tests::process::{Run, mete};
use mete_tests::{Engine, TestStore};
use serde_json::Value;

/// What every figure is compared with: a start of the program that opens the store and reads two numbers.
const BASELINE: &[&str] = &["settings", "list"];

/// Each list, and who asks for it.
const LISTS: [(&[&str], Option<&str>); 16] = [
    (&["org", "list"], None),
    (&["project", "list", "--org", "Acme"], None),
    (&["project", "show", "Project 7"], None),
    (&["key", "list", "--project", "Project 7"], None),
    (&["key", "list", "--org", "Acme"], None),
    (&["member", "list", "--org", "Acme"], None),
    (&["member", "list", "--project", "Project 7"], None),
    (&["member", "candidates", "--project", "Project 7"], None),
    (&["service-account", "list", "--org", "Acme"], None),
    (&["spend", "--org", "Acme"], None),
    (&["audit", "list", "--org", "Acme"], None),
    (&["explain", "key 7-7"], None),
    (&["project", "list"], Some("owner@acme.test")),
    (&["project", "list"], Some("m7@acme.test")),
    (&["key", "list"], Some("m7@acme.test")),
    (&["key", "list"], Some("owner@acme.test")),
];

fn main() -> Result<()> {
    bench::main("directory", |size| {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let place = TestStore::new(engine)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(run(size, engine, &place))?;
        }
        Ok(())
    })
}

async fn run(size: Size, engine: Engine, place: &TestStore) -> Result<()> {
    let projects = size.number("METE_BENCH_PROJECTS", 1000, 10)?;
    let keys = size.number("METE_BENCH_PROJECT_KEYS", 50, 8)?;
    let runs = size.number("METE_BENCH_RUNS", 5, 1)?;
    let url: StoreUrl = place.url().parse()?;
    populate(&url, projects, keys).await?;

    let mut waits: Vec<Vec<f64>> = vec![Vec::new(); LISTS.len()];
    let mut rows: Vec<usize> = vec![0; LISTS.len()];
    let mut baseline = Vec::new();
    for _ in 0..runs {
        baseline.push(ask(place, BASELINE, None)?.0);
        for (place_of, (list, actor)) in LISTS.iter().enumerate() {
            let (wait, listed) = ask(place, list, *actor)?;
            waits[place_of].push(wait);
            rows[place_of] = listed;
        }
    }
    let base = median(&baseline);
    let mut table = Table::new(&["list", "rows", "ms", "of baseline"]);
    table.row([format!("mete {} (baseline)", BASELINE.join(" ")), "2".into(), format!("{base:.0}"), "1.00".into()]);
    for (((list, actor), waits), rows) in LISTS.iter().zip(&waits).zip(rows) {
        let by = actor.map(|actor| format!(" --as {actor}")).unwrap_or_default();
        let wait = median(waits);
        table.row([
            format!("mete {}{by}", list.join(" ")),
            rows.to_string(),
            format!("{wait:.0}"),
            format!("{:.2}", wait / base),
        ]);
    }
    let heading = format!("{engine:?}: {projects} projects with {keys} keys each, {runs} interleaved runs, medians");
    Ok(write!(io::stdout(), "\n{heading}\n\n{table}")?)
}

/// Runs one command; tells how long it took, in milliseconds, and how many rows it gave.
fn ask(place: &TestStore, words: &[&str], actor: Option<&str>) -> Result<(f64, usize)> {
    let mut command = mete()?;
    command.args(words).args(["--json", "--store", place.url()]);
    if let Some(actor) = actor {
        command.args(["--as", actor]);
    }
    let since = Stopwatch::start();
    let run = Run::of(&mut command)?;
    let wait = since.elapsed().as_secs_f64() * 1000.0;
    ensure!(run.status.success(), "mete {}: {}", words.join(" "), run.stderr);
    let value: Value = serde_json::from_str(&run.stdout).with_context(|| format!("mete {}", words.join(" ")))?;
    Ok((wait, value["rows"].as_array().map_or(1, Vec::len)))
}
