//! Blocks and releases by hand: R41.

use mete_control::{BlockTarget, ControlError, NewBlockInput};
use mete_core::actor::Actor;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::time::HOUR;
use mete_core::{Clock, Timestamp};
use mete_store::ManualBlockFilter;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, World, operator, refused};

use ManualBlockKind::{Block, Release};

async fn place_on(
    w: &World<'_>,
    who: &Actor,
    target: &BlockTarget,
    (kind, until): (ManualBlockKind, Option<Timestamp>),
) -> Result<ManualBlock, ControlError> {
    let input = NewBlockInput { target: target.clone(), kind, reason: " runaway loop ".into(), until };
    w.control.add_block(who, &input).await
}

each_engine! {
    async fn r41_a_block_says_who_placed_it_why_and_until_when(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (olga, key) = (&w.person(OLGA).await?, w.key(&w.bot, MIA).await?.key.id);
        let until = w.clock.now().plus(HOUR);
        let block = place_on(&w, olga, &BlockTarget::Key(key.clone()), (Block, Some(until))).await?;
        let expected = ManualBlock {
            id: block.id.clone(),
            organization_id: w.org().into(),
            project_id: w.bot.clone(),
            scope_kind: ManualBlockScope::Key,
            scope_id: key.clone(),
            kind: Block,
            reason: "runaway loop".into(),
            placed_by: OLGA.into(),
            placed_at: w.clock.now(),
            until: Some(until),
            lifted_by: None,
            lifted_at: None,
        };
        assert_eq!(block, expected);
        assert_eq!(w.store.manual_block(&block.id).await?, Some(expected));
        let gate = w.store.gate_snapshot().await?.overrides;
        assert_eq!(
            gate.iter().map(|o| (o.scope_id.as_str(), o.kind, o.until)).collect::<Vec<_>>(),
            [(key.as_str(), Block, Some(until))]
        );
        let entry = w.last_entry().await?.record;
        assert_eq!(
            (entry.action.as_str(), entry.reason.as_str(), entry.target_id),
            ("block.created", "runaway loop", key)
        );
        w.clock.advance(60_000_000);
        let lifted = w.control.lift_block(olga, &block.id).await?;
        assert_eq!((lifted.lifted_by.as_deref(), lifted.lifted_at), (Some(OLGA), Some(w.clock.now())));
        assert_eq!(w.store.manual_block(&block.id).await?, Some(lifted));
        assert!(w.store.gate_snapshot().await?.overrides.is_empty());
        assert_eq!(w.last_entry().await?.record.action, "block.lifted");
        w.assert_chained().await
    }

    async fn r41_one_of_a_kind_on_a_target_at_a_time(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let dana = &w.person(DANA).await?;
        let targets = [BlockTarget::Key(w.key(&w.bot, MIA).await?.key.id), BlockTarget::Project(w.bot.clone())];
        let until = w.clock.now().plus(HOUR);
        for target in &targets {
            let first = place_on(&w, dana, target, (Block, Some(until))).await?;
            refused(place_on(&w, dana, target, (Block, None)).await, "conflict", &first.id);
            place_on(&w, dana, target, (Release, None)).await?;
            refused(place_on(&w, dana, target, (Release, Some(until))).await, "conflict", "lift it first");
        }
        // One whose time is over is in nobody's way.
        w.clock.advance(HOUR);
        for target in &targets {
            let again = place_on(&w, dana, target, (Block, None)).await?;
            w.control.lift_block(dana, &again.id).await?;
            refused(w.control.lift_block(dana, &again.id).await, "conflict", "lifted at");
        }
        Ok(())
    }

    async fn r41_it_takes_a_reason_and_an_end_to_come(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let before = Traces::of(&w).await?;
        let target = BlockTarget::Project(w.bot.clone());
        for (reason, until, words) in [
            (" ", None, "a reason is needed"),
            ("a\u{1b}[2J", None, "control character"),
            ("why not", Some(w.clock.now()), "in the past"),
        ] {
            for kind in [Block, Release] {
                let input = NewBlockInput { target: target.clone(), kind, reason: reason.into(), until };
                refused(w.control.add_block(&operator(), &input).await, "invalid", words);
            }
        }
        let nowhere = BlockTarget::Key("key_none".into());
        refused(place_on(&w, &operator(), &nowhere, (Block, None)).await, "not_found", "there is no key");
        refused(w.control.lift_block(&operator(), "block_none").await, "not_found", "there is no block");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        Ok(())
    }

    async fn r41_a_release_spends_past_a_budget_and_takes_who_sets_it(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let targets = [BlockTarget::Key(w.key(&w.bot, MIA).await?.key.id), BlockTarget::Project(w.bot.clone())];
        for target in &targets {
            for email in [OLGA, MIA] {
                let placed = place_on(&w, &w.person(email).await?, target, (Release, None)).await;
                refused(placed, "not_permitted", "an owner of the organization");
            }
            for email in [REY, OTTO] {
                let placed = place_on(&w, &w.person(email).await?, target, (Release, None)).await;
                refused(placed, "not_found", "there is no");
            }
            let release = place_on(&w, &w.person(DANA).await?, target, (Release, None)).await?;
            assert_eq!(w.last_entry().await?.record.action, "release.created");
            refused(
                w.control.lift_block(&w.person(OLGA).await?, &release.id).await,
                "not_permitted",
                "an owner of the organization",
            );
            w.control.lift_block(&w.person(DANA).await?, &release.id).await?;
            assert_eq!(w.last_entry().await?.record.action, "release.lifted");
        }
        Ok(())
    }

    async fn r41_blocks_are_seen_by_those_who_see_what_they_are_on(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (mias, olgas) = (w.key(&w.bot, MIA).await?.key.id, w.key(&w.bot, OLGA).await?.key.id);
        for target in [BlockTarget::Key(mias), BlockTarget::Key(olgas), BlockTarget::Project(w.bot.clone())] {
            place_on(&w, &operator(), &target, (Block, None)).await?;
        }
        for (email, seen) in [(DANA, 3), (OLGA, 3), (MIA, 2), (REY, 0), (OTTO, 0)] {
            let actor = &w.person(email).await?;
            let listed = w.view(actor).await?.manual_blocks(&ManualBlockFilter::default()).await?;
            assert_eq!(listed.len(), seen, "{email}");
        }
        Ok(())
    }
}
