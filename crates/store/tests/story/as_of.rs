//! What was spent by an instant, from whole hours and from events, rows and segments alike.

use mete_core::time::{HOUR, MINUTE, SECOND};
use mete_core::{Nanos, Timestamp, Usage};
use mete_store::{Arrival, Ledger, SpendRow, SpentBefore};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, at};

const CENT: Nanos = Nanos(10_000_000);

/// Events three seconds apart, each of a cent: enough of them are packed.
fn many(f: &Fixture, project: &str, start: Timestamp, count: u64) -> Vec<Arrival> {
    let usage = Usage { input: 100, output: 7, ..Usage::default() };
    let event = |number: u64| {
        let time = start.plus(number.cast_signed() * 3 * SECOND);
        f.event_with(&format!("{project} {number}"), time, project, None, CENT, usage)
    };
    (0..count).map(event).collect()
}

fn total(rows: &[SpendRow]) -> Nanos {
    rows.iter().map(|row| row.spend).sum()
}

async fn cents(f: &Fixture, scope: &str, time: &str) -> anyhow::Result<i64> {
    let spent: SpentBefore = f.store.spent_before(scope, at(time)).await?;
    assert!(spent.is_exact);
    let sums = [spent.keys(), spent.models(), spent.members(), spent.projects()].map(|rows| total(&rows));
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    Ok(sums[0].0 / CENT.0)
}

each_engine! {
    async fn r32_what_was_spent_by_an_instant_is_told_by_the_times_of_events(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (bot, other) = (f.project("Bot").await?, f.project("Search").await?);
        let key = f.key(&bot).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        for (id, time, project, key) in [
            ("before", "2026-10-31T23:59:59Z", &bot, None),
            ("a", "2026-11-01T00:00:00Z", &bot, None),
            ("b", "2026-11-20T09:59:59Z", &bot, Some(key.as_str())),
            ("c", "2026-11-20T10:30:00Z", &bot, Some(key.as_str())),
            ("d", "2026-11-20T10:30:00.000001Z", &other, None),
            ("e", "2026-11-20T11:00:00Z", &bot, None),
        ] {
            f.book(&mut ledger, vec![f.event(id, time, project, key, CENT)]).await?;
        }
        let organization = f.organization.clone();
        for (time, of_bot, of_all) in [
            ("2026-10-31T23:59:59Z", 1, 1),
            ("2026-11-01T00:00:00Z", 1, 1),
            ("2026-11-20T09:59:58Z", 1, 1),
            ("2026-11-20T10:00:00Z", 2, 2),
            ("2026-11-20T10:29:59Z", 2, 2),
            ("2026-11-20T10:30:00Z", 3, 3),
            ("2026-11-20T10:30:01Z", 3, 4),
            ("2026-11-20T11:00:00Z", 4, 5),
        ] {
            assert_eq!((cents(&f, &bot, time).await?, cents(&f, &organization, time).await?), (of_bot, of_all), "{time}");
        }
        // What comes late, and what is amended, counts at the event's time; folded or not.
        f.book(&mut ledger, vec![f.event("late", "2026-11-20T10:10:00Z", &bot, None, CENT)]).await?;
        let mut amended = f.event("c", "2026-11-20T10:30:01Z", &bot, Some(key.as_str()), Nanos(CENT.0 * 5));
        amended.event.usage.output += 1;
        assert_eq!(f.book(&mut ledger, vec![amended]).await?.tallies[0].amended, 1);
        for _ in 0..2 {
            assert_eq!(cents(&f, &bot, "2026-11-20T10:29:59Z").await?, 3);
            assert_eq!(cents(&f, &bot, "2026-11-20T10:30:00Z").await?, 8);
            assert_eq!(cents(&f, &bot, "2026-11-21T00:00:00Z").await?, 9);
            ledger.fold().await?;
        }
        let keys = f.store.spent_before(&bot, at("2026-11-20T10:45:00Z")).await?.keys();
        let of_key = keys.iter().find(|row| row.id == key).map(|row| (row.spend, row.requests));
        assert_eq!(of_key, Some((Nanos(CENT.0 * 6), 2)));
        Ok(())
    }

    async fn r32_packed_events_are_told_by_their_times_too(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (bot, other) = (f.project("Bot").await?, f.project("Search").await?);
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let start = at("2026-11-20T00:00:00Z");
        f.book(&mut ledger, many(&f, &bot, start, 3_000)).await?;
        f.book(&mut ledger, many(&f, &other, start, 2_000)).await?;
        for minutes in [0, 1, 30, 59, 60, 61, 90, 149, 150, 600] {
            let time = start.plus(minutes * MINUTE);
            let expected = |most: i64| (minutes * 20 + 1).min(most);
            let of = async |scope: &str| cents(&f, scope, &time.to_string()).await;
            assert_eq!(of(&bot).await?, expected(3_000), "{minutes}");
            assert_eq!(of(&f.organization).await?, expected(3_000) + expected(2_000), "{minutes}");
        }
        assert_eq!(cents(&f, &bot, &start.plus(HOUR - 1).to_string()).await?, 1_200);
        Ok(())
    }
}
