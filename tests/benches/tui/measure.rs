//! A program on a terminal, measured from outside: what it writes and when, what it uses of processor and memory.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mete_tests::terminal::Terminal;
use mete_tests::wait::Deadline;

/// Columns and rows of the terminals.
pub const SIZE: (u16, u16) = (120, 40);
/// After so long without a byte a frame is whole.
const SILENCE: Duration = Duration::from_millis(6);
/// A key that nothing has come of by then changes nothing.
const NOTHING: Duration = Duration::from_millis(500);
/// Between two looks: of processor time, little; of what is measured to a screen, the precision.
const LOOK: Duration = Duration::from_millis(1);
/// Nothing takes so long, unless it never happens.
const LIMIT: Duration = Duration::from_secs(60);

/// A program that is measured.
pub struct Program<'a> {
    pub name: String,
    pub start: Box<dyn Fn() -> Result<Command> + 'a>,
    /// What stands on its first whole screen.
    pub frame: &'static str,
    /// What stands there once it shows what it is for; nothing where that is in the first one.
    pub figures: Option<&'static str>,
}

/// How long a program took to be there, in milliseconds.
pub struct Started {
    pub frame: f64,
    pub figures: f64,
}

impl Program<'_> {
    /// Starts it, sees when it is there, and ends it.
    pub fn started(&self) -> Result<Started> {
        let mut terminal = self.run()?;
        let frame = terminal.shown_first(self.frame).context("no frame")?;
        let figures = self.figures.map_or(Some(frame), |text| terminal.shown_first(text)).context("no figures")?;
        terminal.keys("q")?;
        terminal.wait()?;
        Ok(Started { frame: millis(frame), figures: millis(figures) })
    }

    /// Starts it, and returns when it is there.
    pub fn run(&self) -> Result<Terminal> {
        let terminal = Terminal::start(&(self.start)()?, SIZE)?;
        shown(&terminal, self.frame)?;
        if let Some(figures) = self.figures {
            shown(&terminal, figures)?;
        }
        Ok(terminal)
    }
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Waits until `text` stands on the screen; how long that took, in milliseconds.
pub fn shown(terminal: &Terminal, text: &str) -> Result<f64> {
    let (since, deadline) = (terminal.elapsed(), Deadline::after(LIMIT));
    while !terminal.screen().contains(text) {
        if deadline.passed() {
            bail!("{text:?} does not come:\n{}", terminal.screen());
        }
        sleep(LOOK);
    }
    Ok(millis(terminal.elapsed() - since))
}

/// Types keys, waits for the last byte of what comes of them, and tells how long that took, in milliseconds; nothing
/// where nothing comes.
fn drawn(terminal: &mut Terminal, keys: &str, silence: Duration) -> Result<Option<f64>> {
    let since = terminal.elapsed();
    terminal.keys(keys)?;
    loop {
        sleep(LOOK);
        let (now, last) = (terminal.elapsed(), terminal.last_written());
        match last.filter(|last| *last > since) {
            // what has come since is later than now
            Some(last) if now.saturating_sub(last) >= silence => return Ok(Some(millis(last - since))),
            None if now - since >= NOTHING => return Ok(None),
            _ => {}
        }
    }
}

/// Presses keys in turn, so many times; how long the frame of each took, in milliseconds.
pub fn keys(terminal: &mut Terminal, (keys, times): (&[&str], u64)) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    for key in keys.iter().cycle().take(times as usize) {
        took.extend(drawn(terminal, key, SILENCE)?);
        sleep(Duration::from_millis(20));
    }
    Ok(took)
}

/// Sends keys all at once; how long it took until the last of them was on the screen, in milliseconds.
pub fn burst(terminal: &mut Terminal, (key, number): (&str, u64)) -> Result<f64> {
    // whatever keeps it from drawing is shorter than that
    let silence = Duration::from_millis(250);
    drawn(terminal, &key.repeat(number as usize), silence)?.context("nothing came of a burst")
}

/// What a program does while nobody touches it.
pub struct Idle {
    /// Of one processor, in per cent.
    pub processor: f64,
    /// Written to the terminal.
    pub bytes: usize,
}

/// Leaves a program alone for so long.
pub fn idle(terminal: &Terminal, time: Duration) -> Result<Idle> {
    let before = (processor(terminal.id()?)?, terminal.elapsed(), terminal.bytes().len());
    sleep(time);
    let used = processor(terminal.id()?)? - before.0;
    let passed = terminal.elapsed() - before.1;
    let bytes = terminal.bytes().len() - before.2;
    Ok(Idle { processor: 100.0 * used.as_secs_f64() / passed.as_secs_f64(), bytes })
}

/// Processor time of all threads of a process.
fn processor(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // a thread may end meanwhile
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanos += text.split_whitespace().next().context("no time")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Memory of a process, in MiB: all that is in memory, and what of it is no file's.
pub fn memory(terminal: &Terminal) -> Result<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{}/status", terminal.id()?))?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no memory")?;
        Ok::<_, anyhow::Error>(line.trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
    };
    Ok((of("VmRSS:")?, of("RssAnon:")?))
}
