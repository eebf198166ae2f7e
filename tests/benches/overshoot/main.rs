//! How far requests that run at once spend past a budget: counted after the fact, and with money held for each (R40).
//!
//! The real `meted` is asked by clients at once, each of which makes its request, whose cost is known, and writes its log
//! line after it. The budget is raised in steps, so that its end is met again and again; halfway
//! through every fourth step the daemon is killed.

mod clients;
mod place;

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::{Result, ensure};
use mete_core::Nanos;
use mete_tests::bench::{self, Size, Table, per_second};

use clients::Way;
use place::{COST, Place};

fn main() -> Result<()> {
    bench::main("overshoot", |size| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(run(size))
    })
}

/// What became of one way to ask.
struct Overrun {
    way: Way,
    requests: u64,
    allowed: u64,
    kills: u64,
    /// What was spent past the budget at the end of a step, at most.
    worst: Nanos,
    /// The same of the steps within which nothing was killed, where nothing is held.
    worst_alive: Nanos,
    /// What `explain` said at most after those.
    bound: Nanos,
    rate: f64,
}

async fn run(size: Size) -> Result<()> {
    let requests = size.number("METE_BENCH_REQUESTS", 100_000, 400)?;
    let steps = size.number("METE_BENCH_STEPS", 20, 2)?;
    let clients = size.number("METE_BENCH_CONNECTIONS", 64, 8)?;
    let mut overruns = Vec::new();
    for way in [Way::Counted, Way::Held] {
        let overrun = measure(way, requests, steps, clients).await?;
        ensure!(way == Way::Counted || overrun.worst == Nanos::ZERO, "${} were spent past a budget", overrun.worst);
        overruns.push(overrun);
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "\n{clients} clients at once, ${COST} a request, {steps} budgets of {} requests one after the other",
        requests / steps / 2
    )?;
    Ok(write!(out, "\n{}", table(&overruns, requests / steps / 2))?)
}

async fn measure(way: Way, requests: u64, steps: u64, clients: u64) -> Result<Overrun> {
    let mut place = Place::new(way).await?;
    let each = requests / steps;
    let mut overrun = Overrun {
        way,
        requests: 0,
        allowed: 0,
        kills: 0,
        worst: Nanos::ZERO,
        worst_alive: Nanos::ZERO,
        bound: Nanos::ZERO,
        rate: 0.0,
    };
    let mut time = Duration::ZERO;
    for step in 0..steps {
        // Half of the requests find no money, so that the end is met by all clients.
        place.raise(each / 2).await?;
        let kill = step % 4 == 1;
        let (allowed, took) = place.ask(clients, each, kill).await?;
        overrun.requests += each;
        overrun.allowed += allowed;
        overrun.kills += u64::from(kill);
        time += took;
        let overshoot = place.overshoot().await?;
        overrun.worst = overrun.worst.max(overshoot);
        // A daemon that was killed within the step does not know of those whom the one before it let through.
        if way == Way::Counted && !kill {
            let bound = place.explained().await?;
            ensure!(overshoot <= bound, "${overshoot} were spent past a budget, and explain said ${bound} at most");
            overrun.bound = overrun.bound.max(bound);
            overrun.worst_alive = overrun.worst_alive.max(overshoot);
        }
    }
    overrun.rate = per_second(overrun.requests, time);
    place.stop().await?;
    Ok(overrun)
}

fn table(overruns: &[Overrun], budgeted: u64) -> Table {
    let mut table = Table::new(&[
        "",
        "requests",
        "allowed",
        "requests/s",
        "SIGKILLs",
        "worst overshoot",
        "of the budget",
        "without a SIGKILL",
        "explained as at most",
    ]);
    for Overrun { way, requests, allowed, kills, worst, worst_alive, bound, rate } in overruns {
        table.row([
            way.name().to_owned(),
            requests.to_string(),
            allowed.to_string(),
            format!("{rate:.0}"),
            kills.to_string(),
            format!("${worst}"),
            format!("{:.2}%", worst.0 as f64 * 100.0 / (COST.0 * budgeted.cast_signed()) as f64),
            if *way == Way::Held { String::new() } else { format!("${worst_alive}") },
            if *way == Way::Held { String::new() } else { format!("${bound}") },
        ]);
    }
    table
}
