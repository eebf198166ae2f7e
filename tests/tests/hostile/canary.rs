//! R15: a secret is shown once, when it is made, and is nowhere else: not in a log, an error, a record or the store.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_tests::process::{Process, meted};
use mete_tests::{TestStore, each_engine};
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{PLACES, Stage, hold};

const LIMIT: Duration = Duration::from_secs(30);

/// Makes a secret of every kind, and tells them: each is in what its own command says, and nowhere else.
fn make(stage: &Stage<'_>) -> Result<Vec<String>> {
    let rotate = format!("key rotate {} --grace 1h", stage.key);
    let mut secrets = Vec::new();
    for (words, place) in [
        ("key create --project Support --member eve@acme.test", "/secret"),
        ("key create --project Support --service-account nightly", "/secret"),
        ("key create --admin --org Acme --member dana@acme.test", "/secret"),
        ("service-account create weekly --project Support", "/api_key/value"),
        ("service-account create company --org Acme", "/api_key/value"),
        (rotate.as_str(), "/secret"),
        (rotate.as_str(), "/secret"),
    ] {
        let run = stage.with(words, "", true)?;
        ensure!(run.status.success(), "{words}: {run:?}");
        let made: Value = serde_json::from_str(&run.stdout)?;
        let secret = made.pointer(place).and_then(Value::as_str).with_context(|| format!("{words}: {made}"))?;
        assert_eq!(run.stdout.matches(secret).count(), 1, "{words}");
        assert!(!run.stderr.contains(secret), "{words}: {}", run.stderr);
        // For people it is shown once as well.
        let run = stage.with(words, "", false)?;
        let shown = run.stdout.split_whitespace().find(|word| word.starts_with("sk-") && !word.contains('…'));
        let shown = shown.with_context(|| format!("{words}: {}", run.stdout))?.to_owned();
        assert!(run.stdout.matches(&shown).count() == 1 && !run.stderr.contains(&shown), "{words}");
        secrets.extend([secret.to_owned(), shown]);
    }
    Ok(secrets)
}

/// Asks a daemon whose log is turned up about every secret, and gives its log.
async fn asked_of_the_daemon(stage: &Stage<'_>, url: &str, secrets: &[String]) -> Result<String> {
    let config = stage.path("meted.toml");
    std::fs::write(&config, format!("[store]\nurl = \"{url}\"\n[listen]\naddress = \"127.0.0.1:0\"\n"))?;
    let mut command = meted()?;
    command.arg("--config").arg(&config).env("METE_LOG", "trace");
    let mut daemon = Process::start(&mut command)?;
    let line = daemon.wait_for_line(LIMIT, |line| line.contains("meted::daemon: ready"))?;
    let port = line.split("address=127.0.0.1:").nth(1).or(line.split("address=Some(127.0.0.1:").nth(1));
    let port: String = port.context("no port")?.chars().take_while(char::is_ascii_digit).collect();
    for secret in secrets {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
        let request = format!(
            "POST /v1/authorize?key={secret} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\
             x-original-uri: /v1/chat/completions?key={secret}\r\nx-mete-model: {secret}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert!(answer.starts_with("HTTP/1.1 ") && !answer.contains(secret.as_str()), "{answer}");
    }
    daemon.signal(Signal::TERM)?;
    daemon.wait(LIMIT)?;
    Ok(daemon.output())
}

each_engine! {
    async fn r15_a_secret_is_shown_once_and_is_nowhere_else(place: &TestStore) -> Result<()> {
        let stage = Stage::new(place)?;
        let secrets = make(&stage)?;
        // Typed where it does not belong, and where it does.
        let belongs = ["key disable {}", "key enable {}", "explain {}", "key edit {} --name other", "key revoke {} --yes"];
        let mut kept = 0;
        for (number, line) in belongs.iter().chain(&PLACES).enumerate() {
            let secret = &secrets[number % secrets.len()];
            let run = stage.with(line, secret, number % 2 == 0)?;
            assert!(!run.stdout.contains(secret.as_str()), "{line}: {}", run.stdout);
            assert!(!run.stderr.contains(secret.as_str()), "{line}: {}", run.stderr);
            kept += usize::from(run.status.success());
        }
        assert!(kept >= 5, "hardly a command did what it was asked to: {kept}");
        let log = asked_of_the_daemon(&stage, place.url(), &secrets).await?;
        assert!(log.lines().count() > 20, "the daemon's log is not turned up: {log}");
        for words in ["audit list --limit 1000", "key list", "key list --admin", "quarantine list"] {
            let shown = stage.done(words)?.to_string();
            assert!(secrets.iter().all(|secret| !shown.contains(secret.as_str())), "{words}");
        }
        let contents = stage.contents().await?;
        assert!(hold(&contents, "api_key.rotated"), "the search does not find what is there");
        for secret in &secrets {
            assert!(!log.contains(secret.as_str()), "the daemon's log has {secret}");
            assert!(!hold(&contents, secret), "the store has {secret}");
        }
        Ok(())
    }

    async fn r15_a_secret_in_a_log_is_kept_as_its_hash_and_still_tells_whose_it_is(place: &TestStore) -> Result<()> {
        let stage = Stage::new(place)?;
        let made = stage.done("key create --project Support --member eve@acme.test")?;
        let (secret, key) = (made["secret"].as_str().context("no secret")?, made["id"].as_str().context("no id")?);
        let line = |id: &str, rest: &str| {
            format!(r#"{{"id":"{id}","time":"2025-10-05T10:00:00Z","model":"m-1","endpoint":"/v1/responses","input_tokens":1{rest}}}"#)
        };
        let lines = [
            line("unpriced", &format!(r#","api_key":"{secret}""#)),
            line("contradiction", &format!(r#","api_key":"{secret}","project":"Search","cost":"1""#)),
            line("named", &format!(r#","project":"{secret}","cost":"1""#)),
            format!("torn: Bearer {secret}"),
            format!(r#"{{"prompt":"a\n{secret}\tb\u000a{secret}"}}"#),
            format!("\u{fffd}{secret}{}", "x".repeat(1024 * 1024)),
        ];
        std::fs::write(stage.path("usage.jsonl"), lines.join("\n"))?;
        let path = stage.path("usage.jsonl");
        let report = stage.done(&format!("ingest {}", path.display()))?;
        ensure!(report["quarantined"] == 6, "{report}");
        let ids: Vec<String> = stage.done("quarantine list")?["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| row["id"].as_str().map(str::to_owned))
            .collect();
        let mut shown = stage.done("quarantine list")?.to_string();
        for id in &ids {
            let run = stage.quietly(&format!("quarantine show {id}"), "", false)?;
            shown += &(run.stdout + &run.stderr);
        }
        ensure!(shown.contains("torn: Bearer") && !shown.contains(secret), "{shown}");
        // What is retried is attributed by the hash.
        std::fs::write(stage.path("prices.toml"), "[[model]]\nmatch = 'm-1'\ninput = '1'\n")?;
        let prices = stage.path("prices.toml");
        let report = stage.done(&format!("quarantine retry --reason no_price --prices {}", prices.display()))?;
        ensure!(report["accepted"] == 1, "{report}");
        let spend = stage.done("spend --month 2025-10 --by key")?;
        ensure!(spend["rows"][0]["id"] == key, "{spend}");
        stage.done("quarantine retry --all")?;
        let contents = stage.contents().await?;
        // Postgres shows bytes as hexadecimal digits.
        let holds = |text: &str| {
            let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            hold(&contents, text) || hold(&contents, &digits)
        };
        ensure!(holds("torn: Bearer"), "the search does not find what is there");
        ensure!(!holds(secret), "the store has the secret");
        Ok(())
    }
}
