//! LiteLLM's proxy with `config/gateways/litellm`.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_tests::postgres::free_port;
use mete_tests::python::Environment;
use mete_tests::{Engine, Meted, Process, wait};

use crate::client::{QUESTION, STREAM, ask, chat, request};
use crate::files;
use crate::story::{PROVIDER_KEY, Story};

/// It takes its time to import itself, on a busy machine above all.
const START: Duration = Duration::from_secs(180);

/// The proxy, and a daemon that it tells what was used.
struct LiteLlm {
    port: u16,
    daemon: Meted,
    process: Process,
}

impl LiteLlm {
    async fn start(story: &Story<'_>) -> Result<Self> {
        let port = free_port()?;
        let upstream = format!("http://127.0.0.1:{}/v1", story.upstream.port);
        let config = story.stage.path("config.yaml");
        files::write("litellm/config.yaml", &config, &[("https://api.openai.com/v1", &upstream)])?;
        files::write("litellm/mete_auth.py", &story.stage.path("mete_auth.py"), &[])?;
        let daemon = story.stage.start(&files::source("litellm/config.yaml", &[])?)?;
        let program = Environment::named("gateways")?.interpreter().with_file_name("litellm");
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--config"]).arg(&config);
        command.current_dir(story.stage.folder()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", story.stage.folder());
        command.env("LANG", "C.UTF-8").env("NO_PROXY", "*").env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        command.env("LITELLM_MASTER_KEY", "sk-5a1f0c7e9b3d4862a7c0e1f2d3b4a596").env("PROVIDER_KEY", PROVIDER_KEY);
        command.env("METE_URL", format!("http://{}", story.stage.address));
        let process = Process::start(&mut command)?;
        let up = async || chat(port, "sk-nobody", QUESTION).await.ok();
        let up = wait::eventually("LiteLLM's proxy", START, up).await;
        up.with_context(|| process.output())?;
        Ok(Self { port, daemon, process })
    }
}

#[test]
fn the_loop_is_closed_and_nothing_goes_around_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let proxy = LiteLlm::start(&story).await?;
        let told = story.loop_is_closed(proxy.port, [QUESTION, STREAM]).await;
        told.with_context(|| proxy.process.output())?;
        let list = ask(proxy.port, request("GET", "/key/list", &story.secret, &[], "")).await?;
        ensure!(list.status == 403, "LiteLLM's own administration is not for Mete's keys: {list:?}");
        a_foreign_model_is_refused(&story, proxy.port).await?;
        let forged = story.nothing_forged_passes(proxy.port).await;
        forged.with_context(|| proxy.process.output())?;
        let daemon = story.nothing_passes_without_mete(proxy.port, proxy.daemon).await?;
        // Three of the loop, an honest one, and the one after the gate's return; what was refused is none.
        story.stage.counted(5, "project")?;
        daemon.stop()?;
        story.stage.verify(5)
    })
}

/// A model that the project may not use is refused, once the gate knows that: what passed before would be logged.
async fn a_foreign_model_is_refused(story: &Story<'_>, port: u16) -> Result<()> {
    story.stage.mete("limits set --project Support --models gpt-4o-mini")?;
    let asked = [("x-original-method", "POST"), ("x-original-uri", "/v1/chat/completions"), ("x-mete-model", "gpt-4o")];
    story.decided_about(&asked, 403).await?;
    let answer = chat(port, &story.secret, &QUESTION.replace("gpt-4o-mini", "gpt-4o")).await?;
    ensure!((answer.status.as_u16(), &*answer.code()) == (403, "model_not_found"), "{answer:?}");
    Ok(())
}
