//! A small organization to book on.

use std::collections::BTreeMap;
use std::sync::Arc;

use mete_control::{Control, LimitChange, LimitsOf, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::{Actor, Origin};
use mete_core::{EndpointGroup, LedgerEvent, ManualClock, Month, Nanos, Rating, Series, Timestamp, Usage};
use mete_store::{Arrival, Ledger, Outcome, Parcel, SpendBy, SpendQuery, Store};
use mete_tests::TestStore;
use rand::SeedableRng;
use rand::rngs::StdRng;

pub const NOW: &str = "2026-11-23T10:15:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Who acts where no test is about who acts.
pub fn operator() -> Actor {
    Actor::operator(Origin { os_user: "tester".into(), host: "testbed".into() })
}

/// A store with the organization Acme and what tests add to it.
pub struct Fixture {
    pub store: Store,
    pub clock: ManualClock,
    pub random: StdRng,
    pub organization: String,
    pub default_project: String,
    pub projects: BTreeMap<String, String>,
}

impl Fixture {
    pub async fn new(place: &TestStore) -> anyhow::Result<Self> {
        let mut random = StdRng::seed_from_u64(7);
        let store = Store::create(&place.url().parse()?, &mut random).await?;
        let clock = ManualClock::new(at(NOW));
        let input = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
        let made = Control::new(&store, &clock, &mut random).init(&operator(), &input).await?;
        Ok(Self {
            store,
            clock,
            random,
            organization: made.organization.id,
            default_project: made.default_project.id,
            projects: BTreeMap::new(),
        })
    }

    pub fn control(&mut self) -> Control<'_> {
        Control::new(&self.store, &self.clock, &mut self.random)
    }

    pub async fn project(&mut self, name: &str) -> anyhow::Result<String> {
        let organization = self.organization.clone();
        let id = self.control().create_project(&operator(), &NewProjectInput::named(&organization, name)).await?.id;
        self.projects.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    pub async fn key(&mut self, project: &str) -> anyhow::Result<String> {
        let input = NewKeyInput::for_person(project, "eve@acme.test");
        Ok(self.control().create_key(&operator(), &input).await?.key.id)
    }

    pub async fn limit(
        &mut self,
        project: Option<&str>,
        budget: Option<i64>,
        threshold: Option<i64>,
    ) -> anyhow::Result<Vec<mete_store::Alert>> {
        let organization = self.organization.clone();
        let of = match project {
            Some(project) => LimitsOf::Project(project.to_owned()),
            None => LimitsOf::Organization(organization),
        };
        let change = LimitChange {
            budget: Some(budget.map(Nanos::from_dollars)),
            threshold: Some(threshold.map(Nanos::from_dollars)),
            ..LimitChange::default()
        };
        Ok(self.control().set_limits(&operator(), &of, &change).await?.alerts)
    }

    /// An event of `dollars` on a project, by its id.
    pub fn event(&self, id: &str, time: &str, project: &str, key: Option<&str>, cost: Nanos) -> Arrival {
        let usage = Usage { input: 100, cached_input: 40, output: 10, ..Usage::default() };
        self.event_with(id, at(time), project, key, cost, usage)
    }

    pub fn event_with(
        &self,
        id: &str,
        time: Timestamp,
        project: &str,
        key: Option<&str>,
        cost: Nanos,
        usage: Usage,
    ) -> Arrival {
        let series = Series::new(
            self.organization.as_str().into(),
            project.into(),
            key.map(Arc::from),
            None,
            "gpt-4o-mini".into(),
            EndpointGroup::ChatCompletions,
        );
        let event = LedgerEvent {
            id: self.store.id_hasher().event(&self.organization, id),
            time,
            series: Arc::new(series),
            usage,
            cost,
            rating: Arc::new(Rating::plain(Rating::OWN)),
            resource: None,
        };
        Arrival { event, position: 0, raw: id.as_bytes().to_vec().into() }
    }

    pub async fn book(&self, ledger: &mut Ledger, events: Vec<Arrival>) -> anyhow::Result<Outcome> {
        let parcel = Parcel { source: "test".into(), events, ..Parcel::default() };
        Ok(ledger.commit(&[parcel], mete_core::Clock::now(&self.clock)).await?)
    }

    /// Spend of a month by something, as `id → amount`.
    pub async fn spend(&self, month: &str, by: SpendBy) -> anyhow::Result<BTreeMap<String, Nanos>> {
        let month: Month = month.parse()?;
        let query = SpendQuery { organization_id: Some(self.organization.clone()), project_ids: None, month, by };
        Ok(self.store.spend(&query).await?.into_iter().map(|row| (row.id, row.spend)).collect())
    }

    pub async fn assert_exact(&self, events: i64, total: Nanos) -> anyhow::Result<()> {
        let verification = self.store.verify().await?;
        assert!(verification.ok, "{verification:?}");
        assert_eq!((verification.events, verification.total), (events, total));
        Ok(())
    }
}
