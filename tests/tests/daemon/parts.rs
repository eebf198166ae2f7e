//! Budgets of keys, members and models through the daemon's door (R25, R26).

use anyhow::{Result, ensure};
use mete_control::PartNamed;
use mete_core::Nanos;
use mete_tests::{TestStore, each_engine};

use crate::gate::{spend, start};
use crate::support::Stage;
use crate::support::stage::operator;

const KEY: &str = "key_spend_limit_exceeded";
const MEMBER: &str = "member_spend_limit_exceeded";
const MODEL: &str = "model_spend_limit_exceeded";

async fn budget(stage: &mut Stage<'_>, named: &PartNamed, dollars: Option<i64>) -> Result<()> {
    let budget = dollars.map(Nanos::from_dollars);
    stage.control().set_part_budget(&operator(), ("Support", named), budget).await?;
    Ok(())
}

each_engine! {
    async fn r26_a_key_over_its_budget_is_refused_while_its_project_is_not_until_it_is_raised(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.project("Support").await?;
        let (key, other) = (stage.key("Support").await?, stage.key("Support").await?);
        stage.budget(Some("Support"), 100).await?;
        let own = PartNamed::Key(key.id.clone());
        budget(&mut stage, &own, Some(5)).await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&key.secret, 204, "")?;
        spend(&mut stage, "a", &other, 7);
        spend(&mut stage, "b", &key, 5);
        let refused = gateway.answers(&key.secret, 429, KEY)?;
        ensure!(refused.head.contains("x-should-retry: false"), "{refused:?}");
        ensure!(refused.body["error"]["message"].as_str().is_some_and(|it| it.contains("$5 of $5")), "{refused:?}");
        ensure!(gateway.ask(&other.secret)?.status == 204, "the project has enough");
        // Raised on a daemon that runs, and lowered.
        budget(&mut stage, &own, Some(6)).await?;
        gateway.answers(&key.secret, 204, "")?;
        budget(&mut stage, &own, Some(0)).await?;
        gateway.answers(&key.secret, 429, KEY)?;
        budget(&mut stage, &own, Some(6)).await?;
        gateway.answers(&key.secret, 204, "")?;
        // A daemon that starts knows what was spent.
        spend(&mut stage, "c", &key, 1);
        gateway.answers(&key.secret, 429, KEY)?;
        meted.stop()?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&key.secret, 429, KEY)?;
        ensure!(gateway.ask(&other.secret)?.status == 204);
        meted.stop()?;
        stage.check().await
    }

    async fn r26_a_budget_that_is_set_late_knows_what_was_spent_before(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.project("Support").await?;
        let (key, second) = (stage.key("Support").await?, stage.key("Support").await?);
        let (meted, gateway) = start(&stage)?;
        spend(&mut stage, "a", &key, 3);
        spend(&mut stage, "b", &second, 3);
        stage.counted().await?;
        let eve = PartNamed::Member("eve@acme.test".into());
        budget(&mut stage, &eve, Some(6)).await?;
        gateway.answers(&key.secret, 429, MEMBER)?;
        gateway.answers(&second.secret, 429, MEMBER)?;
        budget(&mut stage, &eve, None).await?;
        gateway.answers(&key.secret, 204, "")?;
        budget(&mut stage, &PartNamed::Model("o3".into()), Some(0)).await?;
        gateway.answers_about(&key.secret, "x-mete-model: o3\r\n", 429, MODEL)?;
        gateway.answers_about(&key.secret, "x-mete-model: gpt-4o\r\n", 204, "")?;
        gateway.answers(&key.secret, 204, "")?;
        meted.stop()?;
        stage.check().await
    }
}
