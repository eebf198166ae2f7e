//! Envoy's checks over gRPC (R37, R40).

use mete_api::envoy_messages::{CheckResponse, HeaderMap, HeaderValue, HttpRequest, HttpResponse, OkHttpResponse};
use mete_api::{Footing, Settings, Tolerance};
use mete_core::Nanos;
use mete_core::time::SECOND;
use prost_types::value::Kind;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::client::{DEADLINE, soon};
use crate::grpc::{CHECK, Grpc, denied, header, shown};
use crate::server::Server;

const KEY: (&str, &str) = ("authorization", "Bearer sk-Bot");
const CHAT: &str = "/v1/chat/completions";
/// $5 at most for what is written.
const LIMITED: &str = r#"{"model":"gpt-4o","max_tokens":500000}"#;

async fn check(grpc: &mut Grpc, http: HttpRequest) -> CheckResponse {
    soon("an answer", grpc.check(http)).await.unwrap()
}

async fn chat(grpc: &mut Grpc, body: &str) -> CheckResponse {
    check(grpc, shown("POST", CHAT, &[KEY], body)).await
}

fn allowed(answer: CheckResponse) -> OkHttpResponse {
    assert_eq!(answer.status.as_ref().map(|status| status.code), Some(0), "{answer:?}");
    let Some(HttpResponse::Ok(allowed)) = answer.http_response else { panic!("{answer:?}") };
    allowed
}

fn refused(answer: CheckResponse) -> (u16, String) {
    let (status, denied) = denied(answer).unwrap();
    let body: Value = serde_json::from_str(&denied.body).unwrap();
    (status, body["error"]["code"].as_str().unwrap_or("null").to_owned())
}

fn metadata(answer: &CheckResponse, name: &str) -> Option<String> {
    match answer.dynamic_metadata.as_ref()?.fields.get(name)?.kind.as_ref()? {
        Kind::StringValue(text) => Some(text.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn r40_what_goes_on_gets_metes_headers_and_the_log_can_name_its_hold() {
    let server = Server::start().await;
    for mut grpc in server.grpc_clients().await {
        let answer = chat(&mut grpc, LIMITED).await;
        let named = |name| metadata(&answer, name);
        let hold = named("hold").unwrap();
        assert_eq!(named("key_id").as_deref(), Some("key_Bot"));
        assert_eq!(named("project_id").as_deref(), Some("proj_Bot"));
        assert_eq!((named("model").as_deref(), named("status").as_deref()), (Some("gpt-4o"), Some("204")));
        let allowed = allowed(answer);
        let set = ["x-mete-key-id", "x-mete-project-id", "x-mete-hold"].map(|name| header(&allowed.headers, name));
        assert_eq!(set, [Some("key_Bot"), Some("proj_Bot"), Some(&*hold)]);
        assert!(allowed.headers.iter().all(|it| it.append == Some(false) && it.append_action == 2), "{allowed:?}");
        // A token a byte at $2.50 for a million, and half a million at $10.
        let amount = 5_000_000_000 + 2_500 * i64::try_from(LIMITED.len()).unwrap();
        assert_eq!(server.gate.held(), (1, Nanos(amount)));
        assert!(server.gate.release("2026-11-23T12:00:00Z".parse().unwrap(), &hold));
    }
}

#[tokio::test]
async fn r40_money_is_held_for_whatever_names_a_model() {
    let server = Server::start().await;
    let mut grpc = server.grpc().await;
    let estimate = Nanos(50_000_000);
    for (method, path, body, held) in [
        ("POST", CHAT, r#"{"model":"gpt-4o"}"#, Some(estimate)),
        ("POST", CHAT, r#"{"model":"gpt-4o","max_tokens":100,"service_tier":"priority"}"#, Some(estimate)),
        (
            "POST",
            "/v1/responses",
            r#"{"model":"gpt-4o","max_output_tokens":9,"previous_response_id":"r"}"#,
            Some(estimate),
        ),
        ("POST", "/v1/responses", r#"{"prompt":{"id":"pmpt_1"}}"#, None),
        ("GET", "/v1/models", "", None),
        ("POST", "/v1/files", "", None),
    ] {
        let answer = check(&mut grpc, shown(method, path, &[KEY], body)).await;
        let hold = metadata(&answer, "hold");
        drop(allowed(answer));
        assert_eq!(server.gate.held(), (usize::from(held.is_some()), held.unwrap_or_default()), "{path} {body}");
        if let Some(hold) = hold {
            assert!(server.gate.release("2026-11-23T12:00:00Z".parse().unwrap(), &hold));
        }
    }
    // Two of them do not fit together.
    drop(allowed(chat(&mut grpc, &LIMITED.replace("500000", "600000")).await));
    let (status, denied) = denied(chat(&mut grpc, &LIMITED.replace("500000", "600000")).await).unwrap();
    assert_eq!((status, header(&denied.headers, "x-should-retry")), (429, Some("false")));
    assert!(denied.body.contains("project_spend_limit_exceeded"), "{denied:?}");
}

#[tokio::test]
async fn r37_a_refusal_is_that_of_the_header_form_word_for_word() {
    let server = Server::start().await;
    server.restrict();
    server.spend("Bot", 10);
    let (mut http, mut grpc) = (server.tcp().await, server.grpc().await);
    for (secret, model) in
        [("sk-nobody", "gpt-4o"), ("sk-reader", "gpt-4o"), ("sk-Bot", "o1"), ("sk-Lab", "gpt-4o"), ("sk-Bot", "gpt-4o")]
    {
        let authorization = format!("Bearer {secret}");
        let body = json!({"model": model, "user": "x".repeat(300_000)}).to_string();
        let said = check(&mut grpc, shown("POST", CHAT, &[("authorization", &authorization)], &body)).await;
        assert_eq!(metadata(&said, "hold"), None);
        let (status, denied) = denied(said).unwrap();
        let described = [
            &*format!("authorization: {authorization}"),
            "x-original-method: POST",
            &format!("x-original-uri: {CHAT}"),
            &format!("x-mete-model: {model}"),
            "x-mete-hold: take",
        ];
        let expected = http.ask("GET /v1/authorize", &described).await;
        assert_eq!((status, &denied.body), (expected.status, &expected.body));
        for (name, value) in &expected.headers {
            if !["date", "content-length"].contains(&name.as_str()) {
                assert_eq!(header(&denied.headers, name), Some(value.as_str()), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn r37_rate_limits_are_told_to_the_client() {
    let server = Server::start().await;
    let mut grpc = server.grpc().await;
    let limited = shown("POST", CHAT, &[("x-api-key", "sk-Lab")], r#"{"model":"limited"}"#);
    let first = allowed(check(&mut grpc, limited.clone()).await);
    assert_eq!(header(&first.response_headers_to_add, "x-ratelimit-remaining-requests"), Some("1"));
    drop(allowed(check(&mut grpc, limited.clone()).await));
    let (status, denied) = denied(check(&mut grpc, limited).await).unwrap();
    let told = ["retry-after", "x-ratelimit-remaining-requests", "x-should-retry"];
    assert_eq!((status, told.map(|name| header(&denied.headers, name))), (429, [Some("30"), Some("0"), None]));
}

#[tokio::test]
async fn r37_a_body_that_cannot_be_judged_is_refused_for_the_key_first() {
    let server = Server::start().await;
    server.restrict();
    let mut grpc = server.grpc().await;
    let stream = r#"{"model":"gpt-4o","stream":true}"#;
    let foreign = r#"{"model":"o1","stream":true}"#;
    for (body, code) in
        [("model=gpt-4o", "invalid_json"), (r#"{"model":7}"#, "unclear_model"), (stream, "stream_without_usage")]
    {
        let (status, denied) = denied(chat(&mut grpc, body).await).unwrap();
        assert_eq!((status, header(&denied.headers, "x-should-retry")), (400, Some("false")), "{body}");
        assert!(denied.body.contains(code) && denied.body.contains("\"param\":null"), "{}", denied.body);
        let unknown = check(&mut grpc, shown("POST", CHAT, &[("x-api-key", "sk-x")], body)).await;
        assert_eq!(refused(unknown), (401, "invalid_api_key".into()), "{body}");
    }
    assert_eq!(refused(chat(&mut grpc, foreign).await), (403, "model_not_found".into()));
    let mut cut = shown("POST", CHAT, &[KEY], r#"{"model":"gpt-4o"}"#);
    cut.headers.insert("x-envoy-auth-partial-body".into(), b"true".to_vec());
    assert_eq!(refused(check(&mut grpc, cut.clone()).await), (413, "body_too_large".into()));
    cut.path = "/v1/files/../chat/completions".into();
    assert_eq!(refused(check(&mut grpc, cut).await).0, 413);
    assert_eq!(server.gate.held(), (0, Nanos::ZERO));
}

#[tokio::test]
async fn r37_a_body_that_is_not_shown_has_a_model_that_no_list_has() {
    let server = Server::start().await;
    server.restrict();
    let mut grpc = server.grpc().await;
    let other = |headers: &[(&str, &str)], protocol: &str| HttpRequest {
        protocol: protocol.into(),
        ..shown("POST", CHAT, &[&[KEY], headers].concat(), "")
    };
    for hidden in [
        other(&[("content-length", "10")], "HTTP/1.1"),
        other(&[("transfer-encoding", "chunked")], "HTTP/1.1"),
        other(&[], "HTTP/2"),
    ] {
        assert_eq!(refused(check(&mut grpc, hidden.clone()).await), (403, "model_not_found".into()), "{hidden:?}");
    }
    for empty in [
        other(&[], "HTTP/1.1"),
        other(&[("content-length", "0")], "HTTP/2"),
        other(&[("x-envoy-auth-partial-body", "false")], "HTTP/2"),
        HttpRequest { method: "GET".into(), ..other(&[], "HTTP/2") },
        HttpRequest { path: "/v1/files".into(), ..other(&[("content-length", "900")], "HTTP/2") },
    ] {
        drop(allowed(check(&mut grpc, empty).await));
    }
    let large = HttpRequest { path: "/v1/files".into(), ..other(&[("content-length", "1001")], "HTTP/2") };
    assert_eq!(refused(check(&mut grpc, large).await), (413, "file_storage_quota_exceeded".into()));
}

#[tokio::test]
async fn nothing_that_a_client_says_in_metes_name_goes_on() {
    let server = Server::start().await;
    let mut grpc = server.grpc().await;
    let forged = [
        KEY,
        ("x-mete-key-id", "key_forged"),
        ("x-mete-hold", "hold_forged"),
        ("x-mete-model", "cheap"),
        ("x-mete-max-output-tokens", "1"),
        ("x-original-uri", "/v1/models"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-for", "10.0.0.1"),
    ];
    let answer = allowed(check(&mut grpc, shown("GET", "/v1/models", &forged, "")).await);
    assert_eq!(header(&answer.headers, "x-mete-key-id"), Some("key_Bot"));
    let removed = [
        "x-forwarded-method",
        "x-mete-hold",
        "x-mete-max-output-tokens",
        "x-mete-model",
        "x-mete-stale",
        "x-original-uri",
    ];
    assert_eq!(answer.headers_to_remove, removed);
    assert_eq!(server.gate.held(), (0, Nanos::ZERO));
}

/// `encode_raw_headers` in Envoy's configuration, and a body as text.
#[tokio::test]
async fn headers_and_bodies_come_in_two_ways() {
    let server = Server::start().await;
    let mut grpc = server.grpc().await;
    let raw =
        |key: &str, value: &[u8]| HeaderValue { key: key.into(), raw_value: value.into(), ..HeaderValue::default() };
    let headers = vec![raw("x-odd", b"\xff"), raw("not a name", b"x"), raw("authorization", b"Bearer sk-Bot")];
    let http = HttpRequest {
        method: "POST".into(),
        path: CHAT.into(),
        header_map: Some(HeaderMap { headers }),
        body: LIMITED.into(),
        ..HttpRequest::default()
    };
    let answer = check(&mut grpc, http).await;
    assert_eq!(metadata(&answer, "model").as_deref(), Some("gpt-4o"));
    drop(allowed(answer));
    assert_eq!(refused(check(&mut grpc, HttpRequest::default()).await).0, 401);
}

#[tokio::test]
async fn nothing_is_decided_before_all_is_loaded_and_when_the_gate_closes() {
    let starting = Server::starting().await;
    let mut grpc = starting.grpc().await;
    for body in [LIMITED, "no json"] {
        let (status, denied) = denied(chat(&mut grpc, body).await).unwrap();
        assert_eq!((status, header(&denied.headers, "retry-after")), (503, Some("1")));
        assert!(denied.body.contains("not_ready"), "{}", denied.body);
    }
    starting.readiness.set_ready();
    drop(allowed(chat(&mut grpc, LIMITED).await));

    for closes in [true, false] {
        let tolerance = Tolerance { most: 300 * SECOND, closes };
        let footing = Footing::new(tolerance, Tolerance::ANY, "2026-11-23T12:00:00Z".parse().unwrap());
        let server = Server::standing_on(footing).await;
        let mut grpc = server.grpc().await;
        server.set_time("2026-11-23T12:10:00Z");
        for body in [LIMITED, "no json"] {
            let answer = chat(&mut grpc, body).await;
            if closes {
                assert_eq!(refused(answer), (503, "gate_degraded".into()));
            } else {
                assert_eq!(metadata(&answer, "stale").as_deref(), Some("600s"), "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_check_gets_grpcs_own_answer() {
    let server = Server::start().await;
    let mut grpc = server.grpc().await;
    for (path, message, code) in [
        ("/envoy.service.auth.v2.Authorization/Check", &b""[..], 12),
        ("/", b"", 12),
        (CHECK, b"\xff\xff\xff", 13),
        (CHECK, &vec![0; 35 << 20], 11),
    ] {
        assert_eq!(soon("an answer", grpc.call(path, message)).await.unwrap(), Err(code), "{path}");
    }
    drop(allowed(chat(&mut grpc, LIMITED).await));
}

#[tokio::test]
async fn many_checks_share_a_connection() {
    let server = Server::start().await;
    let mut grpc = server.grpc().await;
    for round in 0..300 {
        let secret = ["sk-Bot", "sk-nobody", "sk-Lab"][round % 3];
        let answer = check(&mut grpc, shown("GET", "/v1/models", &[("x-api-key", secret)], "")).await;
        assert_eq!(answer.status.map(|status| status.code), Some(if round % 3 == 1 { 7 } else { 0 }));
    }
}

/// The grace is longer than the test's patience: nothing here may wait for it.
#[tokio::test]
async fn idle_connections_are_closed_at_the_stop() {
    let mut server = Server::with(Settings { grace: DEADLINE * 10, ..Settings::default() }).await;
    let mut clients = server.grpc_clients().await;
    drop(allowed(chat(&mut clients[0], LIMITED).await));
    server.stop.cancel();
    for client in clients {
        soon("the end of the connection", client.closed()).await;
    }
    server.has_stopped().await;
}

/// The clock stands still and jumps to the next deadline when all wait: a client that does not speak HTTP/2 is left.
#[tokio::test(start_paused = true)]
async fn a_silent_client_is_left() {
    let server = Server::with(Settings { head_timeout: DEADLINE / 10, ..Settings::default() }).await;
    let mut said = Vec::new();
    soon("the end of the connection", server.grpc_stream().await.read_to_end(&mut said)).await.unwrap();
}
