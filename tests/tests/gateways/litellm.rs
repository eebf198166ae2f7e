//! LiteLLM's proxy with `config/gateways/litellm`.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::python::Environment;
use mete_tests::{Engine, Meted, Process, wait};

use crate::client::{QUESTION, STREAM, ask, chat, request};
use crate::files;
use crate::story::{PROVIDER_KEY, Story};
use crate::upstream::FAILING;

/// It takes its time to import itself, on a busy machine above all.
const START: Duration = Duration::from_secs(180);

/// The proxy, and a daemon that it tells what was used.
struct LiteLlm {
    port: u16,
    daemon: Meted,
    process: Process,
}

/// Another name for the model of the configuration, that of a cheaper one.
const OTHER_NAME: &str = "gpt-4.1-nano";

impl LiteLlm {
    async fn start(story: &Story<'_>) -> Result<Self> {
        let port = free_port()?;
        let upstream = format!("http://127.0.0.1:{}/v1", story.upstream.port);
        let config = story.stage.path("config.yaml");
        let other = format!(
            "model_list:\n  - model_name: {OTHER_NAME}\n    litellm_params:\n      model: openai/gpt-4o-mini\n      api_base: {upstream}\n      api_key: os.environ/PROVIDER_KEY\n"
        );
        let changes = [("https://api.openai.com/v1", &*upstream), ("model_list:\n", &other)];
        files::write("litellm/config.yaml", &config, &changes)?;
        // LiteLLM's one thread may be busy for longer, on a busy machine: that is no gate that is away.
        let patient = [("PATIENCE = 2.0", "PATIENCE = 60.0")];
        files::write("litellm/mete_auth.py", &story.stage.path("mete_auth.py"), &patient)?;
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
        let story = Story::new(store).await?.holding()?;
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

#[test]
fn r40_requests_at_once_never_pass_the_budget() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let proxy = LiteLlm::start(&story).await?;
        let told = story.requests_at_once_never_pass_the_budget(proxy.port).await;
        told.with_context(|| proxy.process.output())?;
        proxy.daemon.stop().map(drop)
    })
}

#[test]
fn r37_a_rate_limit_reaches_the_client_with_its_headers() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let proxy = LiteLlm::start(&story).await?;
        story.a_rate_limit_reaches_the_client(proxy.port).await?;
        proxy.daemon.stop().map(drop)
    })
}

#[test]
fn r40_what_is_held_for_a_request_that_fails_is_free_again() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?.holding()?;
        let proxy = LiteLlm::start(&story).await?;
        let asked =
            async |body: &str| -> Result<u16> { Ok(chat(proxy.port, &story.secret, body).await?.status.as_u16()) };
        ensure!(asked(QUESTION).await? == 200);
        story.stage.counted(1, "project")?;
        // Half as much again as the first one's 75 cents is held for each: a second one finds room when the first has gone.
        let failing = QUESTION.replacen('{', &format!("{{\"seed\":{FAILING},"), 1);
        let unknown = QUESTION.replace("gpt-4o-mini", "no-such-model");
        for (body, status) in [(&failing, 500), (&failing, 500), (&unknown, 400), (&unknown, 400), (&failing, 500)] {
            let free = async || {
                let answer = asked(body).await.ok()?;
                (answer == status).then_some(())
            };
            let free = wait::eventually(&format!("room for a request that fails with {status}"), LIMIT, free).await;
            free.with_context(|| proxy.process.output())?;
        }
        // The name is a cheaper model's, the deployment is not: it is held as what such requests cost.
        let other = QUESTION.replace("gpt-4o-mini", OTHER_NAME).replacen('{', r#"{"max_tokens":10,"#, 1);
        let passes = async || asked(&other).await.ok().filter(|status| *status == 200);
        wait::eventually("room for a request", LIMIT, passes).await?;
        let spent = || story.stage.spends("project").ok().filter(|it| it["Support"].spend.0 == 1_500_000_000);
        wait::until("what both used", LIMIT, spent)?;
        let refused = chat(proxy.port, &story.secret, &other).await?;
        let message = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        ensure!(refused.status == 429 && message.contains("which may cost $1.125"), "{refused:?}");

        let before = story.passed();
        let stand_in = QUESTION.replacen('{', r#"{"fallbacks":["gpt-4.1-nano"],"#, 1);
        let answer = chat(proxy.port, &story.secret, &stand_in).await?;
        ensure!((answer.status.as_u16(), &*answer.code()) == (400, "unclear_model"), "{answer:?}");
        ensure!(story.passed() == before, "{:?}", story.upstream.seen());
        proxy.daemon.stop().map(drop)
    })
}
