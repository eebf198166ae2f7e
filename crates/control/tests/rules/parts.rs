//! Budgets of models, members and keys within a project (R24, R6).

use mete_control::{ControlError, LimitChange, LimitsOf, PartAfter, PartNamed};
use mete_core::Nanos;
use mete_core::parts::PartKind;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, World, november, operator, refused};

fn dollars(amount: i64) -> Nanos {
    Nanos::from_dollars(amount)
}

fn model(name: &str) -> PartNamed {
    PartNamed::Model(name.to_owned())
}

fn member(name: &str) -> PartNamed {
    PartNamed::Member(name.to_owned())
}

async fn set(w: &World<'_>, project: &str, named: &PartNamed, amount: i64) -> Result<PartAfter, ControlError> {
    w.control.set_part_budget(&operator(), (project, named), Some(dollars(amount))).await
}

async fn limit(w: &World<'_>, of: LimitsOf, change: LimitChange) -> Result<mete_control::LimitsAfter, ControlError> {
    w.control.set_limits(&operator(), &of, &change).await
}

fn budget(amount: i64) -> LimitChange {
    LimitChange { budget: Some(Some(dollars(amount))), ..LimitChange::default() }
}

/// Kind and budget in whole dollars of all of Bot's.
async fn budgets(w: &World<'_>) -> anyhow::Result<Vec<(PartKind, i64)>> {
    let budgets = w.store.part_budgets(&w.bot).await?;
    Ok(budgets.iter().map(|budget| (budget.part.kind, budget.budget.0 / dollars(1).0)).collect())
}

each_engine! {
    async fn r24_none_is_above_its_project_and_no_project_is_lowered_below_some(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let key = w.key(&w.bot, MIA).await?.key;
        limit(&w, LimitsOf::Project(w.bot.clone()), budget(50)).await?;
        let before = Traces::of(&w).await?;
        let of_key = PartNamed::Key(key.id.clone());
        refused(set(&w, &w.bot, &of_key, 51).await, "invalid", "$51 is above $50");
        refused(set(&w, &w.bot, &of_key, -1).await, "invalid", "negative");
        refused(set(&w, &w.bot, &model(" "), 1).await, "invalid", "a name is needed");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        set(&w, &w.bot, &of_key, 50).await?;
        set(&w, &w.bot, &member(MIA), 40).await?;
        set(&w, &w.bot, &model("gpt-4o"), 0).await?;
        let project = || LimitsOf::Project(w.bot.clone());
        let lowered = limit(&w, project(), budget(45)).await;
        refused(lowered, "conflict", "--lower-parts: key ");
        let along = LimitChange { lower_parts: true, ..budget(45) };
        assert_eq!(limit(&w, project(), along).await?.lowered_parts.len(), 1);
        assert_eq!(budgets(&w).await?, [(PartKind::Model, 0), (PartKind::Member, 40), (PartKind::Key, 45)]);
        // An organization that lowers its projects along takes them along as well.
        let along = LimitChange { lower_projects: true, ..budget(30) };
        let after = limit(&w, LimitsOf::Organization(w.org().into()), along).await?;
        assert_eq!((after.lowered_projects, after.lowered_parts.len()), (vec!["Bot".to_owned()], 2));
        assert_eq!(budgets(&w).await?, [(PartKind::Model, 0), (PartKind::Member, 30), (PartKind::Key, 30)]);
        let wrong = LimitChange { lower_parts: true, ..budget(20) };
        refused(limit(&w, LimitsOf::Organization(w.org().into()), wrong).await, "invalid", "only a project");
        // Without a budget the project bounds nothing.
        limit(&w, project(), LimitChange { budget: Some(None), ..LimitChange::default() }).await?;
        set(&w, &w.bot, &of_key, 1_000).await?;
        w.assert_chained().await
    }

    async fn r6_owners_of_the_organization_set_them_and_what_was_changed_is_written_down(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let of = (w.bot.as_str(), &model("gpt-4o"));
        for who in [OLGA, MIA] {
            let tried = w.control.set_part_budget(&w.person(who).await?, of, Some(dollars(5))).await;
            refused(tried, "not_permitted", "owner");
        }
        let tried = w.control.set_part_budget(&w.person(OTTO).await?, of, Some(dollars(5))).await;
        refused(tried, "not_found", "there is no project");
        assert_eq!(budgets(&w).await?, []);
        w.control.set_part_budget(&w.person(DANA).await?, of, Some(dollars(5))).await?;
        let entry = w.last_entry().await?;
        assert_eq!((entry.record.action.as_ref(), entry.record.target_id.as_str()), ("limits.updated", w.bot.as_str()));
        let change = serde_json::json!(
            {"of": {"kind": "model", "id": "gpt-4o"}, "before": {"budget": null}, "after": {"budget": "5"}}
        );
        assert_eq!(entry.record.change, change);
        w.assert_chained().await
    }

    async fn r2_r21_what_is_not_there_or_cannot_be_changed_has_none(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let key = w.key(&w.bot, MIA).await?.key;
        refused(set(&w, &w.side, &PartNamed::Key(key.id.clone()), 1).await, "not_found", "there is no key");
        refused(set(&w, &w.bot, &PartNamed::Key("nothing".into()), 1).await, "not_found", "nothing");
        refused(set(&w, &w.bot, &member(OTTO), 1).await, "not_found", "there is no member");
        refused(set(&w, &w.bot, &member("nobody"), 1).await, "not_found", "nobody");
        refused(set(&w, w.default_project(), &model("m"), 1).await, "invalid", "default project");
        w.control.archive_project(&operator(), &w.side, "Side").await?;
        refused(set(&w, &w.side, &model("m"), 1).await, "conflict", "archived");
        Ok(())
    }

    /// Who may not see what others spend sees their own, and what holds for everybody.
    async fn r6_members_see_their_own_and_those_of_models(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (own, other) = (w.key(&w.bot, MIA).await?.key, w.key(&w.bot, OLGA).await?.key);
        for named in [PartNamed::Key(own.id.clone()), PartNamed::Key(other.id), member(MIA), member(OLGA), model("gpt-4o")] {
            set(&w, &w.bot, &named, 5).await?;
        }
        w.book(&w.bot, 2, None).await?;
        let seen = async |email: &str| -> anyhow::Result<Vec<(PartKind, String, Option<Nanos>)>> {
            let person = w.person(email).await?;
            let view = w.view(&person).await?;
            let project = view.project(None, &w.bot).await?;
            let parts = view.part_budgets(&project, november()).await?;
            Ok(parts.into_iter().map(|part| (part.part.kind, part.part.id, part.spend)).collect())
        };
        let mias = seen(MIA).await?;
        assert_eq!(mias.iter().map(|part| part.0).collect::<Vec<_>>(), [PartKind::Model, PartKind::Member, PartKind::Key]);
        assert_eq!((mias[0].2, mias[1].2), (None, Some(Nanos::ZERO)));
        assert_eq!((&mias[2].1, mias[2].2), (&own.id, Some(Nanos::ZERO)));
        let all = seen(DANA).await?;
        assert_eq!((all.len(), all[0].2), (5, Some(dollars(2))));
        Ok(())
    }
}
