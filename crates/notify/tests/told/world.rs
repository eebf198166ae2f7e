//! The organization Acme, owned by Dana, with the project Bot, owned by Olga, and what they are told.

use std::sync::Arc;

use anyhow::Result;
use mete_control::{Control, LimitChange, LimitsOf, NewInviteInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::{Actor, Origin};
use mete_core::directory::OrganizationRole;
use mete_core::people::ProjectRole;
use mete_core::{Clock, EndpointGroup, LedgerEvent, ManualClock, Nanos, Rating, Series, Timestamp, Usage};
use mete_notify::{Channels, Post};
use mete_store::{Arrival, DeliveryFilter, Ledger, ListedDelivery, Parcel, Store};
use mete_tests::TestStore;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// When every test begins.
pub const NOW: &str = "2026-11-23T10:15:00Z";
pub const DANA: &str = "dana@acme.test";
pub const OLGA: &str = "olga@acme.test";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn operator() -> Actor {
    Actor::operator(Origin { os_user: "tester".into(), host: "testbed".into() })
}

/// What is told of one delivery: whom, of which kind and amount in dollars, of which month, and how it stands.
pub type Told = (String, &'static str, i64, String, &'static str);

pub struct World {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    random: StdRng,
    ledger: Ledger,
    pub organization: String,
    pub bot: String,
    events: u32,
}

impl World {
    pub async fn new(place: &TestStore) -> Result<Self> {
        let mut random = StdRng::seed_from_u64(7);
        let store = Store::create(&place.url().parse()?, &mut random).await?;
        let clock = Arc::new(ManualClock::new(at(NOW)));
        let input = NewOrganizationInput { name: "Acme".into(), owner: DANA.into(), parent: None };
        let made = Control::new(&store, &*clock, &mut random).init(&operator(), &input).await?;
        let ledger = Ledger::open(store.clone()).await?;
        let organization = made.organization.id;
        let mut world = Self { store, clock, random, ledger, organization, bot: String::new(), events: 0 };
        let input = NewProjectInput::named(&world.organization.clone(), "Bot");
        world.bot = world.control().create_project(&operator(), &input).await?.id;
        world.join(OLGA).await?;
        world.own_bot(OLGA).await?;
        Ok(world)
    }

    pub fn control(&mut self) -> Control<'_> {
        Control::new(&self.store, &*self.clock, &mut self.random)
    }

    pub async fn join(&mut self, email: &str) -> Result<()> {
        let organization = self.organization.clone();
        let input =
            NewInviteInput { organization, email: email.into(), role: OrganizationRole::Reader, projects: Vec::new() };
        let invite = self.control().create_invite(&operator(), &input).await?;
        self.control().accept_invite(&operator(), &invite.id, email).await?;
        Ok(())
    }

    pub async fn own_bot(&mut self, email: &str) -> Result<()> {
        let bot = self.bot.clone();
        self.control().add_project_member(&operator(), (&bot, email), ProjectRole::Owner).await?;
        Ok(())
    }

    /// Sets budget and threshold of Bot, in dollars.
    pub async fn limit(&mut self, budget: Option<i64>, threshold: Option<i64>) -> Result<()> {
        let bot = LimitsOf::Project(self.bot.clone());
        self.limit_of(&bot, (budget, threshold)).await
    }

    pub async fn limit_of(&mut self, of: &LimitsOf, (budget, threshold): (Option<i64>, Option<i64>)) -> Result<()> {
        let change = LimitChange {
            budget: Some(budget.map(Nanos::from_dollars)),
            threshold: Some(threshold.map(Nanos::from_dollars)),
            ..LimitChange::default()
        };
        self.control().set_limits(&operator(), of, &change).await?;
        Ok(())
    }

    /// Spends dollars of Bot at the clock's time.
    pub async fn spend(&mut self, dollars: i64) -> Result<()> {
        let (now, bot) = (self.clock.now(), self.bot.clone());
        self.spend_of(&bot, (dollars, now)).await
    }

    pub async fn spend_of(&mut self, project: &str, (dollars, time): (i64, Timestamp)) -> Result<()> {
        self.events += 1;
        let id = format!("e{}", self.events);
        let organization = self.store.find_project(project).await?.organization_id;
        let series = Series::new(
            organization.as_str().into(),
            project.into(),
            None,
            None,
            "gpt-4o <b>".into(),
            EndpointGroup::ChatCompletions,
        );
        let event = LedgerEvent {
            id: self.store.id_hasher().event(&organization, &id),
            time,
            series: Arc::new(series),
            usage: Usage { input: 100, output: 10, ..Usage::default() },
            cost: Nanos::from_dollars(dollars),
            rating: Arc::new(Rating::plain(Rating::OWN)),
            resource: None,
        };
        let arrival = Arrival { event, position: 0, raw: id.into_bytes().into() };
        let parcel = Parcel { source: "test".into(), events: vec![arrival], ..Parcel::default() };
        self.ledger.commit(&[parcel], self.clock.now()).await?;
        Ok(())
    }

    /// Another post on the same store.
    pub fn post(&self, name: &str, channels: Channels) -> Post {
        let seed = name.bytes().map(u64::from).sum();
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let random = Box::new(StdRng::seed_from_u64(seed));
        Post::new(self.store.clone(), (clock, random), name.to_owned(), Arc::new(channels))
    }

    /// All deliveries, oldest first.
    pub async fn deliveries(&self) -> Result<Vec<ListedDelivery>> {
        let mut all = self.store.deliveries(&DeliveryFilter::default(), 1000).await?;
        all.sort_by_key(|delivery| (delivery.made_at, delivery.address.clone(), delivery.amount));
        Ok(all)
    }

    /// The same in short, sorted.
    pub async fn told(&self) -> Result<Vec<Told>> {
        let told = |it: ListedDelivery| {
            let whom = if it.address.is_empty() { it.recipient_id } else { it.address };
            let kind = if it.kind == mete_store::AlertKind::Threshold { "threshold" } else { "budget" };
            (whom, kind, it.amount.0 / Nanos::from_dollars(1).0, it.month.to_string(), it.state.as_str())
        };
        let mut all: Vec<Told> = self.deliveries().await?.into_iter().map(told).collect();
        all.sort();
        Ok(all)
    }
}

/// Channels with a mail server at `port` of this machine that need not be there.
pub fn mail(port: u16) -> Channels {
    let text = format!(
        "[smtp]\nhost = '127.0.0.1'\nport = {port}\ntls = 'none'\nfrom = 'Mete <mete@acme.test>'\ntimeout = 5\n"
    );
    Channels::open(&toml::from_str(&text).unwrap()).unwrap()
}

/// In short, as [`World::told`] tells it.
pub fn told(whom: &str, kind: &'static str, amount: i64, month: &str, state: &'static str) -> Told {
    (whom.to_owned(), kind, amount, month.to_owned(), state)
}
