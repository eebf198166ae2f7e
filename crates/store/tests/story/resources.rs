//! Resources seen in usage (R36) and bytes stored (R28): exact through copies, amendments, conflicts and writers (R31).

use std::sync::Arc;

use mete_core::event::Resource;
use mete_core::time::{HOUR, SECOND};
use mete_core::{Nanos, Timestamp, Usage};
use mete_store::{Arrival, Ledger, ProjectBytes, ResourceFilter, ResourceKind, ResourceRow, Store};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at};

/// An event of one dollar that names something and stores or frees bytes.
fn naming(
    f: &Fixture,
    (id, time): (&str, Timestamp),
    project: &str,
    named: Option<(&str, &str)>,
    bytes: i64,
) -> Arrival {
    let usage = Usage { input: 1, bytes, ..Usage::default() };
    let mut arrival = f.event_with(id, time, project, None, Nanos::from_dollars(1), usage);
    arrival.event.resource = named.map(|(kind, id)| Box::new(Resource { kind: kind.into(), id: id.into() }));
    arrival
}

async fn list(store: &Store, project: &str, kind: Option<ResourceKind>) -> anyhow::Result<Vec<ResourceRow>> {
    Ok(store.resources(&ResourceFilter { project_id: project.into(), kind, limit: None }).await?)
}

fn total(project: &str, bytes: u64) -> ProjectBytes {
    ProjectBytes { project_id: Arc::from(project), bytes }
}

each_engine! {
    async fn r36_resources_are_listed_by_project_those_seen_last_first(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (one, other) = (f.project("One").await?, f.project("Other").await?);
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let noon = at("2026-11-20T12:00:00Z");
        let hour = |hours: i64| noon.plus(hours * HOUR);
        let events = vec![
            naming(&f, ("a", hour(2)), &one, Some(("file", "file-1")), 700),
            naming(&f, ("b", hour(1)), &one, Some(("thread", "thread_1")), 0),
            naming(&f, ("c", hour(0)), &one, Some(("file", "file-1")), -200),
            naming(&f, ("d", hour(3)), &one, Some(("batch", "batch_1")), 50),
            naming(&f, ("e", hour(4)), &one, None, 5),
            naming(&f, ("f", hour(5)), &other, Some(("vector_store", "file-1")), 0),
        ];
        let outcome = f.book(&mut ledger, events).await?;
        assert_eq!(outcome.bytes, [total(&one, 555)]);
        // a later batch makes the thread the newest
        let outcome = f.book(&mut ledger, vec![naming(&f, ("g", hour(6)), &one, Some(("thread", "thread_1")), 0)]).await?;
        assert_eq!(outcome.bytes, []);
        let file = ResourceRow {
            project_id: one.clone(),
            kind: ResourceKind::File,
            id: "file-1".into(),
            first_seen_at: hour(0),
            last_seen_at: hour(2),
            requests: 2,
            bytes: 500,
            spend: Nanos::from_dollars(2),
        };
        let thread = ResourceRow {
            kind: ResourceKind::Thread,
            id: "thread_1".into(),
            first_seen_at: hour(1),
            last_seen_at: hour(6),
            bytes: 0,
            ..file.clone()
        };
        assert_eq!(list(&f.store, &one, None).await?, [thread.clone(), file.clone()]);
        assert_eq!(list(&f.store, &one, Some(ResourceKind::File)).await?, [file]);
        assert_eq!(list(&f.store, &one, Some(ResourceKind::VectorStore)).await?, []);
        let newest = ResourceFilter { project_id: one.clone(), kind: None, limit: Some(1) };
        assert_eq!(f.store.resources(&newest).await?, [thread]);
        assert_eq!(list(&f.store, &other, None).await?.len(), 1);
        assert_eq!(list(&f.store, "proj_that_is_not_there", None).await?, []);
        assert_eq!(f.store.project_bytes().await?, [total(&one, 555)]);
        f.assert_exact(7, Nanos::from_dollars(7)).await
    }

    async fn r31_copies_of_an_event_leave_its_resource_as_it_is(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (one, other) = (f.project("One").await?, f.project("Other").await?);
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let file = Some(("file", "file-1"));
        let upload = naming(&f, ("up", at(NOW)), &one, file, 700);
        f.book(&mut ledger, vec![upload.clone()]).await?;
        let before = list(&f.store, &one, None).await?;
        // duplicates, and one for another project; in the writer's memory and in that of a new one
        for _ in 0..2 {
            let copies = vec![upload.clone(), upload.clone(), naming(&f, ("up", at(NOW)), &other, file, 900)];
            let outcome = f.book(&mut ledger, copies).await?;
            assert_eq!((outcome.tallies[0].duplicates, outcome.tallies[0].quarantined), (2, 1));
            assert_eq!(outcome.bytes, []);
            ledger = Ledger::open(f.store.clone()).await?;
        }
        assert_eq!(list(&f.store, &one, None).await?, before);
        assert_eq!(list(&f.store, &other, None).await?, []);
        // a later state of it: the difference, and no request more
        let later = at(NOW).plus(SECOND);
        let outcome = f.book(&mut ledger, vec![naming(&f, ("up", later), &one, file, 750)]).await?;
        assert_eq!((outcome.tallies[0].amended, outcome.bytes), (1, vec![total(&one, 750)]));
        assert_eq!(list(&f.store, &one, None).await?, [ResourceRow { bytes: 750, ..before[0].clone() }]);
        f.assert_exact(1, Nanos::from_dollars(1)).await
    }

    async fn r31_an_event_that_turns_out_to_name_something_else_moves(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("One").await?;
        let names = [Some(("file", "file-1")), Some(("file", "file-2")), None, Some(("thread", "thread_1"))];
        for (n, named) in names.into_iter().enumerate() {
            // each copy through a writer that has only the store to learn from
            let mut ledger = Ledger::open(f.store.clone()).await?;
            let n = i64::try_from(n)?;
            let copy = naming(&f, ("evt", at(NOW).plus(n * SECOND)), &project, named, 10 + n);
            let outcome = f.book(&mut ledger, vec![copy]).await?;
            assert_eq!(outcome.bytes, [total(&project, 10 + n.unsigned_abs())]);
            let listed = list(&f.store, &project, None).await?;
            assert_eq!(listed.len(), usize::from(named.is_some()), "{listed:?}");
            if let ([row], Some((kind, id))) = (&*listed, named) {
                assert_eq!((row.kind.as_str(), row.id.as_str(), row.requests), (kind, id, 1));
                assert_eq!((row.bytes, row.spend), (10 + n.unsigned_abs(), Nanos::from_dollars(1)));
                assert_eq!((row.first_seen_at, row.last_seen_at), (at(NOW), at(NOW)));
            }
            f.assert_exact(1, Nanos::from_dollars(1)).await?;
        }
        Ok(())
    }

    async fn r28_a_total_is_never_shown_below_zero(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("One").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        // what is freed was stored before Mete came; what is stored later is counted against it
        for (id, bytes, shown) in [("free", -500, 0), ("store", 400, 0), ("more", 300, 200), ("rest", -200, 0)] {
            let event = naming(&f, (id, at(NOW)), &project, Some(("file", "file-1")), bytes);
            assert_eq!(f.book(&mut ledger, vec![event]).await?.bytes, [total(&project, shown)], "{id}");
            assert_eq!(f.store.project_bytes().await?, [total(&project, shown)], "{id}");
            assert_eq!(list(&f.store, &project, None).await?[0].bytes, shown, "{id}");
        }
        f.assert_exact(4, Nanos::from_dollars(4)).await
    }

    async fn totals_beyond_all_bounds_end_and_stop_no_commit(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("One").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        // the most that one event may say, more often than 64 bits hold
        for batch in 0..4 {
            let events = (0..2500)
                .map(|n| naming(&f, (&format!("{batch}/{n}"), at(NOW)), &project, Some(("file", "big")), 1_000_000_000_000_000))
                .collect();
            let outcome = f.book(&mut ledger, events).await?;
            let expected = (2_500_000_000_000_000_000 * (batch + 1)).min(4_000_000_000_000_000_000);
            assert_eq!(outcome.bytes, [total(&project, expected)]);
            assert_eq!(list(&f.store, &project, None).await?[0].bytes, expected);
        }
        Ok(())
    }

    async fn r36_ids_from_hostile_logs_are_listed_and_stop_nothing(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("One").await?;
        let long = "x".repeat(100_000);
        let wide = "🦀".repeat(1000);
        let ids = [
            "\0", "file-\0-1", &long, &wide, "", "'); DROP TABLE resource; --", "\u{1b}[2J\u{202e}\r\n", "a,b\"c", "$1 ?1 {bytes}",
        ];
        // every copy is recognised again, by a writer that has only the store to learn from
        for accepted in [true, false] {
            let mut ledger = Ledger::open(f.store.clone()).await?;
            let mut events: Vec<_> =
                (0..).zip(ids).map(|(n, id)| naming(&f, (id, at(NOW).plus(n)), &project, Some(("file", id)), 1)).collect();
            events.push(naming(&f, ("kind", at(NOW)), &project, Some((&format!("file\0{long}"), "id")), 1));
            let outcome = f.book(&mut ledger, events).await?;
            let counts = (outcome.tallies[0].accepted, outcome.tallies[0].duplicates);
            assert_eq!(counts, if accepted { (10, 0) } else { (0, 10) });
        }
        let mut listed: Vec<_> = list(&f.store, &project, None).await?.into_iter().map(|row| row.id).collect();
        listed.reverse();
        let cut = ["x".repeat(512), "🦀".repeat(128)];
        let expected = ["\u{fffd}", "file-\u{fffd}-1", &cut[0], &cut[1], ids[4], ids[5], ids[6], ids[7], ids[8]];
        assert_eq!(listed, expected);
        assert_eq!(f.store.project_bytes().await?, [total(&project, 10)]);
        f.assert_exact(10, Nanos::from_dollars(10)).await
    }

    async fn r31_two_writers_at_once_add_up(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("One").await?;
        let f = &f;
        // the second has a third of the first's events again, and each is given twice
        let write = async |from: usize| -> anyhow::Result<Vec<ProjectBytes>> {
            let mut ledger = Ledger::open(f.store.clone()).await?;
            let mut told = Vec::new();
            for start in (from..from + 60).step_by(6) {
                let events = (start..start + 6)
                    .map(|n| {
                        let file = ["file-1", "file-2"][n % 2];
                        naming(f, (&format!("evt_{n}"), at(NOW)), &project, Some(("file", file)), 10)
                    })
                    .collect::<Vec<_>>();
                told.extend(f.book(&mut ledger, events.clone()).await?.bytes);
                told.extend(f.book(&mut ledger, events).await?.bytes);
            }
            Ok(told)
        };
        let (first, second) = tokio::join!(write(0), write(40));
        let (first, second) = (first?, second?);
        let totals = |told: &[ProjectBytes]| told.iter().map(|total| total.bytes).collect::<Vec<_>>();
        assert!(totals(&first).is_sorted() && totals(&second).is_sorted(), "{first:?} {second:?}");
        assert_eq!(totals(&first).into_iter().chain(totals(&second)).max(), Some(1000));
        assert_eq!(f.store.project_bytes().await?, [total(&project, 1000)]);
        let listed = list(&f.store, &project, None).await?;
        assert_eq!(listed.iter().map(|row| (row.requests, row.bytes)).collect::<Vec<_>>(), [(50, 500), (50, 500)]);
        f.assert_exact(100, Nanos::from_dollars(100)).await
    }
}
