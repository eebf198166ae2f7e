//! Rating a month anew (R35).

use std::sync::Arc;

use anyhow::{Context as _, Result};
use mete_control::{LimitChange, LimitsOf, RerateInput, RerateReport};
use mete_core::actor::Actor;
use mete_core::{Clock, EndpointGroup, EventId, LedgerEvent, Nanos, Rating, Series, Usage};
use mete_prices::{Catalogue, Pricer, Query};
use mete_store::{Arrival, AuditFilter, KeptEvent, Ledger, NewCost, Outcome, Parcel, Rerate};
use mete_tests::{TestStore, each_engine};

use crate::world::{DANA, Ground, World, at, november, operator, refused};

/// 10,000 input and 1,000 output tokens.
const USED: Usage = Usage {
    input: 10_000,
    cached_input: 0,
    cache_write: 0,
    cache_write_1h: 0,
    output: 1_000,
    reasoning: 0,
    audio_input: 0,
    audio_output: 0,
    images: 0,
    milliseconds: 0,
    searches: 0,
    bytes: 0,
};

const THEN: &str = "2026-11-05T08:00:00Z";

fn bundled() -> Arc<Catalogue> {
    Arc::new(Catalogue::bundled())
}

/// gpt-4o-mini at twice its price in the catalogue, and gpt-4o for nothing.
fn doubled() -> Arc<Catalogue> {
    let toml = "[[model]]\nmatch = \"gpt-4o-mini\"\ninput = \"0.3\"\noutput = \"1.2\"\n\
                [[model]]\nmatch = \"gpt-4o\"\ninput = \"0\"\noutput = \"0\"\n";
    Arc::new(Catalogue::with_overrides(toml).unwrap())
}

fn month() -> RerateInput {
    RerateInput { month: november(), model: None, own: false }
}

/// An event to be counted.
struct Spec<'a> {
    id: &'a str,
    project: &'a str,
    model: &'a str,
    time: &'a str,
    /// A cost that it brings along.
    own: Option<&'a str>,
    usage: Usage,
}

impl<'a> Spec<'a> {
    const fn new(id: &'a str, project: &'a str, model: &'a str) -> Self {
        Self { id, project, model, time: THEN, own: None, usage: USED }
    }
}

/// The event as a source would hand it over, at the catalogue's price or at its own.
fn arrival(world: &World<'_>, spec: &Spec<'_>) -> Arrival {
    let time = at(spec.time);
    let query = Query { model: spec.model, provider: None, tier: None, batch: false, time, usage: &spec.usage };
    let (cost, version): (Nanos, Arc<str>) = match spec.own {
        Some(own) => (own.parse().unwrap(), Rating::OWN.into()),
        None => {
            let price = Pricer::new(bundled()).price(&query).unwrap();
            (price.cost, price.version)
        }
    };
    let series = Series::new(
        world.org().into(),
        spec.project.into(),
        None,
        None,
        spec.model.into(),
        EndpointGroup::ChatCompletions,
    );
    let event = LedgerEvent {
        id: id(world, spec.id),
        time,
        series: Arc::new(series),
        usage: spec.usage,
        cost,
        rating: Arc::new(Rating { version, ..Rating::plain("") }),
        resource: None,
    };
    Arrival { event, position: 0, raw: spec.id.as_bytes().to_vec().into() }
}

fn id(world: &World<'_>, id: &str) -> EventId {
    world.store.id_hasher().event(world.org(), id)
}

async fn count(world: &World<'_>, specs: &[Spec<'_>]) -> Result<Outcome> {
    let events = specs.iter().map(|spec| arrival(world, spec)).collect();
    let parcel = Parcel { source: "test".into(), events, ..Parcel::default() };
    Ok(Ledger::open(world.store.clone()).await?.commit(&[parcel], world.clock.now()).await?)
}

/// Four events that a doubled gpt-4o-mini and a free gpt-4o change, and some that they do not.
async fn stage(world: &World<'_>) -> Result<()> {
    let specs = [
        Spec::new("a", &world.bot, "gpt-4o-mini"),
        Spec::new("b", &world.bot, "gpt-4o-mini"),
        Spec::new("c", &world.side, "gpt-4o-mini"),
        Spec::new("d", &world.bot, "gpt-4o"),
        Spec::new("unchanged", &world.bot, "gpt-5"),
        Spec { own: Some("0.5"), ..Spec::new("own", &world.bot, "gpt-4o-mini") },
        Spec { own: Some("0.7"), ..Spec::new("nowhere", &world.bot, "some-internal-model") },
        Spec { time: "2026-10-31T23:59:59Z", ..Spec::new("october", &world.bot, "gpt-4o-mini") },
    ];
    let outcome = count(world, &specs).await?;
    assert_eq!(outcome.tallies[0].accepted, specs.len() as u64);
    Ok(())
}

/// November's events as they are kept now, by time and id.
async fn kept(world: &World<'_>) -> Result<Vec<KeptEvent>> {
    let (mut events, mut place) = (Vec::new(), None);
    loop {
        let page = world.store.kept_events(november(), place, 100).await?;
        events.extend(page.events);
        place = page.next;
        if place.is_none() {
            events.sort_by_key(|event| (event.time, event.id));
            return Ok(events);
        }
    }
}

/// What each project spent in November, by its id.
async fn spent(world: &World<'_>) -> Result<Vec<(String, Nanos)>> {
    let spends = world.store.month_spends(november()).await?;
    let mut spent: Vec<_> = spends.into_iter().map(|it| (it.project_id.to_string(), it.spend)).collect();
    spent.sort();
    Ok(spent)
}

fn of(spent: &[(String, Nanos)], project: &str) -> Nanos {
    spent.iter().filter(|it| it.0 == project).map(|it| it.1).sum()
}

async fn assert_clean(world: &World<'_>) -> Result<()> {
    let verified = world.store.verify().await?;
    assert!(verified.ok, "{verified:?}");
    world.assert_chained().await
}

/// What is booked, told or not, without what tells one run from another.
fn figures(report: &RerateReport) -> serde_json::Value {
    let mut value = serde_json::to_value(report).unwrap();
    for field in ["run", "alerts"] {
        value.as_object_mut().unwrap().remove(field);
    }
    value
}

async fn done(world: &World<'_>, input: &RerateInput, prices: Arc<Catalogue>) -> Result<(RerateReport, Rerate)> {
    let report = world.control.rerate(&operator(), input, prices).await?;
    let run = report.run.clone().context("nothing was booked")?;
    Ok((report, run))
}

each_engine! {
    async fn r35_a_dry_run_tells_what_is_booked(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let before = spent(&world).await?;

        let planned = world.control.plan_rerate(&operator(), &month(), doubled()).await?;
        assert_eq!(spent(&world).await?, before);
        assert!(planned.run.is_none() && world.store.rerates().await?.is_empty());
        // 10,000 at 0.15 and 1,000 at 0.6 a million are 0.0021, three times; gpt-4o at 2.5 and 10 is 0.035. The world
        // itself has booked one request that brought its cost along.
        let row = |row: &mete_control::RerateRow| (row.project_name.clone(), row.model.clone(), row.events, row.difference);
        let rows: Vec<_> = planned.rows.iter().map(row).collect();
        let nanos = |text: &str| text.parse::<Nanos>().unwrap();
        assert_eq!(rows, [
            ("Bot".into(), "gpt-4o".into(), 1, nanos("-0.035")),
            ("Bot".into(), "gpt-4o-mini".into(), 2, nanos("0.0042")),
            ("Side".into(), "gpt-4o-mini".into(), 1, nanos("0.0021")),
        ]);
        assert_eq!((planned.looked_at, planned.events, planned.own, planned.moved), (8, 4, 3, 0));
        assert_eq!(planned.difference, planned.after - planned.before);

        let (booked, run) = done(&world, &month(), doubled()).await?;
        assert_eq!(figures(&booked), figures(&planned));
        assert_eq!((run.events, run.difference, run.undone_at), (4, planned.difference, None));
        let after = spent(&world).await?;
        assert_eq!(of(&after, &world.bot) - of(&before, &world.bot), nanos("-0.0308"));
        assert_eq!(of(&after, &world.side) - of(&before, &world.side), nanos("0.0021"));
        assert_eq!(world.store.rerates().await?, [run]);
        assert_clean(&world).await?;

        // It is done: the same again finds nothing, and is no run.
        let again = world.control.rerate(&operator(), &month(), doubled()).await?;
        assert!(again.run.is_none() && again.rows.is_empty() && again.looked_at == 8, "{again:?}");
        assert_eq!(spent(&world).await?, after);
        Ok(())
    }

    async fn r35_what_has_no_price_now_stays_and_is_told(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let input = RerateInput { own: true, ..month() };
        let planned = world.control.plan_rerate(&operator(), &input, bundled()).await?;
        let [unpriced] = &planned.unpriced[..] else { panic!("{planned:?}") };
        assert_eq!((unpriced.model.as_str(), unpriced.events, unpriced.cost), ("some-internal-model", 1, "0.7".parse()?));
        assert!(unpriced.reason.contains("some-internal-model"), "{}", unpriced.reason);
        // With --own the price of the catalogue takes the place of the cost that came along.
        let (booked, _) = done(&world, &input, bundled()).await?;
        assert_eq!(figures(&booked), figures(&planned));
        let own = booked.rows.iter().find(|row| row.model == "gpt-4o-mini").context("the own cost is missing")?;
        assert_eq!((own.events, own.before, own.after), (1, "0.5".parse()?, "0.0021".parse()?));
        assert_eq!((booked.own, booked.unpriced.len()), (0, 1));
        assert_clean(&world).await
    }

    async fn r35_one_model_can_be_rated_alone(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let input = RerateInput { model: Some("GPT-4o-MINI".into()), ..month() };
        let (booked, run) = done(&world, &input, doubled()).await?;
        assert_eq!((booked.looked_at, booked.events, booked.own), (4, 3, 1));
        assert!(booked.rows.iter().all(|row| row.model == "gpt-4o-mini"));
        assert_eq!(run.model.as_deref(), Some("GPT-4o-MINI"));
        // October costs what it did.
        let october = RerateInput { month: "2026-10".parse()?, ..month() };
        assert_eq!(world.control.plan_rerate(&operator(), &october, doubled()).await?.events, 1);
        Ok(())
    }

    async fn r35_a_run_that_is_undone_leaves_the_totals_of_before(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let before = spent(&world).await?;
        let input = RerateInput { own: true, ..month() };
        let events = kept(&world).await?;
        let (_, run) = done(&world, &input, doubled()).await?;
        let undone = world.control.undo_rerate(&operator(), None, None).await?;
        assert_eq!((undone.run.id.as_str(), undone.events, undone.skipped), (run.id.as_str(), run.events, 0));
        assert_eq!(undone.difference, -run.difference);
        assert_eq!(spent(&world).await?, before);
        // How they were rated is as before as well.
        let told = |events: &[KeptEvent]| -> Vec<_> {
            events.iter().map(|it| (it.id, it.cost, it.usage, it.rating.version.clone())).collect()
        };
        assert_eq!(told(&kept(&world).await?), told(&events));
        assert_clean(&world).await?;
        refused(world.control.undo_rerate(&operator(), Some(&run.id), None).await, "conflict", "already");
        refused(world.control.undo_rerate(&operator(), None, None).await, "not_found", "no run");
        refused(world.control.undo_rerate(&operator(), Some("rerate_x"), None).await, "not_found", "rerate_x");
        // What was undone can be done again, and undone again.
        let (_, second) = done(&world, &input, doubled()).await?;
        assert_eq!((second.events, second.difference), (run.events, run.difference));
        assert_eq!(world.control.undo_rerate(&operator(), Some(&second.id), None).await?.events, run.events);
        assert_eq!(spent(&world).await?, before);
        assert_clean(&world).await
    }

    async fn r31_a_copy_that_comes_after_a_run_changes_nothing(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        done(&world, &month(), doubled()).await?;
        let after = spent(&world).await?;
        // Cheaper than the copy says, and dearer.
        let copies = [Spec::new("a", &world.bot, "gpt-4o-mini"), Spec::new("d", &world.bot, "gpt-4o")];
        let tally = count(&world, &copies).await?.tallies[0];
        assert_eq!((tally.accepted, tally.amended, tally.duplicates), (0, 0, 2), "{tally:?}");
        assert_eq!(spent(&world).await?, after);
        world.control.undo_rerate(&operator(), None, None).await?;
        let tally = count(&world, &copies).await?.tallies[0];
        assert_eq!((tally.accepted, tally.amended, tally.duplicates), (0, 0, 2), "{tally:?}");
        assert_clean(&world).await
    }

    async fn r35_what_was_amended_since_is_not_undone(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let (_, run) = done(&world, &month(), doubled()).await?;
        let more = Usage { output: 2_000, ..USED };
        let amended = Spec { usage: more, time: THEN, ..Spec::new("a", &world.bot, "gpt-4o-mini") };
        assert_eq!(count(&world, &[amended]).await?.tallies[0].amended, 1);
        let cost = |events: &[KeptEvent], event: EventId| events.iter().find(|it| it.id == event).unwrap().cost;
        let a = id(&world, "a");
        // 10,000 at 0.15 and 2,000 at 0.6 a million: an amendment is rated when it arrives.
        assert_eq!(cost(&kept(&world).await?, a), "0.0027".parse()?);
        let undone = world.control.undo_rerate(&operator(), None, Some(november())).await?;
        assert_eq!((undone.events, undone.skipped), (run.events - 1, 1));
        let events = kept(&world).await?;
        assert_eq!((cost(&events, a), cost(&events, id(&world, "b"))), ("0.0027".parse()?, "0.0021".parse()?));
        assert_clean(&world).await
    }

    async fn r35_an_event_that_moved_meanwhile_is_left(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let events = kept(&world).await?;
        let found = events.iter().find(|it| it.id == id(&world, "a")).context("a is missing")?;
        let change = NewCost {
            time: found.time,
            id: found.id,
            was: found.cost,
            usage: found.usage,
            cost: Nanos(1),
            rating: Arc::clone(&found.rating),
        };
        let stale = NewCost { usage: Usage { output: 7, ..found.usage }, ..change.clone() };
        let dearer = NewCost { was: Nanos(2), ..change.clone() };
        let before = spent(&world).await?;
        let mut ledger = Ledger::open(world.store.clone()).await?;
        let booked = ledger.rerate("rerate_test", &[stale, dearer], world.clock.now()).await?;
        assert_eq!(booked.moved, [found.id, found.id]);
        assert_eq!(spent(&world).await?, before);
        let booked = ledger.rerate("rerate_test", &[change], world.clock.now()).await?;
        assert_eq!(booked.moved, []);
        assert_clean(&world).await
    }

    async fn r35_a_run_that_was_interrupted_goes_on(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let planned = world.control.plan_rerate(&operator(), &month(), doubled()).await?;
        // As a run that was killed after its first step: one event is corrected, and the run is not finished.
        let events = kept(&world).await?;
        let found = events.iter().find(|it| it.id == id(&world, "a")).context("a is missing")?;
        let run = Rerate {
            id: "rerate_killed".into(),
            month: november(),
            model: None,
            actor: "tester".into(),
            started_at: world.clock.now(),
            finished_at: None,
            undone_at: None,
            events: 0,
            difference: Nanos::ZERO,
        };
        let mut tx = world.store.begin().await?;
        tx.insert_rerate(&run).await?;
        tx.commit().await?;
        let change = NewCost {
            time: found.time,
            id: found.id,
            was: found.cost,
            usage: found.usage,
            cost: "0.0042".parse()?,
            rating: Arc::new(Rating { version: "override".into(), ..Rating::clone(&found.rating) }),
        };
        Ledger::open(world.store.clone()).await?.rerate(&run.id, &[change], world.clock.now()).await?;

        let (rest, finished) = done(&world, &month(), doubled()).await?;
        assert_eq!((rest.events, finished.id.as_str()), (planned.events - 1, "rerate_killed"));
        // The run is told as a whole.
        assert_eq!((finished.events, finished.difference), (planned.events, planned.difference));
        assert_eq!(world.control.undo_rerate(&operator(), None, None).await?.events, planned.events);
        assert_clean(&world).await
    }

    async fn r27_alerts_and_blocks_follow_a_run(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        let specs = [Spec { usage: Usage { input: 100_000_000, ..USED }, ..Spec::new("big", &world.bot, "gpt-4o-mini") }];
        count(&world, &specs).await?;
        let change = LimitChange { budget: Some(Some(Nanos::from_dollars(20))), ..LimitChange::default() };
        world.control.set_limits(&operator(), &LimitsOf::Project(world.bot.clone()), &change).await?;
        let (booked, _) = done(&world, &month(), doubled()).await?;
        let raised: Vec<_> = booked.alerts.iter().map(|alert| alert.scope_id.as_str()).collect();
        assert_eq!(raised, [world.bot.as_str()]);
        let actor = operator();
        let view = world.view(&actor).await?;
        assert!(view.blocked_since(&world.bot, november()).await?.is_some());
        world.control.undo_rerate(&operator(), None, None).await?;
        assert!(view.blocked_since(&world.bot, november()).await?.is_none());
        Ok(())
    }

    async fn r42_a_run_is_in_the_chains_of_all_that_it_touches(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let (_, run) = done(&world, &month(), doubled()).await?;
        world.control.undo_rerate(&operator(), None, None).await?;
        let entries = async |organization: &str| -> Result<Vec<(String, String)>> {
            let filter = AuditFilter {
                organization_id: Some(organization.into()),
                action: Some("rerate".into()),
                ..AuditFilter::default()
            };
            let entries = world.store.audit(&filter).await?;
            assert!(entries.iter().all(|it| it.record.target_id == run.id && it.record.target_name == "2026-11"));
            Ok(entries.into_iter().map(|it| (it.record.action, it.record.change.to_string())).collect())
        };
        let of_acme = entries(world.org()).await?;
        let actions: Vec<_> = of_acme.iter().map(|entry| entry.0.as_str()).collect();
        assert_eq!(actions, ["rerate.undone", "rerate.finished"]);
        assert!(of_acme[1].1.contains(&run.difference.to_string()), "{of_acme:?}");
        let of_all: Vec<_> = entries("").await?.into_iter().map(|entry| entry.0).collect();
        assert_eq!(of_all, ["rerate.undone", "rerate.finished", "rerate.started"]);
        assert_eq!(entries(&world.umbrella.organization.id).await?, []);
        Ok(())
    }

    async fn r45_rating_anew_is_the_operators(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        stage(&world).await?;
        let before = spent(&world).await?;
        let dana = world.person(DANA).await?;
        let admin = world.admin_key(world.org(), DANA).await?;
        for actor in [&dana, &admin] as [&Actor; 2] {
            refused(world.control.plan_rerate(actor, &month(), doubled()).await, "not_permitted", "operator");
            refused(world.control.rerate(actor, &month(), doubled()).await, "not_permitted", "operator");
            refused(world.control.undo_rerate(actor, None, None).await, "not_permitted", "operator");
        }
        assert_eq!(spent(&world).await?, before);
        let filter = AuditFilter {
            organization_id: Some(String::new()),
            action: Some("rerate".into()),
            ..AuditFilter::default()
        };
        // Attempts at a change are on record, a look is not.
        let tried: Vec<_> = world.store.audit(&filter).await?.into_iter().map(|it| it.record.action).collect();
        assert_eq!(tried, ["rerate.undone", "rerate.started", "rerate.undone", "rerate.started"]);
        Ok(())
    }

    async fn r35_a_month_of_many_events_is_rated_in_steps(store: &TestStore) -> Result<()> {
        let mut ground = Ground::new(store).await?;
        let world = ground.world().await?;
        // Many at the same instant: a step may end between them.
        let ids: Vec<String> = (0..11_000).map(|number| format!("event {number}")).collect();
        let times = [THEN, "2026-11-05T08:00:01Z", "2026-11-20T00:00:00Z"];
        let specs: Vec<Spec<'_>> = ids
            .iter()
            .enumerate()
            .map(|(number, id)| Spec { time: times[number % 3], ..Spec::new(id, &world.bot, "gpt-4o-mini") })
            .collect();
        count(&world, &specs).await?;
        let before = spent(&world).await?;
        let input = RerateInput { model: Some("gpt-4o-mini".into()), ..month() };
        let planned = world.control.plan_rerate(&operator(), &input, doubled()).await?;
        assert_eq!((planned.events, planned.difference), (11_000, "23.1".parse()?));
        let (booked, _) = done(&world, &input, doubled()).await?;
        assert_eq!(figures(&booked), figures(&planned));
        assert_eq!(of(&spent(&world).await?, &world.bot) - of(&before, &world.bot), "23.1".parse()?);
        assert_eq!(world.control.undo_rerate(&operator(), None, None).await?.events, 11_000);
        assert_eq!(spent(&world).await?, before);
        assert_clean(&world).await
    }
}
