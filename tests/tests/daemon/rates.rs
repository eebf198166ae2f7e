//! Rate limits through the daemon's door (R23).

use anyhow::{Result, ensure};
use mete_control::LimitChange;
use mete_core::Nanos;
use mete_tests::{TestStore, each_engine, wait};

use crate::gate::start;
use crate::support::{LIMIT, Line, Stage, append};

/// A chat with the model whose limit is set.
const CHAT: &str = "x-original-method: POST\r\nx-original-uri: /v1/chat/completions\r\nx-mete-model: gpt-4o-mini\r\n";

fn rate(typed: &str) -> Result<LimitChange> {
    Ok(LimitChange { rates: vec![typed.parse()?], ..LimitChange::default() })
}

each_engine! {
    async fn r23_a_limit_that_is_set_while_it_runs_holds_and_usage_counts_on_it(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        stage.project("Support").await?;
        let key = stage.key("Support").await?;
        let (meted, gateway) = start(&stage)?;
        ensure!(gateway.ask_about(&key.secret, CHAT)?.status == 204);
        stage.limit(Some("Support"), &rate("gpt-4o-mini:requests_per_day=2")?).await?;
        // Each question that is let through is one of the two.
        let limited = gateway.answers_about(&key.secret, CHAT, 429, "rate_limit_exceeded")?;
        ensure!(limited.head.contains("x-ratelimit-limit-requests: 2"), "{limited:?}");
        ensure!(limited.head.contains("retry-after: "), "{limited:?}");
        ensure!(!limited.head.contains("x-should-retry"), "{limited:?}");

        stage.limit(Some("Support"), &rate("gpt-4o-mini:requests_per_day=none")?).await?;
        stage.limit(Some("Support"), &rate("gpt-4o-mini:tokens_per_minute=1000")?).await?;
        gateway.answers_about(&key.secret, CHAT, 204, "")?;
        let line = Line::own("a", Stage::now(), Nanos(1)).with(&key.field());
        let line = line.with(r#""output_tokens":71000"#);
        append(&stage.path("usage.jsonl"), std::slice::from_ref(&line));
        stage.expect(&[line]);
        let limited = wait::until("what was used", LIMIT, || {
            let answer = gateway.ask_about(&key.secret, CHAT).ok()?;
            (answer.status == 429).then_some(answer)
        })?;
        ensure!(limited.body["error"]["type"] == "tokens", "{limited:?}");
        meted.stop()?;
        stage.check().await
    }

    async fn r23_what_is_used_of_a_day_outlives_a_kill(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        stage.project("Support").await?;
        let (bot, support) = (stage.key("Bot").await?, stage.key("Support").await?);
        stage.limit(Some("Bot"), &rate("gpt-4o-mini:requests_per_day=2")?).await?;
        stage.limit(Some("Support"), &rate("gpt-4o-mini:tokens_per_day=1000")?).await?;
        let (mut meted, gateway) = start(&stage)?;
        for _ in 0..2 {
            ensure!(gateway.ask_about(&bot.secret, CHAT)?.status == 204);
        }
        let tokens = r#""output_tokens":997"#;
        let lines = [("a", &bot, ""), ("b", &bot, ""), ("c", &support, tokens)].map(|(id, key, used)| {
            let line = Line::own(id, Stage::now(), Nanos(1)).with(&key.field());
            if used.is_empty() { line } else { line.with(used) }
        });
        append(&stage.path("usage.jsonl"), &lines);
        stage.expect(&lines);
        stage.counted().await?;
        for key in [&bot, &support] {
            gateway.answers_about(&key.secret, CHAT, 429, "rate_limit_exceeded")?;
        }
        meted.0.kill()?;

        let (meted, gateway) = start(&stage)?;
        let (requests, tokens) = (gateway.ask_about(&bot.secret, CHAT)?, gateway.ask_about(&support.secret, CHAT)?);
        ensure!(requests.status == 429 && requests.body["error"]["type"] == "requests", "{requests:?}");
        ensure!(requests.head.contains("x-ratelimit-remaining-requests: 0"), "{requests:?}");
        ensure!(tokens.status == 429 && tokens.body["error"]["type"] == "tokens", "{tokens:?}");
        ensure!(tokens.head.contains("x-ratelimit-limit-tokens: 1000"), "{tokens:?}");
        let other = stage.key("Support").await?;
        ensure!(gateway.answers_about(&other.secret, "x-mete-model: gpt-4o\r\n", 204, "")?.status == 204);
        meted.stop()?;
        stage.check().await
    }
}
