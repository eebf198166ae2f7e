//! What is answered about what a gateway tells of a request (R16, R17, R23, R28, R41).

use crate::client::{Answer, Client};
use crate::server::Server;

/// Asks about a request with a key, in the headers of one kind of gateway.
async fn ask(client: &mut Client, secret: &str, headers: &[&str]) -> Answer {
    let key = format!("authorization: Bearer {secret}");
    let headers: Vec<&str> = [key.as_str()].into_iter().chain(headers.iter().copied()).collect();
    client.ask("GET /v1/authorize", &headers).await
}

/// Asks about a method and path as nginx does, and as Traefik and Caddy do; both must be answered alike.
async fn ask_about(client: &mut Client, secret: &str, method: &str, path: &str) -> Answer {
    let nginx = [format!("X-Original-Method: {method}"), format!("X-Original-URI: {path}")];
    let traefik = [format!("X-Forwarded-Method: {method}"), format!("X-Forwarded-Uri: {path}")];
    let [answer, other] = [
        ask(client, secret, &nginx.each_ref().map(String::as_str)).await,
        ask(client, secret, &traefik.each_ref().map(String::as_str)).await,
    ];
    assert_eq!((answer.status, &answer.body), (other.status, &other.body));
    answer
}

#[tokio::test]
async fn r16_keys_do_what_their_permissions_cover_by_method_and_path() {
    let server = Server::start().await;
    for mut client in server.clients().await {
        for (secret, method, path, missing) in [
            ("sk-Bot", "POST", "/v1/anything/at/all", None),
            ("sk-reader", "GET", "/v1/models", None),
            ("sk-reader", "HEAD", "/v1/files/file-1/content?x=y", None),
            ("sk-reader", "POST", "/v1/chat/completions", Some("Missing scopes: chat_completions.write.")),
            ("sk-reader", "DELETE", "/v1/files/file-1", Some("Missing scopes: files.write.")),
            ("sk-chat", "POST", "/v1/chat/completions", None),
            ("sk-chat", "POST", "/v1/messages", None),
            ("sk-chat", "GET", "/v1/files", None),
            ("sk-chat", "POST", "/v1/files", Some("Missing scopes: files.write.")),
            ("sk-chat", "GET", "/v1/models", Some("Missing scopes: models.read.")),
            ("sk-chat", "GET", "/v1/chat/../models", Some("no scope covers this path")),
            ("sk-chat", "GET", "/v1/chat/%2e%2e/models", Some("no scope covers this path")),
            ("sk-chat", "GET", "/healthz", Some("no scope covers this path")),
        ] {
            let answer = ask_about(&mut client, secret, method, path).await;
            match missing {
                None => assert_eq!(answer.status, 204, "{secret} {method} {path}: {answer:?}"),
                Some(words) => {
                    assert_eq!((answer.status, answer.code().as_str()), (403, "null"), "{secret} {method} {path}");
                    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
                    assert_eq!(body["error"]["type"], "invalid_request_error");
                    assert!(answer.body.contains(words), "{secret} {method} {path}: {}", answer.body);
                    assert_eq!(answer.header("x-should-retry"), None);
                }
            }
        }
    }
}

#[tokio::test]
async fn r16_a_request_that_is_not_told_clearly_is_refused_unless_the_key_may_do_everything() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let told: [&[&str]; 6] = [
        &[],
        &["x-original-method: GET"],
        &["x-original-uri: /v1/files"],
        &["x-original-method: ", "x-original-uri: /v1/files"],
        // A client's own headers beside those of the gateway.
        &["x-original-method: GET", "x-forwarded-method: POST", "x-forwarded-uri: /v1/files"],
        &["x-original-method: GET", "x-original-uri: /v1/files", "x-original-uri: /v1/responses"],
    ];
    for headers in told {
        for secret in ["sk-reader", "sk-chat"] {
            let refused = ask(&mut client, secret, headers).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "null"), "{secret} {headers:?}");
            assert!(refused.body.contains("the method and the path"), "{}", refused.body);
        }
        assert_eq!(ask(&mut client, "sk-Bot", headers).await.status, 204, "{headers:?}");
    }
    let twice_alike = ["x-original-method: GET", "x-forwarded-method: GET", "x-original-uri: /v1/files"];
    assert_eq!(ask(&mut client, "sk-chat", &twice_alike).await.status, 204);
}

#[tokio::test]
async fn r17_administration_keys_are_told_where_they_work() {
    let server = Server::start().await;
    let refused = server.tcp().await.authorize("sk-admin-anything").await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
    assert!(refused.body.contains("administration API only"), "{}", refused.body);
}

#[tokio::test]
async fn r23_models_that_are_not_in_the_list_are_refused() {
    let server = Server::start().await;
    server.restrict();
    for mut client in server.clients().await {
        assert_eq!(ask(&mut client, "sk-Bot", &["x-mete-model: gpt-4o"]).await.status, 204);
        assert_eq!(ask(&mut client, "sk-Bot", &[]).await.status, 204, "a gateway that does not know the model");
        let spoofed: &[&str] = &["x-mete-model: gpt-4o", "x-mete-model: o3"];
        for headers in [&["x-mete-model: o3"], &["x-mete-model: GPT-4o"], &["x-mete-model: gpt-4o\u{f6}"], spoofed] {
            let refused = ask(&mut client, "sk-Bot", headers).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "model_not_found"), "{headers:?}");
            assert!(refused.body.contains("the project 'Bot' may use"), "{}", refused.body);
        }
    }
}

#[tokio::test]
async fn r41_a_blocked_key_is_told_why_and_until_when() {
    let server = Server::start().await;
    server.restrict();
    let mut client = server.tcp().await;
    let refused = client.authorize("sk-Lab").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "access_blocked"));
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    for part in ["insufficient_quota", "It leaked.", "2026-11-24T00:00:00Z"] {
        assert!(refused.body.contains(part), "{part:?} is not in {}", refused.body);
    }
    server.set_time("2026-11-24T00:00:00Z");
    assert_eq!(client.authorize("sk-Lab").await.status, 204, "it ends by itself");
}

#[tokio::test]
async fn r28_an_upload_past_the_quota_is_refused() {
    let server = Server::start().await;
    server.store("Bot", 900);
    let mut client = server.unix().await;
    let upload = |bytes: &'static str| ["x-original-method: POST", "x-original-uri: /v1/files", bytes];
    for bytes in ["x-mete-bytes: 100", "x-mete-bytes: many", "x-other: 5"] {
        assert_eq!(ask(&mut client, "sk-Bot", &upload(bytes)).await.status, 204, "{bytes}");
    }
    let refused = ask(&mut client, "sk-Bot", &upload("x-mete-bytes: 101")).await;
    assert_eq!((refused.status, refused.code().as_str()), (413, "file_storage_quota_exceeded"));
    assert!(refused.body.contains("file quota of the project 'Bot'"), "{}", refused.body);
    assert_eq!(refused.header("x-should-retry"), None);
    assert_eq!(ask(&mut client, "sk-Lab", &upload("x-mete-bytes: 101")).await.status, 204);
}
