//! A small deployment to act in: the organization Acme with somebody in each role, and Umbrella beside it.

use std::sync::Arc;

use mete_control::{
    Control, ControlError, CreatedKey, CreatedOrganization, NewAdminKeyInput, NewInviteInput, NewKeyInput,
    NewOrganizationInput, NewProjectInput, View,
};
use mete_core::actor::{Actor, Origin};
use mete_core::audit::AuditEntry;
use mete_core::directory::{ApiKey, KeyStatus, OrganizationRole};
use mete_core::event::Resource;
use mete_core::people::{Invite, ProjectRole};
use mete_core::{Clock, EndpointGroup, LedgerEvent, ManualClock, Month, Nanos, Rating, Series, Timestamp, Usage};
use mete_store::{Arrival, AuditFilter, Ledger, Parcel, Store};
use mete_tests::TestStore;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// When every test begins.
pub const NOW: &str = "2026-11-23T10:15:00Z";

/// Owns Acme.
pub const DANA: &str = "dana@acme.test";
/// Owns the project Bot.
pub const OLGA: &str = "olga@acme.test";
/// Is a member of the project Bot.
pub const MIA: &str = "mia@acme.test";
/// Is in Acme and not in Bot; owns the project Side, which is to give no right in Bot.
pub const REY: &str = "rey@acme.test";
/// Owns Umbrella, and is not in Acme.
pub const OTTO: &str = "otto@umbrella.test";

/// From where everybody acts.
pub fn here() -> Origin {
    Origin { os_user: "tester".into(), host: "testbed".into() }
}

/// Who acts where no test is about who acts.
pub fn operator() -> Actor {
    Actor::operator(here())
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn november() -> Month {
    "2026-11".parse().unwrap()
}

/// Asserts that something was refused with this code, in words that have `words` in them.
#[track_caller]
pub fn refused<T>(outcome: Result<T, ControlError>, code: &str, words: &str) {
    let Err(error) = outcome else { panic!("it was not refused, and should be: {code}, {words}") };
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error:?} does not say {words:?}");
}

/// What a world stands on.
pub struct Ground {
    store: Store,
    clock: ManualClock,
    random: StdRng,
}

impl Ground {
    pub async fn new(place: &TestStore) -> anyhow::Result<Self> {
        let mut random = StdRng::seed_from_u64(7);
        let store = Store::create(&place.url().parse()?, &mut random).await?;
        Ok(Self { store, clock: ManualClock::new(at(NOW)), random })
    }

    /// The world with everybody of this module's constants in their place.
    pub async fn world(&mut self) -> anyhow::Result<World<'_>> {
        let Self { store, clock, random } = self;
        let control = Control::new(store, clock, random);
        let made =
            |name: &str, owner: &str| NewOrganizationInput { name: name.into(), owner: owner.into(), parent: None };
        let acme = control.init(&operator(), &made("Acme", DANA)).await?;
        let umbrella = control.create_organization(&operator(), &made("Umbrella", OTTO)).await?;
        let mut world = World { store, clock, control, acme, umbrella, bot: String::new(), side: String::new() };
        for email in [OLGA, MIA, REY] {
            world.join(email, OrganizationRole::Reader).await?;
        }
        world.bot = world.project("Bot").await?;
        world.side = world.project("Side").await?;
        world.add(&world.bot, OLGA, ProjectRole::Owner).await?;
        world.add(&world.bot, MIA, ProjectRole::Member).await?;
        world.add(&world.side, REY, ProjectRole::Owner).await?;
        world.book(&world.side, 3, None).await?;
        Ok(world)
    }
}

/// The deployment, and how to act in it.
pub struct World<'a> {
    pub store: &'a Store,
    pub clock: &'a ManualClock,
    pub control: Control<'a>,
    pub acme: CreatedOrganization,
    pub umbrella: CreatedOrganization,
    /// A project of Acme.
    pub bot: String,
    /// Another one.
    pub side: String,
}

impl World<'_> {
    /// Acme's id.
    pub fn org(&self) -> &str {
        &self.acme.organization.id
    }

    /// The id of Acme's default project.
    pub fn default_project(&self) -> &str {
        &self.acme.default_project.id
    }

    pub async fn person(&self, email: &str) -> anyhow::Result<Actor> {
        Ok(self.control.person(email, here()).await?)
    }

    /// A person through an administration key of an organization.
    pub async fn admin_key(&self, organization: &str, email: &str) -> anyhow::Result<Actor> {
        let input = NewAdminKeyInput {
            organization: organization.into(),
            member: Some(email.into()),
            name: String::new(),
            expires_at: None,
        };
        let made = self.control.create_admin_key(&operator(), &input).await?;
        Ok(self.control.admin_key_actor(made.secret.reveal(), here()).await?)
    }

    pub async fn view<'b>(&'b self, actor: &'b Actor) -> Result<View<'b>, ControlError> {
        View::new(self.store, actor).await
    }

    pub async fn invite(&self, email: &str, role: OrganizationRole) -> anyhow::Result<Invite> {
        Ok(self.control.create_invite(&operator(), &self.invitation(email, role, &[])).await?)
    }

    /// An invite to Acme, to be made.
    pub fn invitation(&self, email: &str, role: OrganizationRole, projects: &[(&str, ProjectRole)]) -> NewInviteInput {
        NewInviteInput {
            organization: self.org().into(),
            email: email.into(),
            role,
            projects: projects.iter().map(|(project, role)| ((*project).to_owned(), *role)).collect(),
        }
    }

    /// Makes somebody a member of Acme.
    pub async fn join(&self, email: &str, role: OrganizationRole) -> anyhow::Result<()> {
        let invite = self.invite(email, role).await?;
        self.control.accept_invite(&operator(), &invite.id, email).await?;
        Ok(())
    }

    pub async fn project(&self, name: &str) -> anyhow::Result<String> {
        Ok(self.control.create_project(&operator(), &NewProjectInput::named(self.org(), name)).await?.id)
    }

    pub async fn add(&self, project: &str, email: &str, role: ProjectRole) -> anyhow::Result<()> {
        self.control.add_project_member(&operator(), (project, email), role).await?;
        Ok(())
    }

    /// A person's key in a project.
    pub async fn key(&self, project: &str, email: &str) -> anyhow::Result<CreatedKey> {
        Ok(self.control.create_key(&operator(), &NewKeyInput::for_person(project, email)).await?)
    }

    pub async fn key_now(&self, id: &str) -> anyhow::Result<ApiKey> {
        Ok(self.store.find_key(id).await?)
    }

    pub async fn status(&self, id: &str) -> anyhow::Result<KeyStatus> {
        Ok(self.key_now(id).await?.status)
    }

    /// The whole audit log of Acme, newest first.
    pub async fn audit(&self) -> anyhow::Result<Vec<AuditEntry>> {
        let filter = AuditFilter { organization_id: Some(self.org().into()), ..AuditFilter::default() };
        Ok(self.store.audit(&filter).await?)
    }

    /// The newest entry of Acme's audit log.
    pub async fn last_entry(&self) -> anyhow::Result<AuditEntry> {
        let newest = self.audit().await?.into_iter().max_by_key(|entry| entry.seq);
        newest.ok_or_else(|| anyhow::anyhow!("the audit log is empty"))
    }

    /// Asserts that no chain is broken (R42).
    pub async fn assert_chained(&self) -> anyhow::Result<()> {
        for chain in self.store.verify_audit(None).await? {
            assert_eq!(chain.breaks, [], "{chain:?}");
        }
        Ok(())
    }

    /// Books one request of `dollars` on a project of Acme, with the resource that it names.
    pub async fn book(&self, project: &str, dollars: i64, file: Option<&str>) -> anyhow::Result<()> {
        let organization: Arc<str> = self.org().into();
        let series =
            Series::new(organization, project.into(), None, None, "gpt-4o".into(), EndpointGroup::ChatCompletions);
        let id = format!("{project} {dollars} {file:?}");
        let event = LedgerEvent {
            id: self.store.id_hasher().event(self.org(), &id),
            time: self.clock.now(),
            series: Arc::new(series),
            usage: Usage { input: 100, output: 10, ..Usage::default() },
            cost: Nanos::from_dollars(dollars),
            rating: Arc::new(Rating::plain(Rating::OWN)),
            resource: file.map(|id| Box::new(Resource { kind: "file".into(), id: id.into() })),
        };
        let arrival = Arrival { event, position: 0, raw: id.into_bytes().into() };
        let parcel = Parcel { source: "test".into(), events: vec![arrival], ..Parcel::default() };
        Ledger::open(self.store.clone()).await?.commit(&[parcel], self.clock.now()).await?;
        Ok(())
    }
}
