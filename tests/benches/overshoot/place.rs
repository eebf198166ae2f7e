//! A project with a small budget, and the daemon that keeps it.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::{SystemClock, origin};
use mete_control::{Control, LimitChange, LimitsOf, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_core::{Clock as _, Nanos};
use mete_store::{SpendBy, SpendQuery, Store};
use mete_tests::bench::{Asking, Stopwatch};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::{Engine, Meted, TestStore, wait};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clients::{Shared, Way};

const PROJECT: &str = "Support";

/// What each request costs, and at most: a million tokens in and out of gpt-4o-mini.
pub const COST: Nanos = Nanos(750_000_000);

/// The project, and who asks for it.
pub struct Place {
    dir: TestStore,
    store: Store,
    random: StdRng,
    /// None only while it is killed.
    meted: Option<Meted>,
    shared: Arc<Shared>,
    budget: Nanos,
}

impl Place {
    pub async fn new(way: Way) -> Result<Self> {
        let dir = TestStore::new(Engine::Sqlite)?;
        let mut random = StdRng::seed_from_u64(1);
        let store = Store::create(&dir.url().parse()?, &mut random).await?;
        let control = Control::new(&store, &SystemClock, &mut random);
        let (owner, operator) = ("owner@acme.test".to_owned(), Actor::operator(origin()));
        let acme = NewOrganizationInput { name: "Acme".into(), owner: owner.clone(), parent: None };
        control.init(&operator, &acme).await?;
        control.create_project(&operator, &NewProjectInput::named("Acme", PROJECT)).await?;
        let key = control.create_key(&operator, &NewKeyInput::for_person(PROJECT, &owner)).await?;

        fs::create_dir(dir.path("logs"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let (config, log) = (dir.path("meted.toml"), dir.path("logs/usage.jsonl"));
        let text = format!(
            "[store]\nurl = \"{}\"\n[listen]\naddress = \"{address}\"\n[[source]]\nkind = \"file\"\npath = \"{}\"\n",
            dir.url(),
            log.display()
        );
        fs::write(&config, text)?;
        let shared = Shared::new(way, address, (key.secret.reveal().to_owned(), key.key.id), &log)?;
        let mut place = Self { dir, store, random, meted: None, shared, budget: Nanos::ZERO };
        place.raise(0).await?;
        place.meted = Some(Meted::start(&place.dir.path("meted.toml"))?);
        Ok(place)
    }

    /// A budget for so many requests more than are spent; waits until the gate knows it.
    pub async fn raise(&mut self, requests: u64) -> Result<()> {
        self.budget = self.spent().await? + Nanos(COST.0 * requests.cast_signed());
        let control = Control::new(&self.store, &SystemClock, &mut self.random);
        let budget = LimitChange { budget: Some(Some(self.budget)), ..LimitChange::default() };
        control.set_limits(&Actor::operator(origin()), &LimitsOf::Project(PROJECT.into()), &budget).await?;
        if requests == 0 {
            return Ok(());
        }
        let allowed = async || (self.shared.looks_allowed().await.ok()?).then_some(());
        wait::eventually("the raised budget", LIMIT, allowed).await
    }

    /// Has `clients` make so many requests together; where it is wanted, kills the daemon halfway and starts it again. Tells
    /// how many were let through, and how long it took.
    pub async fn ask(&mut self, clients: u64, requests: u64, kill: bool) -> Result<(u64, Duration)> {
        let (begun, since) = (self.shared.begun(), Stopwatch::start());
        let mut making = JoinSet::new();
        for _ in 0..clients {
            making.spawn(Arc::clone(&self.shared).make(begun + requests));
        }
        if kill {
            let half = async || (self.shared.begun() >= begun + requests / 2).then_some(());
            wait::eventually("half of the requests", LIMIT, half).await?;
            self.kill_and_restart()?;
        }
        let mut allowed = 0;
        while let Some(made) = making.join_next().await {
            allowed += made??;
        }
        self.shared.all_begun(begun + requests);
        Ok((allowed, since.elapsed()))
    }

    /// As if the machine had lost its power.
    fn kill_and_restart(&mut self) -> Result<()> {
        let config = self.dir.path("meted.toml");
        tokio::task::block_in_place(|| {
            self.meted.take().context("it runs")?.0.kill()?;
            self.meted = Some(Meted::start(&config)?);
            Ok(())
        })
    }

    /// What the project spent in this month.
    async fn spent(&self) -> Result<Nanos> {
        let month = SystemClock.now().month();
        let query = SpendQuery { month, by: SpendBy::Project, organization_id: None, project_ids: None };
        Ok(self.store.spend(&query).await?.iter().map(|row| row.spend).sum())
    }

    /// By how much the project was at most to be overspent, as the daemon explains it after the fact: the most requests
    /// that were under way at once in the month, times the highest cost.
    pub async fn explained(&self) -> Result<Nanos> {
        let mut asking = Asking::new(TcpStream::connect(self.shared.address).await?);
        let question = format!("GET /v1/explain?project={PROJECT} HTTP/1.1\r\nhost: mete\r\n\r\n");
        let status = asking.ask(question.as_bytes()).await?;
        let answer = String::from_utf8_lossy(asking.answer()).into_owned();
        ensure!(status == 200, "{answer}");
        let body = answer.split_once("\r\n\r\n").context("no body")?.1;
        let report: Value = serde_json::from_str(body)?;
        let budgets = report["budgets"].as_array().context("no budgets")?;
        let own = budgets.iter().find(|budget| budget["scope_name"] == PROJECT).context("not the project's")?;
        let most = own["under_way"]["most_unheld_cost"].as_str().with_context(|| format!("no bound in {report}"))?;
        Ok(most.parse()?)
    }

    /// What was spent past the budget, once every line is counted.
    pub async fn overshoot(&self) -> Result<Nanos> {
        let written = Nanos(COST.0 * self.shared.written.load(Ordering::Relaxed).cast_signed());
        let counted = async || self.spent().await.ok().filter(|spent| *spent == written);
        let spent = wait::eventually("every line counted", LIMIT, counted).await?;
        Ok((spent - self.budget).max(Nanos::ZERO))
    }

    pub async fn stop(mut self) -> Result<()> {
        self.meted.take().context("it runs")?.stop()?;
        let verified = self.store.verify().await?;
        ensure!(verified.ok, "the ledger does not agree with itself: {verified:?}");
        Ok(())
    }
}
