//! Questions in JSON, and money that is held (R40).

use mete_core::event::EventId;
use mete_core::parts::{Part, PartKind};
use mete_core::secret::KeyHash;
use mete_core::{IdHasher, Nanos};
use mete_gate::Booked;
use mete_store::GatePart;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::server::{IDS, Server};

/// Asks, and gives the answer's document.
pub async fn ask(client: &mut Client, question: Value) -> Value {
    let answer = post(client, &question.to_string()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    serde_json::from_str(&answer.body).unwrap()
}

async fn post(client: &mut Client, body: &str) -> Answer {
    let head = "POST /v1/authorize HTTP/1.1\r\nhost: mete\r\ncontent-type: application/json; charset=utf-8";
    client.send(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    client.read().await
}

/// A chat with gpt-4o, $2.50 and $10 for a million tokens: $7.5 at most.
fn chat(key: &str) -> Value {
    json!({
        "key": key, "method": "POST", "path": "/v1/chat/completions", "model": "gpt-4o",
        "input_tokens": 1_000_000, "max_output_tokens": 500_000, "bytes": 4_000_000,
    })
}

#[tokio::test]
async fn r40_a_question_is_answered_with_decision_hold_and_what_is_left() {
    let server = Server::start().await;
    for (mut client, left) in server.clients().await.into_iter().zip(["2.5", "0"]) {
        if left == "0" {
            server.spend("Bot", 2);
            server.gate.expire_holds("2026-11-24T00:00:00Z".parse().unwrap());
            let mut smaller = chat("sk-Bot");
            smaller["max_output_tokens"] = json!(550_000);
            let answer = ask(&mut client, smaller).await;
            assert_eq!((&answer["hold"]["amount"], &answer["remaining"]["project"]), (&json!("8"), &json!("0")));
            continue;
        }
        let answer = ask(&mut client, chat("sk-Bot")).await;
        let id = answer["hold"]["id"].as_str().unwrap().to_owned();
        assert!(id.starts_with("hold_") && id.len() == 29, "{id}");
        let expected = json!({
            "decision": "allow", "status": 204, "reason": null, "error": null, "retry": null, "headers": null,
            "project_id": "proj_Bot", "key_id": "key_Bot",
            "hold": {"id": id, "amount": "7.5", "basis": "price", "expires_at": "2026-11-23T12:10:00Z"},
            "remaining": {"project": left, "organization": null, "parent_organization": null},
            "rate_limits": null,
        });
        assert_eq!(answer, expected);
    }
}

/// Budgets of Bot's models, members and keys: all of gpt-4o, Kim who has `key_Bot`, and `key_Bot` itself.
fn with_parts() -> Vec<GatePart> {
    let part = |kind, id: &str, dollars, keys: &[&str]| GatePart {
        project_id: "proj_Bot".into(),
        part: Part { kind, id: id.into() },
        name: id.into(),
        budget: Nanos::from_dollars(dollars),
        keys: keys.iter().map(ToString::to_string).collect(),
    };
    vec![
        part(PartKind::Model, "gpt-4o", 9, &[]),
        part(PartKind::Member, "user-kim", 8, &["key_Bot"]),
        part(PartKind::Key, "key_Bot", 20, &["key_Bot"]),
    ]
}

#[tokio::test]
async fn r24_what_is_left_of_budgets_of_a_model_member_and_key_is_told() {
    let server = Server::start().await;
    let scopes = json!({"project": "2.5", "organization": null, "parent_organization": null});
    let left = |parts: Value| {
        let mut left = scopes.clone();
        left.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        left
    };
    server.budget_parts(with_parts());
    let mut client = server.tcp().await;
    let held = ask(&mut client, chat("sk-Bot")).await;
    assert_eq!(held["decision"], "allow", "{held}");
    assert_eq!(held["remaining"], left(json!({"model": "1.5", "member": "0.5", "key": "12.5"})));
    // The owner's is the first of the narrow ones that does not cover a second.
    let mut second = chat("sk-Bot");
    second["input_tokens"] = json!(100_000);
    second["max_output_tokens"] = json!(50_000);
    let refused = ask(&mut client, second).await;
    assert_eq!((&refused["status"], &refused["reason"]), (&json!(429), &json!("member_spend_limit_exceeded")));
    assert_eq!(refused["remaining"], held["remaining"]);
    // Another key of the project has no owner's and no own, another model none either.
    let mut other = json!({"key": "sk-reader", "method": "GET", "path": "/v1/models", "hold": false});
    assert_eq!(ask(&mut client, other.clone()).await["remaining"], scopes);
    other["model"] = json!("gpt-4o");
    assert_eq!(ask(&mut client, other).await["remaining"], left(json!({"model": "1.5"})));
}

#[tokio::test]
async fn r40_what_does_not_fit_is_refused_until_the_hold_is_released() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let hold = ask(&mut client, chat("sk-Bot")).await["hold"]["id"].as_str().unwrap().to_owned();
    let refused = ask(&mut client, chat("sk-Bot")).await;
    assert_eq!(
        [&refused["decision"], &refused["status"], &refused["reason"], &refused["retry"], &refused["hold"]],
        [&json!("refuse"), &json!(429), &json!("project_spend_limit_exceeded"), &json!(false), &Value::Null]
    );
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("may cost $7.5: $0 of $10 are spent, and $7.5 are held"), "{message}");
    assert_eq!((&refused["remaining"]["project"], &refused["key_id"]), (&json!("2.5"), &json!("key_Bot")));
    // Without a hold only what is used up counts.
    let mut question = chat("sk-Bot");
    question["hold"] = json!(false);
    let looked = ask(&mut client, question).await;
    assert_eq!((&looked["decision"], &looked["hold"]), (&json!("allow"), &Value::Null));

    let release = |status| (format!("DELETE /v1/holds/{hold}"), status);
    for (line, status) in [release(204), release(404), ("DELETE /v1/holds/hold_x".to_owned(), 404)] {
        let answer = client.ask(&line, &[]).await;
        assert_eq!(answer.status, status, "{line}: {}", answer.body);
        if status == 404 {
            assert_eq!(answer.code(), "unknown_hold");
        }
    }
    assert_eq!(ask(&mut client, chat("sk-Bot")).await["decision"], "allow");
    for (line, allow) in [("GET /v1/holds/hold_x", "DELETE"), ("DELETE /v1/holds/hold_x/extend", "POST")] {
        let answer = client.ask(line, &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{line}");
    }
}

#[tokio::test]
async fn r40_a_hold_can_be_extended_and_is_freed_by_itself() {
    let server = Server::start().await;
    let mut client = server.unix().await;
    let hold = ask(&mut client, chat("sk-Bot")).await["hold"]["id"].as_str().unwrap().to_owned();
    server.set_time("2026-11-23T12:09:00Z");
    let extend = format!("POST /v1/holds/{hold}/extend");
    let extended = client.ask(&extend, &["content-length: 0"]).await;
    let document: Value = serde_json::from_str(&extended.body).unwrap();
    assert_eq!(document, json!({"id": hold, "amount": "7.5", "expires_at": "2026-11-23T12:19:00Z"}));
    server.set_time("2026-11-23T12:18:59Z");
    assert_eq!(ask(&mut client, chat("sk-Bot")).await["decision"], "refuse");
    server.set_time("2026-11-23T12:19:00Z");
    assert_eq!(client.ask(&extend, &["content-length: 0"]).await.status, 404);
    assert_eq!(ask(&mut client, chat("sk-Bot")).await["decision"], "allow");
}

#[tokio::test]
async fn r40_the_amount_is_estimated_where_it_cannot_be_priced_and_settled_by_the_requests_event() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let unpriced = json!({"key": "sk-Bot", "model": "gpt-4o", "request_id": "req-1"});
    let answer = ask(&mut client, unpriced).await;
    assert_eq!((&answer["hold"]["amount"], &answer["hold"]["basis"]), (&json!("0.05"), &json!("default")));
    let event: EventId = IdHasher::new(IDS).event("org-1", "req-1");
    let cost = Nanos(2_000_000_000);
    let booked = || [Booked { event, project: "proj_Bot", key: Some("key_Bot"), hold: None, cost }].into_iter();
    assert_eq!(server.gate.settle(booked()).exceeded, 1);
    server.gate.note_costs(booked());
    assert_eq!(server.gate.held(), (0, Nanos::ZERO));
    let unknown = json!({"key": "sk-Bot", "model": "a-model-of-ones-own", "input_tokens": 1, "max_output_tokens": 1});
    let answer = ask(&mut client, unknown).await;
    assert_eq!((&answer["hold"]["amount"], &answer["hold"]["basis"]), (&json!("3"), &json!("recent")));
}

#[tokio::test]
async fn r37_a_question_about_a_key_may_bring_its_hash_and_every_refusal_is_told() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let by_hash = json!({"key_sha256": KeyHash::of("sk-Lab").to_hex(), "hold": false});
    assert_eq!(ask(&mut client, by_hash).await["key_id"], "key_Lab");
    for (question, status, reason, key_id) in [
        (json!({}), 401, "invalid_api_key", Value::Null),
        (json!({"key": null}), 401, "invalid_api_key", Value::Null),
        (json!({"key": "sk-nobody"}), 401, "invalid_api_key", Value::Null),
        (json!({"key_sha256": "00".repeat(32)}), 401, "invalid_api_key", Value::Null),
        (
            json!({"key": "sk-reader", "method": "POST", "path": "/v1/files"}),
            403,
            "missing_permission",
            json!("key_reader"),
        ),
        (
            json!({"key": "sk-Bot", "method": "POST", "path": "/v1/files", "bytes": 1_001}),
            413,
            "file_storage_quota_exceeded",
            json!("key_Bot"),
        ),
    ] {
        let answer = ask(&mut client, question.clone()).await;
        let told = [&answer["status"], &answer["reason"], &answer["key_id"]];
        assert_eq!(told, [&json!(status), &json!(reason), &key_id], "{question}");
        assert!(answer["error"].as_object().is_some_and(|error| error.len() == 4), "{answer}");
    }
    assert_eq!(server.gate.held(), (0, Nanos::ZERO));
}

#[tokio::test]
async fn a_question_that_is_none_is_refused_with_what_is_wrong() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    for (body, part) in [
        (r#"{"key":"sk-Bot","modle":"gpt-4o"}"#, "unknown field `modle`"),
        (r#"{"key":"sk-Bot","input_tokens":-1}"#, "-1"),
        (r#"{"key":"sk-Bot","key_sha256":"00"}"#, "both key and key_sha256"),
        (r#"{"key_sha256":"xyz"}"#, "64 hexadecimal digits"),
        (r#"{"key":"sk-Bot""#, "EOF"),
        ("[]", "no JSON object"),
        ("", "no JSON object"),
    ] {
        let answer = post(&mut client, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_question"), "{body}");
        assert!(answer.body.contains(part) && !answer.body.contains("sk-Bot"), "{body}: {}", answer.body);
    }
    let long = format!(r#"{{"key":"{}"}}"#, "x".repeat(70_000));
    let answer = post(&mut client, &long).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn r40_the_header_form_holds_money_where_sizes_are_told_or_it_is_asked_to() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let key = "authorization: Bearer sk-Bot";
    let plain = client.ask("GET /v1/authorize", &[key, "x-mete-model: gpt-4o"]).await;
    assert_eq!((plain.status, plain.header("x-mete-hold")), (204, None));
    let sized = [key, "x-mete-model: gpt-4o", "x-mete-input-tokens: 1000000", "x-mete-max-output-tokens: 500000"];
    // A client's JSON body may come along: the key in the header decides which form it is.
    let json = [sized[0], sized[1], sized[2], sized[3], "content-type: application/json", "content-length: 2"];
    client.send(crate::client::request("POST /v1/authorize", &json) + "{}").await;
    let held = client.read().await;
    let hold = held.header("x-mete-hold").unwrap().to_owned();
    assert_eq!((held.status, server.gate.held()), (204, (1, Nanos(7_500_000_000))));
    let refused = client.ask("GET /v1/authorize", &sized).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "project_spend_limit_exceeded"));
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(client.ask(&format!("DELETE /v1/holds/{hold}"), &[]).await.status, 204);
    let taken = client.ask("GET /v1/authorize", &[key, "x-mete-hold: take"]).await;
    assert!(taken.header("x-mete-hold").is_some_and(|id| id != hold), "{taken:?}");
    assert_eq!(server.gate.held(), (1, Nanos(50_000_000)));
    let metrics = client.ask("GET /metrics", &[]).await.body;
    assert!(metrics.contains("mete_holds_taken_total 2\n"), "{metrics}");
}

#[tokio::test]
async fn before_everything_is_loaded_nothing_is_held() {
    let server = Server::starting().await;
    let mut client = server.tcp().await;
    let answer = post(&mut client, &chat("sk-Bot").to_string()).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "not_ready"));
    assert_eq!(client.ask("DELETE /v1/holds/hold_x", &[]).await.status, 503);
}
