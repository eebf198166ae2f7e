//! Caddy with `config/gateways/caddy`.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use hyper::StatusCode;
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::{Engine, Meted, Process, wait};

use crate::client::{QUESTION, ask, chat, request};
use crate::files;
use crate::story::{PROVIDER_KEY, Story};

/// Caddy, and a daemon that follows its log.
struct Caddy {
    port: u16,
    daemon: Meted,
    _process: Process,
}

impl Caddy {
    async fn start(story: &Story<'_>) -> Result<Self> {
        let (port, folder) = (free_port()?, story.stage.folder());
        let (listen, upstream) = (format!("\n:{port} {{"), format!("127.0.0.1:{}", story.upstream.port));
        let changes = [
            ("127.0.0.1:8790", &*story.stage.address),
            ("\n:8080 {", &*listen),
            ("127.0.0.1:4000", &upstream),
            ("/var/log/caddy", &folder),
        ];
        let config = story.stage.path("Caddyfile");
        // Side by side with others: without the port by which Caddy is administered.
        let text = format!("{{\n\tadmin off\n}}\n{}", files::changed("caddy/Caddyfile", &changes)?);
        std::fs::write(&config, text)?;
        let mapping = story.stage.path("mapping.toml");
        files::write("caddy/mapping.toml", &mapping, &[])?;
        let mapping = mapping.display().to_string();
        let source = [("/var/log/caddy", &*folder), ("/etc/mete/mappings/caddy.toml", &mapping)];
        let daemon = story.stage.start(&files::source("caddy/Caddyfile", &source)?)?;
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&config).stdin(Stdio::null());
        command.env("HOME", &folder).env("PROVIDER_KEY", PROVIDER_KEY);
        let process = Process::start(&mut command).context("run `cargo xtask test`, which installs Caddy")?;
        let up = async || chat(port, "sk-nobody", QUESTION).await.ok();
        let up = wait::eventually("Caddy", LIMIT, up).await;
        up.with_context(|| process.output())?;
        Ok(Self { port, daemon, _process: process })
    }
}

#[test]
fn the_loop_is_closed_and_nothing_goes_around_it() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let caddy = Caddy::start(&story).await?;
        story.loop_is_closed(caddy.port, [QUESTION, QUESTION]).await?;
        story.nothing_forged_passes(caddy.port).await?;
        let log = std::fs::read_to_string(story.stage.path("llm.json"))?;
        ensure!(!log.contains(&story.secret) && !log.contains(PROVIDER_KEY), "{log}");
        story.nothing_passes_without_mete(caddy.port, caddy.daemon).await?.stop()?;
        Ok(())
    })
}

#[test]
fn an_upload_is_checked_by_its_size() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let story = Story::new(store).await?;
        let caddy = Caddy::start(&story).await?;
        story.stores_almost_all_it_may().await?;
        let upload = async |headers: &[(&str, &str)], bytes: usize| {
            ask(caddy.port, request("POST", "/v1/files", &story.secret, headers, &"x".repeat(bytes))).await
        };
        let full = upload(&[("x-mete-bytes", "1")], 2_000).await?;
        ensure!((full.status.as_u16(), &*full.code()) == (413, "file_storage_quota_exceeded"), "{full:?}");
        let unknown = upload(&[("transfer-encoding", "chunked")], 2_000).await?;
        ensure!(unknown.status == StatusCode::LENGTH_REQUIRED, "{unknown:?}");
        ensure!(story.passed() == 0, "{:?}", story.upstream.seen());
        ensure!(upload(&[], 500).await?.status == StatusCode::OK);
        caddy.daemon.stop().map(drop)
    })
}
