//! What screens ask: lists a page at a time, courses of spend, who is refused, who runs.

use std::collections::BTreeSet;

use mete_control::{BlockTarget, NewBlockInput, NewOrganizationInput};
use mete_core::directory::KeyStatus;
use mete_core::manual_block::ManualBlockKind;
use mete_core::time::{DAY, HOUR, SECOND};
use mete_core::{Month, Nanos, Usage};
use mete_store::{
    AlertFilter, Arrival, AuditFilter, Cursor, DaemonSeen, EventFilter, EventPlace, KeyOrder, KeyQuery, KeyReach,
    Ledger, ManualBlockFilter, MemberOrder, Page, Paging, Parcel, QuarantineEntry, QuarantineFilter, RefusalCause,
    Seek, ShareKind, Span, SpendOf, Spender, SpenderKind, Store, StoreError,
};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at, operator};

const CENT: Nanos = Nanos(10_000_000);

fn cents(count: i64) -> Nanos {
    Nanos(CENT.0 * count)
}

fn november() -> Month {
    at(NOW).month()
}

/// The rows of all pages, forwards; going back from the last must give the same.
async fn walked<T>(
    limit: u32,
    page: impl AsyncFn(Paging) -> Result<Page<T>, StoreError>,
    id: impl Fn(&T) -> String,
) -> anyhow::Result<Vec<String>> {
    let ids = |page: &Page<T>| page.rows.iter().map(&id).collect::<Vec<_>>();
    let mut pages: Vec<(Vec<String>, Option<Cursor>)> = Vec::new();
    let mut next = Some(Paging::first(limit));
    while let Some(paging) = next {
        let read = page(paging).await?;
        assert_eq!(read.previous.is_some(), !pages.is_empty() && !read.rows.is_empty());
        pages.push((ids(&read), read.previous.clone()));
        next = read.next.map(|cursor| Paging::after(cursor, limit));
    }
    for pair in pages.windows(2) {
        let Some(before) = pair[1].1.clone() else { continue };
        let back = page(Paging::before(before, limit)).await?;
        assert_eq!(ids(&back), pair[0].0, "the way back is the way there");
    }
    let all: Vec<String> = pages.into_iter().flat_map(|(ids, _)| ids).collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "nothing is told twice");
    let last = page(Paging { seek: Seek::Last, limit }).await?;
    assert_eq!(ids(&last), all[all.len().saturating_sub(limit as usize)..], "the last page ends with the last row");
    assert_eq!((last.next, last.previous.is_some()), (None, all.len() > limit as usize));
    Ok(all)
}

fn keys(order: KeyOrder) -> KeyQuery {
    KeyQuery {
        reaches: vec![(KeyReach::All, true)],
        organization_id: None,
        project_id: None,
        owner_id: None,
        status: None,
        text: None,
        order,
        month: november(),
    }
}

async fn key_ids(store: &Store, query: &KeyQuery) -> anyhow::Result<Vec<String>> {
    walked(2, async |paging| store.key_page(query, &paging).await, |line| line.key.id.clone()).await
}

/// Three projects with keys, of which some spent.
async fn some_keys(f: &mut Fixture) -> anyhow::Result<(Vec<String>, Vec<String>, Ledger)> {
    let (mut projects, mut ids) = (Vec::new(), Vec::new());
    for name in ["Support", "Search", "Eval"] {
        let project = f.project(name).await?;
        for _ in 0..3 {
            f.clock.set(mete_core::Clock::now(&f.clock).plus(SECOND));
            ids.push(f.key(&project).await?);
        }
        projects.push(project);
    }
    let mut ledger = Ledger::open(f.store.clone()).await?;
    let spent = [(0, 5), (3, 9), (4, 9), (8, 1)];
    let events = spent.map(|(key, amount)| {
        f.event(&format!("evt_{key}"), "2026-11-20T10:00:00Z", &projects[key / 3], Some(&ids[key]), cents(amount))
    });
    f.book(&mut ledger, events.to_vec()).await?;
    Ok((projects, ids, ledger))
}

each_engine! {
    async fn keys_are_paged_in_every_order(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (projects, ids, mut ledger) = some_keys(&mut f).await?;
        let newest: Vec<String> = ids.iter().rev().cloned().collect();
        assert_eq!(key_ids(&f.store, &keys(KeyOrder::Created)).await?, newest);
        ledger.fold().await?;
        let by_spend = key_ids(&f.store, &keys(KeyOrder::Spend)).await?;
        let dear: BTreeSet<&String> = by_spend[..2].iter().collect();
        assert_eq!(dear, BTreeSet::from([&ids[3], &ids[4]]));
        assert_eq!((&by_spend[2], &by_spend[3], by_spend.len()), (&ids[0], &ids[8], 9));
        let by_use = key_ids(&f.store, &keys(KeyOrder::LastUsed)).await?;
        let used: BTreeSet<&String> = by_use[..4].iter().collect();
        assert_eq!((used, by_use.len()), (BTreeSet::from([&ids[0], &ids[3], &ids[4], &ids[8]]), 9));
        assert_eq!(key_ids(&f.store, &keys(KeyOrder::Name)).await?.len(), 9);

        // What is not folded yet is told, and who may not see the spend learns nothing from the order.
        f.book(&mut ledger, vec![f.event("more", "2026-11-20T11:00:00Z", &projects[0], Some(&ids[0]), cents(1))]).await?;
        let page = f.store.key_page(&keys(KeyOrder::Spend), &Paging::first(9)).await?;
        let spends: Vec<_> = page.rows.iter().map(|line| line.spend.unwrap()).collect();
        assert_eq!(spends[..5], [cents(9), cents(9), cents(6), cents(1), Nanos::ZERO]);
        let mixed = KeyQuery {
            reaches: vec![
                (KeyReach::Projects(vec![projects[0].clone()]), true),
                (KeyReach::Owned { owner_id: page.rows[0].key.owner_id.clone(), project_ids: vec![projects[1].clone()] }, false),
            ],
            ..keys(KeyOrder::Spend)
        };
        let seen = key_ids(&f.store, &mixed).await?;
        assert_eq!((&seen[0], seen.len()), (&ids[0], 6));
        let hidden = f.store.key_page(&mixed, &Paging::first(9)).await?;
        assert!(hidden.rows.iter().all(|line| line.spend.is_some() == (line.key.project_id == projects[0])));
        assert_eq!(hidden.rows[0].project, "Support");
        Ok(())
    }

    async fn keys_are_filtered_and_found_by_their_text(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (projects, ids, mut ledger) = some_keys(&mut f).await?;
        ledger.fold().await?;
        f.control().revoke_key(&operator(), &ids[5]).await?;
        for order in [KeyOrder::Name, KeyOrder::LastUsed, KeyOrder::Created, KeyOrder::Spend] {
            let of = async |query: KeyQuery| {
                let ids = key_ids(&f.store, &query).await?;
                Ok::<_, anyhow::Error>(ids.into_iter().collect::<BTreeSet<_>>())
            };
            let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
            assert_eq!(of(KeyQuery { project_id: Some(projects[1].clone()), ..keys(order) }).await?, set(&ids[3..6]));
            assert_eq!(of(KeyQuery { status: Some(KeyStatus::Revoked), ..keys(order) }).await?, set(&ids[5..6]));
            let organization_id = Some(f.organization.clone());
            assert_eq!(of(KeyQuery { organization_id, ..keys(order) }).await?, set(&ids));
            assert_eq!(of(KeyQuery { organization_id: Some("org-none".into()), ..keys(order) }).await?, set(&[]));
            let redacted = f.store.find_key(&ids[7]).await?.redacted_value;
            let text = Some(redacted[redacted.len() - 4..].to_uppercase());
            assert!(of(KeyQuery { text, ..keys(order) }).await?.contains(&ids[7]));
            let of_project = KeyQuery { text: Some("SUPP".into()), ..keys(order) };
            assert_eq!(of(of_project).await?, set(&ids[0..3]));
            assert_eq!(of(KeyQuery { text: Some("%".into()), ..keys(order) }).await?, set(&[]));
        }
        Ok(())
    }

    async fn r31_events_are_paged_from_rows_and_segments_alike(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (bot, search) = (f.project("Support").await?, f.project("Search").await?);
        let key = f.key(&search).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let usage = Usage { input: 1, ..Usage::default() };
        let event = |number: i64| -> Arrival {
            let time = at("2026-11-19T00:00:00Z").plus(number * 7 * SECOND);
            let (project, key) = if number % 901 == 0 { (&search, Some(key.as_str())) } else { (&bot, None) };
            f.event_with(&format!("evt_{number}"), time, project, key, CENT, usage)
        };
        // Two packed commits that overlap in time, and rows between, before and after them.
        let even: Vec<_> = (0..9000).filter(|number| number % 2 == 0).map(event).collect();
        let odd: Vec<_> = (3000..12_000).filter(|number| number % 2 == 1).map(event).collect();
        f.book(&mut ledger, even).await?;
        f.book(&mut ledger, odd).await?;
        for number in [-5, 10, 4002, 11_990, 12_001] {
            f.book(&mut ledger, vec![event(number * 2 + 100_000), event(number * 2 - 100_000)]).await?;
        }
        ledger.fold().await?;
        let every = EventFilter::default();
        let all = event_places(&f.store, &every, 700).await?;
        assert_eq!(all.len(), 4500 + 4500 + 10);
        assert!(all.is_sorted_by(|a, b| a > b), "the newest first, none twice");
        let of_key = EventFilter { key_id: Some(key.clone()), ..every.clone() };
        let of_project = EventFilter { project_ids: Some(vec![search.clone()]), ..every.clone() };
        let of_both = EventFilter { project_ids: Some(vec![search.clone(), bot.clone()]), ..every.clone() };
        let of_organization = EventFilter { organization_id: Some(f.organization.clone()), ..every.clone() };
        let is_of_key = |n: &i64| n % 901 == 0 && ((*n < 9000 && n % 2 == 0) || (*n >= 3000 && n % 2 == 1));
        let expected = (0..12_000).filter(is_of_key).count();
        assert_eq!(event_places(&f.store, &of_key, 3).await?.len(), expected);
        assert_eq!(event_places(&f.store, &of_project, 3).await?.len(), expected);
        assert_eq!(event_places(&f.store, &of_both, 5000).await?, all);
        assert_eq!(event_places(&f.store, &of_organization, 5000).await?, all);
        let other = EventFilter { model: Some("gpt-9".into()), ..every.clone() };
        assert_eq!(event_places(&f.store, &other, 10).await?, []);
        let first = f.store.event_page(&of_key, None, 1).await?;
        assert_eq!((first.events[0].project.as_str(), first.events[0].member.as_str()), ("Search", ""));
        assert!(!first.events[0].key.is_empty() && !first.is_partial);

        // What comes later is followed; what comes late is told.
        let (top, version) = (all[0], f.store.event_page(&every, None, 1).await?.version);
        let tail = f.store.event_tail(&every, (top, version), 10).await?;
        assert_eq!((tail.page.events.len(), tail.has_late, tail.page.older), (0, false, None));
        f.book(&mut ledger, vec![event(200_000)]).await?;
        let tail = f.store.event_tail(&every, (top, version), 10).await?;
        assert_eq!((tail.page.events.len(), tail.has_late), (1, false));
        f.book(&mut ledger, vec![event(-200_000)]).await?;
        assert!(f.store.event_tail(&every, (top, version), 10).await?.has_late);
        Ok(())
    }

    async fn r33_courses_and_spenders_are_exact_before_and_after_the_fold(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (bot, search) = (f.project("Support").await?, f.project("Search").await?);
        let key = f.key(&bot).await?;
        let below = NewOrganizationInput { name: "Below".into(), owner: "eve@acme.test".into(), parent: Some(f.organization.clone()) };
        let below = f.control().create_organization(&operator(), &below).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let events = vec![
            f.event("a", "2026-11-16T10:20:00Z", &bot, Some(&key), cents(1)),
            f.event("b", "2026-11-23T09:10:00Z", &bot, Some(&key), cents(2)),
            f.event("c", "2026-11-23T10:10:00Z", &bot, None, cents(4)),
            f.event("d", "2026-11-23T10:11:00Z", &search, None, cents(8)),
            f.event("e", "2026-11-16T10:11:00Z", &search, None, cents(16)),
        ];
        let mut of_below = f.event("f", "2026-11-23T10:12:00Z", &below.default_project.id, None, cents(32));
        let mut series = (*of_below.event.series).clone();
        series = mete_core::Series::new(below.organization.id.as_str().into(), series.project, None, None, series.model, series.endpoint);
        of_below.event.series = std::sync::Arc::new(series);
        for (round, events) in [events, vec![of_below]].into_iter().enumerate() {
            f.book(&mut ledger, events).await?;
            if round == 1 {
                courses(&f, [&bot, &search, &key], &below.organization.id).await?;
                ledger.fold().await?;
                courses(&f, [&bot, &search, &key], &below.organization.id).await?;
                assert!(!ledger.fold().await?);
            }
        }
        assert!(f.store.verify().await?.ok);
        Ok(())
    }

    async fn records_are_paged(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (projects, ids, mut ledger) = some_keys(&mut f).await?;
        for (number, project) in projects.iter().enumerate() {
            f.limit(Some(project), Some(1 + number as i64), Some(1)).await?;
            let event = f.event(&format!("over_{number}"), "2026-11-21T10:00:00Z", project, None, Nanos::from_dollars(9));
            f.book(&mut ledger, vec![event]).await?;
        }
        let store = &f.store;
        let audit = async |filter: AuditFilter| {
            let whole = store.audit(&filter).await?.into_iter().map(|entry| entry.hash.to_string()).collect::<BTreeSet<_>>();
            let paged = walked(3, async |paging| store.audit_page(&filter, &paging).await, |entry| entry.hash.to_string()).await?;
            assert_eq!(paged.iter().cloned().collect::<BTreeSet<_>>(), whole);
            Ok::<_, anyhow::Error>(paged.len())
        };
        let all = audit(AuditFilter::default()).await?;
        let organization_id = Some(f.organization.clone());
        let own = audit(AuditFilter { organization_id: organization_id.clone(), ..AuditFilter::default() }).await?;
        assert!(own > 15 && all >= own);
        assert_eq!(audit(AuditFilter { target_id: Some(ids[0].clone()), ..AuditFilter::default() }).await?, 1);
        let seen = Some((vec!["org-none".to_owned()], vec![projects[0].clone()]));
        let of_project = audit(AuditFilter { seen, action: Some("api_key".into()), ..AuditFilter::default() }).await?;
        assert_eq!(of_project, 3);

        let alerts = async |filter: AlertFilter| {
            walked(2, async |paging| store.alert_page(&filter, &paging).await, |alert| alert.id.clone()).await
        };
        assert_eq!(alerts(AlertFilter::default()).await?.len(), store.alerts(&AlertFilter::default()).await?.len());
        let of_one = AlertFilter { scope_ids: Some(vec![projects[0].clone()]), is_open: true, organization_id, ..AlertFilter::default() };
        assert_eq!(alerts(of_one).await?.len(), 2);

        let entry = |position: u64| QuarantineEntry {
            position,
            reason: if position.is_multiple_of(2) { "unknown_model" } else { "malformed" },
            detail: "no".into(),
            raw: vec![b'x'; 2000].into(),
            raw_bytes: 2000,
            spot: None,
        };
        let parcel = Parcel { source: "envoy".into(), quarantine: (0..7).map(entry).collect(), ..Parcel::default() };
        ledger.commit(&[parcel], at(NOW)).await?;
        let filter = QuarantineFilter { reason: Some("unknown_model".into()), ..QuarantineFilter::default() };
        let rows = walked(3, async |paging| store.quarantine_page(&filter, &paging).await, |row| row.id.to_string()).await?;
        let page = store.quarantine_page(&filter, &Paging::first(1)).await?;
        assert_eq!((rows.len(), page.total, page.rows[0].raw.len(), page.rows[0].raw_bytes), (4, Some(4), 512, 2000));

        for order in [MemberOrder::Name, MemberOrder::Spend] {
            let ordered = (order, november());
            let members = walked(1, async |paging| store.member_page(&f.organization, ordered, &paging).await, |line| line.member.id.clone());
            assert_eq!(members.await?.len(), store.organization_members(&f.organization).await?.len());
        }
        Ok(())
    }

    async fn r26_r41_who_is_refused_is_told_with_the_reason(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (projects, ids, mut ledger) = some_keys(&mut f).await?;
        f.limit(Some(&projects[0]), Some(1), None).await?;
        f.book(&mut ledger, vec![f.event("over", "2026-11-21T10:00:00Z", &projects[0], None, Nanos::from_dollars(3))]).await?;
        let place = |target, kind| NewBlockInput { target, kind, reason: "told to".into(), until: None };
        f.control().add_block(&operator(), &place(BlockTarget::Key(ids[0].clone()), ManualBlockKind::Release)).await?;
        f.clock.set(mete_core::Clock::now(&f.clock).plus(SECOND));
        f.control().add_block(&operator(), &place(BlockTarget::Key(ids[3].clone()), ManualBlockKind::Block)).await?;
        f.control().add_block(&operator(), &place(BlockTarget::Project(projects[2].clone()), ManualBlockKind::Block)).await?;
        let now = mete_core::Clock::now(&f.clock);
        let refused = f.store.refusals(Some(&f.organization), now).await?;
        assert_eq!(refused, f.store.refusals(None, now).await?);
        let told: Vec<_> = refused.iter().map(|it| (it.scope, it.scope_id.as_str(), it.keys, it.released, it.until)).collect();
        let end = Some(november().end());
        let budget = ("project", projects[0].as_str(), 3, 1, end);
        let by_hand = [("key", ids[3].as_str(), 1, 0, None), ("project", projects[2].as_str(), 3, 0, None)];
        assert_eq!(told.last(), Some(&budget));
        assert_eq!(told[..2].iter().collect::<BTreeSet<_>>(), by_hand.iter().collect::<BTreeSet<_>>());
        let spend = Some(Nanos::from_dollars(3) + cents(5));
        assert_eq!(refused[2].cause, RefusalCause::Budget { budget: Nanos::from_dollars(1), spend });
        let paged = async |paging: Paging| f.store.manual_block_page(&ManualBlockFilter::default(), &paging).await;
        assert_eq!(walked(1, paged, |block| block.id.clone()).await?.len(), 3);
        assert_eq!(f.store.refusals(None, november().end()).await?.len(), 2, "R26: a new month refuses nobody");
        Ok(())
    }

    async fn daemons_are_seen_until_they_stop(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let seen = |id: &str, seen_at| DaemonSeen {
            id: id.into(), host: "gate-1".into(), version: "1".into(), started_at: at(NOW), seen_at, lag: 7,
        };
        let later = at(NOW).plus(HOUR);
        f.store.write_daemon(&seen("one", at(NOW))).await?;
        f.store.write_daemon(&seen("two", at(NOW))).await?;
        f.store.write_daemon(&seen("two", later)).await?;
        assert_eq!(f.store.daemons().await?, [seen("two", later), seen("one", at(NOW))]);
        f.store.write_daemon(&seen("two", later.plus(7 * DAY))).await?;
        assert_eq!(f.store.daemons().await?.len(), 1, "who was away for a week is forgotten");
        f.store.forget_daemon("two").await?;
        assert!(f.store.daemons().await?.is_empty());
        Ok(())
    }
}

async fn event_places(store: &Store, filter: &EventFilter, limit: usize) -> anyhow::Result<Vec<EventPlace>> {
    let (mut places, mut before) = (Vec::new(), None);
    loop {
        let page = store.event_page(filter, before, limit).await?;
        assert!(page.is_partial || page.events.len() == limit || page.older.is_none());
        places.extend(page.events.iter().map(mete_store::EventLine::place));
        before = page.older;
        if before.is_none() {
            return Ok(places);
        }
    }
}

/// What every scope spent in the hours, days and month of the test's events.
async fn courses(f: &Fixture, [bot, search, key]: [&str; 3], below: &str) -> anyhow::Result<()> {
    let store = &f.store;
    let now = at(NOW);
    let all = [
        (SpendOf::All, vec![17, 2, 44], 63),
        (SpendOf::Organization(f.organization.clone()), vec![17, 2, 44], 63),
        (SpendOf::Organization(below.to_owned()), vec![32], 32),
        (SpendOf::Project(bot.to_owned()), vec![1, 2, 4], 7),
        (SpendOf::Key(key.to_owned()), vec![1, 2], 3),
    ];
    for (of, hours, total) in all {
        let course = async |span| {
            let points = store.course(&of, span).await?;
            Ok::<_, anyhow::Error>(points.into_iter().map(|point| point.spend).collect::<Vec<_>>())
        };
        let hours: Vec<Nanos> = hours.into_iter().map(cents).collect();
        assert_eq!(course(Span::Hours(now.hour() - 170, now.hour())).await?, hours, "{of:?}");
        assert_eq!(course(Span::Days(now.day() - 7, now.day())).await?.into_iter().sum::<Nanos>(), cents(total));
        assert_eq!(course(Span::Month(november())).await?, [cents(total)]);
        assert!(store.habit(&of, now).await?.burn().now > Nanos::ZERO);
    }
    let ids = |rows: Vec<Spender>| rows.into_iter().map(|row| (row.id, row.spend, row.before)).collect::<Vec<_>>();
    let hours = |ago: i64| Span::Hours(now.hour() - ago - 1, now.hour() - ago);
    let own = SpendOf::Organization(f.organization.clone());
    let top = ids(store.spenders((&own, None, SpenderKind::Project), (Span::Month(november()), None), 2).await?);
    assert_eq!((top.len(), top[0].1, top[1].1), (2, cents(32), cents(24)));
    let more = ids(store.spenders((&own, None, SpenderKind::Project), (hours(0), Some(hours(168))), 9).await?);
    assert_eq!(more[1], (bot.to_owned(), cents(6), cents(1)), "Search spent less than the week before");
    assert_eq!(more.len(), 2);
    for (of, span) in [(SpendOf::Project(bot.to_owned()), Span::Month(november())), (SpendOf::All, hours(0))] {
        let top = ids(store.spenders((&of, None, SpenderKind::Share(ShareKind::Model)), (span, None), 9).await?);
        assert_eq!(top.len(), 1, "{of:?} {span:?}");
    }
    let two = store.last_two_hours(now).await?;
    assert_eq!(two.get(bot), Some(&[cents(4), cents(2)]));
    let spends = store
        .scope_spends(&[bot.to_owned(), search.to_owned(), f.organization.clone(), below.to_owned()], november())
        .await?;
    let told = [bot, search, f.organization.as_str(), below].map(|id| spends[id]);
    assert_eq!(told, [cents(7), cents(24), cents(63), cents(32)]);
    let habits = store.habits(&[bot.to_owned(), search.to_owned()], now).await?;
    assert_eq!(habits[bot].burn(), store.habit(&SpendOf::Project(bot.to_owned()), now).await?.burn());
    Ok(())
}
