//! What is answered (R37, R38).

use crate::client::Answer;
use crate::server::Server;

fn assert_allowed(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.header("x-mete-key-id"), Some(&*format!("key_{name}")));
    assert_eq!(answer.header("x-mete-project-id"), Some(&*format!("proj_{name}")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-length"), None);
}

#[tokio::test]
async fn a_good_key_is_let_through_however_it_is_sent() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        for header in [
            "authorization: Bearer sk-Bot",
            "Authorization: bearer sk-Bot",
            "AUTHORIZATION: BEARER  sk-Bot",
            "x-api-key: sk-Bot",
            "X-Api-Key:   sk-Bot  ",
        ] {
            for method in ["GET", "POST"] {
                assert_allowed(&client.ask(&format!("{method} /v1/authorize"), &[header]).await, "Bot");
            }
        }
        let described = [
            "authorization: Bearer sk-Lab",
            "x-original-method: POST",
            "x-original-uri: /v1/chat/completions?x=1",
            "x-mete-model: gpt-5",
        ];
        assert_allowed(&client.ask("GET /v1/authorize?any=query", &described).await, "Lab");
    }
}

#[tokio::test]
async fn r37_unknown_and_missing_keys_get_401_in_the_shape_that_clients_know() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        let missing = client.ask("GET /v1/authorize", &[]).await;
        assert_eq!((missing.status, missing.code().as_str()), (401, "invalid_api_key"));
        assert!(missing.body.contains("No API key was given"), "{}", missing.body);
        assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
        for secret in ["sk-nobody", "sk-bot", "key_Bot", "sk-Bot,sk-Lab", "sk-B\u{f6}t"] {
            let unknown = client.ask("GET /v1/authorize", &[&format!("x-api-key: {secret}")]).await;
            assert_eq!((unknown.status, unknown.code().as_str()), (401, "invalid_api_key"), "{secret}");
            assert!(unknown.body.contains("not known"), "{}", unknown.body);
            assert_eq!(unknown.header("x-should-retry"), None);
        }
    }
}

#[tokio::test]
async fn r37_an_exhausted_budget_blocks_the_next_request_and_ends_with_the_month() {
    let server = Server::start().await;
    let [mut tcp, mut unix] = server.clients().await;
    assert_allowed(&tcp.authorize("sk-Bot").await, "Bot");
    server.spend("Bot", 10);
    for client in [&mut tcp, &mut unix] {
        let refused = client.authorize("sk-Bot").await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "project_spend_limit_exceeded"));
        assert_eq!(refused.header("x-should-retry"), Some("false"));
        assert_eq!(refused.header("www-authenticate"), None);
        assert!(refused.body.contains("$10 of $10 are spent"), "{}", refused.body);
        assert!(refused.body.contains("2026-12-01T00:00:00Z"), "{}", refused.body);
        assert_allowed(&client.authorize("sk-Lab").await, "Lab");
    }
    server.set_time("2026-11-30T23:59:59.999999Z");
    assert_eq!(tcp.authorize("sk-Bot").await.status, 429);
    server.set_time("2026-12-01T00:00:00Z");
    assert_allowed(&tcp.authorize("sk-Bot").await, "Bot");
}

#[tokio::test]
async fn nginx_gets_what_auth_request_knows_with_the_truth_in_headers() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let key = ["authorization: Bearer sk-Bot"];
    assert_allowed(&client.ask("GET /v1/authorize/nginx", &key).await, "Bot");
    let unknown = client.ask("GET /v1/authorize/nginx", &["x-api-key: sk-nobody"]).await;
    assert_eq!((unknown.status, unknown.header("x-mete-status")), (401, Some("401")));
    assert_eq!((unknown.header("www-authenticate"), unknown.body.as_str()), (Some("Bearer"), ""));
    server.spend("Bot", 10);
    let refused = client.ask("GET /v1/authorize/nginx", &key).await;
    assert_eq!((refused.status, refused.header("x-mete-status")), (403, Some("429")));
    assert_eq!((refused.header("x-should-retry"), refused.body.as_str()), (Some("false"), ""));
    assert_eq!(refused.header("x-mete-body"), Some(&*client.authorize("sk-Bot").await.body));
    assert_eq!(client.ask("POST /v1/authorize/nginx", &key).await.header("allow"), Some("GET"));
}

#[tokio::test]
async fn envoy_asks_with_the_requests_own_method_and_path() {
    let server = Server::start().await;
    server.restrict();
    let mut client = server.tcp().await;
    let key = "authorization: Bearer sk-Bot";
    let forged = ["x-original-method: GET", "x-original-uri: /v1/models", "x-forwarded-uri: /v1/files"];
    for request_line in ["POST /v1/authorize/envoy/v1/chat/completions", "DELETE /v1/authorize/envoy/v1/files/f?x=1"] {
        let allowed = client.ask(request_line, &[&[key][..], &forged[..]].concat()).await;
        assert_eq!((allowed.status, allowed.header("x-mete-key-id")), (200, Some("key_Bot")), "{request_line}");
        assert_eq!(allowed.header("x-mete-project-id"), Some("proj_Bot"));
    }
    let upload = "PUT /v1/authorize/envoy/v1/files";
    assert_eq!(client.ask(upload, &[key, "x-mete-bytes: 100000000001"]).await.status, 413);
    let foreign = client.ask("POST /v1/authorize/envoy/v1/responses", &[key, "x-mete-model: gpt-5"]).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (403, "model_not_found"));
    for path in ["/v1/authorize/envoy", "/v1/authorize/envoyx/v1/models"] {
        assert_eq!(client.ask(&format!("GET {path}"), &[key]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_say_what_there_is() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    for path in ["/", "/v1/authorize/", "/V1/AUTHORIZE", "/v1/authorize%2f", "/v1//authorize", "/v1/ingest"] {
        let answer = client.ask(&format!("GET {path}"), &["authorization: Bearer sk-Bot"]).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_url"), "{path}");
        assert!(answer.body.contains(path), "{}", answer.body);
    }
    let secret = client.ask("GET /nothing?api_key=sk-Bot", &[]).await;
    assert!(!secret.body.contains("sk-Bot"), "a query may hold a secret: {}", secret.body);
    for (request_line, allowed) in [
        ("DELETE /v1/authorize", "GET, POST"),
        ("PUT /v1/authorize", "GET, POST"),
        ("POST /healthz", "GET, HEAD"),
        ("BREW /readyz", "GET, HEAD"),
    ] {
        let answer = client.ask(request_line, &["authorization: Bearer sk-Bot"]).await;
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_supported"), "{request_line}");
        assert_eq!(answer.header("allow"), Some(allowed), "{request_line}");
    }
}

#[tokio::test]
async fn health_and_readiness_follow_the_process() {
    let server = Server::start().await;
    let mut client = server.unix().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(client.ask(&format!("GET {path}"), &[]).await.status, 200);
        let head = client.ask(&format!("HEAD {path}"), &[]).await;
        assert_eq!((head.status, head.header("content-length").is_some()), (200, true));
    }
    server.readiness.set_stopping();
    assert_eq!(client.ask("GET /healthz", &[]).await.status, 200);
    let stopping = client.ask("GET /readyz", &[]).await;
    assert_eq!((stopping.status, stopping.code().as_str()), (503, "not_ready"));
    assert!(stopping.body.contains("stopping"), "{}", stopping.body);
    assert_allowed(&client.authorize("sk-Bot").await, "Bot");
}

#[tokio::test]
async fn before_everything_is_loaded_nothing_is_decided() {
    let server = Server::starting().await;
    let mut client = server.tcp().await;
    assert_eq!(client.ask("GET /healthz", &[]).await.status, 200);
    for request_line in ["GET /readyz", "GET /v1/authorize"] {
        let answer = client.ask(request_line, &["authorization: Bearer sk-Bot"]).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "not_ready"), "{request_line}");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.body.contains("starting"), "{}", answer.body);
    }
    server.readiness.set_ready();
    assert_eq!(client.ask("GET /readyz", &[]).await.status, 200);
    assert_allowed(&client.authorize("sk-Bot").await, "Bot");
}
