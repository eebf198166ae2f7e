//! How bodies come: packed, in chunks, byte by byte, torn; and what is not taken.

use std::io::Write;

use mete_api::Bounds;
use mete_tests::{TestStore, each_engine};

use super::desk::{Desk, JSON, NDJSON, counts, record, records, told};
use crate::client::request;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

each_engine! {
    async fn packed_bodies_are_unpacked(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let bodies = [("gzip", gzip(&records(0..500))), ("zstd", zstd(&records(500..1000)))];
        for (encoding, body) in bodies {
            let header = format!("content-encoding: {encoding}");
            let answer = told(&desk.post("/v1/ingest", &[NDJSON, &header], body).await);
            assert_eq!(counts(&answer), [500, 0, 0, 0, 0], "{encoding}: {answer}");
        }
        assert_eq!(desk.ledger().await?.events, 1000);
        desk.close().await;
        Ok(())
    }

    async fn chunks_and_single_bytes_are_one_body(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        for mut client in [desk.tcp().await, desk.unix().await] {
            client.send(request("POST /v1/ingest", &[NDJSON, "transfer-encoding: chunked"])).await;
            for byte in (record("a") + "\n" + &record("b")).bytes() {
                client.send([b'1', b'\r', b'\n', byte, b'\r', b'\n']).await;
                tokio::task::yield_now().await;
            }
            client.send("0\r\n\r\n").await;
            let answer = told(&client.read().await);
            assert_eq!(answer["accepted"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap(), 2, "{answer}");
            // The connection goes on.
            assert_eq!(counts(&told(&client.post("/v1/ingest", &[NDJSON], record("a")).await)), [0, 1, 0, 0, 0]);
        }
        assert_eq!(desk.ledger().await?.events, 2);
        desk.close().await;
        Ok(())
    }

    async fn nothing_of_a_torn_body_is_kept(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let packed = gzip(&records(0..100));
        let torn = &packed[..packed.len() - 3];
        let answer = desk.post("/v1/ingest", &[NDJSON, "content-encoding: gzip"], torn).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "body_unreadable"));
        let list = format!("[{},{}", record("x"), record("y"));
        let answer = desk.post("/v1/ingest", &[JSON], list).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "body_unreadable"));
        assert!(answer.body.contains("Nothing of it is kept"), "{}", answer.body);

        // A client that goes before its body is whole.
        let mut client = desk.tcp().await;
        client.send(request("POST /v1/ingest", &[NDJSON, "content-length: 100000"])).await;
        client.send(records(0..20)).await;
        drop(client);
        let mut client = desk.tcp().await;
        client.send(request("POST /v1/ingest", &[NDJSON, "transfer-encoding: chunked"])).await;
        client.send(format!("10000\r\n{}", records(0..20))).await;
        drop(client);

        // What comes after has been committed, and nothing but that.
        assert_eq!(counts(&desk.ingest(record("z")).await), [1, 0, 0, 0, 0]);
        assert_eq!((desk.ledger().await?.events, desk.store.count_quarantine().await?), (1, 0));
        desk.close().await;
        Ok(())
    }

    async fn what_is_not_taken_is_told_with_what_is(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        for (path, headers, status, code, word) in [
            ("/v1/ingest", &["content-type: text/plain"][..], 415, "unsupported_media_type", "application/x-ndjson"),
            ("/v1/ingest", &["content-type: application/x-www-form-urlencoded"], 415, "unsupported_media_type", "x-ndjson"),
            ("/v1/ingest", &[], 415, "unsupported_media_type", "application/json"),
            ("/v1/ingest", &[NDJSON, "content-encoding: br"], 415, "unsupported_encoding", "zstd"),
            ("/v1/ingest", &[NDJSON, "content-encoding: gzip, gzip"], 415, "unsupported_encoding", "gzip"),
            ("/v1/ingest?format=yaml", &[NDJSON], 400, "invalid_query", "openai-chat"),
            ("/v1/ingest?sauce=x", &[NDJSON], 400, "invalid_query", "sauce"),
            ("/v1/ingest?source=x", &[NDJSON], 404, "unknown_source", "\\\"x\\\""),
            ("/v1/ingest", &[NDJSON, "idempotency-key: \"\""], 400, "invalid_idempotency_key", "200"),
            ("/v1/metrics", &[NDJSON], 404, "unknown_url", "/v1/traces"),
        ] {
            let answer = desk.post(path, headers, record("a")).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path} {headers:?}");
            assert!(answer.body.contains(word), "{word}: {}", answer.body);
        }
        let mut client = desk.tcp().await;
        for path in ["/v1/ingest", "/v1/traces", "/v1/logs"] {
            let answer = client.ask(&format!("GET {path}"), &[]).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
        }
        assert_eq!(desk.ledger().await?.events, 0);
        desk.close().await;
        Ok(())
    }

    async fn large_bodies_are_refused_before_and_while_they_come(store: &TestStore) -> anyhow::Result<()> {
        let bounds = Bounds { body: 100_000, ..Bounds::default() };
        let desk = Desk::within(store, bounds).await?;
        // Told before: not a byte of it need be sent.
        let mut client = desk.tcp().await;
        client.send(request("POST /v1/ingest", &[NDJSON, "content-length: 100001", "expect: 100-continue"])).await;
        let answer = client.read().await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
        assert_eq!(answer.header("connection"), Some("close"));
        // Not told: found out.
        let mut client = desk.tcp().await;
        client.send(request("POST /v1/ingest", &[NDJSON, "transfer-encoding: chunked"])).await;
        let lines = records(0..2000);
        client.send(format!("{:x}\r\n{lines}\r\n", lines.len())).await;
        client.send("0\r\n\r\n").await;
        assert_eq!(client.read().await.status, 413);
        // The rest of it was taken off the wire: the connection goes on.
        assert_eq!(counts(&told(&client.post("/v1/ingest", &[NDJSON], record("0")).await)), [1, 0, 0, 0, 0]);
        // Found out when it is unpacked.
        let answer = desk.post("/v1/ingest", &[NDJSON, "content-encoding: zstd"], zstd(&lines)).await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
        assert_eq!(counts(&desk.ingest(records(0..500)).await), [499, 1, 0, 0, 0]);
        assert_eq!(desk.ledger().await?.events, 500);
        desk.close().await;
        Ok(())
    }

    async fn a_client_that_waits_for_the_word_gets_it(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let mut client = desk.tcp().await;
        let body = record("a");
        let length = format!("content-length: {}", body.len());
        client.send(request("POST /v1/ingest", &[NDJSON, &length, "expect: 100-continue"])).await;
        assert_eq!(client.read_head().await.status, 100);
        client.send(body).await;
        assert_eq!(counts(&told(&client.read().await)), [1, 0, 0, 0, 0]);
        desk.close().await;
        Ok(())
    }
}
