//! What `/v1/authorize` of the real `meted` gives, beside a bare hyper server that answers 204, with few and with many
//! keys in memory, while usage is being taken in; and how soon the gate knows that one of the keys changed.

mod bare;
mod changes;
mod clients;
mod feeder;
mod others;
mod place;

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::Result;
use mete_tests::bench::{self, Size, Table, median, per_second, quantile};

use bare::Bare;
use changes::Changes;
use clients::{Clients, Load, Server, Transport};
use feeder::Feeder;
use others::{FastApi, Nginx};
use place::{Form, Place};

fn main() -> Result<()> {
    bench::main("authorize", run)
}

fn run(size: Size) -> Result<()> {
    let most = size.number("METE_BENCH_KEYS", 1_000_000, 60)?;
    let requests = size.number("METE_BENCH_REQUESTS", 100_000, 64)?;
    let runs = size.number("METE_BENCH_RUNS", 5, 1)?;
    let connections = size.number("METE_BENCH_CONNECTIONS", 32, 4)?;
    let rate = size.number("METE_BENCH_RATE", 5_000, 100)?;

    let mut out = io::stdout();
    writeln!(
        out,
        "\n{requests} requests a run, {runs} interleaved runs, medians; {rate} events a second are taken in meanwhile"
    )?;
    let mut keeps = Vec::new();
    for keys in [10, most.min(10_000), most] {
        let place = Place::new(keys)?;
        let started = place.start()?;
        let feeder = Feeder::start(&place, rate)?;
        let clients = Clients::new(&place, requests)?;
        clients.check(&started)?;
        let bare = Bare::start(&place.path("bare.sock"))?;
        for (transport, connections, requests) in [
            (Transport::Tcp, connections, requests),
            (Transport::Unix, connections, requests),
            (Transport::Tcp, 1, requests / 4),
        ] {
            let load = Load { transport, connections, requests, begin: 0 };
            let compared = Compared::measure(&clients, (&bare, &started), load, runs)?;
            write!(out, "\n{}", compared.table(&format!("{keys} keys, {transport:?}, connections: {connections}"))?)?;
            if matches!(transport, Transport::Tcp) && connections > 1 {
                keeps.push((keys, compared.ratios(), started.load, started.memory));
            }
        }
        writeln!(out, "\n{}", feeder.stop(&started)?)?;
        write!(out, "\n{}", Changes::measure(&place, &started, runs)?.table(keys))?;
        started.stop()?;
        if keys == most {
            write!(out, "\n{}", for_scale(&clients, &place, connections, requests / 4)?)?;
        }
    }
    write!(out, "\n{}", by_keys(&keeps)?)?;
    Ok(())
}

/// In so many turns a run is asked of both servers: what else the machine does slows both down alike.
const TURNS: u64 = 10;

/// What was measured of one server and one form of the question, run by run.
#[derive(Default)]
struct Measured {
    rates: Vec<f64>,
    /// Microseconds from question to answer that half of them, and 99 of 100, did not exceed.
    medians: Vec<f64>,
    slowest: Vec<f64>,
}

impl Measured {
    /// Adds a run of these turns.
    fn add(&mut self, turns: &[(Duration, Vec<f64>)]) {
        let time: Duration = turns.iter().map(|(time, _)| *time).sum();
        let answers: Vec<f64> = turns.iter().flat_map(|(_, answers)| answers.iter().copied()).collect();
        self.rates.push(per_second(answers.len() as u64, time));
        self.medians.push(median(&answers));
        self.slowest.push(quantile(&answers, 0.99));
    }

    fn row(&self, what: String, base: &Self, table: &mut Table) {
        let [rate, half, most] = [&self.rates, &self.medians, &self.slowest].map(|values| median(values));
        // Of each run beside the other server's in the same run: the machine was the same for both.
        let of = |values: &[f64], base: &[f64]| {
            let ratios: Vec<f64> = values.iter().zip(base).map(|(value, base)| value / base).collect();
            format!("{:.2}", median(&ratios))
        };
        table.row([
            what,
            format!("{rate:.0}"),
            of(&self.rates, &base.rates),
            format!("{half:.0}"),
            format!("{most:.0}"),
            of(&self.slowest, &base.slowest),
        ]);
    }
}

/// Every form of the question, asked of both servers in turns.
struct Compared([(Form, Measured, Measured); 3]);

impl Compared {
    fn measure(clients: &Clients, (bare, mete): (&Bare, &place::Started), load: Load, runs: u64) -> Result<Self> {
        let mut forms = Form::ALL.map(|form| (form, Measured::default(), Measured::default()));
        let mut load = Load { requests: load.requests / TURNS, ..load };
        for _ in 0..runs {
            for (form, of_bare, of_mete) in &mut forms {
                let (mut by_bare, mut by_mete) = (Vec::new(), Vec::new());
                for _ in 0..TURNS {
                    by_bare.push(clients.load(bare, *form, load)?);
                    by_mete.push(clients.load(mete, *form, load)?);
                    clients.release_holds(mete)?;
                    // Other keys than those that were asked about just now.
                    load.begin += load.requests;
                }
                of_bare.add(&by_bare);
                of_mete.add(&by_mete);
            }
        }
        Ok(Self(forms))
    }

    /// Requests a second, by form, beside bare hyper.
    fn ratios(&self) -> [f64; 3] {
        [0, 1, 2].map(|form| {
            let (_, bare, mete) = &self.0[form];
            median(&mete.rates.iter().zip(&bare.rates).map(|(mete, bare)| mete / bare).collect::<Vec<_>>())
        })
    }

    fn table(&self, heading: &str) -> Result<Table> {
        let mut table = Table::new(&[heading, "requests/s", "of bare hyper", "p50 µs", "p99 µs", "of bare hyper"]);
        for (form, bare, mete) in &self.0 {
            bare.row(format!("bare hyper, 204, asked with {} (baseline)", form.name()), bare, &mut table);
            mete.row(format!("mete, {}", form.name()), bare, &mut table);
        }
        Ok(table)
    }
}

/// Other servers that are asked the same, one run each.
fn for_scale(clients: &Clients, place: &Place, connections: u64, requests: u64) -> Result<Table> {
    let load = Load { transport: Transport::Tcp, connections, requests, begin: 0 };
    let (bare, nginx) = (Bare::start(&place.path("scale.sock"))?, Nginx::start(place)?);
    let fastapi = FastApi::start(place)?;
    let mut base = Measured::default();
    base.add(&[clients.load(&bare, Form::Header, load)?]);
    let mut table = Table::new(&[
        "for scale, nothing taken in",
        "requests/s",
        "of bare hyper",
        "p50 µs",
        "p99 µs",
        "of bare hyper",
    ]);
    base.row("bare hyper, 204 (baseline)".to_owned(), &base, &mut table);
    let fastapi = fastapi.as_ref().map(|server| ("FastAPI on uvicorn, a key in a dict", server as &dyn Server));
    for (what, server) in std::iter::once(("nginx, one worker, return 204", &nginx as &dyn Server)).chain(fastapi) {
        let mut measured = Measured::default();
        measured.add(&[clients.load(server, Form::Header, load)?]);
        measured.row(what.to_owned(), &base, &mut table);
    }
    Ok(table)
}

/// What the number of keys changes.
fn by_keys(keeps: &[(u64, [f64; 3], place::LoadTime, place::Memory)]) -> Result<Table> {
    let mut table = Table::new(&[
        "keys in memory, of bare hyper",
        "GET",
        "of the first",
        "POST",
        "of the first",
        "holds",
        "of the first",
        "ms from start to ready",
        "RSS MiB when ready",
        "bytes/key",
    ]);
    let Some((few, first, _, least)) = keeps.first() else { return Ok(table) };
    for (keys, ratios, load, memory) in keeps {
        let each = (memory.bytes() - least.bytes()) / (keys - few).max(1) as f64;
        let [get, post, hold] = [0, 1, 2].map(|form| (ratios[form], ratios[form] / first[form]));
        table.row([
            keys.to_string(),
            format!("{:.2}", get.0),
            format!("{:.2}", get.1),
            format!("{:.2}", post.0),
            format!("{:.2}", post.1),
            format!("{:.2}", hold.0),
            format!("{:.2}", hold.1),
            format!("{:.0}", load.milliseconds()),
            format!("{:.0}", memory.bytes() / 1_048_576.0),
            if keys == few { String::new() } else { format!("{each:.0}") },
        ]);
    }
    Ok(table)
}
