//! HAProxy with `config/gateways/haproxy`.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::process::workspace;
use mete_tests::{Engine, Meted, Process, wait};

use crate::client::{QUESTION, STREAM, ask, chat, request};
use crate::files;
use crate::story::{PROVIDER_KEY, Story};

/// HAProxy, and a daemon that follows its log.
struct HaProxy {
    port: u16,
    daemon: Meted,
    _process: Process,
}

impl HaProxy {
    async fn start(story: &Story<'_>) -> Result<Self> {
        let (port, folder) = (free_port()?, story.stage.folder());
        // Such names are the machine's: side by side with others.
        let door = format!("abns@mete-{port}");
        files::write("haproxy/mete.lua", &story.stage.path("mete.lua"), &[("abns@mete", &door)])?;
        let (listen, upstream) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", story.upstream.port));
        let changes = [
            // It is whoever runs the test.
            ("\tuser haproxy\n\tgroup haproxy\n\tchroot /var/lib/haproxy\n", ""),
            ("/etc/haproxy", &*folder),
            ("127.0.0.1:8790", &*story.stage.address),
            ("127.0.0.1:8080", &*listen),
            ("abns@mete", &*door),
            (
                "api.openai.com:443 ssl verify required ca-file /etc/ssl/certs/ca-certificates.crt sni str(api.openai.com)",
                &*upstream,
            ),
        ];
        files::write("haproxy/haproxy.cfg", &story.stage.path("haproxy.cfg"), &changes)?;
        let mappings = workspace().join("config/mappings").display().to_string();
        let source = [("/var/log/haproxy", &*folder), ("/etc/mete/mappings", &mappings)];
        let daemon = story.stage.start(&files::source("haproxy/haproxy.cfg", &source)?)?;
        // Its standard output is a file, as systemd would have it.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec haproxy -f "$0/haproxy.cfg" >> "$0/llm.json""#, &folder]).stdin(Stdio::null());
        command.env("PROVIDER_KEY", PROVIDER_KEY);
        let process = Process::start(&mut command)?;
        let up = async || chat(port, "sk-nobody", QUESTION).await.ok();
        let up = wait::eventually("HAProxy; `cargo xtask test` installs it", LIMIT, up).await;
        up.with_context(|| process.output())?;
        Ok(Self { port, daemon, _process: process })
    }
}

#[test]
fn the_loop_is_closed_and_nothing_goes_around_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?.holding()?;
        let haproxy = HaProxy::start(&story).await?;
        story.loop_is_closed(haproxy.port, [QUESTION, STREAM]).await?;
        story.nothing_forged_passes(haproxy.port).await?;
        let daemon = story.nothing_passes_without_mete(haproxy.port, haproxy.daemon).await?;
        // Three of the loop, an honest one, and the one after the gate's return.
        story.stage.counted(5, "project")?;
        daemon.stop()?;
        story.stage.verify(5)?;
        let log = std::fs::read_to_string(story.stage.path("llm.json"))?;
        ensure!(!log.contains(&story.secret) && !log.contains(PROVIDER_KEY), "{log}");
        Ok(())
    })
}

#[test]
fn a_gate_that_is_away_is_told_as_such() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let haproxy = HaProxy::start(&story).await?;
        haproxy.daemon.stop()?;
        let answer = chat(haproxy.port, &story.secret, QUESTION).await?;
        ensure!((answer.status.as_u16(), &*answer.code()) == (503, "gate_unavailable"), "{answer:?}");
        ensure!(answer.header("retry-after") == Some("1") && story.passed() == 0, "{answer:?}");
        Ok(())
    })
}

#[test]
fn the_model_is_read_from_every_body_that_has_one() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let haproxy = HaProxy::start(&story).await?;
        story.stage.mete("limits set --project Support --budget none --models gpt-4o-mini")?;
        let asked = async |path: &str, headers: &[(&str, &str)], body: &str| -> Result<(u16, String)> {
            let answer = ask(haproxy.port, request("POST", path, &story.secret, headers, body)).await?;
            Ok((answer.status.as_u16(), answer.code()))
        };
        let foreign = QUESTION.replace("gpt-4o-mini", "gpt-4o");
        let path = "/v1/chat/completions";
        let list = async || chat(haproxy.port, &story.secret, &foreign).await.ok().filter(|it| it.status == 403);
        wait::eventually("the list of models", LIMIT, list).await?;
        let before = story.passed();

        let model = (403, "model_not_found".to_owned());
        ensure!(asked(path, &[("x-mete-model", "gpt-4o-mini")], &foreign).await? == model);
        let chunked = [("transfer-encoding", "chunked")];
        ensure!(asked(path, &chunked, &foreign).await? == model);
        let long = |times: usize| foreign.replace("How much", &"How much ".repeat(times));
        ensure!(asked(path, &[], &long(200_000)).await? == model);
        ensure!(asked(path, &[], &foreign.replace("gpt-4o", r"gpt\u002d4o")).await? == model);
        // Servers take the last.
        ensure!(asked(path, &[], &foreign.replacen('{', r#"{"model":"gpt-4o-mini","#, 1)).await? == model);
        ensure!(asked("/v1/files/../chat/completions", &[], &foreign).await? == model);

        let unclear = (400, "unclear_model".to_owned());
        let injected = QUESTION.replace("gpt-4o-mini", r"gpt-4o-mini\r\nX-Mete-Bytes: 0");
        ensure!(asked(path, &[], &injected).await? == unclear);
        ensure!(asked(path, &[], r#"{"model":["gpt-4o"]}"#).await? == unclear);
        let invalid = (400, "invalid_json".to_owned());
        for body in ["model=gpt-4o", "[]", &format!("{QUESTION}{foreign}"), "--b\r\n"] {
            ensure!(asked(path, &[], body).await? == invalid, "{body}");
        }
        let large = (413, "body_too_large".to_owned());
        ensure!(
            asked(path, &[], &long(300_000)).await? == large && asked(path, &chunked, &long(300_000)).await? == large
        );
        ensure!(asked(path, &chunked, &long(200_000)).await? == large);
        let silent = STREAM.replace(r#","stream_options":{"include_usage":true}"#, "");
        ensure!(asked(path, &[], &silent).await? == (400, "stream_without_usage".to_owned()));
        ensure!(story.passed() == before, "{:?}", story.upstream.seen());
        ensure!(asked(path, &[], QUESTION).await?.0 == 200);
        ensure!(story.passed() == before + 1, "{:?}", story.upstream.seen());
        haproxy.daemon.stop().map(drop)
    })
}

#[test]
fn an_upload_is_checked_before_it_is_read() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let haproxy = HaProxy::start(&story).await?;
        story.an_upload_is_checked_before_it_is_read(haproxy.port).await?;
        haproxy.daemon.stop().map(drop)
    })
}

#[test]
fn r37_a_rate_limit_reaches_the_client_with_its_headers() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let haproxy = HaProxy::start(&story).await?;
        story.a_rate_limit_reaches_the_client(haproxy.port).await?;
        haproxy.daemon.stop().map(drop)
    })
}

#[test]
fn r40_requests_at_once_never_pass_the_budget() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let haproxy = HaProxy::start(&story).await?;
        story.requests_at_once_never_pass_the_budget(haproxy.port).await?;
        haproxy.daemon.stop().map(drop)
    })
}
