//! Logs that are followed as they are: each section's source takes the line that stands there.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::SystemClock;
use mete_core::{Clock as _, Nanos};
use mete_tests::Engine;
use mete_tests::process::workspace;

use crate::documented::block;
use crate::stage::Stage;

/// A section of the documentation, and what in it is put in its place here.
struct Log<'a> {
    section: &'a str,
    /// The folder of its pattern, and the file that is written in the test's own.
    folder: &'a str,
    file: &'a str,
    /// The time of its line, and the present one in the same form.
    time: (&'a str, String),
    /// Other paths of its source.
    paths: &'a [(&'a str, &'a str)],
}

/// The section's line, written now, is one request of the project Support that costs this much.
fn is_counted(log: &Log<'_>, cost: Nanos) -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let stage = Stage::new(store)?;
        let line = block(log.section, "json", &[(log.time.0, &log.time.1)])?;
        let path = stage.path(log.file);
        fs::create_dir_all(path.parent().context("a file in a folder")?)?;
        fs::write(&path, line)?;
        let folder = stage.folder();
        let changes: Vec<_> = [(log.folder, &*folder)].iter().chain(log.paths).copied().collect();
        let daemon = stage.start(&block(log.section, "toml", &changes)?)?;
        let spends = stage.counted(1, "project")?;
        let spent = spends.get("Support").with_context(|| format!("{spends:?}"))?;
        ensure!(spends.len() == 1 && (spent.requests, spent.spend) == (1, cost), "{spends:?}");
        daemon.stop()?;
        stage.verify(1)
    })
}

#[test]
fn transcripts_of_claude_code_are_followed() -> Result<()> {
    let log = Log {
        section: "Claude Code",
        folder: "/home",
        file: "dana/.claude/projects/-srv-bot/session.jsonl",
        time: ("2026-11-23T10:15:30Z", SystemClock.now().to_string()),
        paths: &[],
    };
    // 10 tokens at $3, 1000 written to the cache at $3.75, 240 at $15 a million.
    is_counted(&log, Nanos(7_380_000))
}

#[test]
fn the_access_log_of_nginx_is_followed() -> Result<()> {
    let mappings = workspace().join("config/mappings").display().to_string();
    let now = SystemClock.now().0 / 1000;
    let log = Log {
        section: "nginx",
        folder: "/var/log/nginx",
        file: "llm.json",
        time: ("1795428930.123", format!("{}.{:03}", now / 1000, now % 1000)),
        paths: &[("/etc/mete/mappings", &mappings)],
    };
    // 15 tokens at $0.15, 7 at $0.60 a million.
    is_counted(&log, Nanos(6_450))
}

#[test]
fn the_access_log_of_envoy_ai_gateway_is_followed() -> Result<()> {
    let log = Log {
        section: "Envoy AI Gateway",
        folder: "/var/log/envoy",
        file: "access.jsonl",
        time: ("2026-11-23T10:15:30Z", SystemClock.now().to_string()),
        paths: &[],
    };
    is_counted(&log, Nanos(6_450))
}
