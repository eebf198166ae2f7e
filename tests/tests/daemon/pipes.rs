//! Named pipes and standard input: what is read from them exists nowhere else.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use mete_tests::{Process, TestStore, each_engine};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::support::{LIMIT, Line, Meted, Stage, stage};

each_engine! {
    async fn writers_of_a_pipe_come_one_after_another(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.pipe");
        make_pipe(&path)?;
        let meted = follow_pipe(&stage)?;
        // Each is gone before the next one comes, and the reader may be anywhere.
        for _ in 0..100 {
            let lines = stage.lines(2);
            write(&mut File::options().write(true).open(&path)?, &lines)?;
            stage.expect(&lines);
        }
        stage.counted().await?;
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }

    async fn a_writer_that_dies_in_a_line_harms_no_other(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.pipe");
        make_pipe(&path)?;
        let meted = follow_pipe(&stage)?;
        let lines = stage.lines(3);
        let torn = lines[2].text[..20].to_owned();
        let mut writer = File::options().write(true).open(&path)?;
        write(&mut writer, &lines[..2])?;
        writer.write_all(torn.as_bytes())?;
        drop(writer);
        stage.expect(&lines[..2]);
        stage.counted().await?;
        let rows = stage.quarantined(1).await?;
        ensure!(rows[0].text() == torn && rows[0].reason == "not_json", "{rows:?}");
        ensure!(rows[0].source.contains("usage.pipe"), "{rows:?}");

        let lines = stage.lines(2);
        write(&mut File::options().write(true).open(&path)?, &lines)?;
        stage.expect(&lines);
        stage.counted().await?;
        meted.stop()?;
        stage.quarantined(1).await?;
        stage.check().await
    }

    /// What a writer has handed to the system is the daemon's: nobody could read it again.
    async fn a_daemon_that_stops_leaves_nothing_in_the_pipe(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.pipe");
        make_pipe(&path)?;
        for _ in 0..5 {
            let meted = follow_pipe(&stage)?;
            let lines = stage.lines(400);
            write(&mut File::options().write(true).open(&path)?, &lines)?;
            meted.stop()?;
            stage.expect(&lines);
            stage.check().await?;
        }
        ensure!(stage.store.count_quarantine().await? == 0);
        Ok(())
    }

    /// The writer of a pipe without a reader would be ended by the system.
    async fn a_reload_leaves_a_source_alone_that_stays_as_it_was(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.pipe");
        make_pipe(&path)?;
        let meted = follow_pipe(&stage)?;
        let mut writer = File::options().write(true).open(&path)?;
        let lines = stage.lines(21);
        let (head, tail) = lines[0].text.split_at(20);
        writer.write_all(head.as_bytes())?;
        stage.configure(&format!("{PIPE}{}", stage::source("usage.jsonl")));
        meted.0.signal(Signal::HUP)?;
        meted.said("read again")?;
        stage.write(&stage.path("usage.jsonl"), 1);
        stage.counted().await?;
        writer.write_all(tail.as_bytes())?;
        writer.write_all(b"\n")?;
        for line in &lines[1..] {
            write(&mut writer, std::slice::from_ref(line))?;
            meted.0.signal(Signal::HUP)?;
        }
        stage.expect(&lines);
        stage.counted().await?;
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0, "{:?}", stage.store.quarantine(3).await?);
        stage.check().await
    }

    /// The writer is in the middle of a line, and goes on.
    async fn a_stop_waits_for_the_end_of_a_line(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.pipe");
        make_pipe(&path)?;
        let mut meted = follow_pipe(&stage)?;
        let mut writer = File::options().write(true).open(&path)?;
        let lines = stage.lines(2);
        write(&mut writer, &lines[..1])?;
        let (head, tail) = lines[1].text.split_at(20);
        writer.write_all(head.as_bytes())?;
        stage.expect(&lines[..1]);
        stage.counted().await?;
        meted.0.signal(Signal::TERM)?;
        meted.said("stopping")?;
        writer.write_all(tail.as_bytes())?;
        writer.write_all(b"\n")?;
        stage.expect(&lines[1..]);
        ensure!(meted.0.wait(LIMIT)?.success());
        ensure!(stage.store.count_quarantine().await? == 0, "{:?}", stage.store.quarantine(3).await?);
        stage.check().await
    }

    async fn standard_input_is_read_to_its_end_and_the_daemon_goes_on(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let stdin = "[[source]]\nkind = 'stdin'\nproject = 'Bot'\n";
        let config = stage.configure(&(stage::source("usage.jsonl") + stdin));
        let mut meted = Meted(Process::start(Meted::command(&config)?.stdin(Stdio::piped()))?);
        meted.is_ready()?;
        let mut input = meted.0.stdin().context("no standard input")?;
        let lines = stage.lines(1_000);
        write(&mut input, &lines)?;
        stage.expect(&lines);
        stage.counted().await?;
        // The last line has no end: the input's end is one.
        let last = stage.lines(1);
        input.write_all(last[0].text.as_bytes())?;
        drop(input);
        stage.expect(&last);
        stage.counted().await?;
        meted.said("the source has ended")?;
        stage.write(&path, 2);
        stage.counted().await?;
        meted.0.signal(Signal::HUP)?;
        meted.0.wait_for_line(LIMIT, |line| line.contains("read again"))?;
        stage.write(&path, 2);
        stage.counted().await?;
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }
}

/// Makes a named pipe.
pub fn make_pipe(path: &Path) -> Result<()> {
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

const PIPE: &str = "[[source]]\nkind = 'pipe'\npath = 'usage.pipe'\nproject = 'Bot'\n";

fn follow_pipe(stage: &Stage<'_>) -> Result<Meted> {
    Meted::start(&stage.configure(PIPE))
}

fn write(pipe: &mut impl std::io::Write, lines: &[Line]) -> Result<()> {
    let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
    Ok(pipe.write_all(text.as_bytes())?)
}
