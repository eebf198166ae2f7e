//! Money that is held, through the daemon's door: clients at once, log lines after the answers, and a SIGKILL between
//! (R40).

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;

use anyhow::{Context as _, Result, anyhow, ensure};
use mete_core::Nanos;
use mete_tests::postgres::free_port;
use mete_tests::{TestStore, each_engine, wait};
use serde_json::{Value, json};

use crate::support::{Gateway, Key, LIMIT, Line, Meted, Stage, append, stage};

const CLIENTS: usize = 64;
const ASKED: usize = 8;
/// Enough for 266 requests, of 512. After the kill the money of 155 may be gone: of those written, of one under way at
/// each client, and of 31 that the daemon had leased ahead.
const DOLLARS: i64 = 200;
/// The daemon is killed when so many are written.
const BEFORE_KILL: usize = 40;
/// No client asks for more than that before the kill.
const MOST_BEFORE_KILL: usize = 60;
/// The most that a question of [`ask`] costs: a million tokens in and out of gpt-4o-mini.
const COST: Nanos = Nanos(750_000_000);

/// Asks to have a request's money held, again while nobody answers.
fn ask(gateway: &Gateway, key: &Key) -> Result<Value> {
    let question = json!({
        "key": key.secret, "method": "POST", "path": "/v1/chat/completions", "model": "gpt-4o-mini",
        "input_tokens": 1_000_000, "max_output_tokens": 1_000_000,
    });
    let ask = || {
        let answer = gateway.post("/v1/authorize", "content-type: application/json\r\n", &question.to_string()).ok()?;
        (answer.status == 200).then_some(answer.body)
    };
    wait::until("an answer", LIMIT, ask)
}

/// What the clients of one test do together.
struct Clients<'a> {
    gateway: &'a Gateway,
    key: &'a Key,
    log: &'a Path,
    written: Mutex<Vec<Line>>,
    refused: AtomicUsize,
    is_killed: AtomicBool,
}

impl Clients<'_> {
    /// Each asks several times, and logs what it used after the answer: all that was held.
    fn run(&self, number: usize) -> Result<()> {
        for round in 0..ASKED {
            wait::until("the kill", LIMIT, || self.may_go_on().then_some(()))?;
            let answer = ask(self.gateway, self.key)?;
            if answer["decision"] == "refuse" {
                ensure!(answer["reason"] == "project_spend_limit_exceeded", "{answer}");
                self.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let hold = answer["hold"]["id"].as_str().with_context(|| format!("no hold in {answer}"))?;
            let line = Line::own(&format!("{number}-{round}"), Stage::now(), COST).with(&self.key.field());
            let line = line.with(&format!(r#""hold":"{hold}""#));
            let mut written = self.written.lock().map_err(|_| anyhow!("another client panicked"))?;
            append(self.log, std::slice::from_ref(&line));
            written.push(line);
        }
        Ok(())
    }

    fn may_go_on(&self) -> bool {
        self.is_killed.load(Ordering::Relaxed) || self.written() < MOST_BEFORE_KILL
    }

    /// How many requests were let through and used; none after a client panicked.
    fn written(&self) -> usize {
        self.written.lock().map_or(0, |written| written.len())
    }
}

each_engine! {
    async fn r40_clients_at_once_never_pass_the_budget_by_a_nano_dollar_across_a_kill(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        stage.project("Support").await?;
        let key = stage.key("Support").await?;
        stage.budget(Some("Support"), DOLLARS).await?;
        let gateway = Gateway(free_port()?);
        let log = stage.path("usage.jsonl");
        let listen = format!("[listen]\naddress = '127.0.0.1:{}'\n{}", gateway.0, stage::source("usage.jsonl"));
        let config = stage.configure(&listen);
        let mut meted = Meted::start(&config)?;
        let clients = Clients {
            gateway: &gateway,
            key: &key,
            log: &log,
            written: Mutex::default(),
            refused: AtomicUsize::new(0),
            is_killed: AtomicBool::new(false),
        };
        let (before, meted) = tokio::task::block_in_place(|| {
            scope(|threads| {
                let running: Vec<_> =
                    (0..CLIENTS).map(|number| threads.spawn({ let clients = &clients; move || clients.run(number) })).collect();
                let killed = wait::until("a part of the requests", LIMIT, || {
                    (clients.written() >= BEFORE_KILL).then_some(())
                });
                meted.0.kill()?;
                clients.is_killed.store(true, Ordering::Relaxed);
                let before = clients.written();
                let meted = Meted::start(&config)?;
                for client in running {
                    client.join().map_err(|_| anyhow!("a client panicked"))??;
                }
                killed?;
                Ok::<_, anyhow::Error>((before, meted))
            })
        })?;
        let written = clients.written.into_inner().map_err(|_| anyhow!("a client panicked"))?;
        ensure!(clients.refused.into_inner() > 0, "the budget did not bind");
        ensure!(written.len() > before, "nothing was let through after the kill");
        stage.expect(&written);
        stage.counted().await?;
        let spent = stage.store.verify().await?.total;
        ensure!(spent <= Nanos::from_dollars(DOLLARS), "${spent} of ${DOLLARS} were spent");
        meted.stop()?;
        stage.check().await
    }

    async fn r40_what_is_held_is_still_held_after_a_restart(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        stage.project("Support").await?;
        let key = stage.key("Support").await?;
        stage.budget(Some("Support"), 1).await?;
        let gateway = Gateway(free_port()?);
        let config = stage.configure(&format!("[listen]\naddress = '127.0.0.1:{}'\n", gateway.0));
        let meted = Meted::start(&config)?;
        ensure!(ask(&gateway, &key)?["hold"]["amount"] == "0.75");
        meted.stop()?;
        // A clean stop leaves leased what is held, and no more.
        let meted = Meted::start(&config)?;
        let refused = ask(&gateway, &key)?;
        ensure!(refused["decision"] == "refuse" && refused["remaining"]["project"] == "0.25", "{refused}");
        let mut meted = meted;
        meted.0.kill()?;
        let meted = Meted::start(&config)?;
        ensure!(ask(&gateway, &key)?["remaining"]["project"] == "0.25");
        meted.stop()?;
        Ok(())
    }
}
