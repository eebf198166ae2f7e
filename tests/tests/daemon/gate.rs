//! Budgets through the daemon's door: who is refused, when, with which words, and who is let in again (R25 to R27, R37
//! to R39).

use std::sync::Arc;

use anyhow::{Result, ensure};
use mete_control::{NewKeyInput, ServiceAccountOf};
use mete_core::secret::KeyHash;
use mete_core::time::HOUR;
use mete_core::{EndpointGroup, LedgerEvent, Nanos, Rating, Series, Usage};
use mete_store::{AlertFilter, AlertKind, Arrival, Ledger, Parcel};
use mete_tests::postgres::free_port;
use mete_tests::{TestStore, each_engine, wait};

use crate::support::stage::operator;
use crate::support::{Gateway, Key, LIMIT, Line, Meted, Stage, append, stage};

const PROJECT: &str = "project_spend_limit_exceeded";
const ORGANIZATION: &str = "organization_spend_limit_exceeded";
const NO_KEY: &str = "invalid_api_key";

/// A daemon that follows `usage.jsonl` and answers.
pub fn start(stage: &Stage<'_>) -> Result<(Meted, Gateway)> {
    let gateway = Gateway(free_port()?);
    let meted = Meted::start(&stage.configure(&answering(&gateway)))?;
    Ok((meted, gateway))
}

fn answering(gateway: &Gateway) -> String {
    format!("[listen]\naddress = '127.0.0.1:{}'\n{}", gateway.0, stage::source("usage.jsonl"))
}

/// Spends dollars on a key.
pub fn spend(stage: &mut Stage<'_>, id: &str, key: &Key, dollars: i64) {
    let line = Line::own(id, Stage::now(), Nanos::from_dollars(dollars)).with(&key.field());
    append(&stage.path("usage.jsonl"), std::slice::from_ref(&line));
    stage.expect(&[line]);
}

each_engine! {
    async fn r26_r37_a_line_exhausts_its_projects_budget_and_raising_it_unblocks(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let project = stage.project("Support").await?;
        let (key, other) = (stage.key("Support").await?, stage.key("Bot").await?);
        stage.budget(Some("Support"), 100).await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&key.secret, 204, "")?;
        spend(&mut stage, "a", &key, 99);
        stage.counted().await?;
        ensure!(gateway.ask(&key.secret)?.status == 204);
        spend(&mut stage, "b", &key, 1);
        let refused = gateway.answers(&key.secret, 429, PROJECT)?;
        ensure!(refused.head.contains("x-should-retry: false"), "{refused:?}");
        let error = refused.body["error"].as_object().unwrap();
        let keys: Vec<_> = error.keys().map(String::as_str).collect();
        ensure!(keys == ["code", "message", "param", "type"] && error["param"].is_null(), "{refused:?}");
        ensure!(error["type"] == "insufficient_quota", "{refused:?}");
        let message = error["message"].as_str().unwrap();
        for part in ["project 'Support'", "$100 of $100", &Stage::now().month().end().to_string()] {
            ensure!(message.contains(part), "{part:?} is not in {message:?}");
        }
        ensure!(gateway.ask(&other.secret)?.status == 204, "another project is within its own");

        stage.budget(Some("Support"), 101).await?;
        gateway.answers(&key.secret, 204, "")?;
        spend(&mut stage, "c", &key, 1);
        gateway.answers(&key.secret, 429, PROJECT)?;
        // A lower budget refuses as well.
        stage.budget(Some("Support"), 1_000).await?;
        gateway.answers(&key.secret, 204, "")?;
        stage.budget(Some("Support"), 1).await?;
        gateway.answers(&key.secret, 429, PROJECT)?;
        meted.stop()?;

        // Another daemon knows at once.
        let (meted, gateway) = start(&stage)?;
        ensure!(gateway.ask(&key.secret)?.code() == PROJECT);
        meted.stop()?;
        let alerts = stage.store.alerts(&AlertFilter { project_id: Some(project), ..AlertFilter::default() }).await?;
        let exhausted: Vec<i64> = alerts
            .iter()
            .filter(|alert| alert.kind == AlertKind::Exhausted)
            .map(|alert| alert.amount.0 / Nanos::from_dollars(1).0)
            .collect();
        ensure!(exhausted.len() == 3 && [100, 101, 1].iter().all(|amount| exhausted.contains(amount)), "{alerts:?}");
        stage.check().await
    }

    async fn r25_a_heavy_project_exhausts_the_organizations_budget(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.project("Heavy").await?;
        let (heavy, light) = (stage.key("Heavy").await?, stage.key("Bot").await?);
        stage.budget(None, 10).await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&light.secret, 204, "")?;
        spend(&mut stage, "a", &heavy, 10);
        gateway.answers(&heavy.secret, 429, ORGANIZATION)?;
        let refused = gateway.answers(&light.secret, 429, ORGANIZATION)?;
        let message = refused.body["error"]["message"].as_str().unwrap();
        ensure!(message.contains("organization 'Acme'"), "{message}");
        stage.budget(None, 20).await?;
        gateway.answers(&light.secret, 204, "")?;
        gateway.answers(&heavy.secret, 204, "")?;
        meted.said("budget exhausted")?;
        meted.stop()?;
        stage.check().await
    }

    async fn keys_that_others_make_and_disable_are_known_soon(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers("sk-proj-nobody", 401, NO_KEY)?;
        let key = stage.key("Bot").await?;
        // The log may know it before anybody asks.
        spend(&mut stage, "a", &key, 1);
        stage.counted().await?;
        gateway.answers(&key.secret, 204, "")?;
        stage.control().disable_key(&operator(), &key.id).await?;
        let refused = gateway.answers(&key.secret, 401, NO_KEY)?;
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains("disabled"), "{refused:?}");
        // Its usage counts all the same.
        spend(&mut stage, "b", &key, 1);
        stage.counted().await?;
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }

    async fn r15_r18_what_becomes_of_keys_is_known_soon_without_reading_the_others(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let (bystander, of_bot) = (stage.key("Bot").await?, NewKeyInput::for_person("Bot", "finn@acme.test"));
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&bystander.secret, 204, "")?;

        let made = stage.key_of(&of_bot).await?;
        gateway.answers(&made.secret, 204, "")?;
        let rotated = stage.control().rotate_key(&operator(), &made.id, HOUR).await?.secret.reveal().to_owned();
        gateway.answers(&rotated, 204, "")?;
        ensure!(gateway.ask(&made.secret)?.status == 204, "it has an hour left");
        // The log tells of both secrets.
        for (id, secret) in [("a", &made.secret), ("b", &rotated)] {
            let hash = KeyHash::of(secret).to_hex();
            spend(&mut stage, id, &Key { id: hash, secret: secret.clone() }, 1);
        }
        stage.counted().await?;
        stage.control().revoke_key(&operator(), &made.id).await?;
        for secret in [&rotated, &made.secret] {
            let refused = gateway.answers(secret, 401, NO_KEY)?;
            ensure!(refused.body["error"]["message"].as_str().unwrap().contains("revoked"), "{refused:?}");
        }

        // A project and its first key at once; then what takes keys along (R11, R14, R21).
        stage.project("Late").await?;
        let (late, finns) = (stage.key("Late").await?, stage.key_of(&of_bot).await?);
        let of = ServiceAccountOf::Project("Late".into());
        let account = stage.control().create_service_account(&operator(), &of, "runner").await?;
        for secret in [late.secret.as_str(), finns.secret.as_str(), account.secret.reveal()] {
            gateway.answers(secret, 204, "")?;
        }
        stage.control().remove_service_account(&operator(), &account.account.id).await?;
        gateway.answers(account.secret.reveal(), 401, NO_KEY)?;
        stage.control().remove_organization_member(&operator(), "Acme", "finn@acme.test").await?;
        gateway.answers(&finns.secret, 401, NO_KEY)?;
        stage.control().archive_project(&operator(), "Late", "Late").await?;
        gateway.answers(&late.secret, 401, NO_KEY)?;
        ensure!(gateway.ask(&bystander.secret)?.status == 204);
        let log = meted.stop()?;
        ensure!(!log.contains("reads all of them"), "{log}");
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }

    async fn r39_what_another_process_books_reaches_the_gate(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let project = stage.project("Elsewhere").await?;
        let (there, here) = (stage.key("Elsewhere").await?, stage.key("Bot").await?);
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&there.secret, 204, "")?;
        let mut ledger = Ledger::open(stage.store.clone()).await?;
        for round in 1..=5 {
            stage.budget(Some("Elsewhere"), round).await?;
            gateway.answers(&there.secret, 204, "")?;
            book(&mut stage, &mut ledger, &project, &there, &format!("there-{round}")).await?;
            // The daemon commits something of its own before it looks around.
            spend(&mut stage, &format!("here-{round}"), &here, 1);
            gateway.answers(&there.secret, 429, PROJECT)?;
        }
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }
}

/// Books a dollar from this process.
async fn book(stage: &mut Stage<'_>, ledger: &mut Ledger, project: &str, key: &Key, id: &str) -> Result<()> {
    let (time, cost) = (Stage::now(), Nanos::from_dollars(1));
    let series = Series::new(
        stage.organization.as_str().into(),
        project.into(),
        Some(key.id.as_str().into()),
        None,
        "gpt-4o-mini".into(),
        EndpointGroup::ChatCompletions,
    );
    let event = LedgerEvent {
        id: stage.store.id_hasher().event(&stage.organization, id),
        time,
        series: Arc::new(series),
        usage: Usage::default(),
        cost,
        rating: Arc::new(Rating::plain(Rating::OWN)),
        resource: None,
    };
    let arrival = Arrival { event, position: 0, raw: bytes::Bytes::new() };
    let parcel = Parcel { source: "another process".into(), events: vec![arrival], ..Parcel::default() };
    ledger.commit(&[parcel], time).await?;
    stage.expect(&[Line { text: String::new(), cost }]);
    Ok(())
}

/// A store that is away for a while: the gate goes on with what it knows, and nothing is lost.
mod outages {
    use std::time::Duration;

    use mete_tests::Engine;

    use super::*;
    use crate::support::proxy::Proxy;

    #[test]
    fn postgres_that_goes_and_comes_back_loses_nothing() -> Result<()> {
        mete_tests::run(Engine::Postgres, async |store| {
            let mut stage = Stage::new(store).await?;
            stage.project("Support").await?;
            let key = stage.key("Support").await?;
            let gateway = Gateway(free_port()?);
            let (mut proxy, url) = Proxy::to(store.url()).await?;
            let meted = Meted::start(&stage.configure_at(&url, &answering(&gateway)))?;
            let path = stage.path("usage.jsonl");
            for round in 0..3 {
                stage.write(&path, 50);
                if round == 0 {
                    stage.counted().await?;
                }
                proxy.cut().await;
                stage.write(&path, 50);
                spend(&mut stage, &format!("spent-{round}"), &key, 10);
                gateway.answers(&key.secret, 204, "")?;
                if round == 0 {
                    // Before the reader meets a key that it must ask for: then it hands over nothing.
                    meted.said("cannot commit")?;
                }
                // Made while the daemon cannot see it; its usage must not be taken for an unknown key's.
                let fresh = stage.key("Support").await?;
                spend(&mut stage, &format!("fresh-{round}"), &fresh, 1);
                if round == 0 {
                    // So long that a look for the key is given up and begun anew.
                    meted.said("cannot read the directory again")?;
                }
                proxy.mend().await?;
                stage.counted().await?;
                gateway.answers(&fresh.secret, 204, "")?;
            }
            stage.budget(Some("Support"), 33).await?;
            gateway.answers(&key.secret, 429, PROJECT)?;
            meted.said("the store works again")?;
            let log = terminate(meted)?;
            ensure!(!log.contains("panicked"), "{log}");
            ensure!(stage.store.count_quarantine().await? == 0, "{:?}", stage.store.quarantine(3).await?);
            stage.check().await
        })
    }

    /// Stops a daemon whose log may speak of trouble.
    fn terminate(mut meted: Meted) -> Result<String> {
        meted.0.signal(rustix::process::Signal::TERM)?;
        let status = meted.0.wait(LIMIT)?;
        ensure!(status.code() == Some(0), "{status}: {}", meted.0.output());
        Ok(meted.0.output())
    }

    #[test]
    fn a_sqlite_file_that_another_process_holds_is_waited_for() -> Result<()> {
        mete_tests::run(Engine::Sqlite, async |store| {
            let mut stage = Stage::new(store).await?;
            let key = stage.key("Bot").await?;
            let (meted, gateway) = start(&stage)?;
            let path = stage.path("usage.jsonl");
            stage.write(&path, 5);
            stage.counted().await?;
            let held = stage.store.begin().await?;
            stage.write(&path, 5);
            // As long as the daemon's own looks at the store take, several times over.
            let looks = wait::until("a commit that cannot be", Duration::from_secs(1), || None::<()>);
            ensure!(looks.is_err() && gateway.ask(&key.secret)?.status == 204);
            held.rollback().await?;
            stage.counted().await?;
            meted.stop()?;
            stage.check().await
        })
    }
}
