//! The list of refused keys as a file, and the command that is run for it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use mete_core::secret::KeyHash;
use mete_tests::postgres::free_port;
use mete_tests::{TestStore, each_engine, wait};

use crate::gate::spend;
use crate::support::{Gateway, LIMIT, Meted, Stage, stage};

/// A daemon that keeps `refused.txt` and copies it to `seen.txt` with its command.
fn start(stage: &Stage<'_>) -> Result<(Meted, Gateway)> {
    let gateway = Gateway(free_port()?);
    let [file, copy] = ["refused.txt", "seen.txt"].map(|name| stage.path(name).display().to_string());
    let settings = format!(
        "[listen]\naddress = '127.0.0.1:{}'\n[refused]\nfile = '{file}'\ncommand = ['cp', '{file}', '{copy}']\n{}",
        gateway.0,
        stage::source("usage.jsonl")
    );
    Ok((Meted::start(&stage.configure(&settings))?, gateway))
}

/// Waits until the command has seen this list.
fn seen(stage: &Stage<'_>, list: &str) -> Result<()> {
    let copy = stage.path("seen.txt");
    wait::until("the list that the command saw", LIMIT, || (fs::read_to_string(&copy).ok()? == list).then_some(()))
        .with_context(|| format!("{list:?} was expected, {:?} is there", fs::read_to_string(&copy)))?;
    ensure!(fs::read_to_string(stage.path("refused.txt"))? == list);
    Ok(())
}

each_engine! {
    async fn a_gateway_that_cannot_ask_learns_who_is_refused_and_who_is_not_any_more(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.project("Support").await?;
        let key = stage.key("Support").await?;
        stage.budget(Some("Support"), 10).await?;
        let (meted, gateway) = start(&stage)?;
        seen(&stage, "")?;
        spend(&mut stage, "a", &key, 10);
        let hash = KeyHash::of(&key.secret).to_hex();
        let list = format!("{hash} project_spend_limit_exceeded {}\n", Stage::now().month().end());
        seen(&stage, &list)?;
        ensure!(gateway.get("/v1/refused")? == (200, list.clone()), "{:?}", gateway.get("/v1/refused")?);
        stage.budget(Some("Support"), 11).await?;
        seen(&stage, "")?;
        spend(&mut stage, "b", &key, 1);
        seen(&stage, &list)?;
        meted.stop()?;

        // What changed while no daemon ran is in the file as soon as one does.
        stage.budget(Some("Support"), 100).await?;
        let (meted, _) = start(&stage)?;
        seen(&stage, "")?;
        meted.stop()?;
        ensure!(!stage.path("refused.txt.new").exists());
        stage.check().await
    }
}
