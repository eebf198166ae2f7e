//! OpenTelemetry's SDK for Python, set up by the variables of `docs/connect.md`.

use anyhow::{Context as _, Result, ensure};
use mete_core::Nanos;
use mete_tests::{Engine, TestStore, each_engine};
use serde_json::Value;

use crate::documented::{ADDRESS, block, variables};
use crate::peer::Peer;
use crate::proxy::Proxy;
use crate::stage::{Spends, Spent, Stage};

/// Nano-dollars of a token: input, read from a cache, written to one, output.
const PRICES: [(&str, [i64; 4]); 3] = [
    ("gpt-4o-mini", [150, 75, 150, 600]),
    ("claude-sonnet-4-5", [3_000, 300, 3_750, 15_000]),
    ("text-embedding-3-small", [20, 20, 20, 0]),
];

/// Starts a program as the documentation says; its requests are the project's Support.
fn start(stage: &Stage<'_>, script: &str, arguments: &[&str]) -> Result<Peer> {
    let block = block("OpenTelemetry", "sh", &[(ADDRESS, &stage.address)])?;
    Peer::start(script, arguments, &variables(&block)?)
}

/// What a program says that it used, priced, by model.
fn expected(said: &Value) -> Result<Spends> {
    let models = said["models"].as_object().with_context(|| format!("no models in {said}"))?;
    models.iter().map(|(model, used)| Ok((model.clone(), priced(model, used)?))).collect()
}

fn priced(model: &str, used: &Value) -> Result<Spent> {
    let count = |name: &str| used[name].as_i64().with_context(|| format!("no {name} in {used}"));
    let (input, cached, written, output) = (count("input")?, count("cached")?, count("written")?, count("output")?);
    let price = PRICES.iter().find(|(name, _)| model.starts_with(name)).with_context(|| format!("what is {model}?"))?.1;
    let counts = [input - cached - written, cached, written, output];
    let spend = Nanos(counts.iter().zip(price).map(|(count, price)| count * price).sum());
    Ok(Spent { requests: count("requests")?, input, cached, output, spend })
}

fn requests(spends: &Spends) -> i64 {
    spends.values().map(|spent| spent.requests).sum()
}

each_engine! {
    /// Spans and log records, many of them of one request, in batches; and all of it once more (R31).
    async fn what_the_sdk_sends_is_counted_exactly_and_once(store: &TestStore) -> Result<()> {
        let stage = Stage::new(store)?;
        let daemon = stage.start("")?;
        let expected = expected(&start(&stage, "spans.py", &["1200", "again"])?.result()?)?;
        ensure!(requests(&expected) == 1_202, "{expected:?}");
        // Acknowledged is counted: there is nothing to wait for.
        let spends = stage.spends("model")?;
        ensure!(spends == expected, "{spends:?} instead of {expected:?}");
        // The resource names one project, some spans another.
        let projects = stage.spends("project")?;
        ensure!(projects["Search"].requests == 120 && projects["Support"].requests == 1_082, "{projects:?}");
        daemon.stop()?;
        stage.verify(1_202)
    }
}

/// OpenTelemetry's own instrumentation of OpenAI's client: answers, a stream, embeddings, responses, a failure.
#[test]
fn what_the_instrumentation_of_openai_says_is_counted() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let stage = Stage::new(store)?;
        let daemon = stage.start("")?;
        let expected = expected(&start(&stage, "openai_calls.py", &[])?.result()?)?;
        let spends = stage.spends("model")?;
        ensure!(spends == expected, "{spends:?} instead of {expected:?}");
        let endpoints: Vec<_> = stage.spends("endpoint")?.into_iter().map(|(name, it)| (name, it.requests)).collect();
        let counts = [("chat_completions", 5), ("embeddings", 1), ("responses", 1)];
        ensure!(endpoints == counts.map(|(name, number)| (name.to_owned(), number)), "{endpoints:?}");
        daemon.stop().map(drop)
    })
}

/// The store is away, so the daemon answers 503; then the daemon itself is. The SDK keeps what it has, and sends it again.
#[test]
fn what_was_refused_with_503_comes_again_after_a_restart() -> Result<()> {
    mete_tests::run(Engine::Postgres, async |store| {
        let stage = Stage::new(store)?;
        let (mut proxy, url) = Proxy::to(store.url()).await?;
        let daemon = stage.start_at(&url, "")?;
        proxy.cut().await;
        daemon.said("cannot read the store")?;
        let peer = start(&stage, "spans.py", &["100"])?;
        let line = peer.said("Transient error Service Unavailable")?;
        // It waits as long as it is told to.
        ensure!(line.contains("retrying in 5.00s"), "{line}");
        // It dies: a stop would wait for the store for longer than the SDK tries again.
        drop(daemon);
        proxy.mend().await?;
        let daemon = stage.start_at(&url, "")?;
        let expected = expected(&peer.result()?)?;
        let spends = stage.spends("model")?;
        ensure!(spends == expected, "{spends:?} instead of {expected:?}");
        daemon.stop()?;
        stage.verify(102)
    })
}
