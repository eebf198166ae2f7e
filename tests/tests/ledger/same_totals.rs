//! One log, by several ways: in order through a file, and shuffled with copies through every way at once.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::thread::scope;

use anyhow::{Context as _, Result, anyhow, ensure};
use mete_tests::postgres::free_port;
use mete_tests::wait::Deadline;
use mete_tests::{TestStore, each_engine};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::log::Log;
use crate::support::world::{file, source};
use crate::support::{Client, World, events, patience, seed};

/// Into how many requests, and writes, a part of a log is cut.
const PARTS: usize = 300;

each_engine! {
    async fn a_log_in_order_through_a_file_comes_to_its_sums(store: &TestStore) -> Result<()> {
        let (world, log) = set_up(store)?;
        let path = world.path("usage.jsonl");
        fs::write(&path, log.lines.join("\n") + "\n")?;
        let meted = world.daemon(&world.configure("meted", free_port()?, &file(&path)))?;
        world.settles_at(&log.expected)?;
        meted.stop()?;
        world.holds(&log.expected)
    }

    async fn a_log_shuffled_with_copies_by_every_way_at_once_comes_to_the_same(store: &TestStore) -> Result<()> {
        let (world, mut log) = set_up(store)?;
        let lines = log.shuffled_with_copies();
        ensure!(lines.len() > log.lines.len() + log.lines.len() / 6);
        let [by_file, by_pipe] = ["usage.jsonl", "usage.pipe"].map(|name| world.path(name));
        mknodat(CWD, &by_pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let client = Client(free_port()?);
        let sources = file(&by_file) + &source("pipe", &by_pipe);
        let meted = world.daemon(&world.configure("meted", client.0, &sources))?;
        let parts: Vec<&[String]> = lines.chunks(lines.len().div_ceil(3)).collect();
        scope(|threads| {
            let ways = [
                threads.spawn(|| write(&by_file, parts[0])),
                threads.spawn(|| write(&by_pipe, parts[1])),
                threads.spawn(|| send(client, parts[2])),
            ];
            ways.into_iter().try_for_each(|way| way.join().map_err(|_| anyhow!("a writer panicked"))?)
        })?;
        world.settles_at(&log.expected).with_context(|| meted.0.output())?;
        meted.stop()?;
        world.holds(&log.expected)
    }
}

/// A world on `store`, and a log for it.
pub fn set_up(store: &TestStore) -> Result<(World<'static>, Log)> {
    let world = World::new(store.url(), store.dir(), None)?;
    let log = Log::new(seed(), events(), &world.senders);
    Ok((world, log))
}

/// Writes lines in blocks, to whatever is there or to a new file.
fn write(path: &Path, lines: &[String]) -> Result<()> {
    let mut out = File::options().append(true).create(true).open(path)?;
    for part in lines.chunks(lines.len().div_ceil(PARTS)) {
        out.write_all((part.join("\n") + "\n").as_bytes())?;
    }
    Ok(())
}

/// Sends lines by requests.
pub fn send(client: Client, lines: &[String]) -> Result<()> {
    let deadline = Deadline::after(patience(lines.len() as u64));
    lines.chunks(lines.len().div_ceil(PARTS)).try_for_each(|part| client.deliver(part, deadline, || Ok(())))
}
