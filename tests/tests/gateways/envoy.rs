//! Envoy with `config/gateways/envoy`, asking in both forms.

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

/// How it asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Http,
    Grpc,
}

impl Form {
    const fn config(self) -> &'static str {
        match self {
            Self::Http => "envoy/envoy.yaml",
            Self::Grpc => "envoy/envoy-grpc.yaml",
        }
    }
}

impl Envoy {
    async fn start(story: &Story<'_>, form: Form) -> Result<Self> {
        let (port, grpc, folder) = (free_port()?, free_port()?, story.stage.folder());
        let (asked, mete) = match form {
            Form::Http => ("port_value: 8790", story.mete()?),
            Form::Grpc => ("port_value: 8792", grpc),
        };
        let [mete, gateway, upstream] = [mete, port, story.upstream.port].map(|port| format!("port_value: {port}"));
        let changes = [
            (asked, &*mete),
            ("port_value: 8080", &*gateway),
            ("port_value: 4000", &*upstream),
            ("/var/log/envoy", &*folder),
        ];
        let config = story.stage.path("envoy.yaml");
        files::write(form.config(), &config, &changes)?;
        let source = files::source(form.config(), &[("/var/log/envoy", &*folder)])?;
        let daemon = story.stage.start(&format!("grpc = '127.0.0.1:{grpc}'\n{source}"))?;
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

async fn loop_is_closed(story: Story<'_>, form: Form) -> Result<()> {
    let envoy = Envoy::start(&story, form).await?;
    let told = story.loop_is_closed(envoy.port, [QUESTION, STREAM]).await;
    told.with_context(|| envoy.process.output())?;
    story.nothing_forged_passes(envoy.port).await?;
    // Three of the loop, and an honest one: each was held until its line was booked.
    story.settled(4).await?;
    let daemon = story.nothing_passes_without_mete(envoy.port, envoy.daemon).await?;
    // And the one after the gate's return.
    story.stage.counted(5, "project")?;

    // No two requests are one because a client says so.
    for _ in 0..2 {
        let named = [("x-request-id", "the-same")];
        let named = request("POST", "/v1/chat/completions", &story.secret, &named, QUESTION);
        ensure!(ask(envoy.port, named).await?.status == 200);
    }
    story.stage.counted(7, "project")?;
    ensure!(story.upstream.seen().iter().all(|seen| !seen.headers.contains_key("x-mete-hold")), "a hold is told");
    daemon.stop()?;
    story.stage.verify(7)
}

#[test]
fn the_loop_is_closed_and_nothing_goes_around_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| loop_is_closed(Story::new(store).await?.holding()?, Form::Http).await)
}

#[test]
fn the_loop_is_closed_over_grpc_and_nothing_goes_around_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| loop_is_closed(Story::new(store).await?.holding()?, Form::Grpc).await)
}

#[test]
fn r40_requests_at_once_never_pass_the_budget() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let envoy = Envoy::start(&story, Form::Grpc).await?;
        let told = story.requests_at_once_never_pass_the_budget(envoy.port).await;
        told.with_context(|| envoy.process.output())?;
        story.settled(6).await?;
        envoy.daemon.stop().map(drop)
    })
}

#[test]
fn the_model_and_the_size_are_checked() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let envoy = Envoy::start(&story, Form::Http).await?;
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

#[test]
fn over_grpc_every_body_is_read_and_what_cannot_be_judged_is_refused() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let envoy = Envoy::start(&story, Form::Grpc).await?;
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

        let (text, chunked) = ([("content-type", "text/plain")], [("transfer-encoding", "chunked")]);
        let form = [("content-type", "multipart/form-data; boundary=b")];
        let whisper = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n";
        let long = foreign.replace("How much", &"How much ".repeat(100_000));
        let silent = STREAM.replace(r#","stream_options":{"include_usage":true}"#, "");
        let code = |status, code: &str| (status, code.to_owned());
        let model = code(403, "model_not_found");
        ensure!(asked(path, &[("x-mete-model", "gpt-4o-mini")], &foreign).await? == model);
        ensure!(asked(path, &[], &long).await? == model);
        ensure!(asked(path, &chunked, &foreign).await? == model);
        ensure!(asked("/v1/audio/transcriptions", &form, whisper).await? == model);
        ensure!(asked(path, &text, "model=gpt-4o").await? == code(400, "invalid_json"));
        ensure!(asked(path, &[], &silent).await? == code(400, "stream_without_usage"));
        ensure!(asked(path, &[], &"x".repeat(33 << 20)).await?.0 == 413);
        let full = code(413, "file_storage_quota_exceeded");
        ensure!(asked("/v1/files", &[("x-mete-bytes", "1")], &"x".repeat(2_000)).await? == full);
        ensure!(asked("/v1/files", &chunked, &"x".repeat(2_000)).await?.0 == 411);
        ensure!(story.passed() == before, "{:?}", story.upstream.seen());

        ensure!(asked("/v1/files", &[], &"x".repeat(500)).await?.0 == 200);
        ensure!(asked(path, &chunked, QUESTION).await?.0 == 200);
        ensure!(ask(envoy.port, request("GET", "/v1/models", &story.secret, &[], "")).await?.status == 200);
        story.stage.mete("limits set --project Support --rate gpt-4o-mini:requests_per_day=1")?;
        let limited = async || {
            let answer = chat(envoy.port, &story.secret, QUESTION).await.ok()?;
            (answer.code() == "rate_limit_exceeded").then_some(answer)
        };
        let refused = wait::eventually("the rate limit", LIMIT, limited).await?;
        let told = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-should-retry"];
        ensure!(told.map(|name| refused.header(name)) == [Some("1"), Some("0"), None], "{refused:?}");
        ensure!(refused.header("retry-after").is_some(), "{refused:?}");
        envoy.daemon.stop().map(drop)
    })
}
