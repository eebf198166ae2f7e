//! What came from each source on each day.

use mete_core::time::{DAY, HOUR, SECOND};
use mete_core::{Clock, Nanos};
use mete_store::{Ledger, Parcel, Position, QuarantineEntry, ReadCounts, SourceFilter};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at};

each_engine! {
    async fn what_came_is_counted_by_source_and_day_of_arrival(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let now = f.clock.now();
        let event = |id: &str, ahead: i64| {
            f.event_with(id, now.plus(ahead), &project, None, Nanos(5), mete_core::Usage::default())
        };
        let bad = QuarantineEntry {
            position: 0,
            reason: "not_json",
            detail: String::new(),
            raw: b"x".to_vec().into(),
            raw_bytes: 1,
            spot: None,
        };
        let parcel = |events| Parcel {
            source: "a".into(),
            events,
            quarantine: vec![bad.clone()],
            position: Some(Position { identity: "dev:1".into(), path: "/var/log/a".into(), offset: 100, trail: None }),
            read: ReadCounts { lines: 9, ignored: 2, cost_differs: 1 },
            ..Parcel::default()
        };
        let first = parcel(vec![event("1", 0), event("2", -DAY), event("3", -DAY - 1), event("4", SECOND), event("1", 0)]);
        let other = Parcel { source: "b".into(), ..parcel(vec![event("5", -HOUR)]) };
        ledger.commit(&[first, other], now).await?;
        ledger.commit(&[parcel(vec![])], now.plus(SECOND)).await?;
        ledger.commit(&[parcel(vec![event("6", 0)])], now.plus(DAY)).await?;

        let days = f.store.source_days(&SourceFilter::default()).await?;
        let of: Vec<_> = days.iter().map(|day| (day.source.as_str(), day.day - now.day())).collect();
        assert_eq!(of, [("a", 1), ("a", 0), ("b", 0)]);
        let today = &days[1];
        assert_eq!((today.lines, today.ignored, today.cost_differs, today.quarantined), (18, 4, 2, 2));
        assert_eq!((today.accepted, today.duplicates, today.amended), (4, 1, 0));
        assert_eq!((today.late, today.early, today.spend), (1, 1, Nanos(20)));
        assert_eq!((today.last_at, today.last_event_at), (now.plus(SECOND), Some(now.plus(SECOND))));
        assert_eq!((days[0].late, days[0].accepted, days[2].last_event_at), (0, 1, Some(now.plus(-HOUR))));

        let since = SourceFilter { since_day: Some(at(NOW).day() + 1), ..SourceFilter::default() };
        assert_eq!(f.store.source_days(&since).await?, days[..1]);
        let of_b = SourceFilter { source: Some("b".into()), ..SourceFilter::default() };
        assert_eq!(f.store.source_days(&of_b).await?, days[2..]);
        let files = f.store.source_files().await?;
        let shown: Vec<_> = files.iter().map(|file| (file.source.as_str(), file.position.offset, file.at)).collect();
        assert_eq!(shown, [("a", 100, now.plus(DAY)), ("b", 100, now)]);
        Ok(())
    }

    async fn a_day_without_an_event_has_no_last_one(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let parcel = Parcel {
            source: "a".into(),
            read: ReadCounts { lines: 1, ignored: 1, cost_differs: 0 },
            ..Parcel::default()
        };
        ledger.commit(&[parcel], at(NOW)).await?;
        let days = f.store.source_days(&SourceFilter::default()).await?;
        assert_eq!((days.len(), days[0].ignored, days[0].last_event_at), (1, 1, None));
        Ok(())
    }
}
