//! How fast the terminal interface is there, how fast it follows keys and what others change, and what it costs while
//! nobody touches it: the real `mete tui` on a small store and on a large one, measured through a terminal.
//!
//! It is compared with a list on bare ratatui, which reads nothing, and with `btm` where there is one (on the PATH, or
//! where `METE_BENCH_BTM` says).

mod bare;
#[path = "../support/crowd.rs"]
mod crowd;
mod measure;
mod place;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use measure::{Program, burst, idle, keys, memory, millis, shown};
use mete_core::Nanos;
use mete_store::Store;
use mete_tests::Engine;
use mete_tests::bench::{self, Size, Stopwatch, Table, median, quantile};
use mete_tests::terminal::Terminal;
use place::{Extent, Place, set_budget};

/// Names `btm`.
const BTM: &str = "METE_BENCH_BTM";
/// Up and down: each has a frame to show for it.
const UP_AND_DOWN: [&str; 2] = ["j", "k"];

/// Screens of the large store: their names, how they are jumped to, and what stands on them.
const SCREENS: [(&str, &str, &str); 5] = [
    ("pulse", "", "Spend, Acme"),
    ("all projects of the organization", ":projects acme\r", "exactly $"),
    ("one project", ":project project 0\r", "exactly $"),
    ("all keys", ":keys\r", "sk-proj-…"),
    ("events", ":events\r", "gpt-4o"),
];

/// How often and how long each thing is done.
#[derive(Clone, Copy)]
struct Times {
    starts: u64,
    keys: u64,
    burst: u64,
    changes: u64,
    idle: Duration,
    /// After so long what a program does at its start is over.
    settled: Duration,
}

fn main() -> Result<()> {
    if std::env::var_os(bare::ASKED).is_some() {
        return bare::run();
    }
    bench::main("tui", |size| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        [Engine::Sqlite, Engine::Postgres].into_iter().try_for_each(|engine| runtime.block_on(run(size, engine)))
    })
}

async fn run(size: Size, engine: Engine) -> Result<()> {
    let (second, settled) = match size {
        Size::Full => (1_000, 2_000),
        Size::Small => (100, 100),
    };
    let times = Times {
        starts: size.number("METE_BENCH_STARTS", 40, 1)?,
        keys: size.number("METE_BENCH_PRESSES", 200, 4)?,
        burst: 200,
        changes: size.number("METE_BENCH_CHANGES", 20, 1)?,
        idle: Duration::from_millis(size.number("METE_BENCH_IDLE", 30, 1)? * second),
        settled: Duration::from_millis(settled),
    };
    let small = Extent { projects: 3, keys: 4, events: size.number("METE_BENCH_SMALL", 1_000, 200)? };
    let large = Extent {
        projects: size.number("METE_BENCH_PROJECTS", 1_000, 12)?,
        keys: size.number("METE_BENCH_PROJECT_KEYS", 50, 4)?,
        events: size.number("METE_BENCH_LONG", 10_000_000, 2_000)?,
    };
    let (small, large) = (Place::new(engine, small).await?, Place::new(engine, large).await?);
    let mut out = io::stdout();
    writeln!(
        out,
        "\n{engine:?}; 120x40 cells, {} starts in turns, {} keys, a burst of {}, {:?} alone\n",
        times.starts, times.keys, times.burst, times.idle
    )?;
    write!(out, "{}", side_by_side((&small, &large), times)?)?;
    writeln!(
        out,
        "\nthe large store: {} projects, {} keys, {} events\n",
        large.extent.projects,
        large.extent.projects * large.extent.keys,
        large.extent.events
    )?;
    write!(out, "{}", screens(&large, times)?)?;
    let mut table = Table::new(&[
        "a change that another program commits, until it is on the screen",
        "median ms",
        "p95 ms",
        "max ms",
    ]);
    for (name, place) in [("small store", &small), ("large store", &large)] {
        let took = changes(place, times).await?;
        table.row([name.into(), ms(median(&took)), ms(quantile(&took, 0.95)), ms(quantile(&took, 1.0))]);
    }
    Ok(write!(out, "\n{table}")?)
}

fn ms(value: f64) -> String {
    format!("{value:.1}")
}

/// The programs: the baselines, then `mete tui` on each store.
fn programs<'a>(places: [(&str, &'a Place); 2]) -> Result<Vec<Program<'a>>> {
    let this = std::env::current_exe().context("this program has no path")?;
    let list = move || {
        let mut command = Command::new(&this);
        command.env(bare::ASKED, "1");
        Ok(command)
    };
    let name = "a list on bare ratatui (baseline)".to_owned();
    let mut programs = vec![Program { name, start: Box::new(list), frame: bare::READY, figures: None }];
    if let Some(path) = btm() {
        let start = Box::new(move || Ok(Command::new(&path)));
        programs.push(Program { name: "btm (baseline)".into(), start, frame: "CPU", figures: None });
    }
    programs.extend(places.into_iter().map(|(name, place)| Program {
        name: format!("mete tui, {name}"),
        start: Box::new(|| place.mete(&["tui"])),
        frame: "? help",
        figures: Some("Spend, Acme"),
    }));
    Ok(programs)
}

fn btm() -> Option<PathBuf> {
    let named = std::env::var_os(BTM).map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    named.or_else(|| std::env::split_paths(&paths).map(|folder| folder.join("btm")).find(|path| path.is_file()))
}

/// Every program, measured in the same way.
fn side_by_side((small, large): (&Place, &Place), times: Times) -> Result<Table> {
    let programs = programs([("small store", small), ("large store", large)])?;
    let mut opens = Vec::new();
    let mut frames: Vec<Vec<f64>> = vec![Vec::new(); programs.len()];
    let mut figures = frames.clone();
    for _ in 0..times.starts {
        let since = Stopwatch::start();
        small.opens()?;
        opens.push(millis(since.elapsed()));
        for (place, program) in programs.iter().enumerate() {
            let started = program.started()?;
            frames[place].push(started.frame);
            figures[place].push(started.figures);
        }
    }
    let mut table = Table::new(&[
        "",
        "first frame ms",
        "p95",
        "of bare",
        "figures there ms",
        "p95",
        "key to frame ms",
        "p95",
        "of bare",
        "burst ms",
        "idle CPU %",
        "idle bytes",
        "RSS MiB",
        "of it no file's",
    ]);
    let of = |values: &[f64]| [median(values), quantile(values, 0.95)];
    let blank = || "".to_owned();
    let ([opened, opened_p95], bare) = (of(&opens), of(&frames[0]));
    table.row([
        "mete settings list, small store (baseline)".into(),
        ms(opened),
        ms(opened_p95),
        format!("{:.2}", opened_p95 / bare[1]),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
    ]);
    let mut bare_key = None;
    for ((program, frames), figures) in programs.iter().zip(&frames).zip(&figures) {
        let used = Used::of(program, times)?;
        let ([frame, frame_p95], [there, there_p95], [key, key_p95]) = (of(frames), of(figures), of(&used.keys));
        let bare_key = *bare_key.get_or_insert(key_p95);
        table.row([
            program.name.clone(),
            ms(frame),
            ms(frame_p95),
            format!("{:.2}", frame_p95 / bare[1]),
            ms(there),
            ms(there_p95),
            format!("{key:.2}"),
            format!("{key_p95:.2}"),
            format!("{:.2}", key_p95 / bare_key),
            ms(used.burst),
            format!("{:.3}", used.processor),
            used.bytes.to_string(),
            ms(used.memory.0),
            ms(used.memory.1),
        ]);
    }
    Ok(table)
}

/// What a program needs once it runs.
struct Used {
    keys: Vec<f64>,
    burst: f64,
    processor: f64,
    bytes: usize,
    memory: (f64, f64),
}

impl Used {
    fn of(program: &Program<'_>, times: Times) -> Result<Self> {
        let mut terminal = program.run()?;
        sleep(times.settled);
        let pressed = keys(&mut terminal, (&UP_AND_DOWN, times.keys))?;
        let burst = burst(&mut terminal, ("j", times.burst))?;
        sleep(times.settled);
        let alone = idle(&terminal, times.idle)?;
        let memory = memory(&terminal)?;
        leave(terminal)?;
        Ok(Self { keys: pressed, burst, processor: alone.processor, bytes: alone.bytes, memory })
    }
}

fn leave(mut terminal: Terminal) -> Result<()> {
    terminal.keys("q")?;
    terminal.wait().map(drop)
}

/// Long lists, and a screen of many figures.
fn screens(place: &Place, times: Times) -> Result<Table> {
    let mut table = Table::new(&[
        "screen",
        "opened ms",
        "key to frame ms",
        "p95",
        "burst ms",
        "idle CPU %",
        "idle bytes",
        "RSS MiB",
    ]);
    for (name, jump, there) in SCREENS {
        let mut terminal = Terminal::start(&place.mete(&["tui"])?, measure::SIZE)?;
        shown(&terminal, "Spend, Acme")?;
        terminal.keys(jump)?;
        let opened = shown(&terminal, there)?;
        let opened = if jump.is_empty() { "–".to_owned() } else { ms(opened) };
        sleep(times.settled);
        let pressed = keys(&mut terminal, (&UP_AND_DOWN, times.keys))?;
        let burst = burst(&mut terminal, ("j", times.burst))?;
        sleep(times.settled);
        let alone = idle(&terminal, times.idle)?;
        let (resident, _) = memory(&terminal)?;
        leave(terminal)?;
        table.row([
            name.into(),
            opened,
            format!("{:.2}", median(&pressed)),
            format!("{:.2}", quantile(&pressed, 0.95)),
            ms(burst),
            format!("{:.3}", alone.processor),
            alone.bytes.to_string(),
            ms(resident),
        ]);
    }
    Ok(table)
}

/// How long a change that is committed takes to the screen, in milliseconds.
async fn changes(place: &Place, times: Times) -> Result<Vec<f64>> {
    let store = Store::open(&place.store.url().parse()?).await?;
    let mut terminal = Terminal::start(&place.mete(&["tui"])?, measure::SIZE)?;
    shown(&terminal, "Spend, Acme")?;
    terminal.keys(":project project 1\r")?;
    shown(&terminal, "exactly $")?;
    let mut took = Vec::new();
    for dollars in (6_000..).take(times.changes as usize) {
        // at any moment of the interface's own rhythm
        sleep(Duration::from_millis(137 * (dollars as u64 % 7)));
        set_budget(&store, "Project 1", Nanos::from_dollars(dollars)).await?;
        took.push(shown(&terminal, &format!("of ${},{:03}", dollars / 1000, dollars % 1000))?);
    }
    leave(terminal)?;
    store.close().await;
    Ok(took)
}
