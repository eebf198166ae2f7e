//! Rate limits in answers (R23, R37).

use serde_json::json;

use crate::holds::ask;
use crate::server::Server;

const LIMITED: [&str; 2] = ["authorization: Bearer sk-Lab", "x-mete-model: limited"];

#[tokio::test]
async fn r37_answers_tell_how_far_the_limits_are_and_a_refusal_when_to_come_again() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    for (remaining, reset) in [("1", "30s"), ("0", "1m0s")] {
        let allowed = client.ask("GET /v1/authorize", &LIMITED).await;
        assert_eq!(allowed.status, 204);
        let told = ["limit", "remaining", "reset"].map(|what| allowed.header(&format!("x-ratelimit-{what}-requests")));
        assert_eq!(told, [Some("2"), Some(remaining), Some(reset)]);
        assert_eq!(allowed.header("x-ratelimit-remaining-tokens"), Some("6000"));
        assert_eq!(allowed.header("x-ratelimit-reset-tokens"), Some("0s"));
    }
    let refused = client.ask("GET /v1/authorize", &LIMITED).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limit_exceeded"));
    let error = refused.body.parse::<serde_json::Value>().unwrap()["error"].take();
    assert_eq!((&error["type"], &error["param"]), (&json!("requests"), &json!(null)));
    assert_eq!((refused.header("retry-after"), refused.header("retry-after-ms")), (Some("30"), Some("30000")));
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    assert_eq!(refused.header("x-should-retry"), None, "SDKs come again by themselves");
    let other = client.ask("GET /v1/authorize", &["authorization: Bearer sk-Lab", "x-mete-model: free"]).await;
    assert_eq!((other.status, other.header("x-ratelimit-limit-requests")), (204, None));

    let nginx = client.ask("GET /v1/authorize/nginx", &LIMITED).await;
    assert_eq!((nginx.status, nginx.header("x-mete-status")), (403, Some("429")));
    assert_eq!((nginx.header("retry-after"), nginx.header("x-ratelimit-reset-requests")), (Some("30"), Some("1m0s")));
}

#[tokio::test]
async fn r37_a_question_in_json_is_told_them_too_and_its_tokens_count_at_once() {
    let server = Server::start().await;
    let mut client = server.tcp().await;
    let mut tokens = async |tokens: u64| {
        let question = json!({
            "key": "sk-Lab", "model": "limited", "input_tokens": tokens, "max_output_tokens": 1_000, "hold": false,
            "request_id": format!("r-{tokens}"),
        });
        ask(&mut client, question).await
    };
    let refused = tokens(5_001).await;
    assert_eq!(
        (&refused["reason"], &refused["retry"], &refused["error"]["type"]),
        (&json!("rate_limit_exceeded"), &json!(true), &json!("tokens"))
    );
    assert!(refused["error"]["message"].as_str().unwrap().contains("larger than the limit"), "{refused}");
    let allowed = tokens(2_000).await;
    let left = json!({"limit": 6_000, "remaining": 3_000, "reset_us": 30_000_000});
    assert_eq!((&allowed["decision"], &allowed["rate_limits"]["tokens"]), (&json!("allow"), &left));
    assert_eq!(allowed["rate_limits"]["requests"]["remaining"], 1);
    assert_eq!(refused["headers"]["x-ratelimit-remaining-tokens"], "6000");
    let later = tokens(2_001).await;
    assert_eq!(later["reason"], "rate_limit_exceeded");
    // One more than is left, of a hundred a second.
    let wait = ["retry-after", "retry-after-ms", "x-should-retry"].map(|name| later["headers"][name].as_str());
    assert_eq!(wait, [Some("1"), Some("10"), None], "{later}");
}
