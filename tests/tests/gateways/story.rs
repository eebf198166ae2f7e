//! What holds of every gateway: the loop of usage and budget is closed, and nothing goes around it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use hyper::{Method, StatusCode};
use mete_control::host::SystemClock;
use mete_core::Clock as _;
use mete_tests::meted::LIMIT;
use mete_tests::{Meted, wait};
use tokio::task::JoinSet;

use crate::client::{Answer, QUESTION, ask, chat, request};
use crate::stage::Stage;
use crate::upstream::Upstream;

/// The provider's own key, which only the gateway has.
pub const PROVIDER_KEY: &str = "sk-the-provider-s-own";

/// How many bytes of files a project may store unless it is set otherwise (R28).
const QUOTA: u64 = 100_000_000_000;

/// A budget of a dollar, a key, and an API whose answers cost 75 cents each.
pub struct Story<'a> {
    pub stage: Stage<'a>,
    pub upstream: Upstream,
    /// The secret of a key that may do everything.
    pub secret: String,
    /// Whether the gateway has money held, so that no request passes the budget.
    holds: bool,
}

impl<'a> Story<'a> {
    pub async fn new(place: &'a mete_tests::TestStore) -> Result<Self> {
        let stage = Stage::new(place)?;
        stage.mete("limits set --project Support --budget 1")?;
        let secret = key(&stage, "")?;
        Ok(Self { stage, upstream: Upstream::start().await?, secret, holds: false })
    }

    /// The same for a gateway that has money held (R40): two dollars, of which two answers leave too little for a third.
    pub fn holding(self) -> Result<Self> {
        self.stage.mete("limits set --project Support --budget 2")?;
        Ok(Self { holds: true, ..self })
    }

    /// The port of the daemon.
    pub fn mete(&self) -> Result<u16> {
        Ok(self.stage.address.rsplit(':').next().context("no port")?.parse()?)
    }

    /// Waits until Mete would answer so about a question to a model.
    pub async fn decided(&self, status: u16) -> Result<()> {
        let hold = if self.holds { "take" } else { "" };
        let question =
            [("x-original-method", "POST"), ("x-original-uri", "/v1/chat/completions"), ("x-mete-hold", hold)];
        self.decided_about(&question, status).await
    }

    /// Waits until it would answer so about a request that is described by these headers.
    pub async fn decided_about(&self, described: &[(&str, &str)], status: u16) -> Result<()> {
        let port = self.mete()?;
        let decided = async || {
            let answer = ask(port, request("GET", "/v1/authorize", &self.secret, described, "")).await.ok()?;
            (answer.status.as_u16() == status).then_some(())
        };
        wait::eventually(&format!("the decision {status}"), LIMIT, decided).await
    }

    /// Fills the project's file storage but for 1000 bytes (R28).
    pub async fn stores_almost_all_it_may(&self) -> Result<()> {
        let (now, bytes) = (SystemClock.now(), QUOTA - 1_000);
        let stored = format!(
            r#"{{"id":"stored","time":"{now}","project":"Support","bytes":{bytes},"resource":{{"type":"file","id":"file-0"}},"cost":"0"}}"#
        );
        fs::write(self.stage.path("stored.jsonl"), stored + "\n")?;
        let taken = self.stage.mete(&format!("ingest --org Acme {}/stored.jsonl", self.stage.folder()))?;
        ensure!(taken["accepted"] == 1, "{taken}");
        let upload = [("x-original-method", "POST"), ("x-original-uri", "/v1/files"), ("x-mete-bytes", "1001")];
        self.decided_about(&upload, 413).await
    }

    /// How many requests came through until now. Those that only look do not count: a gateway does so by itself.
    pub fn passed(&self) -> usize {
        self.upstream.seen().iter().filter(|seen| seen.method == Method::POST).count()
    }

    /// Two requests, whose bodies are `asks`, pass the gateway at `port`, and are logged and counted; then the budget is
    /// spent, and the key refused as R37 says; and when the budget is raised, it passes again.
    pub async fn loop_is_closed(&self, port: u16, asks: [&str; 2]) -> Result<()> {
        for (body, number) in asks.into_iter().zip(1..) {
            let answer = chat(port, &self.secret, body).await?;
            ensure!(answer.status == StatusCode::OK && answer.body.contains("geschehen: „Bär“"), "{answer:?}");
            let spends = self.stage.counted(number, "project")?;
            ensure!(spends.len() == 1 && spends["Support"].spend.0 == number * 750_000_000, "{spends:?}");
        }
        self.decided(429).await?;
        self.is_refused_for_the_budget(&chat(port, &self.secret, QUESTION).await?)?;
        ensure!(self.passed() == 2, "{:?}", self.upstream.seen());

        self.stage.mete("limits set --project Support --budget 100")?;
        self.decided(204).await?;
        let answer = chat(port, &self.secret, QUESTION).await?;
        ensure!(answer.status == StatusCode::OK, "{answer:?}");
        let keys = self.stage.spends("key")?;
        ensure!(keys.len() == 1, "usage is the key's: {keys:?}");
        for seen in self.upstream.seen() {
            let authorization = seen.headers.get("authorization").context("no provider's key")?;
            ensure!(*authorization == format!("Bearer {PROVIDER_KEY}"), "{seen:?}");
        }
        Ok(())
    }

    /// Requests through the gateway at `port` that run at once, each held at its highest cost until its usage is booked
    /// (R40): of a budget of $4, five of 75 cents pass, and as many as if they had come one by one.
    pub async fn requests_at_once_never_pass_the_budget(&self, port: u16) -> Result<()> {
        self.stage.mete("limits set --project Support --budget 4")?;
        // As large as what the server says it read, and wrote: a little over 75 cents at most.
        let large = QUESTION.replacen('{', r#"{"max_tokens":1000000,"#, 1);
        let large = large.replace("How much", &"How much ".repeat(112_000));
        let mut asking = JoinSet::new();
        for _ in 0..20 {
            let (secret, body) = (self.secret.clone(), large.clone());
            asking.spawn(async move { chat(port, &secret, &body).await });
        }
        while let Some(answer) = asking.join_next().await {
            let answer = answer??;
            ensure!([200, 429].contains(&answer.status.as_u16()), "{answer:?}");
        }
        let passed = self.passed();
        ensure!((1..=5).contains(&passed), "{passed} requests of 75 cents passed a budget of $4");
        self.stage.counted(i64::try_from(passed)?, "project")?;

        // What was held is free again.
        let all = async || {
            chat(port, &self.secret, &large).await.ok()?;
            (self.passed() == 5).then_some(())
        };
        wait::eventually("the fifth request", LIMIT, all).await?;
        self.stage.counted(5, "project")?;
        self.stage.mete("limits set --project Support --budget 4.6")?;
        let sixth = async || chat(port, &self.secret, &large).await.ok().filter(|it| it.status == StatusCode::OK);
        wait::eventually("a sixth request", LIMIT, sixth).await?;
        let spends = self.stage.counted(6, "project")?;
        ensure!(spends["Support"].spend.0 == 4_500_000_000, "{spends:?}");
        Ok(())
    }

    /// The length that a client tells decides on an upload (R28), whatever it says to Mete; one without a length is refused.
    pub async fn an_upload_is_checked_before_it_is_read(&self, port: u16) -> Result<()> {
        self.stores_almost_all_it_may().await?;
        let upload = async |headers: &[(&str, &str)], bytes: usize| {
            ask(port, request("POST", "/v1/files", &self.secret, headers, &"x".repeat(bytes))).await
        };
        let full = upload(&[("x-mete-bytes", "1")], 2_000).await?;
        ensure!((full.status.as_u16(), &*full.code()) == (413, "file_storage_quota_exceeded"), "{full:?}");
        let before = self.passed();
        let unknown = upload(&[("transfer-encoding", "chunked")], 2_000).await?;
        ensure!(unknown.status == StatusCode::LENGTH_REQUIRED, "{unknown:?}");
        ensure!(self.passed() == before, "{:?}", self.upstream.seen());
        ensure!(upload(&[], 500).await?.status == StatusCode::OK);
        Ok(())
    }

    /// A rate limit's refusal (R37) comes through the gateway at `port` with all that tells a client when to try again.
    pub async fn a_rate_limit_reaches_the_client(&self, port: u16) -> Result<()> {
        self.stage.mete("limits set --project Support --budget none --rate gpt-4o-mini:requests_per_day=1")?;
        let limited = async || {
            let answer = chat(port, &self.secret, QUESTION).await.ok()?;
            (answer.status == 429 && answer.code() == "rate_limit_exceeded").then_some(answer)
        };
        let refused = wait::eventually("the rate limit", LIMIT, limited).await?;
        let told = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-should-retry"];
        ensure!(told.map(|name| refused.header(name)) == [Some("1"), Some("0"), None], "{refused:?}");
        let wait: u64 = refused.header("retry-after").context("no retry-after")?.parse()?;
        ensure!((86_000..=86_400).contains(&wait), "{refused:?}");
        Ok(())
    }

    fn is_refused_for_the_budget(&self, answer: &Answer) -> Result<()> {
        ensure!(answer.status == StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
        ensure!(answer.header("x-should-retry") == Some("false"), "{answer:?}");
        ensure!(answer.header("content-type") == Some("application/json"), "{answer:?}");
        let error = &answer.json()["error"];
        ensure!(error["type"] == "insufficient_quota" && error["code"] == "project_spend_limit_exceeded", "{answer:?}");
        let message = error["message"].as_str().unwrap_or_default();
        // Half as much again as the answers before is held.
        let said = if self.holds {
            "'Support' does not cover this request, which may cost $1.125: $1.5 of $2 are spent"
        } else {
            "'Support' is exhausted: $1.5 of $1 are spent"
        };
        ensure!(message.contains(said), "{answer:?}");
        ensure!(error.as_object().is_some_and(|error| error.len() == 4) && error["param"].is_null(), "{answer:?}");
        Ok(())
    }

    /// No key and no request of a key that may less passes, whatever a client writes into its headers.
    pub async fn nothing_forged_passes(&self, port: u16) -> Result<()> {
        let before = self.passed();
        let unknown = chat(port, "sk-nobody", QUESTION).await?;
        ensure!((unknown.status.as_u16(), &*unknown.code()) == (401, "invalid_api_key"), "{unknown:?}");
        let reader = key(&self.stage, " --scope models=read")?;
        self.reads_models(port, &reader).await?;
        let pretended = [
            ("x-original-method", "GET"),
            ("x-original-uri", "/v1/models"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/v1/models"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-mete-key-id", "key_forged"),
            ("x-mete-project-id", "proj_forged"),
        ];
        let forged = request("POST", "/v1/chat/completions", &reader, &pretended, QUESTION);
        let answer = ask(port, forged).await?;
        ensure!(answer.status == StatusCode::FORBIDDEN, "{answer:?}");
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        ensure!(message.contains("Missing scopes: chat_completions.write"), "{answer:?}");
        ensure!(self.passed() == before, "{:?}", self.upstream.seen());

        let honest = ask(port, request("POST", "/v1/chat/completions", &self.secret, &pretended, QUESTION)).await?;
        ensure!(honest.status == StatusCode::OK, "{honest:?}");
        let seen = self.upstream.seen().pop().context("nothing came through")?;
        let kept = seen.headers.values().filter(|value| value.as_bytes().ends_with(b"forged")).count();
        ensure!(kept == 0, "{seen:?}");
        Ok(())
    }

    /// A new key passes within a moment, with what it may do.
    async fn reads_models(&self, port: u16, secret: &str) -> Result<()> {
        let read = async || {
            let answer = ask(port, request("GET", "/v1/models", secret, &[], "")).await.ok()?;
            (answer.status == StatusCode::OK).then_some(())
        };
        wait::eventually("the new key", LIMIT, read).await
    }

    /// Waits until the daemon says that so many events ended a hold.
    pub async fn settled(&self, holds: u64) -> Result<()> {
        let (port, line) = (self.mete()?, format!("mete_holds_settled_total {holds}"));
        let settled = async || {
            let answer = ask(port, request("GET", "/metrics", "", &[], "")).await.ok()?;
            answer.body.lines().any(|own| own == line).then_some(())
        };
        wait::eventually(&line, LIMIT, settled).await
    }

    /// Nothing passes while `meted` is away, and everything does when it is back.
    pub async fn nothing_passes_without_mete(&self, port: u16, daemon: Meted) -> Result<Meted> {
        daemon.stop()?;
        let before = self.passed();
        let answer = chat(port, &self.secret, QUESTION).await?;
        ensure!(answer.status == StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        ensure!(self.passed() == before, "{:?}", self.upstream.seen());
        let daemon = Meted::start(&self.stage.path("meted.toml"))?;
        let through = async || chat(port, &self.secret, QUESTION).await.ok().filter(|it| it.status == StatusCode::OK);
        wait::eventually("the gate's return", LIMIT, through).await?;
        Ok(daemon)
    }
}

/// The secret of a new key of the project Support, made with these further words.
pub fn key(stage: &Stage<'_>, words: &str) -> Result<String> {
    let key = stage.mete(&format!("key create --project Support --member dana@acme.test{words}"))?;
    Ok(key["secret"].as_str().context("no secret")?.to_owned())
}
