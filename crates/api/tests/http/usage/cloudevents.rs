//! CloudEvents in each of the ways in which HTTP has them.

use mete_tests::{TestStore, each_engine};

use super::desk::{Desk, JSON, counts, told};

const DATA: &str = r#"{"input_tokens":"1000","output_tokens":"10","model":"gpt-4o-mini"}"#;

fn event(id: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","type":"prompt","id":"{id}","source":"app","time":"2026-11-23T11:00:00Z","subject":"Bot","data":{DATA}}}"#
    )
}

each_engine! {
    async fn single_events_batches_and_headers_are_taken(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let single = "content-type: application/cloudevents+json; charset=utf-8";
        let answer = told(&desk.post("/v1/ingest", &[single], event("1")).await);
        assert_eq!(counts(&answer), [1, 0, 0, 0, 0], "{answer}");
        let batch = format!("[{}, {}]", event("1"), event("2"));
        let answer = told(&desk.post("/v1/ingest", &["content-type: application/cloudevents-batch+json"], batch).await);
        assert_eq!(counts(&answer), [1, 1, 0, 0, 0], "{answer}");
        // The same event, its attributes being headers.
        let headers = |id: &'static str| {
            [JSON, "ce-specversion: 1.0", "ce-type: prompt", id, "ce-source: app", "ce-time: 2026-11-23T11:00:00Z", "ce-subject: Bot"]
        };
        let answer = told(&desk.post("/v1/ingest", &headers("ce-id: 2"), DATA).await);
        assert_eq!(counts(&answer), [0, 1, 0, 0, 0], "{answer}");
        let answer = told(&desk.post("/v1/ingest", &headers("ce-id: 3"), DATA).await);
        assert_eq!(counts(&answer), [1, 0, 0, 0, 0], "{answer}");
        let ledger = desk.ledger().await?;
        assert_eq!((ledger.events, ledger.total.to_string()), (3, "0.000468".to_owned()));
        desk.close().await;
        Ok(())
    }
}
