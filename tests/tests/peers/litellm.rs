//! LiteLLM with the callback of `docs/connect.md`, whose file a daemon follows as it says there.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use mete_core::Nanos;
use mete_tests::Engine;
use serde_json::Value;

use crate::documented::block;
use crate::peer::Peer;
use crate::stage::Stage;

/// Where the documentation's callback writes to.
const FOLDER: &str = "/var/log/litellm";

/// Requests and their cost by LiteLLM's own reckoning, by project, as the documentation's tables have it.
fn expected(said: &Value) -> Result<BTreeMap<String, (i64, Nanos)>> {
    let mut sums = BTreeMap::new();
    for request in said["requests"].as_array().context("no requests")? {
        let (Some(whose), Some(cost)) = (request[0].as_str(), request[2].as_i64()) else {
            anyhow::bail!("no request: {request}");
        };
        ensure!(request[1] != "failure" || cost == 0, "{request}");
        let project = match whose {
            "team_1" => "Support",
            "" => "Default project",
            _ => "Search",
        };
        let (number, sum) = sums.entry(project.to_owned()).or_insert((0, Nanos(0)));
        *number += 1;
        sum.0 += cost;
    }
    Ok(sums)
}

#[test]
fn what_litellm_writes_down_is_counted_at_its_own_costs() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let stage = Stage::new(store)?;
        let here = [(FOLDER, &*stage.folder())];
        let daemon = stage.start(&block("LiteLLM", "toml", &here)?)?;
        fs::write(stage.path("mete_logger.py"), block("LiteLLM", "python", &here)?)?;
        let offline = [("LITELLM_LOCAL_MODEL_COST_MAP", "True")];
        let said = Peer::start("litellm_calls.py", &[&stage.folder()], &offline)?.result()?;
        let expected = expected(&said)?;
        let requests = expected.values().map(|(requests, _)| requests).sum();
        ensure!(requests == 29 && expected.len() == 3, "{said}");

        let spends = stage.counted(requests, "project")?;
        let sums: BTreeMap<_, _> = spends.into_iter().map(|(name, it)| (name, (it.requests, it.spend))).collect();
        ensure!(sums == expected, "{sums:?} instead of {expected:?}");
        let models = stage.spends("model")?;
        // One with most of its input out of a cache, a stream, and two failures.
        ensure!(models["gpt-4o"].requests == 4 && models["gpt-4o"].cached == 4_096, "{models:?}");
        ensure!(models["text-embedding-3-small"].input == 10, "{models:?}");
        daemon.stop()?;

        // What the file says is the ledger's already.
        let again =
            stage.mete(&format!("ingest --org Acme --tables {0}/meted.toml {0}/payload.jsonl", stage.folder()))?;
        ensure!(again["accepted"] == 0 && again["quarantined"] == 0 && again["spend"] == "0", "{again}");
        let text = fs::read_to_string(stage.path("payload.jsonl"))?;
        ensure!(!text.contains("How much is it?") && !text.contains("It depends."), "{text}");
        stage.verify(requests)
    })
}
