//! More than can be taken, a ledger that cannot be written, and the stop: never a 200 for what is not on disk.

use mete_api::Bounds;
use mete_core::Clock;
use mete_tests::{TestStore, each_engine};

use super::desk::{Desk, IMPATIENT, NDJSON, counts, record, records, told};
use crate::client::request;

each_engine! {
    async fn what_is_not_committed_in_time_is_not_acknowledged(store: &TestStore) -> anyhow::Result<()> {
        let bounds = Bounds { patience: IMPATIENT, ..Bounds::default() };
        let mut desk = Desk::asleep(store, bounds, 1).await?;
        for round in 0..3 {
            // The first one waits for its commit, the others for a place in the queue.
            let answer = desk.post("/v1/ingest", &[NDJSON], record(&format!("{round}"))).await;
            assert_eq!((answer.status, answer.code().as_str()), (503, "not_committed"), "{round}");
            assert_eq!(answer.header("retry-after"), Some("5"));
        }
        desk.wake().await?;
        // Sent again, everything counts once.
        let answer = desk.ingest(records(0..3)).await;
        assert_eq!(counts(&answer), [2, 1, 0, 0, 0], "{answer}");
        assert_eq!(desk.ledger().await?.events, 3);
        desk.close().await;
        Ok(())
    }

    async fn a_ledger_in_trouble_is_told_at_once(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        desk.readiness.set_trouble(Some("database or disk is full".into()), desk.clock.now());
        let answer = desk.post("/v1/ingest", &[NDJSON], record("a")).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "ledger_unavailable"));
        assert!(answer.body.contains("disk is full") && answer.header("retry-after") == Some("5"), "{answer:?}");
        let ready = desk.get("/readyz").await;
        assert_eq!(ready.status, 503);
        assert!(ready.body.contains("since 2026-11-23T12:00:00") && ready.body.contains("disk is full"), "{ready:?}");
        assert_eq!(desk.get("/healthz").await.status, 200);
        // The gate decides by what it knows.
        assert_eq!(desk.tcp().await.authorize("sk-nobody").await.status, 401);

        desk.readiness.set_trouble(None, desk.clock.now());
        assert_eq!(desk.get("/readyz").await.status, 200);
        assert_eq!(counts(&desk.ingest(record("a")).await), [1, 0, 0, 0, 0]);
        desk.close().await;
        Ok(())
    }

    async fn memory_for_bodies_has_an_end(store: &TestStore) -> anyhow::Result<()> {
        let bounds = Bounds { memory: 1 << 20, ..Bounds::default() };
        let desk = Desk::within(store, bounds).await?;
        let body = records(0..8_000);
        let (head, tail) = body.split_at(600_000);
        // Half of a body holds what it has brought, unless another body was there before it.
        let mut slow = mete_tests::wait::eventually("no memory for others", crate::client::DEADLINE, async || {
            let mut slow = desk.tcp().await;
            slow.send(request("POST /v1/ingest", &[NDJSON, &format!("content-length: {}", body.len())])).await;
            slow.send(head).await;
            let answer = desk.post("/v1/ingest", &[NDJSON], records(0..8_000)).await;
            let refused = answer.status == 503;
            if refused {
                assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("busy", Some("1")));
            }
            refused.then_some(slow)
        })
        .await?;
        slow.send(tail).await;
        let answer = told(&slow.read().await);
        assert_eq!(answer["accepted"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap(), 8_000);
        // What it held is free again.
        mete_tests::wait::eventually("memory for others", crate::client::DEADLINE, async || {
            (desk.post("/v1/ingest", &[NDJSON], records(0..8_000)).await.status == 200).then_some(())
        })
        .await?;
        assert_eq!(desk.ledger().await?.events, 8_000);
        desk.close().await;
        Ok(())
    }

    async fn requests_at_once_have_a_bound(store: &TestStore) -> anyhow::Result<()> {
        let bounds = Bounds { requests: 1, ..Bounds::default() };
        let desk = Desk::within(store, bounds).await?;
        let mut slow = desk.tcp().await;
        let body = record("a");
        slow.send(request("POST /v1/ingest", &[NDJSON, &format!("content-length: {}", body.len()), "expect: 100-continue"])).await;
        // It has the place when its body is asked for.
        assert_eq!(slow.read_head().await.status, 100);
        let answer = desk.post("/v1/ingest", &[NDJSON], &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "busy"));
        slow.send(&body).await;
        assert_eq!(slow.read().await.status, 200);
        assert_eq!(counts(&desk.ingest(&body).await), [0, 1, 0, 0, 0]);
        desk.close().await;
        Ok(())
    }

    async fn at_the_stop_requests_under_way_are_finished_and_new_ones_sent_elsewhere(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let mut under_way = desk.tcp().await;
        let body = record("a");
        under_way.send(request("POST /v1/ingest", &[NDJSON, &format!("content-length: {}", body.len()), "expect: 100-continue"])).await;
        assert_eq!(under_way.read_head().await.status, 100);
        let mut other = desk.tcp().await;
        desk.intake.close();
        let answer = other.post("/v1/ingest", &[NDJSON], &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "stopping"));
        assert_eq!(answer.header("retry-after"), Some("5"));
        under_way.send(&body).await;
        assert_eq!(counts(&told(&under_way.read().await)), [1, 0, 0, 0, 0]);
        let store = desk.store.clone();
        desk.close().await;
        assert_eq!(store.verify().await?.events, 1);
        Ok(())
    }
}
