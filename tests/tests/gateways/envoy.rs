//! Envoy with `config/gateways/envoy`.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::python::Environment;
use mete_tests::{Engine, Meted, Process, wait};

use crate::client::{QUESTION, STREAM, ask, chat, request};
use crate::files;
use crate::story::{PROVIDER_KEY, Story};

/// Envoy, and a daemon that follows its log.
struct Envoy {
    port: u16,
    daemon: Meted,
    process: Process,
}

impl Envoy {
    async fn start(story: &Story<'_>) -> Result<Self> {
        let (port, folder) = (free_port()?, story.stage.folder());
        let (mete, gateway) = (format!("port_value: {}", story.mete()?), format!("port_value: {port}"));
        let upstream = format!("port_value: {}", story.upstream.port);
        let changes = [
            ("port_value: 8790", &*mete),
            ("port_value: 8080", &*gateway),
            ("port_value: 4000", &*upstream),
            ("/var/log/envoy", &*folder),
        ];
        let config = story.stage.path("envoy.yaml");
        files::write("envoy/envoy.yaml", &config, &changes)?;
        let source = [("/var/log/envoy", &*folder)];
        let daemon = story.stage.start(&files::source("envoy/envoy.yaml", &source)?)?;
        let program = Environment::named("gateways")?.interpreter().with_file_name("envoy");
        let mut command = Command::new(program);
        // Side by side with others, and on two cores.
        command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn", "--config-path"]);
        command.arg(&config).env("PROVIDER_KEY", PROVIDER_KEY).stdin(Stdio::null());
        let process = Process::start(&mut command)?;
        let up = async || chat(port, "sk-nobody", QUESTION).await.ok();
        let up = wait::eventually("Envoy", LIMIT, up).await;
        up.with_context(|| process.output())?;
        Ok(Self { port, daemon, process })
    }
}

#[test]
fn the_loop_is_closed_and_nothing_goes_around_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let envoy = Envoy::start(&story).await?;
        let told = story.loop_is_closed(envoy.port, [QUESTION, STREAM]).await;
        told.with_context(|| envoy.process.output())?;
        story.nothing_forged_passes(envoy.port).await?;
        let daemon = story.nothing_passes_without_mete(envoy.port, envoy.daemon).await?;
        // Three of the loop, an honest one, and the one after the gate's return.
        story.stage.counted(5, "project")?;
        daemon.stop()?;
        story.stage.verify(5)
    })
}

#[test]
fn the_model_and_the_size_are_checked() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let envoy = Envoy::start(&story).await?;
        story.stage.mete("limits set --project Support --budget none --models gpt-4o-mini")?;
        story.stores_almost_all_it_may().await?;
        let asked = async |path: &str, headers: &[(&str, &str)], body: &str| -> Result<(u16, String)> {
            let answer = ask(envoy.port, request("POST", path, &story.secret, headers, body)).await?;
            Ok((answer.status.as_u16(), answer.code()))
        };
        let (path, foreign) = ("/v1/chat/completions", QUESTION.replace("gpt-4o-mini", "gpt-4o"));
        let list = async || chat(envoy.port, &story.secret, &foreign).await.ok().filter(|it| it.status == 403);
        wait::eventually("the list of models", LIMIT, list).await?;
        let before = story.passed();

        let model = (403, "model_not_found".to_owned());
        ensure!(asked(path, &[("x-mete-model", "gpt-4o-mini")], &foreign).await? == model);
        let long = foreign.replace("How much", &"How much ".repeat(100_000));
        ensure!(asked(path, &[], &long).await? == model);
        let disguised = request("POST", path, &story.secret, &[("content-type", "text/plain")], &format!(" {foreign}"));
        ensure!(ask(envoy.port, disguised).await?.code() == "model_not_found");
        ensure!(asked(path, &[("content-type", "text/plain")], "model=gpt-4o").await? == model, "no JSON");

        let (full, large) = ((413, "file_storage_quota_exceeded".to_owned()), "x".repeat(2_000));
        ensure!(asked("/v1/files", &[("x-mete-bytes", "1")], &large).await? == full);
        ensure!(asked("/v1/files", &[("transfer-encoding", "chunked")], &large).await?.0 == 411);
        ensure!(story.passed() == before, "{:?}", story.upstream.seen());
        ensure!(asked("/v1/files", &[], &"x".repeat(500)).await?.0 == 200);
        ensure!(asked(path, &[], QUESTION).await?.0 == 200);
        ensure!(ask(envoy.port, request("GET", "/v1/models", &story.secret, &[], "")).await?.status == 200);
        envoy.daemon.stop().map(drop)
    })
}
