//! The organization "Acme & Söhne", owned by Dana, with the project "Büro <日本>", owned by Olga and Oleg, whose usage a
//! daemon follows.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use mete_control::host::SystemClock;
use mete_control::{Control, LimitChange, LimitsOf, NewInviteInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::{Actor, Origin};
use mete_core::directory::OrganizationRole;
use mete_core::people::ProjectRole;
use mete_core::{Clock, Nanos};
use mete_store::{DeliveryFilter, ListedDelivery, Store};
use mete_tests::TestStore;
use mete_tests::process::{Run, mete};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub const ACME: &str = "Acme & Söhne";
pub const BOT: &str = "Büro <日本>";
pub const OWNERS: [&str; 3] = ["dana@acme.test", "oleg@acme.test", "olga@acme.test"];

pub struct Stage<'a> {
    place: &'a TestStore,
    pub store: Store,
    random: StdRng,
    pub bot: String,
    events: u32,
}

impl<'a> Stage<'a> {
    pub async fn new(place: &'a TestStore) -> Result<Self> {
        let mut random = StdRng::seed_from_u64(7);
        let store = Store::create(&place.url().parse()?, &mut random).await?;
        let control = Control::new(&store, &SystemClock, &mut random);
        let [dana, others @ ..] = OWNERS;
        let input = NewOrganizationInput { name: ACME.into(), owner: dana.into(), parent: None };
        let organization = control.init(&operator(), &input).await?.organization.id;
        let bot = control.create_project(&operator(), &NewProjectInput::named(&organization, BOT)).await?.id;
        for email in others {
            let (organization, email) = (organization.clone(), email.to_owned());
            let projects = vec![(bot.clone(), ProjectRole::Owner)];
            let input = NewInviteInput { organization, email, role: OrganizationRole::Reader, projects };
            let invite = control.create_invite(&operator(), &input).await?;
            control.accept_invite(&operator(), &invite.id, "Somebody").await?;
        }
        Ok(Self { place, store, random, bot, events: 0 })
    }

    /// Sets the project's threshold in dollars.
    pub async fn threshold(&mut self, dollars: i64) -> Result<()> {
        let threshold = Some(Some(Nanos::from_dollars(dollars)));
        self.limit(LimitChange { threshold, ..LimitChange::default() }).await
    }

    /// Sets the project's budget in dollars.
    pub async fn budget(&mut self, dollars: i64) -> Result<()> {
        let budget = Some(Some(Nanos::from_dollars(dollars)));
        self.limit(LimitChange { budget, ..LimitChange::default() }).await
    }

    async fn limit(&mut self, change: LimitChange) -> Result<()> {
        let of = LimitsOf::Project(self.bot.clone());
        Control::new(&self.store, &SystemClock, &mut self.random).set_limits(&operator(), &of, &change).await?;
        Ok(())
    }

    /// Writes a line of usage that costs a dollar.
    pub fn spend(&mut self) -> Result<()> {
        self.events += 1;
        let (id, time, project) = (self.events, SystemClock.now(), &self.bot);
        let line = format!(
            "{{\"id\":\"e{id}\",\"time\":\"{time}\",\"project\":\"{project}\",\"model\":\"m-1\",\"input_tokens\":3,\"cost\":\"1\"}}\n"
        );
        let mut file = File::options().append(true).create(true).open(self.path("usage.jsonl"))?;
        Ok(file.write_all(line.as_bytes())?)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Writes `meted.toml`: this store, `rest`, and the file with usage.
    pub fn configure(&self, rest: &str) -> Result<PathBuf> {
        let (path, url) = (self.path("meted.toml"), self.place.url());
        let source = "[[source]]\nkind = 'file'\npath = 'usage.jsonl'\n";
        std::fs::write(&path, format!("[store]\nurl = '{url}'\n{rest}\n{source}"))?;
        Ok(path)
    }

    /// Runs `mete` to its end.
    pub fn mete(&self, words: &[&str]) -> Result<Run> {
        let mut command = mete()?;
        command.args(words).env("METE_STORE", self.place.url());
        Run::of(&mut command).with_context(|| format!("mete {words:?}"))
    }

    pub async fn deliveries(&self) -> Result<Vec<ListedDelivery>> {
        Ok(self.store.deliveries(&DeliveryFilter::default(), 100_000).await?)
    }
}

fn operator() -> Actor {
    Actor::operator(Origin { os_user: "test".into(), host: "test".into() })
}
