//! What is answered when the gate's knowledge grows old.

use mete_api::{Footing, Tolerance};
use mete_core::Timestamp;
use mete_core::time::SECOND;

use crate::client::Client;
use crate::server::Server;

const QUESTION: &str = r#"{"key":"sk-Bot","method":"POST","path":"/v1/chat/completions"}"#;

fn at(time: &str) -> Timestamp {
    format!("2026-11-23T{time}Z").parse().unwrap()
}

/// The store may be away for five minutes, usage may wait for one.
async fn server(store_closes: bool, lag_closes: bool) -> Server {
    let tolerance = |seconds: i64, closes| Tolerance { most: seconds * SECOND, closes };
    let footing = Footing::new(tolerance(300, store_closes), tolerance(60, lag_closes), at("12:00:00"));
    Server::standing_on(footing).await
}

async fn ask_in_json(client: &mut Client) -> (u16, String, Option<String>) {
    let length = QUESTION.len();
    let head =
        format!("POST /v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}");
    client.send(format!("{head}\r\n\r\n{QUESTION}")).await;
    let answer = client.read().await;
    (answer.status, answer.body.clone(), answer.header("x-mete-stale").map(str::to_owned))
}

#[tokio::test]
async fn a_gate_that_closes_decides_nothing_while_the_store_is_away() {
    let server = server(true, false).await;
    server.spend("Lab", 10);
    let mut client = server.tcp().await;
    server.set_time("2026-11-23T12:05:00Z");
    assert_eq!((client.authorize("sk-Bot").await.status, client.authorize("sk-Lab").await.status), (204, 429));

    server.set_time("2026-11-23T12:05:01Z");
    for secret in ["sk-Bot", "sk-Lab", "sk-nobody"] {
        let answer = client.authorize(secret).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "gate_degraded"), "{secret}");
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    let holding = client.ask("GET /v1/authorize", &["authorization: Bearer sk-Lab", "x-mete-hold: take"]).await;
    assert_eq!((holding.status, holding.code().as_str()), (503, "gate_degraded"));
    let nginx = client.ask("GET /v1/authorize/nginx", &["authorization: Bearer sk-Lab"]).await;
    assert_eq!((nginx.status, nginx.header("x-mete-status")), (503, None));
    let (status, body, _) = ask_in_json(&mut client).await;
    assert!(status == 503 && body.contains("301 seconds"), "{body}");
    let ready = client.ask("GET /readyz", &[]).await;
    assert!(ready.status == 503 && ready.body.contains("answered with 503"), "{ready:?}");

    server.footing.store_answered(at("12:05:01"));
    assert_eq!((client.authorize("sk-Bot").await.status, client.authorize("sk-Lab").await.status), (204, 429));
    assert_eq!(client.ask("GET /readyz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_gate_that_stays_open_decides_by_what_it_knows_and_says_how_old_that_is() {
    let server = server(false, false).await;
    server.spend("Lab", 10);
    let mut client = server.tcp().await;
    assert_eq!(client.authorize("sk-Bot").await.header("x-mete-stale"), None);
    server.set_time("2026-11-23T12:10:00Z");
    for (secret, status) in [("sk-Bot", 204), ("sk-Lab", 429)] {
        let answer = client.authorize(secret).await;
        assert_eq!((answer.status, answer.header("x-mete-stale")), (status, Some("600s")), "{secret}");
    }
    let (status, _, stale) = ask_in_json(&mut client).await;
    assert_eq!((status, stale.as_deref()), (200, Some("600s")));
    let ready = client.ask("GET /readyz", &[]).await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready, but the store has not answered for 600 seconds\n"));
}

#[tokio::test]
async fn usage_that_waits_warns_or_closes() {
    for closes in [false, true] {
        let server = server(false, closes).await;
        let mut client = server.tcp().await;
        server.footing.usage_waits(Some(at("12:00:10")));
        server.set_time("2026-11-23T12:01:10Z");
        assert_eq!(client.authorize("sk-Bot").await.header("x-mete-stale"), None);
        server.set_time("2026-11-23T12:01:12Z");
        let answer = client.authorize("sk-Bot").await;
        let told = (answer.status, answer.header("x-mete-stale"));
        assert_eq!(told, if closes { (503, None) } else { (204, Some("62s")) });
        let ready = client.ask("GET /readyz", &[]).await;
        assert_eq!(ready.status, if closes { 503 } else { 200 });
        assert!(ready.body.contains("usage has been waiting to be counted for 62 seconds"), "{ready:?}");
        server.footing.usage_waits(None);
        assert_eq!(client.authorize("sk-Bot").await.status, 204);
    }
}

/// What is held may be given back whatever is known: it needs no decision.
#[tokio::test]
async fn holds_are_released_while_nothing_is_decided() {
    let server = server(true, false).await;
    let mut client = server.tcp().await;
    let hold = client.ask("GET /v1/authorize", &["authorization: Bearer sk-Bot", "x-mete-hold: take"]).await;
    let hold = hold.header("x-mete-hold").unwrap().to_owned();
    server.set_time("2026-11-23T12:06:00Z");
    assert_eq!(client.authorize("sk-Bot").await.status, 503);
    assert_eq!(client.ask(&format!("DELETE /v1/holds/{hold}"), &[]).await.status, 204);
}
