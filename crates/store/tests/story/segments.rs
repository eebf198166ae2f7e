//! Commits that are large enough to be packed: the same rules hold for what is in segments (R31, R35), and months leave
//! with their seals.

use std::sync::Arc;

use mete_core::actor::{Actor, Origin};
use mete_core::event::Resource;
use mete_core::time::{DAY, HOUR, MINUTE, SECOND};
use mete_core::{Month, Nanos, Rating, Timestamp, Usage};
use mete_store::{Arrival, AuditFilter, KeptEvent, Ledger, NewCost, Setting, SpendBy, Store};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at};

/// More than one segment of them.
const MANY: u64 = 10_000;

const CENT: Nanos = Nanos(10_000_000);

/// Events three seconds apart from `start` on, each of a cent; every hundredth names a file and stores bytes.
fn many(f: &Fixture, project: &str, start: Timestamp, count: u64) -> Vec<Arrival> {
    let event = |number: u64| {
        let time = start.plus(number.cast_signed() * 3 * SECOND);
        let mut usage = Usage { input: 100 + number % 50, output: number % 7, ..Usage::default() };
        if number.is_multiple_of(100) {
            usage.bytes = 10;
        }
        let mut arrival = f.event_with(&format!("evt_{}_{number}", start.0), time, project, None, CENT, usage);
        if usage.bytes != 0 {
            arrival.event.resource =
                Some(Box::new(Resource { kind: "file".into(), id: format!("file-{}", number % 1000) }));
        }
        arrival
    };
    (0..count).map(event).collect()
}

fn cents(count: u64) -> Nanos {
    Nanos(CENT.0 * count.cast_signed())
}

async fn all(store: &Store, month: &str) -> anyhow::Result<Vec<KeptEvent>> {
    let month: Month = month.parse()?;
    let (mut events, mut after) = (Vec::new(), None);
    loop {
        let page = store.kept_events(month, after, 500).await?;
        events.extend(page.events);
        after = page.next;
        if after.is_none() {
            return Ok(events);
        }
    }
}

each_engine! {
    async fn r31_packed_events_are_recognised_amended_and_contradicted(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (project, other) = (f.project("Support bot").await?, f.project("Search").await?);
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let events = many(&f, &project, at("2026-11-20T00:00:00Z"), MANY);
        let outcome = f.book(&mut ledger, events.clone()).await?;
        assert_eq!(outcome.tallies[0].accepted, MANY);
        f.assert_exact(MANY.cast_signed(), cents(MANY)).await?;

        // Copies with the same and with another time; a later state; another project; something new between them.
        let mut copies = events[100..300].to_vec();
        copies.extend(events[5000..5100].iter().cloned().map(|mut copy| {
            copy.event.time = copy.event.time.plus(20 * HOUR);
            copy
        }));
        let mut amended = events[9000].clone();
        amended.event.time = amended.event.time.plus(MINUTE);
        (amended.event.usage.output, amended.event.cost) = (500, Nanos(CENT.0 * 3));
        let contradiction = f.event_with(
            &format!("evt_{}_7", at("2026-11-20T00:00:00Z").0), events[7].event.time, &other, None, CENT, events[7].event.usage);
        copies.extend([amended, contradiction, f.event("new", "2026-11-20T01:00:00Z", &project, None, CENT)]);
        for writer in [&mut ledger, &mut Ledger::open(f.store.clone()).await?] {
            let tally = f.book(writer, copies.clone()).await?.tallies[0];
            assert_eq!(tally.duplicates + tally.amended + tally.accepted, 302);
            assert_eq!(tally.quarantined, 1);
        }
        f.assert_exact(MANY.cast_signed() + 1, cents(MANY + 3)).await?;
        let spend = f.spend("2026-11", SpendBy::Project).await?;
        assert_eq!(spend.get(&project), Some(&cents(MANY + 3)));
        Ok(())
    }

    async fn r31_an_id_is_another_event_more_than_a_day_apart(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        f.book(&mut ledger, many(&f, &project, at("2026-11-10T00:00:00Z"), 2000)).await?;
        let again = |days: i64, micros: i64| {
            let mut copies = many(&f, &project, at("2026-11-10T00:00:00Z"), 2000);
            copies.iter_mut().for_each(|copy| copy.event.time = copy.event.time.plus(days * DAY + micros));
            copies
        };
        assert_eq!(f.book(&mut ledger, again(1, 0)).await?.tallies[0].duplicates, 2000);
        assert_eq!(f.book(&mut ledger, again(1, 1)).await?.tallies[0].accepted, 2000);
        // Both at once, in one batch, are two events and their copies.
        let both = [again(4, 0), again(6, 0), again(4, 5)].concat();
        let tally = f.book(&mut ledger, both).await?.tallies[0];
        assert_eq!((tally.accepted, tally.duplicates), (4000, 2000));
        f.assert_exact(8000, cents(8000)).await
    }

    async fn r31_writers_that_pack_the_same_events_at_once_count_them_once(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let events = many(&f, &project, at("2026-11-20T00:00:00Z"), 6000);
        let mut writers = Vec::new();
        for _ in 0..3 {
            writers.push(Ledger::open(f.store.clone()).await?);
        }
        let [a, b, c] = writers.as_mut_slice() else { anyhow::bail!("three writers") };
        // Overlapping thirds, at the same time.
        let (x, y, z) = tokio::join!(
            f.book(a, events[..3000].to_vec()),
            f.book(b, events[2000..5000].to_vec()),
            f.book(c, events[1000..].to_vec()),
        );
        let accepted: u64 = [x?, y?, z?].iter().map(|outcome| outcome.tallies[0].accepted).sum();
        assert_eq!(accepted, 6000);
        f.assert_exact(6000, cents(6000)).await
    }

    async fn r35_a_run_corrects_packed_events_and_their_copies_change_nothing(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let mut events = many(&f, &project, at("2026-11-20T00:00:00Z"), 3000);
        let old = Arc::new(Rating::plain("catalogue 1"));
        events.iter_mut().for_each(|arrival| arrival.event.rating = Arc::clone(&old));
        f.book(&mut ledger, events.clone()).await?;
        f.book(&mut ledger, vec![f.event("alone", "2026-11-21T00:00:00Z", &project, None, CENT)]).await?;

        let kept = all(&f.store, "2026-11").await?;
        assert_eq!(kept.len(), 3001);
        assert_eq!(kept.iter().map(|event| event.cost).sum::<Nanos>(), cents(3001));
        let new = Arc::new(Rating::plain("catalogue 2"));
        let changes: Vec<NewCost> = kept
            .iter()
            .filter(|event| !event.rating.is_own())
            .map(|event| NewCost {
                time: event.time,
                id: event.id,
                was: event.cost,
                usage: event.usage,
                cost: Nanos(CENT.0 * 2),
                rating: Arc::clone(&new),
            })
            .collect();
        let rerated = ledger.rerate("rerate_1", &changes, at(NOW)).await?;
        assert_eq!((changes.len(), rerated.moved.len()), (3000, 0));
        f.assert_exact(3001, cents(6001)).await?;
        // The same again finds events that are not what they were.
        assert_eq!(ledger.rerate("rerate_2", &changes, at(NOW)).await?.moved.len(), 3000);

        // A copy with the old price, before and after the writer has forgotten everything.
        for writer in [&mut ledger, &mut Ledger::open(f.store.clone()).await?] {
            assert_eq!(f.book(writer, events.clone()).await?.tallies[0].duplicates, 3000);
        }
        let of_run = f.store.rerated_events("rerate_1", None, 10_000).await?;
        assert_eq!(of_run.len(), 3000);
        assert!(of_run.iter().all(|it| it.difference == CENT && *it.rating_before == *old && *it.event.rating == *new));
        f.assert_exact(3001, cents(6001)).await
    }

    async fn months_leave_with_their_seals(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        f.book(&mut ledger, many(&f, &project, at("2026-08-31T20:00:00Z"), 9000)).await?;
        f.book(&mut ledger, vec![f.event("alone", "2026-08-02T00:00:00Z", &project, None, CENT)]).await?;
        let mut later = many(&f, &project, at("2026-08-31T20:00:00Z"), 9000)[50].clone();
        (later.event.time, later.event.cost) = (later.event.time.plus(1), Nanos(CENT.0 * 2));
        later.event.usage.bytes = 25;
        assert_eq!(f.book(&mut ledger, vec![later]).await?.tallies[0].amended, 1);
        let before = (f.store.verify().await?, f.spend("2026-08", SpendBy::Project).await?, f.store.project_bytes().await?);
        assert!(before.0.ok);

        let mut tx = f.store.begin().await?;
        tx.set_setting(Setting::RetentionMonths, 2).await?;
        tx.commit().await?;
        let daemon = Actor::daemon(Origin { os_user: "mete".into(), host: "testbed".into() });
        // Until the third month after, nothing is old enough.
        assert!(!f.store.retain(at("2026-10-31T23:59:59Z"), &daemon).await?.more);
        let now = at("2026-11-01T00:00:00Z");
        let (mut sealed, mut dropped) = (Vec::new(), Vec::new());
        loop {
            let step = f.store.retain(now, &daemon).await?;
            sealed.extend(step.sealed);
            dropped.extend(step.dropped);
            // The proof holds in the middle of it.
            assert!(f.store.verify().await?.ok);
            if !step.more {
                break;
            }
        }
        let august: Month = "2026-08".parse()?;
        assert_eq!((sealed, dropped), (vec![august], vec![august]));
        let log = f.store.audit(&AuditFilter { action: Some("month".into()), ..AuditFilter::default() }).await?;
        let record = &log[0].record;
        assert_eq!((log.len(), record.action.as_str(), record.target_name.as_str()), (1, "month.sealed", "2026-08"));
        assert_eq!((record.actor_kind.as_str(), record.at, record.organization_id.as_str()), ("daemon", now, ""));
        assert!(record.change["after"]["events"].as_i64() > Some(0), "{record:?}");
        assert!(f.store.verify_audit(None).await?.iter().all(|chain| chain.breaks.is_empty()));
        let verification = f.store.verify().await?;
        assert_eq!((verification.total, verification.sealed_months), (before.0.total, 1));
        assert!(verification.events < before.0.events && verification.events > 0);
        assert_eq!(f.spend("2026-08", SpendBy::Project).await?, before.1, "roll-ups stay");
        assert_eq!(f.store.project_bytes().await?, before.2);
        assert!(f.store.kept_events(august, None, 10).await.is_err(), "nothing is left to rate anew");

        // What comes later for it cannot be counted, and spoils nothing.
        let events = vec![
            f.event("alone", "2026-08-02T00:00:00Z", &project, None, CENT),
            f.event("new", "2026-09-01T03:00:00Z", &project, None, CENT),
        ];
        for writer in [&mut ledger, &mut Ledger::open(f.store.clone()).await?] {
            let outcome = f.book(writer, events.clone()).await?;
            assert_eq!(outcome.tallies[0].quarantined, 1);
            assert_eq!(outcome.conflicts[0].1.reason, "closed_month");
        }
        assert!(f.store.verify().await?.ok);
        Ok(())
    }
}
