//! The quarantine as a place to work (R34).

use std::collections::BTreeMap;

use mete_core::Nanos;
use mete_core::secret::KeyHash;
use mete_store::{FailedRetry, Ledger, Parcel, QuarantineEntry, QuarantineFilter, QuarantineRow, Setting, Store};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at};

const SECOND: i64 = mete_core::time::SECOND;

fn entry(position: u64, reason: &'static str, raw: &[u8]) -> QuarantineEntry {
    QuarantineEntry {
        position,
        reason,
        detail: format!("{reason} here"),
        raw: raw.to_vec().into(),
        raw_bytes: raw.len() as u64,
        spot: Some(1),
    }
}

fn parcel(source: &str, quarantine: Vec<QuarantineEntry>) -> Parcel {
    Parcel { source: source.into(), quarantine, ..Parcel::default() }
}

/// What is there now and ever was: source, reason, there, seen, retried, forgotten, dropped.
async fn counts(store: &Store) -> anyhow::Result<BTreeMap<(String, String), [u64; 5]>> {
    let mut counts = BTreeMap::new();
    for c in store.quarantine_counts().await? {
        counts.insert((c.source, c.reason), [c.there, c.seen, c.retried, c.forgotten, c.dropped]);
    }
    Ok(counts)
}

fn key(source: &str, reason: &str) -> (String, String) {
    (source.to_owned(), reason.to_owned())
}

/// The counters say what the table holds.
async fn assert_whole(store: &Store) -> anyhow::Result<()> {
    let rows = store.quarantine(i64::MAX).await?;
    assert_eq!(store.count_quarantine().await?, rows.len() as u64);
    assert_eq!(store.quarantine_kept().await?, rows.iter().map(|row| row.raw.len() as u64).sum::<u64>());
    let mut there = BTreeMap::new();
    for row in rows {
        *there.entry((row.source, row.reason)).or_insert(0) += 1;
    }
    let counted: BTreeMap<_, u64> = counts(store)
        .await?
        .into_iter()
        .map(|(key, [there, ..])| (key, there))
        .filter(|(_, there)| *there > 0)
        .collect();
    assert_eq!(counted, there);
    Ok(())
}

each_engine! {
    async fn r34_many_entries_come_at_once_and_each_counts_once(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let bad = |source: &str| {
            parcel(source, (0..777).map(|n| entry(n, if n % 3 == 0 { "not_json" } else { "bad_time" }, b"{bad")).collect())
        };
        // in one commit twice, again in the next, again through another writer
        ledger.commit(&[bad("a"), bad("b"), bad("a")], at(NOW)).await?;
        ledger.commit(&[bad("a")], at(NOW)).await?;
        Ledger::open(f.store.clone()).await?.commit(&[bad("b")], at(NOW)).await?;
        let counts = counts(&f.store).await?;
        assert_eq!(counts.len(), 4);
        for source in ["a", "b"] {
            assert_eq!(counts[&key(source, "not_json")], [259, 259, 0, 0, 0]);
            assert_eq!(counts[&key(source, "bad_time")], [518, 518, 0, 0, 0]);
        }
        assert_whole(&f.store).await
    }

    async fn r34_lists_are_restricted_and_newest_first(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        for (n, source) in ["a", "b", "a", "b"].into_iter().enumerate() {
            let reason = if n < 2 { "not_json" } else { "bad_time" };
            let time = at(NOW).plus(i64::try_from(n)? * SECOND);
            ledger.commit(&[parcel(source, vec![entry(n as u64, reason, b"x")])], time).await?;
        }
        let text = |text: &str| Some(text.to_owned());
        let all = QuarantineFilter::default();
        for (filter, expected) in [
            (all.clone(), vec![3, 2, 1, 0]),
            (QuarantineFilter { reason: text("bad_time"), ..all.clone() }, vec![3, 2]),
            (QuarantineFilter { source: text("a"), ..all.clone() }, vec![2, 0]),
            (QuarantineFilter { since: Some(at(NOW).plus(SECOND)), ..all.clone() }, vec![3, 2, 1]),
            (QuarantineFilter { reason: text("not_json"), source: text("b"), since: Some(at(NOW)) }, vec![1]),
            (QuarantineFilter { reason: text("a"), ..all.clone() }, vec![]),
        ] {
            let rows = f.store.quarantine_list(&filter, 10).await?;
            assert_eq!(rows.iter().map(|row| row.position).collect::<Vec<_>>(), expected, "{filter:?}");
            assert_eq!(f.store.count_quarantine_of(&filter).await?, rows.len() as u64, "{filter:?}");
            let mut ids = f.store.quarantine_ids(&filter).await?;
            let mut listed: Vec<_> = rows.iter().map(|row| row.id).collect();
            ids.sort_unstable();
            listed.sort_unstable();
            assert_eq!(ids, listed, "{filter:?}");
        }
        assert_eq!(f.store.quarantine_list(&all, 1).await?[0].position, 3);
        let ids = f.store.quarantine_ids(&all).await?;
        let positions = |rows: &[QuarantineRow]| rows.iter().map(|row| row.position).collect::<Vec<_>>();
        assert_eq!(positions(&f.store.quarantine_entries(&ids).await?), [0, 2, 1, 3], "by source, oldest first");
        let some = f.store.quarantine_entries(&[ids[3], 4711, ids[1]]).await?;
        assert_eq!(positions(&some), [2, 3], "what is gone is left out");
        assert_eq!((some[0].spot, some[0].tries, some[0].is_whole()), (Some(1), 1, true));
        Ok(())
    }

    async fn r34_what_is_read_again_leaves_in_the_transaction_of_its_events(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let bad = vec![entry(0, "no_price", b"one"), entry(10, "no_price", b"two"), entry(20, "no_price", b"three")];
        ledger.commit(&[parcel("a", bad)], at(NOW)).await?;
        let ids = f.store.quarantine_ids(&QuarantineFilter::default()).await?;
        let again = |event, id| Parcel { events: vec![event], retried: vec![id], ..parcel("a", vec![]) };
        // a commit that fails leaves it where it was
        let lost = f.event("evt_0", NOW, "proj_that_is_not_there", None, Nanos(1));
        assert!(ledger.commit(&[again(lost, ids[0])], at(NOW)).await.is_err());
        assert_eq!(f.store.count_quarantine().await?, 3);
        let event = f.event("evt_1", NOW, &project, None, Nanos(7));
        ledger.commit(&[again(event, ids[0])], at(NOW)).await?;
        assert_eq!(counts(&f.store).await?[&key("a", "no_price")], [2, 3, 1, 0, 0]);
        // what is in vain stays, with its new reason and one try more
        let failed = FailedRetry { id: ids[1], reason: "bad_time", detail: "no time\0".into(), spot: None };
        f.store.note_failed_retries(&[failed.clone(), FailedRetry { id: 4711, ..failed }]).await?;
        let row = f.store.quarantine_entries(&ids[1..2]).await?.remove(0);
        assert_eq!((row.reason.as_str(), row.tries, row.spot, row.raw.as_slice()), ("bad_time", 2, None, b"two".as_slice()));
        assert_eq!(counts(&f.store).await?[&key("a", "no_price")], [1, 2, 1, 0, 0]);
        assert_eq!(counts(&f.store).await?[&key("a", "bad_time")], [1, 1, 0, 0, 0]);
        assert_whole(&f.store).await?;
        f.assert_exact(1, Nanos(7)).await
    }

    async fn r31_what_is_read_again_and_contradicts_the_ledger_stays(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (one, other) = (f.project("One").await?, f.project("Other").await?);
        let mut ledger = Ledger::open(f.store.clone()).await?;
        f.book(&mut ledger, vec![f.event("evt_1", NOW, &one, None, Nanos(7))]).await?;
        let contradiction = f.event("evt_1", NOW, &other, None, Nanos(7));
        let bad = QuarantineEntry { spot: None, ..entry(0, "unknown_project", b"evt_1") };
        ledger.commit(&[parcel("a", vec![bad])], at(NOW)).await?;
        for tries in 2..4 {
            let ids = f.store.quarantine_ids(&QuarantineFilter::default()).await?;
            let again = Parcel { events: vec![contradiction.clone()], retried: ids, ..parcel("a", vec![]) };
            let outcome = ledger.commit(&[again], at(NOW)).await?;
            assert_eq!((outcome.conflicts.len(), outcome.tallies[0].quarantined), (1, 1));
            let rows = f.store.quarantine(9).await?;
            assert_eq!((rows.len(), rows[0].reason.as_str(), rows[0].tries), (1, "conflict", tries));
            assert_whole(&f.store).await?;
        }
        f.assert_exact(1, Nanos(7)).await
    }

    async fn r34_the_oldest_text_is_cut_first_and_then_the_oldest_entries(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        for n in 0..4_u64 {
            let bad = (0..400).map(|i| entry(n * 400 + i, "not_json", &[b'x'; 100])).collect();
            ledger.commit(&[parcel("a", bad)], at(NOW).plus(n.cast_signed() * SECOND)).await?;
        }
        assert_eq!(f.store.trim_quarantine().await?, mete_store::Trimmed::default(), "it is within its limits");
        assert_eq!(f.store.quarantine_kept().await?, 160_000);
        set(&f.store, 40_000).await?;
        let (mut cut, mut dropped, mut steps) = (0, 0, 0);
        loop {
            let step = f.store.trim_quarantine_to(1_100).await?;
            (cut, dropped, steps) = (cut + step.cut, dropped + step.dropped, steps + 1);
            assert!(step.cut <= 500 && step.dropped <= 500);
            assert_whole(&f.store).await?;
            if !step.more {
                break;
            }
        }
        assert_eq!((cut, dropped, steps), (700, 500, 3));
        let rows = f.store.quarantine(2000).await?;
        assert_eq!(rows.len(), 1_100);
        assert!(rows.iter().take(400).all(|row| row.is_whole()), "the newest are whole");
        assert!(rows.iter().skip(400).all(|row| row.raw.is_empty() && row.raw_bytes == 100 && !row.is_whole()));
        assert_eq!(counts(&f.store).await?[&key("a", "not_json")], [1_100, 1_600, 0, 0, 500]);
        Ok(())
    }

    async fn r34_a_flood_makes_its_own_room(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        set(&f.store, 150_000).await?;
        for n in 0..3_u64 {
            let bad = (0..1_000).map(|i| entry(n * 1_000 + i, "not_json", &[b'x'; 100])).collect();
            ledger.commit(&[parcel("a", bad)], at(NOW).plus(n.cast_signed() * SECOND)).await?;
            assert_eq!(f.store.quarantine_kept().await?, (100_000 * (n + 1)).min(150_000));
        }
        assert_whole(&f.store).await?;
        assert_eq!(f.store.count_quarantine().await?, 3_000);
        assert!(f.store.quarantine(1_000).await?.iter().all(QuarantineRow::is_whole), "the newest are whole");
        Ok(())
    }

    async fn r34_what_is_forgotten_leaves_its_count(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        ledger.commit(&[parcel("a", (0..120).map(|n| entry(n, "not_json", b"x")).collect())], at(NOW)).await?;
        let ids = f.store.quarantine_ids(&QuarantineFilter::default()).await?;
        let mut tx = f.store.begin().await?;
        assert_eq!(tx.forget_quarantine(&ids[..100]).await?, [("a".to_owned(), "not_json".to_owned(), 100)]);
        assert_eq!(tx.forget_quarantine(&ids[..100]).await?, []);
        tx.commit().await?;
        assert_eq!(counts(&f.store).await?[&key("a", "not_json")], [20, 120, 0, 100, 0]);
        assert_whole(&f.store).await
    }

    async fn r15_api_keys_are_kept_as_hashes(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let secret = "sk-proj-0123456789abcdefghijABCDEFGHIJ";
        let mut bad = entry(0, "no_price", format!("{{\"api_key\":\"{secret}\",\"n\":1}}").as_bytes());
        bad.detail = format!("no price for {secret}");
        ledger.commit(&[parcel("a", vec![bad])], at(NOW)).await?;
        let row = f.store.quarantine(1).await?.remove(0);
        assert_eq!(row.text(), format!("{{\"api_key\":\"{}\",\"n\":1}}", KeyHash::of(secret).to_hex()));
        assert!(row.is_whole() && !row.detail.contains(secret));
        Ok(())
    }
}

async fn set(store: &Store, bytes: i64) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    tx.set_setting(Setting::QuarantineBytes, bytes).await?;
    Ok(tx.commit().await?)
}
