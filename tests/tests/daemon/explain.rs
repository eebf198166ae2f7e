//! What the running daemon explains: what it holds, what is under way, and that its figures are the ledger's (R38, R40).

use std::path::Path;
use std::thread::scope;

use anyhow::{Context as _, Result, anyhow, ensure};
use mete_core::Nanos;
use mete_core::secret::KeyHash;
use mete_tests::postgres::free_port;
use mete_tests::process::{self, Run};
use mete_tests::{TestStore, each_engine, wait};
use serde_json::{Value, json};

use crate::support::{Gateway, Key, LIMIT, Line, Meted, Stage, append, stage};

const JSON: &str = "content-type: application/json\r\n";

fn ask(gateway: &Gateway, query: &str) -> Result<(u16, Value)> {
    let (status, text) = gateway.get(&format!("/v1/explain?{query}"))?;
    Ok((status, serde_json::from_str(&text).with_context(|| text.clone())?))
}

/// What is told of the budget of one scope, by name.
fn budget<'a>(explained: &'a Value, name: &str) -> Result<&'a Value> {
    let mut budgets = explained["budgets"].as_array().into_iter().flatten();
    budgets.find(|budget| budget["scope_name"] == name).with_context(|| format!("no budget of {name} in {explained}"))
}

/// What `mete` says, with a store or without.
fn mete(store: &str, args: &[&str]) -> Result<String> {
    let run = Run::of(process::mete()?.args(args).env("METE_STORE", store))?;
    ensure!(run.status.success(), "{run:?}");
    Ok(run.stdout)
}

/// Asks until it is refused, and writes down what each request cost, a dollar, some time after it was let through; then what
/// the daemon says that the budget is passed by at worst.
fn spend_on(number: usize, gateway: &Gateway, key: &Key, log: &Path) -> Result<(Vec<Line>, Nanos)> {
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    for round in 0.. {
        let answer = gateway.ask(&key.secret)?;
        if answer.status != 204 {
            ensure!(answer.code() == "project_spend_limit_exceeded", "{answer:?}");
            break;
        }
        let line = Line::own(&format!("{number}-{round}"), Stage::now(), Nanos::from_dollars(1)).with(&key.field());
        kept.push(line);
        // Each has several under way at any time.
        if kept.len() > number {
            append(log, &kept);
            written.append(&mut kept);
        }
    }
    // Nothing is told for the moment in which the first usage is in the total, and its cost is not noted yet.
    let worst: Nanos = wait::until("the worst overshoot", LIMIT, || {
        let (_, explained) = ask(gateway, &format!("key_id={}", key.id)).ok()?;
        budget(&explained, "Support").ok()?["worst_overshoot"].as_str()?.parse().ok()
    })?;
    append(log, &kept);
    written.append(&mut kept);
    Ok((written, worst))
}

/// Two requests without a hold and one with; the usage of the first of them has come.
async fn under_way(stage: &mut Stage<'_>, gateway: &Gateway, key: &Key) -> Result<()> {
    ensure!(gateway.ask(&key.secret)?.status == 204 && gateway.ask(&key.secret)?.status == 204);
    let question = json!({"key": key.secret, "method": "POST", "path": "/v1/chat/completions", "model": "gpt-4o-mini",
        "input_tokens": 1_000_000, "max_output_tokens": 1_000_000});
    let held = gateway.post("/v1/authorize", JSON, &question.to_string())?;
    ensure!(held.body["hold"]["amount"] == "0.75", "{held:?}");
    let line = Line::own("a", Stage::now(), Nanos::from_dollars(4)).with(&key.field());
    append(&stage.path("usage.jsonl"), std::slice::from_ref(&line));
    stage.expect(&[line]);
    stage.counted().await
}

each_engine! {
    /// R38: clients at once, none of which has money held, and usage that comes late.
    async fn r38_no_more_is_spent_past_a_budget_than_was_told(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        stage.project("Support").await?;
        let key = stage.key("Support").await?;
        stage.budget(Some("Support"), 40).await?;
        let gateway = Gateway(free_port()?);
        let listen = format!("[listen]\naddress = '127.0.0.1:{}'\n{}", gateway.0, stage::source("usage.jsonl"));
        let meted = Meted::start(&stage.configure(&listen))?;
        let log = stage.path("usage.jsonl");
        let clients: Vec<_> = tokio::task::block_in_place(|| {
            scope(|threads| {
                let client = |number| { let (gateway, key, log) = (&gateway, &key, &log); move || spend_on(number, gateway, key, log) };
                let running: Vec<_> = (0..8).map(|number| threads.spawn(client(number))).collect();
                running.into_iter().map(|running| running.join().map_err(|_| anyhow!("a client panicked"))?).collect::<Result<_>>()
            })
        })?;
        clients.iter().for_each(|(written, _)| stage.expect(written));
        stage.counted().await?;
        let overshoot = stage.store.verify().await?.total - Nanos::from_dollars(40);
        for (_, told) in &clients {
            ensure!(overshoot <= *told, "${overshoot} were spent past the budget, and ${told} was told to be the worst");
        }
        let (_, explained) = ask(&gateway, &format!("key_id={}", key.id))?;
        let most: Nanos = budget(&explained, "Support")?["under_way"]["most_unheld_cost"].as_str().unwrap().parse()?;
        ensure!(overshoot > Nanos::ZERO && overshoot <= most, "${overshoot} of ${most}");
        meted.stop()?;
        stage.check().await
    }

    async fn r38_the_daemon_explains_what_it_holds_and_what_is_under_way(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        stage.project("Support").await?;
        let key = stage.key("Support").await?;
        stage.budget(Some("Support"), 5).await?;
        let before = Stage::now();
        let gateway = Gateway(free_port()?);
        let socket = stage.path("meted.sock");
        let listen = format!("[listen]\naddress = '127.0.0.1:{}'\nsocket = '{}'\n", gateway.0, socket.display());
        let meted = Meted::start(&stage.configure(&(listen + &stage::source("usage.jsonl"))))?;
        under_way(&mut stage, &gateway, &key).await?;
        let by_id = format!("key_id={}", key.id);
        // The gate hears of a commit just after it.
        let explained = wait::until("the event's end of a request", LIMIT, || {
            let (_, explained) = ask(&gateway, &by_id).ok()?;
            (budget(&explained, "Support").ok()?["under_way"]["unheld"] == 1).then_some(explained)
        })?;
        ensure!(explained["decision"] == "allow" && explained["told_by"] == "daemon", "{explained}");
        let support = budget(&explained, "Support")?;
        for (field, value) in [("spend", "4"), ("ledger", "4"), ("difference", "0"), ("worst_overshoot", "3.75")] {
            ensure!(support[field] == value, "{field}: {support}");
        }
        let exposure = &support["under_way"];
        ensure!(exposure["holds"] == 1 && exposure["held"] == "0.75" && exposure["oldest_hold"].is_string(), "{exposure}");
        ensure!(exposure["highest_cost"] == "4" && exposure["unheld_cost"] == "4", "{exposure}");
        ensure!(budget(&explained, "Acme")?["under_way"]["unheld"] == 1, "{explained}");
        // It runs since a moment ago: what an earlier one let through it cannot know, and says so.
        ensure!(support["is_bound"] == false && explained["not_known"].to_string().contains("before this daemon"));
        ensure!(explained["spent_by"]["rows"][0]["share_per_mille"] == 1000, "{explained}");
        ensure!(explained["ages"]["last_commit_at"].is_string() && explained["degraded"].is_null(), "{explained}");

        let hash = KeyHash::of(&key.secret).to_hex();
        for query in [format!("key={}", key.secret), format!("key_sha256={hash}"), "project=Support".to_owned()] {
            let (status, same) = ask(&gateway, &query)?;
            ensure!(status == 200 && same["budgets"] == explained["budgets"], "{query}: {same}");
        }
        let (status, past) = ask(&gateway, &format!("{by_id}&at={before}"))?;
        ensure!(status == 200 && budget(&past, "Support")?["spend"] == "0" && past["told_by"] == "store", "{past}");
        let asked = [("", 400), ("project=Nowhere", 404), ("key_id=a&project=b", 400), ("at=2100-01-01T00:00:00Z", 400)];
        for (query, expected) in asked {
            let (status, error) = ask(&gateway, query)?;
            ensure!(status == expected && error["error"]["code"].is_string(), "{query}: {status} {error}");
        }

        // The command asks for the same, over TCP and the socket, and by an id even where there is no store.
        let told = mete(place.url(), &["explain", &key.id, "--daemon", &format!("http://127.0.0.1:{}", gateway.0)])?;
        let without = mete("sqlite:/nowhere/mete.db", &["explain", &key.id, "--daemon", &socket.to_string_lossy()])?;
        for text in [told, without] {
            ensure!(text.starts_with(&format!("{} is let through.\n", key.id)), "{text}");
            for part in ["1 request, up to $4.00", "$0.75", "$3.75 beyond the budget", "the same"] {
                ensure!(text.contains(part), "{part:?} is not in {text}");
            }
        }
        let named = mete(place.url(), &["explain", "--project", "Support", "--json", "--daemon", &socket.to_string_lossy()])?;
        ensure!(serde_json::from_str::<Value>(&named)?["told_by"] == "daemon", "{named}");
        meted.stop()?;
        stage.check().await
    }

    /// From this machine none is needed; one that is sent has to be right all the same.
    async fn r38_the_command_shows_the_daemon_its_token(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        stage.project("Support").await?;
        let port = free_port()?;
        let of_daemon = stage.path("ingest.token");
        std::fs::write(&of_daemon, "0123456789abcdef\n")?;
        let config = format!(
            "[listen]\naddress = '127.0.0.1:{port}'\n[ingest]\ntoken_file = '{}'\n{}",
            of_daemon.display(),
            stage::source("usage.jsonl")
        );
        let meted = Meted::start(&stage.configure(&config))?;
        let daemon = format!("http://127.0.0.1:{port}");
        let ask = |token: &str, text: &str| -> Result<String> {
            let file = stage.path(token);
            std::fs::write(&file, text)?;
            let file = file.to_string_lossy();
            mete(place.url(), &["explain", "--project", "Support", "--daemon", &daemon, "--token-file", &file])
        };
        ensure!(ask("right.token", "  0123456789abcdef\n")?.contains("let through"));
        for (text, problem) in [("0123456789abcdeX", "token"), ("two lines\nhere", "holds no token"), ("", "holds no token")] {
            let refused = ask("other.token", text).err().map(|error| format!("{error:#}")).unwrap_or_default();
            ensure!(refused.contains(problem), "{text:?}: {refused}");
        }
        meted.stop().map(drop)
    }
}
