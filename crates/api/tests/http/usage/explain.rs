//! `GET /v1/explain`: who may ask, and that the gate is held against the ledger.

use mete_core::time::HOUR;
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use super::desk::{Desk, record, told};
use crate::client::Client;
use crate::server::Server;

const PATH: &str = "/v1/explain?project=Bot";

async fn refused(client: &mut Client, request: &str, headers: &[&str]) -> (u16, String) {
    let answer = client.ask(request, headers).await;
    (answer.status, answer.code())
}

each_engine! {
    async fn r38_a_gate_that_misses_what_the_ledger_has_is_told(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let before = told(&desk.get(PATH).await);
        let budgets = |told: &Value| told["budgets"].as_array().cloned().unwrap_or_default();
        assert_eq!(budgets(&before).len(), 2);
        assert!(budgets(&before).iter().all(|budget| budget["difference"] == "0"), "{before}");
        // Nobody passes commits on to the gate of this desk.
        desk.ingest(record("a")).await;
        let missed = told(&desk.get(PATH).await);
        for budget in budgets(&missed) {
            let figures = [&budget["spend"], &budget["ledger"], &budget["difference"]];
            assert_eq!(figures, [&json!("0"), &json!("0.000001"), &json!("0.000001")], "{budget}");
        }
        assert_eq!(missed["spent_by"]["models"][0]["id"], "gpt-4o");
        assert_eq!(missed["ages"]["newest_event_at"], "2026-11-23T11:00:00Z");
        // The project was made at noon.
        desk.clock.advance(HOUR);
        let past = told(&desk.get("/v1/explain?project=Bot&at=2026-11-23T12:00:00Z").await);
        assert_eq!((&past["spent_by"]["total"], &past["told_by"]), (&json!("0.000001"), &json!("store")));
        let (status, code) = refused(&mut desk.tcp().await, "GET /v1/explain?project=Bot&at=2026-11-23T11:59:59Z", &[]).await;
        assert_eq!((status, code.as_str()), (404, "not_found"));
        desk.close().await;
        Ok(())
    }

    async fn only_who_may_know_is_told(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let mut client = desk.tcp().await;
        let ask = format!("GET {PATH}");
        for (header, code) in [("origin: https://evil.test", "missing_token"), ("authorization: Bearer x", "invalid_token")] {
            assert_eq!(refused(&mut client, &ask, &[header]).await, (401, code.to_owned()), "{header}");
        }
        desk.admit(&[], Some("common-token-0123"));
        assert_eq!(client.ask(&ask, &["authorization: Bearer common-token-0123"]).await.status, 200);
        assert_eq!(client.ask(&format!("HEAD {PATH}"), &[]).await.status, 200);
        let (status, code) = refused(&mut client, "GET /v1/explain?projcet=Bot", &[]).await;
        assert_eq!((status, code.as_str()), (400, "invalid_question"));
        let wrong = client.ask(&format!("POST {PATH}"), &[]).await;
        assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD")));
        desk.close().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_server_without_a_store_explains_nothing() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let told = refused(&mut client, &format!("GET {PATH}"), &[]).await;
    assert_eq!(told, (404, "unknown_url".to_owned()));
}
