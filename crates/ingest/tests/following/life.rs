//! One life of a follower, and what it hands over.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use mete_control::{Control, NewOrganizationInput, NewProjectInput};
use mete_core::actor::{Actor, Origin};
use mete_core::{Clock, ManualClock};
use mete_ingest::attribution::{Directories, Home};
use mete_ingest::committer::Delivery;
use mete_ingest::reader::{Reader, Settings};
use mete_ingest::sources::{Feed, Follower};
use mete_prices::Catalogue;
use mete_store::{Parcel, Position, Store};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// More parcels than a look ever hands over here.
const MANY: usize = 10_000;

/// What every life needs: a directory with one project, and a clock.
pub struct Place {
    pub runtime: Runtime,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub organization: String,
    catalogue: Arc<Catalogue>,
}

impl Place {
    pub fn new(folder: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let clock = Arc::new(ManualClock::new("2026-11-23T10:00:00Z".parse()?));
        let mut random = StdRng::seed_from_u64(1);
        let url = format!("sqlite:{}", folder.join("mete.db").display());
        let (store, organization) = runtime.block_on(async {
            let store = Store::create(&url.parse()?, &mut random).await?;
            let control = Control::new(&store, &*clock, &mut random);
            let operator = Actor::operator(Origin { os_user: "test".into(), host: "test".into() });
            let acme = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
            let organization = control.init(&operator, &acme).await?.organization.id;
            control.create_project(&operator, &NewProjectInput::named(&organization, "Bot")).await?;
            Ok::<_, anyhow::Error>((store, organization))
        })?;
        Ok(Self { runtime, store, clock, organization, catalogue: Arc::new(Catalogue::bundled()) })
    }

    /// A feed of the project Bot, and what comes out of it.
    pub fn feed(&self, stop: CancellationToken) -> Result<(Feed, mpsc::Receiver<Delivery>)> {
        let home =
            Home { organization: Some(self.organization.clone()), project: Some("Bot".into()), ..Home::default() };
        let settings = Settings { name: "usage".into(), home, ..Settings::default() };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let reader = Reader::new(
            settings,
            Directories::new(self.store.clone()),
            Arc::clone(&self.catalogue),
            Arc::clone(&clock),
        );
        let reader = self.runtime.block_on(reader)?;
        let (queue, deliveries) = mpsc::channel(MANY);
        Ok((Feed::new(reader, queue, clock, stop), deliveries))
    }
}

/// A follower that is alive.
pub struct Life {
    follower: Follower,
    deliveries: mpsc::Receiver<Delivery>,
}

impl Life {
    pub fn begin(place: &Place, pattern: &str, positions: &[Position]) -> Result<Self> {
        let (feed, deliveries) = place.feed(CancellationToken::new())?;
        Ok(Self { follower: Follower::new(feed, pattern, positions)?, deliveries })
    }

    /// Looks once; returns what it handed over, and whether there is more.
    pub fn look(&mut self) -> Result<(Vec<Parcel>, bool)> {
        let has_more = self.follower.look()?.has_more;
        let mut parcels = Vec::new();
        while let Ok(delivery) = self.deliveries.try_recv() {
            parcels.push(delivery.parcel);
        }
        Ok((parcels, has_more))
    }
}
