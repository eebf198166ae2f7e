//! Webhooks and commands: what they are given, signed and checked by the standard's own library, and what they may not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_store::DeliveryState;
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::python::Environment;
use mete_tests::{Engine, Meted, Process, TestStore, each_engine, wait};
use serde_json::{Value, json};

use crate::stage::{ACME, BOT, OWNERS, Stage};

const STARTS: Duration = Duration::from_secs(60);

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Receiver {
    port: u16,
    process: Process,
}

impl Receiver {
    fn start(folder: &Path, tls: bool, answers: &[u16]) -> Result<Self> {
        let port = free_port()?;
        let options = json!({"port": port, "folder": folder, "tls": tls, "secret": SECRET, "answers": answers});
        let process =
            Process::start(Environment::named("mail")?.program("webhook_server.py").arg(options.to_string()))?;
        process.wait_for_line(STARTS, |line| line == "ready").context("the receiver does not start")?;
        Ok(Self { port, process })
    }

    fn received(&self) -> Vec<Value> {
        self.process.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn wait_for(&self, number: usize) -> Result<Vec<Value>> {
        wait::until(&format!("{number} requests"), LIMIT, || Some(self.received()).filter(|all| all.len() >= number))
    }
}

each_engine! {
    async fn a_webhook_is_signed_and_sent_again_under_the_same_id(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        let receiver = Receiver::start(place.dir(), false, &[500])?;
        fs::write(stage.path("secret"), SECRET)?;
        let settings = format!(
            "[[notify.webhook]]\nname = 'ops'\nurl = 'http://127.0.0.1:{}/hook?a=b'\nsecret_file = 'secret'\n\
             allow_private = true\n\
             [[notify.command]]\nname = 'page'\ncommand = ['sh', '-c', 'cat > {}; echo paged']\n",
            receiver.port,
            stage.path("paged.json").display()
        );
        let meted = Meted::start(&stage.configure(&settings)?)?;
        stage.budget(1).await?;
        stage.spend()?;
        let received = receiver.wait_for(2)?;
        for request in &received {
            assert_eq!((&request["verified"], &request["path"]), (&json!(true), &json!("/hook?a=b")), "{request}");
            assert_eq!(request["headers"]["webhook-id"], received[0]["headers"]["webhook-id"]);
            let body = &request["body"];
            assert_eq!((&body["type"], &body["data"]["organization"]["name"]), (&json!("budget.exhausted"), &json!(ACME)));
            let alert = &body["data"]["alert"];
            assert_eq!((&alert["scope_name"], &alert["amount"], &alert["spend"]), (&json!(BOT), &json!("1"), &json!("1")));
            assert_eq!((&body["data"]["budget"], &body["data"]["models"][0]["name"]), (&json!("1"), &json!("m-1")));
        }
        let deliveries = wait::eventually("both told", LIMIT, async || {
            let all = stage.deliveries().await.ok()?;
            (all.iter().filter(|it| it.state == DeliveryState::Sent).count() == 2).then_some(all)
        })
        .await?;
        let of = |channel: &str| deliveries.iter().find(|it| it.channel == channel).context("no such delivery");
        let webhook = of("webhook:ops")?;
        assert_eq!((webhook.tries, webhook.receipt.as_deref()), (2, Some("200 answer 200")));
        assert_eq!(json!(webhook.id), received[0]["headers"]["webhook-id"]);
        assert_eq!(of("command:page")?.receipt.as_deref(), Some("exit status: 0 paged"));
        let paged: Value = serde_json::from_str(&fs::read_to_string(stage.path("paged.json"))?)?;
        assert_eq!(paged["data"]["alert"], received[0]["body"]["data"]["alert"]);
        // Owners are still to be told, once there is a mail server.
        let waiting: Vec<_> = deliveries.iter().filter(|it| it.state == DeliveryState::NoChannel).collect();
        assert_eq!(waiting.len(), OWNERS.len());
        meted.stop()?;
        Ok(())
    }
}

#[tokio::test]
async fn chats_and_pagers_get_what_they_take() -> Result<()> {
    let place = TestStore::new(Engine::Sqlite)?;
    let mut stage = Stage::new(&place).await?;
    let receiver = Receiver::start(place.dir(), false, &[])?;
    fs::write(stage.path("key"), "r0uting")?;
    let kinds = ["slack", "discord", "teams", "pagerduty"];
    let settings: String = kinds
        .iter()
        .map(|kind| {
            let secret = if *kind == "pagerduty" { "secret_file = 'key'\n" } else { "" };
            format!(
                "[[notify.webhook]]\nname = '{kind}'\nkind = '{kind}'\nurl = 'http://localhost:{}/{kind}'\n\
                 allow_private = true\n{secret}",
                receiver.port
            )
        })
        .collect();
    let meted = Meted::start(&stage.configure(&settings)?)?;
    stage.budget(1).await?;
    stage.spend()?;
    let received = receiver.wait_for(kinds.len())?;
    let body = |kind: &str| {
        let path = json!(format!("/{kind}"));
        received.iter().find(|it| it["path"] == path).map(|it| it["body"].clone()).context("nothing came")
    };
    let slack = body("slack")?["text"].as_str().map(str::to_owned).context("no text")?;
    ensure!(slack.contains("Büro &lt;日本&gt;") && slack.contains("*Budget exhausted"), "{slack}");
    let discord = body("discord")?;
    ensure!(discord["content"].as_str().is_some_and(|text| text.contains("日本")), "{discord}");
    assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
    let card = &body("teams")?["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    ensure!(card["content"]["body"][0]["text"].as_str().is_some_and(|text| text.contains("日本")), "{card}");
    let pager = body("pagerduty")?;
    assert_eq!((&pager["routing_key"], &pager["payload"]["severity"]), (&json!("r0uting"), &json!("critical")));
    assert_eq!(pager["dedup_key"], pager["payload"]["custom_details"]["data"]["alert"]["id"]);
    let log = meted.stop()?;
    ensure!(!log.contains("r0uting"), "{log}");
    Ok(())
}

#[tokio::test]
async fn webhooks_and_commands_are_kept_from_what_is_not_theirs() -> Result<()> {
    let place = TestStore::new(Engine::Sqlite)?;
    let stage = Stage::new(&place).await?;
    let plain = Receiver::start(place.dir(), false, &[302, 410, 429])?;
    let encrypted = Receiver::start(place.dir(), true, &[])?;
    let config = stage.path("meted.toml").display().to_string();
    let test = |settings: &str| {
        stage.configure(settings)?;
        stage.mete(&["notify", "test", "--to", "dana@acme.test", "--config", &config, "--json"])
    };
    let webhook = |rest: &str| format!("[[notify.webhook]]\nname = 'ops'\n{rest}\n");
    let private = webhook(&format!("url = 'http://127.0.0.1:{}/'\nallow_private = true", plain.port));
    let secure = |rest: &str| webhook(&format!("url = 'https://localhost:{}/'\n{rest}", encrypted.port));
    let command = |words: &str| format!("[[notify.command]]\nname = 'it'\ntimeout = 1\ncommand = {words}\n");
    for (settings, words) in [
        (private.clone(), "which is not followed"),
        (private.clone(), "410 answer 410"),
        (private.clone(), "429 answer 429"),
        // By its number and by its name, before anything is sent.
        (secure("ca_file = 'ca.pem'"), "which is private"),
        (webhook(&format!("url = 'https://127.0.0.1:{}/'\nca_file = 'ca.pem'", encrypted.port)), "which is private"),
        (webhook(&format!("url = 'https://[::ffff:127.0.0.1]:{}/'", encrypted.port)), "which is private"),
        (secure("allow_private = true"), "certificate"),
        (command("['false']"), "exit status: 1"),
        (command("['sh', '-c', 'echo why >&2; exit 3']"), "exit status: 3 why"),
        (command("['sleep', '60']"), "was killed"),
        (command("['/no/such/program']"), "cannot be run"),
    ] {
        let run = test(&settings)?;
        ensure!(run.status.code() == Some(1) && run.stdout.contains(words), "{settings}: {run:?}");
    }
    assert_eq!((plain.received().len(), encrypted.received().len()), (3, 0));
    let run = test(&private)?.json()?;
    assert_eq!(run["rows"][0]["answer"], "200 answer 200");
    let run = test(&secure("ca_file = 'ca.pem'\nallow_private = true"))?.json()?;
    assert_eq!((&run["rows"][0]["channel"], &run["rows"][0]["sent"]), (&json!("webhook:ops"), &json!(true)));
    // A program that reads nothing and says much.
    let run = test(&command("['sh', '-c', 'yes | head -c 1000000; echo']"))?.json()?;
    ensure!(run["rows"][0]["answer"].as_str().is_some_and(|said| said.starts_with("exit status: 0 y")), "{run}");
    // Not encrypted and not said to be private: refused before it is tried.
    let run = test(&webhook("url = 'http://hooks.example.com/'"))?;
    ensure!(run.status.code() == Some(1) && run.stderr.contains("not encrypted"), "{run:?}");
    Ok(())
}
