//! Requests with an `idempotency-key`.

use mete_api::Bounds;
use mete_core::time::{DAY, MINUTE};
use mete_tests::{TestStore, each_engine};

use super::desk::{Desk, NDJSON, counts, record, records, told};
use crate::client::request;

const KEY: &str = "idempotency-key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\"";

each_engine! {
    async fn the_same_request_gets_the_same_answer(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let body = format!("{}\n{{\"bad\":1}}\n{}", records(0..3), record("1"));
        let first = desk.post("/v1/ingest", &[NDJSON, KEY], &body).await;
        assert_eq!(counts(&told(&first)), [3, 1, 0, 1, 0], "{first:?}");
        assert_eq!(first.header("idempotency-replayed"), None);
        // Meanwhile the events became known and the clock went on; the answer stays.
        desk.clock.advance(DAY - MINUTE);
        for key in [KEY, &KEY.replace('"', "")] {
            let again = desk.post("/v1/ingest", &[NDJSON, key], &body).await;
            assert_eq!((again.status, &again.body), (200, &first.body));
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
        }
        let other = desk.post("/v1/ingest", &[NDJSON, KEY], record("other")).await;
        assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));

        // A day later it is a new one.
        desk.clock.advance(2 * MINUTE);
        let later = desk.post("/v1/ingest", &[NDJSON, KEY], record("later")).await;
        assert_eq!((counts(&told(&later)), later.header("idempotency-replayed")), ([1, 0, 0, 0, 0], None));
        let again = desk.post("/v1/ingest", &[NDJSON, KEY], record("later")).await;
        assert_eq!((&again.body, again.header("idempotency-replayed")), (&later.body, Some("true")));
        assert_eq!(desk.ledger().await?.events, 4);
        desk.close().await;
        Ok(())
    }

    async fn keys_of_different_sources_are_different(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        desk.admit(&[("one", None), ("two", None)], None);
        for (path, body) in [("/v1/ingest?source=one", record("a")), ("/v1/ingest?source=two", record("b"))] {
            assert_eq!(counts(&told(&desk.post(path, &[NDJSON, KEY], body).await)), [1, 0, 0, 0, 0]);
        }
        desk.close().await;
        Ok(())
    }

    async fn a_body_with_a_key_is_kept_whole_or_not_at_all(store: &TestStore) -> anyhow::Result<()> {
        let bounds = Bounds { keyed_body: 1_000_000, ..Bounds::default() };
        let desk = Desk::within(store, bounds).await?;
        let lines = records(0..9_000);
        assert!(lines.len() > 800_000 && lines.len() < 1_000_000);
        assert_eq!(counts(&told(&desk.post("/v1/ingest", &[NDJSON, KEY], &lines).await)), [9_000, 0, 0, 0, 0]);
        let larger = desk.post("/v1/ingest", &[NDJSON, KEY], records(0..20_000)).await;
        assert_eq!((larger.status, larger.code().as_str()), (413, "body_too_large"));
        assert!(larger.body.contains("idempotency-key"), "{}", larger.body);
        desk.close().await;
        Ok(())
    }

    async fn a_key_in_use_is_told(store: &TestStore) -> anyhow::Result<()> {
        let mut desk = Desk::asleep(store, Bounds::default(), 64).await?;
        let mut first = desk.tcp().await;
        let body = record("a");
        first.send(request("POST /v1/ingest", &[NDJSON, KEY, &format!("content-length: {}", body.len())])).await;
        first.send(&body).await;
        mete_tests::wait::eventually("a parcel in the queue", crate::client::DEADLINE, async || {
            desk.get("/metrics").await.body.contains("mete_queue_parcels 1\n").then_some(())
        })
        .await?;
        let second = desk.post("/v1/ingest", &[NDJSON, KEY], &body).await;
        assert_eq!((second.status, second.code().as_str()), (409, "idempotency_key_in_use"));
        assert_eq!(second.header("retry-after"), Some("1"));
        desk.wake().await?;
        let answer = first.read().await;
        assert_eq!(counts(&told(&answer)), [1, 0, 0, 0, 0]);
        assert_eq!(desk.post("/v1/ingest", &[NDJSON, KEY], &body).await.body, answer.body);
        desk.close().await;
        Ok(())
    }
}
