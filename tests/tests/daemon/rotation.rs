//! Rotation: compressed files, and the real logrotate in a loop.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use mete_store::QuarantineRow;
use mete_tests::{Engine, Run, TestStore, each_engine, process};

use crate::support::{LIMIT, Stage};

/// Rotations of one run of logrotate's, and lines between two.
const ROTATIONS: u64 = 12;
const LINES: u64 = 150;

fn tool(name: &str, arguments: &[&Path]) -> Result<()> {
    let run = Run::of(Command::new(name).args(arguments))?;
    ensure!(run.status.success(), "{name}: {run:?}");
    Ok(())
}

each_engine! {
    async fn a_compressed_file_is_read_once(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        // One was read as it grew, one never.
        let (read, unread) = (stage.path("usage.jsonl.1"), stage.path("usage.jsonl.2"));
        stage.write(&read, 50);
        let meted = stage.follow("usage.jsonl*")?;
        stage.counted().await?;
        tool("gzip", &[&read])?;
        stage.write(&unread, 70);
        tool("gzip", &[&unread])?;
        stage.counted().await?;
        meted.0.wait_for_line(LIMIT, |line| line.contains("reading the compressed") && line.contains("usage.jsonl.1.gz"))?;
        meted.stop()?;

        // Rotated on, it is the same; another daemon knows it.
        fs::rename(stage.path("usage.jsonl.2.gz"), stage.path("usage.jsonl.3.gz"))?;
        let meted = stage.follow("usage.jsonl*")?;
        stage.write(&stage.path("usage.jsonl.9"), 10);
        tool("gzip", &[&stage.path("usage.jsonl.9")])?;
        stage.counted().await?;
        meted.said("usage.jsonl.9.gz")?;
        let log = meted.stop()?;
        ensure!(!log.contains("usage.jsonl.3.gz") && !log.contains("usage.jsonl.1.gz"), "{log}");
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }
}

#[test]
fn what_comes_before_a_break_in_a_compressed_file_is_counted() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let mut stage = Stage::new(store).await?;
        let (path, packed) = (stage.path("whole"), stage.path("whole.gz"));
        stage.write(&path, 4);
        // A member that is whole, and then no gzip at all.
        tool("gzip", &[&path])?;
        let mut bytes = fs::read(&packed)?;
        bytes.extend_from_slice(&[0x1f, 0x8b, 0xff, 0xff, 0xff]);
        bytes.extend_from_slice(&[7; 64]);
        fs::write(stage.path("usage.jsonl.1.gz"), bytes)?;
        let meted = stage.follow("usage.jsonl*")?;
        stage.counted().await?;
        let rows = stage.quarantined(1).await?;
        ensure!(rows[0].reason == "corrupt_archive" && rows[0].detail.contains("usage.jsonl.1.gz"), "{rows:?}");
        meted.stop()?;
        let meted = stage.follow("usage.jsonl*")?;
        stage.write(&stage.path("usage.jsonl"), 1);
        stage.counted().await?;
        meted.stop()?;
        stage.quarantined(1).await?;
        stage.check().await
    })
}

#[test]
fn mete_ingest_reads_compressed_files() -> Result<()> {
    mete_tests::run(Engine::Sqlite, async |store| {
        let mut stage = Stage::new(store).await?;
        let (one, two) = (stage.path("one.jsonl"), stage.path("two.jsonl"));
        stage.write(&one, 20);
        stage.write(&two, 30);
        tool("gzip", &[&one])?;
        let ingest = |arguments: &[&str]| -> Result<Command> {
            let mut command = process::mete()?;
            command.args(["--store", store.url(), "ingest", "--org", "Acme", "--project", "Bot"]).args(arguments);
            Ok(command)
        };
        let packed = stage.path("one.jsonl.gz");
        let run = Run::of(&mut ingest(&[&packed.to_string_lossy()])?)?;
        ensure!(run.status.success(), "{run:?}");
        tool("gzip", &[&two])?;
        let run = Run::of(ingest(&["-"])?.stdin(File::open(stage.path("two.jsonl.gz"))?))?;
        ensure!(run.status.success(), "{run:?}");
        stage.check().await?;

        let torn = stage.path("torn.jsonl.gz");
        let bytes = fs::read(&packed)?;
        fs::write(&torn, &bytes[..bytes.len() - 9])?;
        let run = Run::of(&mut ingest(&[&torn.to_string_lossy()])?)?;
        ensure!(run.status.code() == Some(1) && run.stderr.contains("torn.jsonl.gz"), "{run:?}");
        stage.check().await
    })
}

/// logrotate with a configuration of its own, which it is made to follow at once.
struct Rotation {
    config: PathBuf,
    state: PathBuf,
}

impl Rotation {
    fn new(stage: &Stage<'_>, how: &str) -> Result<Self> {
        let (config, state) = (stage.path("logrotate.conf"), stage.path("logrotate.state"));
        let log = stage.path("usage.jsonl");
        fs::write(&config, format!("{} {{\nrotate 100\nmissingok\nsu root root\n{how}\n}}\n", log.display()))?;
        // It refuses what others may write.
        fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        Ok(Self { config, state })
    }

    fn run(&self) -> Result<()> {
        let run = Run::of(Command::new("logrotate").arg("--force").arg("--state").arg(&self.state).arg(&self.config));
        let run = run.context("logrotate is a package of the distribution's; `cargo xtask test` installs it")?;
        ensure!(run.status.success(), "{run:?}");
        Ok(())
    }
}

/// A writer that keeps its descriptor until it is told to open the file again.
struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    fn open(path: PathBuf) -> Result<Self> {
        let file = File::options().append(true).create(true).open(&path)?;
        Ok(Self { path, file })
    }

    fn reopen(&mut self) -> Result<()> {
        self.file = File::options().append(true).create(true).open(&self.path)?;
        Ok(())
    }

    /// Writes lines in pieces that end anywhere.
    fn write(&mut self, stage: &mut Stage<'_>, number: u64) -> Result<()> {
        let lines = stage.lines(number);
        let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
        for piece in text.as_bytes().chunks(777) {
            self.file.write_all(piece)?;
        }
        stage.expect(&lines);
        Ok(())
    }
}

/// Rotates while lines are written. The writer goes on with the old file for a while, as one does until it gets its
/// signal. With copytruncate nothing may be written between the copy and the truncation: there logrotate itself loses
/// lines, so the writer waits for it.
async fn rotate(store: &TestStore, how: &str, is_copied: bool) -> Result<()> {
    let mut stage = Stage::new(store).await?;
    let rotation = Rotation::new(&stage, how)?;
    let mut writer = Writer::open(stage.path("usage.jsonl"))?;
    let mut meted = stage.follow("usage.jsonl*")?;
    for number in 0..ROTATIONS {
        writer.write(&mut stage, LINES)?;
        rotation.run()?;
        writer.write(&mut stage, LINES / 3)?;
        if !is_copied {
            writer.reopen()?;
        }
        match number % 4 {
            1 => stage.counted().await?,
            2 => {
                meted.stop()?;
                meted = stage.follow("usage.jsonl*")?;
            }
            _ => {}
        }
    }
    stage.counted().await?;
    meted.stop()?;
    // A line that was read in part when its file was cut is told of; the whole of it is in the copy.
    let is_cut = |row: &QuarantineRow| is_copied && row.reason == "not_json" && row.detail.starts_with("EOF");
    let others: Vec<_> = stage.store.quarantine(50).await?.into_iter().filter(|row| !is_cut(row)).collect();
    ensure!(others.is_empty(), "{how}: {others:?}");
    stage.check().await
}

#[test]
fn logrotate_loses_nothing_and_doubles_nothing() -> Result<()> {
    for (how, is_copied) in [
        ("create", false),
        ("create\ncompress\ndelaycompress", false),
        ("copytruncate", true),
        ("copytruncate\ncompress", true),
        ("copytruncate\ncompress\ndelaycompress\ncompresscmd /usr/bin/gzip", true),
    ] {
        mete_tests::run(Engine::Sqlite, async |store| rotate(store, how, is_copied).await)
            .with_context(|| how.to_owned())?;
    }
    Ok(())
}
