//! Every list of one organization or one project, on a store with many of each.

use mete_control::host::SystemClock;
use mete_control::{
    BlockTarget, Control, KeyOwner, ListedProjects, NewAdminKeyInput, NewBlockInput, NewInviteInput, NewKeyInput,
    NewOrganizationInput, NewProjectInput, ServiceAccountOf, View,
};
use mete_core::actor::{Actor, Origin};
use mete_core::directory::{KeyStatus, Organization, OrganizationRole, Project, ProjectStatus};
use mete_core::manual_block::ManualBlockKind;
use mete_core::people::ProjectRole;
use mete_core::permissions::Permissions;
use mete_core::{Clock, Month};
use mete_store::{
    AlertFilter, AuditFilter, Cursor, CursorKey, DeliveryFilter, DeliveryState, EventFilter, EventPlace, Extent,
    KeyFilter, KeyOrder, KeyQuery, KeySet, ManualBlockFilter, MemberOrder, Paging, QuarantineFilter, Seek, ShareKind,
    Span, SpendBy, SpenderKind, Store, StoreUrl,
};
use mete_tests::{TestStore, each_engine};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::caught::while_running;
use crate::explain::scans;

const PROJECTS: usize = 40;

struct World {
    store: Store,
    url: StoreUrl,
    operator: Actor,
    /// Owner of one project, member of another, reader of the rest.
    person: Actor,
    organization: Organization,
    project: Project,
}

async fn world(place: &TestStore) -> anyhow::Result<World> {
    let mut random = StdRng::seed_from_u64(1);
    let url: StoreUrl = place.url().parse()?;
    let store = Store::create(&url, &mut random).await?;
    let origin = Origin { os_user: "tester".into(), host: "testbed".into() };
    let operator = Actor::operator(origin.clone());
    let control = Control::new(&store, &SystemClock, &mut random);
    let acme = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
    let organization = control.init(&operator, &acme).await?.organization;
    for number in 0..PROJECTS {
        populate(&control, &operator, &organization, number).await?;
    }
    let person = control.person("m0@acme.test", origin).await?;
    control.set_project_role(&operator, ("Project 0", "m0@acme.test"), ProjectRole::Owner).await?;
    control.add_project_member(&operator, ("Project 1", "m0@acme.test"), ProjectRole::Member).await?;
    let project = store.find_project("Project 0").await?;
    Ok(World { store, url, operator, person, organization, project })
}

/// A project with one of everything.
async fn populate(
    control: &Control<'_>,
    operator: &Actor,
    organization: &Organization,
    number: usize,
) -> anyhow::Result<()> {
    let project = format!("Project {number}");
    control.create_project(operator, &NewProjectInput::named(&organization.id, &project)).await?;
    let email = format!("m{number}@acme.test");
    let key = control.create_key(operator, &NewKeyInput::for_person(&project, &email)).await?.key;
    let of = ServiceAccountOf::Project(project.clone());
    let account = control.create_service_account(operator, &of, &format!("bot {number}")).await?.account;
    let another = NewKeyInput {
        project: project.clone(),
        owner: KeyOwner::ServiceAccount(account.id),
        name: String::new(),
        permissions: Permissions::ALL,
        expires_at: None,
    };
    control.create_key(operator, &another).await?;
    let block = NewBlockInput {
        target: BlockTarget::Key(key.id),
        kind: ManualBlockKind::Block,
        reason: "plans".into(),
        until: None,
    };
    control.add_block(operator, &block).await?;
    let invite = NewInviteInput {
        organization: organization.id.clone(),
        email: format!("new{number}@acme.test"),
        role: OrganizationRole::Reader,
        projects: vec![(project, ProjectRole::Member)],
    };
    control.create_invite(operator, &invite).await?;
    let admin = NewAdminKeyInput {
        organization: organization.id.clone(),
        member: Some(email),
        name: String::new(),
        expires_at: None,
    };
    control.create_admin_key(operator, &admin).await?;
    Ok(())
}

/// Catches and explains what a list sends; tells how many statements there were.
macro_rules! listed {
    ($world:expr, $seen:expr, $name:literal, $list:expr) => {{
        let statements = while_running(async { Ok($list.await.map(drop)?) }).await?;
        assert!(!statements.is_empty(), "{}: no statement was caught", $name);
        for sql in &statements {
            let scans = scans(&$world.url, sql).await?;
            assert!(scans.is_empty(), "{} reads every row: {scans:?}\n{sql}", $name);
        }
        $seen += statements.len();
    }};
}

async fn every_list(world: &World, actor: &Actor) -> anyhow::Result<usize> {
    let (store, organization, project) = (&world.store, &world.organization, &world.project);
    let (now, month): (_, Month) = (SystemClock.now(), SystemClock.now().month());
    let mut seen = 0;
    let view = View::new(store, actor).await?;
    listed!(world, seen, "an organization by name", view.organization("Acme"));
    listed!(world, seen, "a project by name", view.project(None, "Project 1"));
    listed!(world, seen, "a key by name", view.key(&project_key(store, project).await?));
    let active = ListedProjects { organization_id: Some(&organization.id), status: Some(ProjectStatus::Active) };
    listed!(world, seen, "active projects", view.projects(active, month));
    let archived = ListedProjects { status: Some(ProjectStatus::Archived), ..active };
    listed!(world, seen, "archived projects", view.projects(archived, month));
    listed!(world, seen, "an organization", view.organization_view(organization, month));
    listed!(world, seen, "a project", view.project_view(project, month));
    listed!(world, seen, "members of a project", view.project_members(project));
    listed!(world, seen, "candidates", view.candidates(project));
    listed!(world, seen, "service accounts", view.service_accounts(Some(organization), None));
    listed!(world, seen, "service accounts of a project", view.service_accounts(None, Some(project)));
    let of_organization = KeyFilter { organization_id: Some(organization.id.clone()), ..KeyFilter::default() };
    listed!(world, seen, "keys", view.keys(&of_organization));
    let of_project = KeyFilter { project_id: Some(project.id.clone()), ..KeyFilter::default() };
    listed!(world, seen, "keys of a project", view.keys(&of_project));
    listed!(world, seen, "administration keys", view.admin_keys(Some(organization)));
    let blocks = ManualBlockFilter { organization_id: Some(organization.id.clone()), ..ManualBlockFilter::default() };
    listed!(world, seen, "blocks", view.manual_blocks(&blocks));
    listed!(world, seen, "resources", view.resources(project, (None, Some(50))));
    listed!(world, seen, "the audit log", view.audit((Some(organization), None), &AuditFilter::default()));
    listed!(world, seen, "a project's audit log", view.audit((None, Some(project)), &AuditFilter::default()));
    let alerts = AlertFilter { organization_id: Some(organization.id.clone()), ..AlertFilter::default() };
    listed!(world, seen, "alerts", view.alerts(&alerts));
    for by in [SpendBy::Project, SpendBy::Key, SpendBy::Model, SpendBy::Member, SpendBy::Day] {
        listed!(world, seen, "spend", view.spend((Some(organization), None), (month, by)));
        listed!(world, seen, "spend of a project", view.spend((None, Some(project)), (month, by)));
    }
    listed!(world, seen, "own organizations", view.organizations(month));
    seen += every_page(world, actor).await?;
    seen += every_course(world, actor).await?;
    if actor.user_id().is_none() {
        listed!(world, seen, "members", view.organization_members(organization));
        listed!(world, seen, "invites", view.invites(organization, now));
    } else {
        listed!(world, seen, "the person's sight", View::new(store, actor));
    }
    Ok(seen)
}

/// The lists that are read a page at a time: the first page, one behind a row, and one before it.
async fn every_page(world: &World, actor: &Actor) -> anyhow::Result<usize> {
    let (organization, project) = (&world.organization, &world.project);
    let (now, month): (_, Month) = (SystemClock.now(), SystemClock.now().month());
    let mut seen = 0;
    let view = View::new(&world.store, actor).await?;
    let number = Cursor { key: CursorKey::Number(now.0 / 2), id: "m".into() };
    let name = Cursor { key: CursorKey::Text("m".into()), id: "m".into() };
    let around =
        |cursor: &Cursor| [Paging::first(20), Paging::after(cursor.clone(), 20), Paging::before(cursor.clone(), 20)];
    for order in [KeyOrder::Name, KeyOrder::LastUsed, KeyOrder::Created, KeyOrder::Spend] {
        for organization_id in [None, Some(organization.id.clone())] {
            for project_id in [None, Some(project.id.clone())] {
                let query = KeyQuery {
                    reaches: Vec::new(),
                    organization_id: organization_id.clone(),
                    project_id,
                    owner_id: None,
                    status: Some(KeyStatus::Active),
                    text: Some("bot".into()),
                    order,
                    month,
                };
                for paging in around(if order == KeyOrder::Name { &name } else { &number }) {
                    listed!(world, seen, "a page of keys", view.key_page(&query, &paging));
                }
            }
        }
    }
    let record = Cursor { id: "org-1:5".into(), ..number.clone() };
    for (number, record) in around(&number).iter().zip(&around(&record)) {
        listed!(
            world,
            seen,
            "a page of audit",
            view.audit_page((Some(organization), None), &AuditFilter::default(), record)
        );
        listed!(world, seen, "a page of all audit", view.audit_page((None, None), &AuditFilter::default(), record));
        listed!(
            world,
            seen,
            "a page of a project's audit",
            view.audit_page((None, Some(project)), &AuditFilter::default(), record)
        );
        listed!(world, seen, "a page of alerts", view.alert_page(&AlertFilter::default(), number));
        listed!(world, seen, "a page of blocks", view.manual_block_page(&ManualBlockFilter::default(), number));
        if actor.user_id().is_none() {
            let entry = match &number.seek {
                Seek::First | Seek::Last => number.clone(),
                Seek::After(at) => Paging::after(Cursor { id: "5".into(), ..at.clone() }, 20),
                Seek::Before(at) => Paging::before(Cursor { id: "5".into(), ..at.clone() }, 20),
            };
            listed!(world, seen, "a page of quarantine", view.quarantine_page(&QuarantineFilter::default(), &entry));
            listed!(world, seen, "a page of invites", view.invite_page(None, number, now));
            listed!(
                world,
                seen,
                "a page of an organization's invites",
                view.invite_page(Some(organization), number, now)
            );
            listed!(
                world,
                seen,
                "a page of members",
                view.member_page(organization, (MemberOrder::Spend, month), number)
            );
        }
    }
    Ok(seen)
}

/// Courses of spend, spenders, events, and what is shown first.
async fn every_course(world: &World, actor: &Actor) -> anyhow::Result<usize> {
    let (organization, project) = (&world.organization, &world.project);
    let (now, month): (_, Month) = (SystemClock.now(), SystemClock.now().month());
    let mut seen = 0;
    let view = View::new(&world.store, actor).await?;
    let own = (None, Some(project));
    let (hours, days) = (Span::Hours(now.hour() - 24, now.hour()), Span::Days(now.day() - 30, now.day()));
    for span in [hours, days, Span::Month(month)] {
        listed!(world, seen, "a project's course", view.course(own, span));
        listed!(world, seen, "an organization's course", view.course((Some(organization), None), span));
        listed!(world, seen, "a key's course", view.key_course(&project_key(&world.store, project).await?, span));
        for kind in [SpenderKind::Project, SpenderKind::Share(ShareKind::Key), SpenderKind::Share(ShareKind::Model)] {
            listed!(world, seen, "a project's spenders", view.spenders((None, Some(project), kind), (span, None), 10));
            listed!(
                world,
                seen,
                "what changed",
                view.spenders((Some(organization), None, kind), (span, Some(span)), 10)
            );
            listed!(
                world,
                seen,
                "an organization's spenders",
                view.spenders((Some(organization), None, kind), (span, None), 10)
            );
        }
    }
    let key_id = Some(world.store.find_key(&project_key(&world.store, project).await?).await?.id);
    for filter in [EventFilter::default(), EventFilter { key_id, ..EventFilter::default() }] {
        listed!(world, seen, "events", view.event_page((None, None), (&filter, None), 20));
        let after = (EventPlace { time: now, id: mete_core::EventId(1) }, 0);
        listed!(world, seen, "events that came", view.event_tail((None, None), (&filter, after), 20));
    }
    listed!(world, seen, "a project's events", view.event_page(own, (&EventFilter::default(), None), 20));
    let waiting = DeliveryFilter { state: Some(DeliveryState::Waiting), ..DeliveryFilter::default() };
    listed!(world, seen, "deliveries that wait", world.store.deliveries(&waiting, 50));
    let of_alert = DeliveryFilter { alert_id: Some("alert_1".into()), ..DeliveryFilter::default() };
    listed!(world, seen, "an alert's deliveries", world.store.deliveries(&of_alert, 50));
    listed!(world, seen, "outlooks", view.outlooks((Some(organization), None), now));
    listed!(world, seen, "who is refused", view.refusals(Some(organization), now));
    listed!(world, seen, "what is shown first", view.pulse(Some(organization), (now, 40)));
    listed!(world, seen, "what a month came to", view.pulse_of(Some(organization), month.previous(), (now, 40)));
    Ok(seen)
}

async fn project_key(store: &Store, project: &Project) -> anyhow::Result<String> {
    let of_project = KeyFilter { project_id: Some(project.id.clone()), ..KeyFilter::default() };
    Ok(store.keys(&of_project).await?.remove(0).redacted_value)
}

each_engine! {
    async fn every_list_is_served_by_an_index(place: &TestStore) -> anyhow::Result<()> {
        let world = world(place).await?;
        assert!(every_list(&world, &world.operator).await? > 30);
        assert!(every_list(&world, &world.person).await? > 30);
        world.store.close().await;
        Ok(())
    }

    async fn keys_that_changed_are_found_by_an_index(place: &TestStore) -> anyhow::Result<()> {
        let world = world(place).await?;
        let (store, project) = (&world.store, &world.project);
        let of_project = KeyFilter { project_id: Some(project.id.clone()), ..KeyFilter::default() };
        let keys = store.keys(&of_project).await?;
        let [one, other] = [0, 1].map(|number| KeySet::of_key(keys[number].id.clone()));
        let owner = KeySet::of_owner(keys[0].owner_id.clone(), project.organization_id.clone());
        let mut seen = 0;
        for set in [one.clone().and(other), KeySet::of_project(project.id.clone()).and(one), owner] {
            listed!(world, seen, "changed keys for attribution", store.each_key_record(Some(&set), drop));
            // Organizations, projects and what is ruled for them are read as a whole, keys are not.
            let statements =
                while_running(async { Ok(store.gate_changes(&Extent::Keys(set), 0).await.map(drop)?) }).await?;
            let of_keys: Vec<_> = statements.iter().filter(|sql| sql.contains("api_key")).collect();
            for sql in &of_keys {
                let scans = scans(&world.url, sql).await?;
                assert!(scans.is_empty(), "changed keys for the gate: {scans:?}\n{sql}");
            }
            seen += of_keys.len();
        }
        assert!(seen >= 4 * 4, "{seen} statements");
        world.store.close().await;
        Ok(())
    }
}
