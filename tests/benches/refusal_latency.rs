//! From a line's write into a followed file to the first refusal of its key over HTTP.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::{SystemClock, origin};
use mete_control::{Control, LimitChange, LimitsOf, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_core::{Clock, Nanos};
use mete_store::Store;
use mete_tests::bench::{self, Asking, Size, Stopwatch, Table, median, quantile, question};
use mete_tests::wait::Deadline;
use mete_tests::{Engine, TestStore};
use meted::Daemon;
use meted::config::Config;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::TcpStream;

/// The project whose budget is exhausted again and again.
const PROJECT: &str = "Support";

/// What every line costs, and by how much the budget is above the spend before it is written.
const PRICE: Nanos = Nanos::from_dollars(1);

/// How long a change may take to come through.
const PATIENCE: Duration = Duration::from_secs(20);

const ALLOWED: u16 = 204;
const REFUSED: u16 = 429;

fn main() -> Result<()> {
    bench::main("refusal_latency", |size| mete_tests::run(Engine::Sqlite, async |dir| run(size, dir).await))
}

async fn run(size: Size, dir: &TestStore) -> Result<()> {
    let trials = size.number("METE_BENCH_TRIALS", 400, 3)?;
    let mut trial = Trial::prepare(dir).await?;
    let mut measured = Measured::default();
    for _ in 0..trials {
        trial.once(&mut measured).await?;
    }
    trial.daemon.stop().await;
    let mut out = io::stdout();
    write!(out, "\n{trials} trials, SQLite\n\n{}", measured.table())?;
    Ok(())
}

/// Milliseconds, one a trial.
#[derive(Default)]
struct Measured {
    appends: Vec<f64>,
    questions: Vec<f64>,
    refusals: Vec<f64>,
}

impl Measured {
    fn table(&self) -> Table {
        let mut table = Table::new(&["milliseconds", "median", "p99", "max", "of the append"]);
        let base = median(&self.appends);
        for (what, times) in [
            ("the line appended and fsynced (baseline)", &self.appends),
            ("one question to the gate", &self.questions),
            ("line written to first refusal", &self.refusals),
        ] {
            let [half, most, all] = [0.5, 0.99, 1.0].map(|part| quantile(times, part));
            table.row([
                what.into(),
                format!("{half:.3}"),
                format!("{most:.3}"),
                format!("{all:.3}"),
                format!("{:.2}", half / base),
            ]);
        }
        table
    }
}

/// A daemon that follows a log, and all that a trial needs.
struct Trial {
    daemon: Daemon,
    store: Store,
    random: StdRng,
    operator: Actor,
    limits_of: LimitsOf,
    key: String,
    question: Vec<u8>,
    gate: Asking<TcpStream>,
    log: File,
    /// On the same file system, in a folder that nobody watches.
    other: File,
    lines: i64,
}

impl Trial {
    async fn prepare(dir: &TestStore) -> Result<Self> {
        let mut random = StdRng::seed_from_u64(1);
        let store = Store::create(&dir.url().parse()?, &mut random).await?;
        let control = Control::new(&store, &SystemClock, &mut random);
        let owner = "owner@example.com".to_owned();
        let operator = Actor::operator(origin());
        let acme = NewOrganizationInput { name: "Acme".into(), owner: owner.clone(), parent: None };
        control.init(&operator, &acme).await?;
        control.create_project(&operator, &NewProjectInput::named("Acme", PROJECT)).await?;
        let key = control.create_key(&operator, &NewKeyInput::for_person(PROJECT, &owner)).await?;
        let limits_of = LimitsOf::Project(PROJECT.into());
        // Refused from the start, so that the first trial waits for its budget like the others.
        control.set_limits(&operator, &limits_of, &budget(Nanos::ZERO)).await?;

        let path = dir.path("logs/usage.jsonl");
        for folder in ["logs", "other"] {
            std::fs::create_dir(dir.path(folder))?;
        }
        let daemon = start(dir, &path).await?;
        let stream = TcpStream::connect(daemon.address().context("the daemon does not listen")?).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            daemon,
            store,
            random,
            operator,
            limits_of,
            key: key.key.id,
            question: question(key.secret.reveal()),
            gate: Asking::new(stream),
            log: File::create(path)?,
            other: File::create(dir.path("other/usage.jsonl"))?,
            lines: 0,
        })
    }

    /// Raises the budget, waits until the key may go on, writes a line that exhausts it, and asks until it is refused.
    async fn once(&mut self, measured: &mut Measured) -> Result<()> {
        let control = Control::new(&self.store, &SystemClock, &mut self.random);
        control.set_limits(&self.operator, &self.limits_of, &budget(Nanos(PRICE.0 * (self.lines + 1)))).await?;
        self.wait_for(ALLOWED).await?;

        let line = self.line();
        let since = Stopwatch::start();
        self.other.write_all(&line)?;
        self.other.sync_data()?;
        measured.appends.push(milliseconds(since));

        let since = Stopwatch::start();
        let status = self.gate.ask(&self.question).await?;
        measured.questions.push(milliseconds(since));
        ensure!(status == ALLOWED, "refused before the line was written");

        let since = Stopwatch::start();
        self.log.write_all(&line)?;
        self.wait_for(REFUSED).await?;
        measured.refusals.push(milliseconds(since));
        Ok(())
    }

    /// Asks as fast as it goes until the answer is `status`.
    async fn wait_for(&mut self, status: u16) -> Result<()> {
        let deadline = Deadline::after(PATIENCE);
        while self.gate.ask(&self.question).await? != status {
            ensure!(!deadline.passed(), "no {status} within {PATIENCE:?}");
        }
        Ok(())
    }

    /// The next line, with an id and a cost of its own.
    fn line(&mut self) -> Vec<u8> {
        self.lines += 1;
        format!(
            "{{\"id\":\"request-{}\",\"time\":\"{}\",\"api_key\":\"{}\",\"model\":\"gpt-4o-mini\",\
             \"input_tokens\":1000,\"output_tokens\":100,\"cost\":\"{PRICE}\"}}\n",
            self.lines,
            SystemClock.now(),
            self.key
        )
        .into_bytes()
    }
}

async fn start(dir: &TestStore, log: &Path) -> Result<Daemon> {
    let text = format!(
        "[store]\nurl = \"{}\"\n[listen]\naddress = \"127.0.0.1:0\"\n[[source]]\nkind = \"file\"\npath = \"{}\"\n",
        dir.url(),
        log.display()
    );
    let config = Config::parse(&text, &dir.path("meted.toml"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Daemon::start(config, clock).await?)
}

fn budget(budget: Nanos) -> LimitChange {
    LimitChange { budget: Some(Some(budget)), ..LimitChange::default() }
}

fn milliseconds(since: Stopwatch) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
