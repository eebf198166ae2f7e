//! How connections are used, and abused.

use std::time::Duration;

use mete_api::Settings;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{DEADLINE, request};
use crate::server::Server;

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        for round in 0..300 {
            let (name, status) = [("sk-Bot", 204), ("sk-nobody", 401), ("sk-Lab", 204)][round % 3];
            assert_eq!(client.authorize(name).await.status, status);
        }
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        let names: Vec<&str> = (0..60).map(|n| ["Bot", "Lab", "nobody"][n % 3]).collect();
        let requests: String = names
            .iter()
            .map(|name| request("GET /v1/authorize", &[&format!("authorization: Bearer sk-{name}")]))
            .collect();
        client.send(requests).await;
        for name in names {
            let answer = client.read().await;
            let expected = if name == "nobody" { None } else { Some(format!("key_{name}")) };
            assert_eq!(answer.header("x-mete-key-id"), expected.as_deref());
            assert_eq!(answer.status == 401, name == "nobody");
        }
    }
}

/// Simple requests are answered before hyper sees them; a connection on which another came stays with hyper.
#[tokio::test]
async fn what_is_answered_does_not_depend_on_how_a_connection_was_used() {
    let server = Server::start().await;
    for (mut fresh, mut used) in server.clients().await.into_iter().zip(server.clients().await) {
        assert_eq!(used.ask("HEAD /healthz", &[]).await.status, 200);
        let bot = "authorization: Bearer sk-Bot";
        let many = "x-mete-bytes: 1\r\n".repeat(40);
        for (line, headers) in [
            ("GET /v1/authorize", &[bot][..]),
            ("GET /v1/authorize", &[]),
            ("GET /v1/authorize", &["x-api-key: sk-nobody"]),
            ("GET /v1/authorize?x=y", &[bot, "connection: keep-alive", "x-original-uri: /v1/files"]),
            ("POST /v1/authorize", &[bot, "x-original-method: GET"]),
            ("POST /v1/authorize", &["content-type: application/json"]),
            ("DELETE /v1/authorize", &[bot]),
            ("PUT /v1/authorize", &[bot]),
            ("GET /v1/authorize/nginx", &[bot]),
            ("GET /v1/authorize/nginx", &["x-api-key: sk-nobody"]),
            ("POST /v1/authorize/nginx", &[bot]),
            ("GET /v1/authorize/envoy/v1/models", &[bot]),
            ("GET /healthz", &[]),
            ("GET /readyz", &[]),
            ("GET /v1/refused", &["accept: text/plain"]),
            ("DELETE /v1/holds/hold_none", &[]),
            ("POST /v1/holds/hold_none/extend", &[]),
            ("GET /no/such/path", &[]),
            ("GET /v1/authorize", &[bot, "expect: 100-continue"]),
            ("GET /v1/authorize", &[bot, many.trim_end()]),
        ] {
            let [mut one, mut other] = [fresh.ask(line, headers).await, used.ask(line, headers).await];
            for answer in [&mut one, &mut other] {
                let date = answer.headers.remove("date").unwrap();
                assert_eq!((date.len(), date.ends_with(" GMT")), (29, true), "{date}");
            }
            assert_eq!(
                (one.status, one.headers, one.body),
                (other.status, other.headers, other.body),
                "{line} {headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    for byte in request("GET /v1/authorize", &["authorization: Bearer sk-Bot"]).bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.read().await.status, 204);
}

#[tokio::test]
async fn heads_have_a_bound() {
    let settings = Settings { max_head_bytes: 4096, ..Settings::default() };
    let server = Server::with(settings).await;
    for [mut fits, mut too_long, mut too_many] in [
        [server.tcp().await, server.tcp().await, server.tcp().await],
        [server.unix().await, server.unix().await, server.unix().await],
    ] {
        let filler = format!("x-filler: {}", "a".repeat(3900));
        assert_eq!(fits.ask("GET /v1/authorize", &["authorization: Bearer sk-Bot", &filler]).await.status, 204);

        let filler = format!("x-filler: {}", "a".repeat(5000));
        too_long.send(request("GET /v1/authorize", &["authorization: Bearer sk-Bot", &filler])).await;
        let answer = too_long.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");

        let many: Vec<String> = (0..200).map(|n| format!("x-{n}: 1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        too_many.send(request("GET /v1/authorize", &many)).await;
        assert!(too_many.read_to_end().await.starts_with("HTTP/1.1 431 "));
    }
    assert_eq!(server.tcp().await.authorize("sk-Bot").await.status, 204);
}

#[tokio::test]
async fn a_head_without_an_end_is_not_collected() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        let filler = "x-filler: ".to_owned() + &"a".repeat(Settings::default().max_head_bytes);
        client.send("GET /v1/authorize HTTP/1.1\r\n".to_owned() + &filler).await;
        assert!(client.read_to_end().await.starts_with("HTTP/1.1 431 "));
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_with_400_and_closed() {
    let server = Server::start().await;
    let tls_hello = "\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n";
    for garbage in ["hello\r\n\r\n", tls_hello, "GET /v1/authorize HTTP/1.1\r\nbad header\r\n\r\n"] {
        let mut client = server.tcp().await;
        client.send(garbage).await;
        let answer = client.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{garbage:?}: {answer:?}");
    }
    let mut smuggler = server.tcp().await;
    let both = ["authorization: Bearer sk-Bot", "content-length: 0", "content-length: 5"];
    smuggler.send(request("POST /v1/authorize", &both)).await;
    assert!(smuggler.read_to_end().await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    client.send("GET /v1/authorize HTTP/1.0\r\nauthorization: Bearer sk-Bot\r\n\r\n").await;
    assert!(client.read_to_end().await.starts_with("HTTP/1.0 204 "));
}

#[tokio::test]
async fn small_bodies_are_skipped_and_the_connection_goes_on() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        for length in [0, 1, 1000, 64 * 1024] {
            let head =
                request("POST /v1/authorize", &["authorization: Bearer sk-Bot", &format!("content-length: {length}")]);
            client.send(head).await;
            client.send("x".repeat(length)).await;
            let answer = client.read().await;
            assert_eq!((answer.status, answer.header("connection")), (204, None), "{length}");
        }
        let head = request("POST /v1/authorize", &["authorization: Bearer sk-Lab", "transfer-encoding: chunked"]);
        client.send(head + "5\r\nhello\r\n0\r\n\r\n").await;
        assert_eq!(client.read().await.header("x-mete-key-id"), Some("key_Lab"));
        assert_eq!(client.authorize("sk-Bot").await.status, 204);
    }
}

/// The clock stands still and jumps to the next deadline when all wait: here none may be waited for.
#[tokio::test(start_paused = true)]
async fn long_bodies_are_not_read_and_end_the_connection() {
    let server = Server::start().await;
    let start = Instant::now();
    for mut client in server.clients().await {
        client.send(request("POST /v1/authorize", &["authorization: Bearer sk-Bot", "content-length: 70000"])).await;
        let answer = client.read().await;
        assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
        assert_eq!(client.read_to_end().await, "");
    }
    for mut client in server.clients().await {
        let head = request("POST /v1/authorize", &["authorization: Bearer sk-Bot", "transfer-encoding: chunked"]);
        client.send(head + "11171\r\n" + &"x".repeat(0x11171)).await;
        let answer = client.read().await;
        assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn offered_bodies_are_not_asked_for() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let offer = ["authorization: Bearer sk-Bot", "content-length: 1000", "expect: 100-continue"];
    let answer = client.ask("POST /v1/authorize", &offer).await;
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    assert_eq!(client.read_to_end().await, "");
}

/// The clock stands still and jumps to the next deadline when all wait.
#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start().await;
    let mut client = server.unix().await;
    let head = request("POST /v1/authorize", &["authorization: Bearer sk-Bot", "content-length: 10"]);
    client.send(head + "12345").await;
    let answer = client.read().await;
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
}

/// The clock stands still and jumps to the next deadline when all wait.
#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_ends_the_connection() {
    let server = Server::with(Settings { head_timeout: DEADLINE / 10, ..Settings::default() }).await;
    for kind in 0..2 {
        let [mut halfway, mut silent] =
            if kind == 0 { [server.tcp().await, server.tcp().await] } else { server.clients().await };
        halfway
            .send(request("GET /v1/authorize", &["x-api-key: sk-Bot"]) + "GET /v1/authorize HTTP/1.1\r\nautho")
            .await;
        assert_eq!(halfway.read().await.status, 204);
        assert_eq!(halfway.read_to_end().await, "");
        assert_eq!(silent.read_to_end().await, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_are_served_at_once() {
    let server = Server::start().await;
    let mut clients = JoinSet::new();
    for n in 0..400 {
        let mut client = if n % 2 == 0 { server.tcp().await } else { server.unix().await };
        clients.spawn(async move {
            for _ in 0..10 {
                assert_eq!(client.authorize("sk-Bot").await.status, 204);
            }
            client
        });
    }
    // Every client keeps its connection until the last one is done.
    assert_eq!(clients.join_all().await.len(), 400);
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let settings = Settings { max_connections: 2, ..Settings::default() };
    let server = Server::with(settings).await;
    let (mut first, mut second) = (server.tcp().await, server.tcp().await);
    for client in [&mut first, &mut second] {
        assert_eq!(client.authorize("sk-Bot").await.status, 204);
    }
    let mut third = server.tcp().await;
    third.send(request("GET /v1/authorize", &["authorization: Bearer sk-Bot"])).await;
    assert!(!third.is_answered_within(Duration::from_millis(200)).await);
    drop(first);
    assert_eq!(third.read().await.status, 204);
    assert_eq!(second.authorize("sk-Bot").await.status, 204);
}
