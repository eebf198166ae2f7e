//! Exactly once (R31), by month, day and hour (R32, R33), quarantine (R34).

use mete_core::time::SECOND;
use mete_core::{Nanos, Usage};
use mete_store::{Ledger, Parcel, Position, QuarantineEntry, SpendBy, Store};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at};

const DOLLAR: Nanos = Nanos::from_dollars(1);

each_engine! {
    async fn r31_an_event_counts_once_however_often_it_arrives(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let event = f.event("evt_1", NOW, &project, None, DOLLAR);
        // twice in one batch, again in the next, again after a restart, through another writer
        let outcome = f.book(&mut ledger, vec![event.clone(), event.clone()]).await?;
        assert_eq!((outcome.tallies[0].accepted, outcome.tallies[0].duplicates), (1, 1));
        let outcome = f.book(&mut ledger, vec![event.clone()]).await?;
        assert_eq!((outcome.tallies[0].accepted, outcome.tallies[0].duplicates), (0, 1));
        let mut other = Ledger::open(f.store.clone()).await?;
        let outcome = f.book(&mut other, vec![event.clone()]).await?;
        assert_eq!(outcome.tallies[0].duplicates, 1);
        f.assert_exact(1, DOLLAR).await?;
        ledger.fold().await?;
        f.assert_exact(1, DOLLAR).await
    }

    async fn r31_a_copy_with_another_time_is_the_same_event_for_a_day_around(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let (mut first, mut second) = (Ledger::open(f.store.clone()).await?, Ledger::open(f.store.clone()).await?);
        f.book(&mut first, vec![f.event("evt_1", "2026-11-20T12:00:00Z", &project, None, DOLLAR)]).await?;
        for time in ["2026-11-19T12:00:01Z", "2026-11-20T12:00:07Z", "2026-11-21T11:59:59.999999Z"] {
            // the other writer has not seen the event in its own memory
            let outcome = f.book(&mut second, vec![f.event("evt_1", time, &project, None, DOLLAR)]).await?;
            assert_eq!(outcome.tallies[0].duplicates, 1, "{time}");
        }
        f.assert_exact(1, DOLLAR).await
    }

    async fn r31_a_batch_that_spans_decades_is_still_exact(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let times = ["1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z", NOW];
        for writer in 0..2_u64 {
            let mut ledger = Ledger::open(f.store.clone()).await?;
            let events = times.iter().map(|time| f.event(time, time, &project, None, DOLLAR)).collect();
            let outcome = f.book(&mut ledger, events).await?;
            assert_eq!(outcome.tallies[0].duplicates, writer * 3);
        }
        f.assert_exact(3, Nanos::from_dollars(3)).await
    }

    async fn r31_writers_learn_of_each_others_events(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let (mut a, mut b) = (Ledger::open(f.store.clone()).await?, Ledger::open(f.store.clone()).await?);
        for n in 0..10 {
            let id = format!("evt_{n}");
            let (one, other) = if n % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
            f.book(one, vec![f.event(&id, "2026-11-20T12:00:00Z", &project, None, DOLLAR)]).await?;
            let outcome = f.book(other, vec![f.event(&id, "2026-11-20T12:00:09Z", &project, None, DOLLAR)]).await?;
            assert_eq!(outcome.tallies[0].duplicates, 1);
            assert_eq!(outcome.spends.len(), 0);
        }
        let outcome = f.book(&mut b, vec![f.event("last", NOW, &project, None, DOLLAR)]).await?;
        assert_eq!(outcome.spends[0].spend, Nanos::from_dollars(11));
        f.assert_exact(11, Nanos::from_dollars(11)).await
    }

    async fn r31_a_later_copy_amends_in_whatever_order_the_copies_arrive(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let copy = |id: &str, seconds: i64, output: u64| {
            let usage = Usage { input: 10, output, ..Usage::default() };
            f.event_with(id, at(NOW).plus(seconds * SECOND), &project, None, Nanos(output.cast_signed() * 1000), usage)
        };
        // as it streams; backwards; all in one batch; a batch each
        let streams = [[1, 5, 240], [240, 5, 1], [5, 240, 1]];
        let mut amended = 0;
        for (n, outputs) in streams.iter().enumerate() {
            for together in [true, false] {
                let id = format!("msg_{n}_{together}");
                let copies: Vec<_> = outputs.iter().map(|output| copy(&id, i64::try_from(*output).unwrap() / 5, *output)).collect();
                if together {
                    amended += f.book(&mut ledger, copies).await?.tallies[0].amended;
                } else {
                    for copy in copies {
                        let mut other = Ledger::open(f.store.clone()).await?;
                        amended += f.book(&mut other, vec![copy]).await?.tallies[0].amended;
                    }
                }
            }
        }
        assert_eq!(amended, 2 * (2 + 1), "as it streams twice, backwards never, mixed once");
        let spend = f.spend("2026-11", SpendBy::Model).await?;
        assert_eq!(spend["gpt-4o-mini"], Nanos(6 * 240_000));
        ledger.fold().await?;
        f.assert_exact(6, Nanos(6 * 240_000)).await
    }

    async fn r31_a_copy_for_another_project_or_key_is_a_conflict(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (one, other) = (f.project("One").await?, f.project("Other").await?);
        let mut ledger = Ledger::open(f.store.clone()).await?;
        f.book(&mut ledger, vec![f.event("evt_1", NOW, &one, Some("key_a"), DOLLAR)]).await?;
        let copies = vec![
            f.event("evt_1", NOW, &other, None, DOLLAR),
            f.event("evt_1", NOW, &one, Some("key_b"), DOLLAR),
            f.event("evt_1", NOW, &one, None, DOLLAR),
        ];
        let outcome = f.book(&mut ledger, copies).await?;
        assert_eq!((outcome.tallies[0].quarantined, outcome.tallies[0].duplicates), (2, 1));
        let rows = f.store.quarantine(10).await?;
        assert!(rows.iter().all(|row| row.reason == "conflict" && row.raw == b"evt_1"), "{rows:?}");
        f.assert_exact(1, DOLLAR).await
    }

    async fn r32_events_count_to_the_month_day_and_hour_of_their_own_time(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let times = [
            "2026-10-31T23:59:59.999999Z",
            "2026-11-01T00:00:00Z",
            "2026-11-30T23:59:59.999999Z",
            "2026-12-01T00:00:00Z",
            "2026-12-31T23:59:59.999999Z",
            "2027-01-01T00:00:00Z",
            "2028-02-29T23:59:59.999999Z",
            "2028-03-01T00:00:00Z",
        ];
        for (n, time) in times.iter().enumerate() {
            let cost = Nanos(1 << n);
            f.book(&mut ledger, vec![f.event(time, time, &project, None, cost)]).await?;
        }
        for folded in [false, true] {
            if folded {
                assert!(ledger.fold().await?);
                assert!(!ledger.fold().await?);
            }
            for (month, total) in [("2026-10", 1), ("2026-11", 6), ("2026-12", 24), ("2027-01", 32), ("2028-02", 64), ("2028-03", 128)] {
                assert_eq!(f.spend(month, SpendBy::Project).await?.values().copied().sum::<Nanos>(), Nanos(total), "{month}");
            }
            let days = f.spend("2026-11", SpendBy::Day).await?;
            assert_eq!(days.into_iter().collect::<Vec<_>>(), [("2026-11-01".to_owned(), Nanos(2)), ("2026-11-30".to_owned(), Nanos(4))]);
            let hours = f.spend("2028-02", SpendBy::Hour).await?;
            assert_eq!(hours.into_iter().collect::<Vec<_>>(), [("2028-02-29T23".to_owned(), Nanos(64))]);
            f.assert_exact(8, Nanos(255)).await?;
        }
        Ok(())
    }

    async fn r34_what_is_quarantined_is_kept_once_with_its_raw_text(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let entry = QuarantineEntry {
            position: 17,
            reason: "not_json",
            detail: "no JSON \0 here".into(),
            raw: [b"\xff\0{".as_slice(), &vec![b'x'; 100_000]].concat().into(),
            raw_bytes: 10_485_760,
            spot: None,
        };
        let parcel = Parcel { source: "file".into(), quarantine: vec![entry], ..Parcel::default() };
        for _ in 0..2 {
            let outcome = ledger.commit(std::slice::from_ref(&parcel), at(NOW)).await?;
            assert_eq!(outcome.tallies[0].quarantined, 1);
        }
        let rows = f.store.quarantine(10).await?;
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].position, rows[0].raw_bytes, rows[0].reason.as_str()), (17, 10_485_760, "not_json"));
        assert_eq!(rows[0].text().chars().count(), mete_store::RAW_LIMIT);
        Ok(())
    }

    async fn positions_move_with_the_events_and_are_undone_with_them(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let position = |offset| Some(Position { identity: "dev:1".into(), path: "/var/log/a".into(), offset, trail: Some(-7) });
        let good = f.event("evt_1", NOW, &project, None, DOLLAR);
        let lost = f.event("evt_2", NOW, "proj_that_is_not_there", None, DOLLAR);
        let parcel = |events, offset| Parcel { source: "a".into(), events, position: position(offset), ..Parcel::default() };
        ledger.commit(&[parcel(vec![good.clone()], 100)], at(NOW)).await?;
        assert!(ledger.commit(&[parcel(vec![lost], 200)], at(NOW)).await.is_err());
        assert_eq!(f.store.positions("a").await?[0].offset, 100);
        // what the failed commit learnt inside its transaction is forgotten
        let outcome = ledger.commit(&[parcel(vec![good], 300)], at(NOW)).await?;
        assert_eq!(outcome.tallies[0].duplicates, 1);
        assert_eq!(f.store.positions("a").await?[0].offset, 300);
        f.assert_exact(1, DOLLAR).await
    }

    async fn r18_last_use_is_kept_to_the_minute(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let key = f.key("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        for (n, time) in ["2026-11-23T10:14:31Z", "2026-11-23T10:12:00Z"].into_iter().enumerate() {
            f.book(&mut ledger, vec![f.event(&n.to_string(), time, &project, Some(&key), DOLLAR)]).await?;
            ledger.fold().await?;
            assert_eq!(f.store.find_key(&key).await?.last_used_at, Some(at("2026-11-23T10:14:00Z")));
        }
        Ok(())
    }

    async fn a_store_opens_again_and_refuses_to_open_what_is_none(place: &TestStore) -> anyhow::Result<()> {
        let url = place.url().parse()?;
        let error = Store::open(&url).await.unwrap_err();
        assert!(error.to_string().contains("mete init"), "{error}");
        let f = Fixture::new(place).await?;
        let again = Store::open(&url).await?;
        assert_eq!(again.id_hasher().event("a", "b"), f.store.id_hasher().event("a", "b"));
        Ok(())
    }
}
