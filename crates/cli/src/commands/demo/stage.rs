//! The demo's organization, daemon and applications, and the story that they play.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use mete_control::host::{origin, system_random};
use mete_control::{Control, LimitChange, LimitsOf, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_core::directory::ProjectView;
use mete_core::time::DAY;
use mete_core::{Clock, Nanos, Timestamp};
use mete_store::{AlertFilter, AlertKind, ProjectFilter, Store, StoreUrl};
use meted::Daemon;
use meted::config::Config;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use super::asking::Asking;
use super::story::Story;
use super::traffic::{APPLICATIONS, Log, dollars};

/// The project that runs into its budget.
const BURNING: &str = "Support bot";

/// What it may still spend when the demo begins, and when owners are told.
const BUDGET_LEFT: Nanos = Nanos::from_dollars(4);
const THRESHOLD_LEFT: Nanos = Nanos::from_dollars(2);

/// Days of made-up past, and requests of each application in them.
const PAST_DAYS: i64 = 24;
const PAST_REQUESTS: u64 = 600;

/// How long any one thing may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that is set up.
pub(super) struct Stage {
    clock: Arc<dyn Clock>,
    store: Store,
    daemon: Daemon,
    address: SocketAddr,
    logs: PathBuf,
    /// One secret an application.
    secrets: Vec<String>,
    burning: String,
    history: u64,
}

impl Stage {
    /// Makes the organization, writes its past, starts the daemon and waits until it has read it.
    pub(super) async fn set(folder: &Path, clock: &Arc<dyn Clock>, story: &Story) -> anyhow::Result<Self> {
        let logs = folder.join("logs");
        std::fs::create_dir(&logs)?;
        let url = StoreUrl::Sqlite(folder.join("mete.db"));
        let store = Store::create(&url, &mut system_random()).await?;
        let secrets = populate(&store, &**clock).await?;
        let mut history = 0;
        let now = clock.now();
        let from = now.month().start().max(now.plus(-PAST_DAYS * DAY));
        for (index, secret) in secrets.iter().enumerate() {
            let mut log = Log::open(&logs, index, mete_core::secret::KeyHash::of(secret))?;
            history += log.write_history((from, now), PAST_REQUESTS)?;
        }
        let config = format!(
            "[store]\nurl = \"{url}\"\n[listen]\naddress = \"127.0.0.1:0\"\n\
             [[source]]\nkind = \"file\"\npath = \"{}/*.jsonl\"\n",
            logs.display()
        );
        let daemon = Daemon::start(Config::parse(&config, &folder.join("meted.toml"))?, Arc::clone(clock)).await?;
        let address = daemon.address().context("the daemon does not listen")?;
        story.tell(format!("meted follows {}/*.jsonl and answers on http://{address}/v1/authorize", logs.display()));
        let burning = store.find_project(BURNING).await?.id;
        let stage = Self { clock: Arc::clone(clock), store, daemon, address, logs, secrets, burning, history };
        stage.wait_for("the past to be read", async || Ok((stage.requests().await? >= history).then_some(()))).await?;
        story.tell(format!("{history} lines of this month's past read and priced"));
        stage.narrow_the_budget(story).await?;
        Ok(stage)
    }

    /// The burning project's limits: a little above what it has spent.
    async fn narrow_the_budget(&self, story: &Story) -> anyhow::Result<()> {
        let spend = self.spend_of_burning().await?;
        let mut random = system_random();
        let control = Control::new(&self.store, &*self.clock, &mut random);
        let change = LimitChange {
            budget: Some(Some(spend + BUDGET_LEFT)),
            threshold: Some(Some(spend + THRESHOLD_LEFT)),
            ..LimitChange::default()
        };
        let of = LimitsOf::Project(BURNING.to_owned());
        control.set_limits(&Actor::operator(origin()), &of, &change).await?;
        story.tell(format!(
            "{BURNING}: spent {}, threshold {}, budget {}",
            dollars(spend),
            dollars(spend + THRESHOLD_LEFT),
            dollars(spend + BUDGET_LEFT)
        ));
        Ok(())
    }

    /// The story as lines, to its end.
    pub(super) async fn play_to_the_end(&self, story: &Story) -> anyhow::Result<()> {
        let (stop, stopped) = watch::channel(false);
        let mut applications = JoinSet::new();
        for index in 1..APPLICATIONS.len() {
            let run = self.application(index, Duration::from_millis(40))?;
            applications.spawn(run.until(stopped.clone()));
        }
        let (lines, latency) = self.burn(story, Duration::from_millis(60)).await?;
        stop.send_replace(true);
        let mut written = self.history + lines;
        while let Some(outcome) = applications.join_next().await {
            written += outcome??;
        }
        self.wait_for("every line to be counted", async || Ok((self.requests().await? >= written).then_some(())))
            .await?;
        story.tell(format!("{written} lines written, {} events counted", self.requests().await?));
        for view in self.projects().await? {
            story.tell(format!("  {:16} {:>10}", view.project.name, dollars(view.spend.unwrap_or_default())));
        }
        story.tell(format!("first refusal {:.1} ms after the line was written", latency.as_secs_f64() * 1000.0));
        let verification = self.store.verify().await?;
        if !verification.ok {
            bail!("the ledger does not agree with its sums: {:?}", verification.differences);
        }
        story.tell(format!("verify: clean, {} events, ${} exactly", verification.events, verification.total));
        Ok(())
    }

    /// The first application, which asks the gate before each request, until it is refused. Tells the lines that it
    /// wrote and how long after the last one was written the first refusal came.
    async fn burn(&self, story: &Story, pace: Duration) -> anyhow::Result<(u64, Duration)> {
        let mut log = self.log(0)?;
        let mut gate = Asking::connect(self.address).await?;
        let (mut lines, mut warned) = (0, false);
        let begin = Instant::now();
        loop {
            if begin.elapsed() > PATIENCE {
                bail!("the budget was not exhausted in {PATIENCE:?}");
            }
            let now = self.clock.now();
            log.write(now)?;
            lines += 1;
            let written = Instant::now();
            // What the gate says while the line is under way, as fast as it can be asked.
            let mut asked = 0_u64;
            while written.elapsed() < pace {
                let answer = gate.may(&self.secrets[0]).await?;
                asked += 1;
                if let Some((code, message)) = answer.refusal {
                    let latency = written.elapsed();
                    story.tell(format!("{BURNING} asks: {} {code}", answer.status));
                    story.tell(message);
                    self.tell_alert(story, AlertKind::Exhausted).await?;
                    return Ok((lines, latency));
                }
                if answer.status != 204 {
                    bail!("the gate answers {}", answer.status);
                }
            }
            if lines % 8 == 1 {
                story.tell(format!("{BURNING} asked {asked} times since its last line: 204, go ahead"));
            }
            if !warned {
                warned = self.tell_alert(story, AlertKind::Threshold).await?;
            }
        }
    }

    async fn tell_alert(&self, story: &Story, kind: AlertKind) -> anyhow::Result<bool> {
        let filter = AlertFilter { project_id: Some(self.burning.clone()), ..AlertFilter::default() };
        let alert = self.store.alerts(&filter).await?.into_iter().find(|alert| alert.kind == kind);
        if let Some(alert) = &alert {
            let what = if kind == AlertKind::Threshold { "passed its threshold" } else { "exhausted its budget" };
            story.tell(format!("{BURNING} {what} of {}: spent {}", dollars(alert.amount), dollars(alert.spend)));
        }
        Ok(alert.is_some())
    }

    /// The story under the terminal interface, until that is left.
    pub(super) async fn play_under_the_interface(
        &self,
        story: &Story,
        banner: watch::Receiver<Vec<String>>,
    ) -> anyhow::Result<()> {
        let (stop, stopped) = watch::channel(false);
        let mut applications = JoinSet::new();
        for index in 1..APPLICATIONS.len() {
            applications.spawn(self.application(index, Duration::from_millis(400))?.until(stopped.clone()));
        }
        let (store, actor) = (self.store.clone(), Actor::operator(origin()));
        let daemon = crate::commands::explain::Daemon { place: self.address.to_string(), token_file: None };
        let explaining = Some(crate::commands::explain::explaining((&store, &actor), &self.clock, Some(daemon)));
        let session = mete_tui::Session { store, actor, retrying: None, explaining };
        let options = mete_tui::Options {
            banner: Some(banner),
            ..crate::commands::tui::options(&crate::commands::tui::TuiArgs::default())?
        };
        let opening = mete_tui::Opening::of(session, "operator");
        let interface = mete_tui::run(opening, Arc::clone(&self.clock), Box::new(system_random()), options);
        let burning = async {
            self.burn(story, Duration::from_millis(350)).await?;
            self.keep_asking(story).await
        };
        let outcome = tokio::select! {
            outcome = interface => outcome.map_err(anyhow::Error::from),
            outcome = burning => outcome,
        };
        stop.send_replace(true);
        applications.join_all().await;
        outcome
    }

    /// The refused application tries again every now and then, as real ones do; a raised budget lets it go on.
    async fn keep_asking(&self, story: &Story) -> anyhow::Result<()> {
        let mut gate = Asking::connect(self.address).await?;
        let mut log = self.log(0)?;
        let mut pace = interval(Duration::from_secs(2));
        loop {
            pace.tick().await;
            let answer = gate.may(&self.secrets[0]).await?;
            match answer.refusal {
                Some((code, _)) => story.tell(format!("{BURNING} asks: {} {code}", answer.status)),
                None => {
                    story.tell(format!("{BURNING} asks: {} go ahead", answer.status));
                    log.write(self.clock.now())?;
                }
            }
        }
    }

    /// The log of an application. Its ids go on from the present instant, after those of its past and of earlier
    /// openings.
    fn log(&self, index: usize) -> anyhow::Result<Log> {
        let mut log = Log::open(&self.logs, index, mete_core::secret::KeyHash::of(&self.secrets[index]))?;
        log.number_from(self.clock.now().0.cast_unsigned());
        Ok(log)
    }

    fn application(&self, index: usize, pace: Duration) -> anyhow::Result<Running> {
        Ok(Running {
            log: self.log(index)?,
            secret: self.secrets[index].clone(),
            address: self.address,
            clock: Arc::clone(&self.clock),
            pace,
        })
    }

    /// Requests counted so far this month and, where the past reaches into it, the one before.
    async fn requests(&self) -> anyhow::Result<u64> {
        Ok(self.projects().await?.iter().filter_map(|view| view.requests).sum())
    }

    async fn spend_of_burning(&self) -> anyhow::Result<Nanos> {
        let projects = self.projects().await?;
        Ok(projects.into_iter().filter(|view| view.project.id == self.burning).filter_map(|view| view.spend).sum())
    }

    async fn projects(&self) -> anyhow::Result<Vec<ProjectView>> {
        Ok(self.store.projects(&ProjectFilter::default(), self.clock.now().month()).await?)
    }

    async fn wait_for<T>(
        &self,
        what: &str,
        mut ready: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let wait = async {
            let mut look = interval(Duration::from_millis(20));
            loop {
                look.tick().await;
                if let Some(value) = ready().await? {
                    return Ok(value);
                }
            }
        };
        timeout(PATIENCE, wait).await.with_context(|| format!("waited {PATIENCE:?} for {what}"))?
    }

    /// Stops the daemon.
    pub(super) async fn strike(self) {
        self.daemon.stop().await;
    }
}

/// An application that runs until it is told to stop.
struct Running {
    log: Log,
    secret: String,
    address: SocketAddr,
    clock: Arc<dyn Clock>,
    pace: Duration,
}

impl Running {
    /// Asks the gate, logs a request if it may, again and again; tells how many lines it wrote.
    async fn until(mut self, mut stopped: watch::Receiver<bool>) -> anyhow::Result<u64> {
        let mut gate = Asking::connect(self.address).await?;
        let mut pace = interval(self.pace);
        let mut lines = 0;
        loop {
            tokio::select! {
                _ = pace.tick() => {}
                _ = stopped.changed() => return Ok(lines),
            }
            if gate.may(&self.secret).await?.status == 204 {
                let now: Timestamp = self.clock.now();
                self.log.write(now)?;
                lines += 1;
            }
        }
    }
}

/// Organization, projects and one key an application; tells the secrets.
async fn populate(store: &Store, clock: &dyn Clock) -> anyhow::Result<Vec<String>> {
    let mut random = system_random();
    let control = Control::new(store, clock, &mut random);
    let owner = "dana@acme.example".to_owned();
    let input = NewOrganizationInput { name: "Acme".to_owned(), owner, parent: None };
    let operator = Actor::operator(origin());
    let organization = control.init(&operator, &input).await?.organization.id;
    let mut secrets = Vec::new();
    for application in &APPLICATIONS {
        if store.find_project(application.project).await.is_err() {
            control.create_project(&operator, &NewProjectInput::named(&organization, application.project)).await?;
        }
        let name = application.log.trim_end_matches(".jsonl").to_owned();
        let member = format!("{}@acme.example", name.replace('-', "."));
        let input = NewKeyInput { name, ..NewKeyInput::for_person(application.project, &member) };
        secrets.push(control.create_key(&operator, &input).await?.secret.reveal().to_owned());
    }
    let change = LimitChange { budget: Some(Some(Nanos::from_dollars(500))), ..LimitChange::default() };
    control.set_limits(&operator, &LimitsOf::Organization(organization), &change).await?;
    Ok(secrets)
}
