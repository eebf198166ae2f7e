//! What an OpenTelemetry exporter sends, in both encodings, and how it is answered.

use std::io::Write;

use mete_api::Bounds;
use mete_tests::{TestStore, each_engine};

use super::desk::{Desk, IMPATIENT, JSON};

/// Three calls of models, the last of which nobody knows a price of, and a request that is none.
const TRACES: (&[u8], &[u8]) =
    (include_bytes!("../../samples/otlp-traces.pb"), include_bytes!("../../samples/otlp-traces.json"));
/// One call of a model.
const LOGS: (&[u8], &[u8]) =
    (include_bytes!("../../samples/otlp-logs.pb"), include_bytes!("../../samples/otlp-logs.json"));

const PROTOBUF: &str = "content-type: application/x-protobuf";

each_engine! {
    async fn spans_and_log_records_count_once_in_either_encoding(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let answer = desk.post("/v1/traces", &[PROTOBUF], TRACES.0).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-protobuf")));
        assert!(answer.body.contains("no-such-model-x"), "{answer:?}");
        let answer = desk.post("/v1/logs", &[PROTOBUF], LOGS.0).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        // 1000 in and 100 out of gpt-4o-mini, 1001 and 100 of gpt-4o, 10 and 2 of gpt-4o-mini.
        let ledger = desk.ledger().await?;
        assert_eq!((ledger.events, ledger.total.to_string()), (3, "0.0037152".to_owned()));
        let rows = desk.store.quarantine(10).await?;
        assert_eq!((rows.len(), rows[0].reason.as_str()), (1, "no_price"));
        // It holds what is needed to read it again, and nothing of the others.
        let raw = rows[0].text();
        assert!(raw.contains("support-bot") && !raw.contains("chatcmpl-otel-0"), "{raw}");

        // Exporters send again what they are not sure of; JSON is the same.
        let answer = desk.post("/v1/traces", &[JSON], TRACES.1).await;
        let body: serde_json::Value = serde_json::from_str(&answer.body)?;
        assert_eq!(body["partialSuccess"]["rejectedSpans"], "1", "{answer:?}");
        let answer = desk.post("/v1/logs", &[JSON], LOGS.1).await;
        assert_eq!((answer.body.as_str(), answer.header("content-type")), ("{}", Some("application/json")));
        assert_eq!(desk.ledger().await?.events, 3);
        desk.close().await;
        Ok(())
    }

    async fn packed_requests_are_taken(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(LOGS.0)?;
        let answer = desk.post("/v1/logs", &[PROTOBUF, "content-encoding: gzip"], encoder.finish()?).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(desk.ledger().await?.events, 1);
        desk.close().await;
        Ok(())
    }

    async fn refusals_are_in_the_protocols_words(store: &TestStore) -> anyhow::Result<()> {
        let bounds = Bounds { patience: IMPATIENT, otlp_body: 100_000, ..Bounds::default() };
        let desk = Desk::asleep(store, bounds, 1).await?;
        let answer = desk.post("/v1/logs", &[PROTOBUF], LOGS.0).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        // A google.rpc.Status: field 2 is its message.
        assert!(answer.body.starts_with('\u{12}') && answer.body.contains("did not take it in time"), "{answer:?}");
        for (headers, body, status) in [
            (&[PROTOBUF][..], &LOGS.0[..LOGS.0.len() - 1], 400),
            (&[PROTOBUF], &[0xff; 20], 400),
            (&[PROTOBUF], &[0; 200_000], 413),
            (&[JSON], b"{\"resourceLogs\":[{]}", 400),
            (&["content-type: text/plain"], b"x", 415),
        ] {
            let answer = desk.post("/v1/logs", headers, body).await;
            assert_eq!(answer.status, status, "{headers:?} {answer:?}");
            let kind = if headers[0] == PROTOBUF { "application/x-protobuf" } else { "application/json" };
            assert_eq!(answer.header("content-type"), Some(kind));
        }
        desk.close().await;
        Ok(())
    }

    /// What the records of a request share is told with each of them: it must not multiply without end.
    async fn a_resource_that_is_told_many_times_has_an_end(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let resource = format!("{{\"attributes\":[{{\"key\":\"{}\"}}]}}", "x".repeat(1_000_000));
        let spans = vec!["{}"; 10_000].join(",");
        let body = format!("{{\"resourceSpans\":[{{\"resource\":{resource},\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}");
        let answer = desk.post("/v1/traces", &[JSON], body).await;
        assert_eq!(answer.status, 413, "{answer:?}");
        desk.close().await;
        Ok(())
    }
}
