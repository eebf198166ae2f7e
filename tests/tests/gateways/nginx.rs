//! nginx with `config/gateways/nginx`.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::process::workspace;
use mete_tests::{Engine, Meted, Process, wait};
use serde_json::json;

use crate::client::{QUESTION, STREAM, ask, chat, request};
use crate::files;
use crate::peer::Peer;
use crate::story::{PROVIDER_KEY, Story, key};

/// nginx, and a daemon that follows its log.
struct Nginx {
    port: u16,
    daemon: Meted,
    _process: Process,
}

/// What stands around the configuration, as Debian's nginx.conf does.
const AROUND: &str = "
load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr info;
events {}
http {
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    include FOLDER/mete.conf;
}
";

impl Nginx {
    async fn start(story: &Story<'_>) -> Result<Self> {
        let (port, folder) = (free_port()?, story.stage.folder());
        let listen = format!("127.0.0.1:{port}");
        let changes = [
            ("127.0.0.1:8790", &*story.stage.address),
            ("127.0.0.1:8080", &listen),
            ("/etc/nginx/mete", &folder),
            ("/var/log/nginx", &folder),
        ];
        files::write("nginx/mete.conf", &story.stage.path("mete.conf"), &changes)?;
        files::write("nginx/mete.js", &story.stage.path("mete.js"), &[])?;
        let upstream = format!("http://127.0.0.1:{}", story.upstream.port);
        let provider = [("https://api.openai.com", &*upstream), ("PROVIDER-KEY", PROVIDER_KEY)];
        files::write("nginx/provider.conf", &story.stage.path("provider.conf"), &provider)?;
        fs::write(story.stage.path("nginx.conf"), AROUND.replace("FOLDER", &folder))?;

        let mappings = workspace().join("config/mappings").display().to_string();
        let source = [("/var/log/nginx", &*folder), ("/etc/mete/mappings", &mappings)];
        let daemon = story.stage.start(&files::source("nginx/mete.conf", &source)?)?;
        let mut command = Command::new("nginx");
        command.args(["-p", &folder, "-e", "stderr", "-c"]).arg(story.stage.path("nginx.conf")).stdin(Stdio::null());
        let process =
            Process::start(&mut command).context("run `cargo xtask test`, which installs nginx and its njs")?;
        let up = async || chat(port, "sk-nobody", QUESTION).await.ok();
        let up = wait::eventually("nginx", LIMIT, up).await;
        up.with_context(|| process.output())?;
        Ok(Self { port, daemon, _process: process })
    }
}

#[test]
fn the_loop_is_closed_and_nothing_goes_around_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?.holding()?;
        let nginx = Nginx::start(&story).await?;
        story.loop_is_closed(nginx.port, [QUESTION, STREAM]).await?;
        story.nothing_forged_passes(nginx.port).await?;
        let daemon = story.nothing_passes_without_mete(nginx.port, nginx.daemon).await?;
        // Three of the loop, an honest one, and the one after the gate's return.
        story.stage.counted(5, "project")?;
        daemon.stop()?;
        story.stage.verify(5)
    })
}

/// A form with this model, as audio is sent.
fn form(model: &str) -> String {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\nx\r\n--b--\r\n"
    )
}

#[test]
fn the_model_is_read_from_every_body_that_has_one() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let nginx = Nginx::start(&story).await?;
        story.stage.mete("limits set --project Support --budget none --models gpt-4o-mini")?;
        let asked = async |path: &str, headers: &[(&str, &str)], body: &str| -> Result<(u16, String)> {
            let answer = ask(nginx.port, request("POST", path, &story.secret, headers, body)).await?;
            Ok((answer.status.as_u16(), answer.code()))
        };
        let foreign = QUESTION.replace("gpt-4o-mini", "gpt-4o");
        let (path, as_form) = ("/v1/chat/completions", [("content-type", "multipart/form-data; boundary=b")]);
        let list = async || chat(nginx.port, &story.secret, &foreign).await.ok().filter(|it| it.status == 403);
        wait::eventually("the list of models", LIMIT, list).await?;
        let before = story.passed();

        let model = (403, "model_not_found".to_owned());
        ensure!(asked(path, &[("x-mete-model", "gpt-4o-mini")], &foreign).await? == model);
        let long = foreign.replace("How much", &"How much ".repeat(100_000));
        ensure!(asked(path, &[], &long).await? == model);
        ensure!(asked(path, &[], &foreign.replace("gpt-4o", r"gpt\u002d4o")).await? == model);
        ensure!(asked("/v1/audio/transcriptions", &as_form, &form("whisper-1")).await? == model);

        let unclear = (400, "unclear_model".to_owned());
        ensure!(
            asked(path, &[], &QUESTION.replace("gpt-4o-mini", r"gpt-4o-mini\r\nX-Mete-Bytes: 0")).await? == unclear
        );
        ensure!(asked(path, &[], r#"{"model":["gpt-4o"]}"#).await? == unclear);
        ensure!(
            asked("/v1/audio/transcriptions", &as_form, &(form("gpt-4o-mini") + &form("whisper-1"))).await? == unclear
        );
        ensure!(asked(path, &[], "model=gpt-4o").await? == (400, "invalid_json".to_owned()));
        let silent = STREAM.replace(r#","stream_options":{"include_usage":true}"#, "");
        ensure!(asked(path, &[], &silent).await? == (400, "stream_without_usage".to_owned()));
        ensure!(story.passed() == before, "{:?}", story.upstream.seen());

        let none = asked("/v1/audio/transcriptions", &as_form, &form("gpt-4o-mini")).await?;
        ensure!(none.0 == 404, "the API has no such path: {none:?}");
        ensure!(asked(path, &[], QUESTION).await?.0 == 200);
        ensure!(story.passed() == before + 2, "{:?}", story.upstream.seen());
        nginx.daemon.stop().map(drop)
    })
}

#[test]
fn an_upload_is_checked_before_it_is_read() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let nginx = Nginx::start(&story).await?;
        story.an_upload_is_checked_before_it_is_read(nginx.port).await?;
        nginx.daemon.stop().map(drop)
    })
}

#[test]
fn r37_a_rate_limit_reaches_the_client_with_its_headers() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let nginx = Nginx::start(&story).await?;
        story.a_rate_limit_reaches_the_client(nginx.port).await?;
        nginx.daemon.stop().map(drop)
    })
}

#[test]
fn r40_requests_at_once_never_pass_the_budget() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let nginx = Nginx::start(&story).await?;
        story.requests_at_once_never_pass_the_budget(nginx.port).await?;
        nginx.daemon.stop().map(drop)
    })
}

/// What OpenAI's own SDK makes of the answers. It would send a request again at 429, were it not told not to.
#[test]
fn openais_sdk_raises_the_right_exceptions_and_does_not_try_again() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let nginx = Nginx::start(&story).await?;
        let reader = key(&story.stage, " --scope models=read")?;
        // Enough for the first two answers, even where the money held for the first is not given back before the second.
        story.stage.mete("limits set --project Support --budget 3")?;
        story.stores_almost_all_it_may().await?;
        let base = format!("http://127.0.0.1:{}/v1", nginx.port);
        let peer = Peer::start("openai_refusals.py", &[&base, &story.secret, &reader], &[])?;
        peer.said("\"unknown\"")?;
        let said = peer.result()?;
        let expected = [
            ("unknown", "AuthenticationError", 401, "invalid_api_key"),
            ("permission", "PermissionDeniedError", 403, ""),
            ("quota", "APIStatusError", 413, "file_storage_quota_exceeded"),
            ("budget", "RateLimitError", 429, "project_spend_limit_exceeded"),
        ];
        for (name, class, status, code) in expected {
            let got = &said[name];
            ensure!(got["class"] == class && got["status"] == status, "{name}: {got}");
            ensure!(got["code"].as_str().unwrap_or_default() == code, "{name}: {got}");
            // Its own count of what it sent.
            ensure!(got["sent"] == 1, "{name} was sent again: {got}");
        }
        ensure!(said["text"] == "Gern geschehen: „Bär“" && said["streamed"] == said["text"], "{said}");
        let answered = said["answered"].as_i64().context("no count")?;
        let counted =
            || story.stage.spends("project").ok().filter(|it| it["Support"].spend.0 == answered * 750_000_000);
        wait::until("what the SDK used", LIMIT, counted)?;
        nginx.daemon.stop().map(drop)
    })
}

#[test]
fn openais_sdk_waits_as_long_as_a_rate_limit_says_and_passes() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let nginx = Nginx::start(&story).await?;
        // One more every three seconds.
        story.stage.mete("limits set --project Support --budget 1000 --rate gpt-4o-mini:requests_per_minute=20")?;
        story.decided(204).await?;
        let base = format!("http://127.0.0.1:{}/v1", nginx.port);
        let peer = Peer::start("openai_rate_limit.py", &[&base, &story.secret], &[])?;
        let said = peer.result()?;
        let refused = &said["refused"];
        ensure!(refused["class"] == "RateLimitError" && refused["code"] == "rate_limit_exceeded", "{said}");
        ensure!(refused["status"] == 429 && refused["body"]["type"] == "requests", "{said}");
        ensure!(said["statuses"] == json!([429, 200]) && said["text"] == "Gern geschehen: „Bär“", "{said}");
        let wait = &said["waits"][0];
        let (wish, waited) = (wait["wish"].as_f64().context("no wish")?, wait["waited"].as_f64().context("no wait")?);
        ensure!(wish > 0.0 && wish <= 3_000.0 && waited >= wish, "{said}");
        nginx.daemon.stop().map(drop)
    })
}
