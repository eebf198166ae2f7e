//! Logs that are followed as they are: each section's source takes the line that stands there.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::SystemClock;
use mete_core::{Clock as _, Nanos};
use mete_tests::Engine;

use crate::documented::block;
use crate::stage::Stage;

/// A section's line in `file`, written now, is one request of `project` that costs this much.
fn is_counted(section: &str, folder: &str, file: &str, (project, cost): (&str, Nanos)) -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let stage = Stage::new(store)?;
        let now = SystemClock.now().to_string();
        let line = block(section, "json", &[("2026-11-23T10:15:30Z", &now)])?;
        let path = stage.path(file);
        fs::create_dir_all(path.parent().context("a file in a folder")?)?;
        fs::write(&path, line)?;
        let daemon = stage.start(&block(section, "toml", &[(folder, &stage.folder())])?)?;
        let spends = stage.counted(1, "project")?;
        let spent = spends.get(project).with_context(|| format!("{spends:?}"))?;
        ensure!(spends.len() == 1 && (spent.requests, spent.spend) == (1, cost), "{spends:?}");
        daemon.stop()?;
        stage.verify(1)
    })
}

#[test]
fn transcripts_of_claude_code_are_followed() -> Result<()> {
    // 10 tokens at $3, 1000 written to the cache at $3.75, 240 at $15 a million.
    is_counted("Claude Code", "/home", "dana/.claude/projects/-srv-bot/session.jsonl", ("Support", Nanos(7_380_000)))
}

#[test]
fn the_access_log_of_envoy_ai_gateway_is_followed() -> Result<()> {
    // 15 tokens at $0.15, 7 at $0.60 a million.
    is_counted("Envoy AI Gateway", "/var/log/envoy", "access.jsonl", ("Support", Nanos(6_450)))
}
