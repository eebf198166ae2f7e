//! The end of the server's life.

use std::time::Duration;

use mete_api::Settings;

use crate::client::{DEADLINE, request};
use crate::server::Server;

/// The head of a request whose body is still to come.
fn unfinished() -> String {
    request("POST /v1/authorize", &["authorization: Bearer sk-Bot", "content-length: 5"])
}

#[tokio::test]
async fn a_server_without_connections_stops_at_once() {
    let mut server = Server::start().await;
    server.stop.cancel();
    server.has_stopped().await;
    assert!(server.refuses_connections().await);
}

/// The grace is longer than the test's patience: nothing here may wait for it.
#[tokio::test]
async fn idle_connections_are_closed_at_the_stop() {
    let mut server = Server::with(Settings { grace: DEADLINE * 10, ..Settings::default() }).await;
    let mut used = server.clients().await;
    for client in &mut used {
        assert_eq!(client.authorize("sk-Bot").await.status, 204);
    }
    let mut fresh = server.clients().await;
    server.stop.cancel();
    for client in used.iter_mut().chain(&mut fresh) {
        assert_eq!(client.read_to_end().await, "");
    }
    server.has_stopped().await;
}

#[tokio::test]
async fn a_request_under_way_is_finished() {
    let mut server = Server::with(Settings { grace: DEADLINE * 10, ..Settings::default() }).await;
    let mut clients = server.clients().await;
    for client in &mut clients {
        client.send(unfinished()).await;
    }
    server.has_decided(2).await;
    server.stop.cancel();
    for client in &mut clients {
        client.send("hello").await;
        let answer = client.read().await;
        assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
        assert_eq!(client.read_to_end().await, "");
    }
    server.has_stopped().await;
    assert!(server.refuses_connections().await);
}

#[tokio::test]
async fn what_outlasts_the_grace_is_cut() {
    let mut server = Server::with(Settings { grace: Duration::from_millis(50), ..Settings::default() }).await;
    let mut clients = server.clients().await;
    for client in &mut clients {
        client.send(unfinished()).await;
    }
    server.has_decided(2).await;
    server.stop.cancel();
    server.has_stopped().await;
    for client in &mut clients {
        assert_eq!(client.read_to_end().await, "");
    }
}
