//! `GET /v1/refused`, for gateways that cannot ask.

use mete_core::secret::KeyHash;
use serde_json::{Value, json};

use crate::server::Server;

const LIST: &str = "GET /v1/refused";

fn hash(secret: &str) -> String {
    KeyHash::of(secret).to_hex()
}

#[tokio::test]
async fn who_is_refused_is_listed_with_the_reason_and_its_end() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        server.spend("Bot", 0);
        let empty = client.ask(LIST, &[]).await;
        assert_eq!((empty.status, empty.body.as_str(), empty.header("content-type")), (200, "", Some("text/plain")));
        server.spend("Bot", 10);
        let list = client.ask(LIST, &[]).await;
        let end = "2026-12-01T00:00:00Z";
        let row = |secret| format!("{} project_spend_limit_exceeded {end}\n", hash(secret));
        let mut rows = ["sk-Bot", "sk-reader", "sk-chat"].map(row);
        rows.sort();
        assert_eq!(list.body, rows.concat());
        assert_eq!(list.header("cache-control"), Some("private, no-cache"));

        let lines = client.ask(LIST, &["accept: text/html, application/x-ndjson;q=0.9"]).await;
        assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
        let told: Vec<Value> = lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(told.len(), 3);
        let bot = json!({"key_sha256": hash("sk-Bot"), "code": "project_spend_limit_exceeded", "until": end});
        assert!(told.contains(&bot), "{told:?}");
        assert_ne!(lines.header("etag"), list.header("etag"));
    }
}

#[tokio::test]
async fn a_client_that_has_the_list_gets_it_again_only_when_it_changed() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    server.spend("Bot", 10);
    let list = client.ask(LIST, &[]).await;
    let etag = list.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() == 66, "{etag}");
    for tag in [etag.clone(), format!("\"other\", {etag}"), format!("W/{etag}"), "*".to_owned()] {
        let same = client.ask(LIST, &[&format!("if-none-match: {tag}")]).await;
        assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", Some(etag.as_str())), "{tag}");
    }
    let known = format!("if-none-match: {etag}");
    server.spend("Bot", 11);
    assert_eq!(client.ask(LIST, &[&known]).await.status, 304, "it is spent as before");
    server.restrict();
    let more = client.ask(LIST, &[&known]).await;
    assert_eq!((more.status, more.body.lines().count()), (200, 4));
    assert!(more.body.contains(&format!("{} access_blocked 2026-11-24T00:00:00Z\n", hash("sk-Lab"))), "{more:?}");
    server.set_time("2026-11-24T00:00:00Z");
    assert_eq!(client.ask(LIST, &[&known]).await.status, 304, "the block has ended: it is the first list again");
    server.set_time("2026-12-01T00:00:00Z");
    assert_eq!(client.ask(LIST, &[&known]).await.body, "", "a new month");
}

#[tokio::test]
async fn only_who_may_know_gets_it_and_not_before_the_totals_are_there() {
    let server = Server::starting().await;
    let mut client = server.tcp().await;
    assert_eq!(client.ask(LIST, &[]).await.status, 503);
    server.readiness.set_ready();
    let head = client.ask("HEAD /v1/refused", &[]).await;
    assert_eq!((head.status, head.header("etag").is_some()), (200, true));
    for (header, code) in [("origin: https://evil.test", "missing_token"), ("authorization: Bearer x", "invalid_token")]
    {
        let refused = client.ask(LIST, &[header]).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, code), "{header}");
    }
    let wrong = client.ask("POST /v1/refused", &[]).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD")));
}
