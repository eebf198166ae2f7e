//! Limits within limits: R24, both ways.

use mete_control::{ControlError, LimitChange, LimitsAfter, LimitsOf};
use mete_core::Nanos;
use mete_core::rates::{Models, Rate, RateLimit};
use mete_store::Scope;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, World, operator, refused};

fn dollars(amount: i64) -> Nanos {
    Nanos::from_dollars(amount)
}

fn budget(amount: i64) -> LimitChange {
    LimitChange { budget: Some(Some(dollars(amount))), ..LimitChange::default() }
}

fn threshold(amount: i64) -> LimitChange {
    LimitChange { threshold: Some(Some(dollars(amount))), ..LimitChange::default() }
}

fn models(names: &[&str]) -> LimitChange {
    LimitChange { models: Some(list(names)), ..LimitChange::default() }
}

fn list(names: &[&str]) -> Models {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

fn rate(typed: &str) -> LimitChange {
    LimitChange { rates: vec![typed.parse().unwrap()], ..LimitChange::default() }
}

fn lowering(change: LimitChange) -> LimitChange {
    LimitChange { lower_projects: true, ..change }
}

type Outcome = Result<LimitsAfter, ControlError>;

async fn organization(w: &World<'_>, change: LimitChange) -> Outcome {
    w.control.set_limits(&w.person(DANA).await.unwrap(), &LimitsOf::Organization(w.org().into()), &change).await
}

async fn project(w: &World<'_>, id: &str, change: LimitChange) -> Outcome {
    w.control.set_limits(&operator(), &LimitsOf::Project(id.into()), &change).await
}

async fn rates_of(w: &World<'_>, id: &str) -> anyhow::Result<Vec<RateLimit>> {
    Ok(w.store.rate_limits(&Scope::project(id, w.org())).await?)
}

each_engine! {
    async fn r23_each_rate_is_kept_and_is_at_most_the_organizations(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let typed = |rate: Rate, value: usize| format!("a:{}={value}", rate.name());
        for (place, of) in Rate::ALL.into_iter().enumerate() {
            organization(&w, rate(&typed(of, 10 + place))).await?;
            let above = project(&w, &w.bot, rate(&typed(of, 11 + place))).await;
            refused(above, "invalid", &format!("{} of {} for a is above {}", of.name(), 11 + place, 10 + place));
            project(&w, &w.bot, rate(&typed(of, place))).await?;
        }
        let kept = rates_of(&w, &w.bot).await?;
        let gate = w.store.gate_snapshot().await?.rate_limits;
        let [in_gate] = &gate.iter().filter(|(id, _)| *id == w.bot).collect::<Vec<_>>()[..] else { panic!("{gate:?}") };
        for (place, of) in Rate::ALL.into_iter().enumerate() {
            let value = Some(u64::try_from(place)?);
            assert_eq!((kept[0].rates.get(of), in_gate.1.rates.get(of)), (value, value), "{}", of.name());
        }
        Ok(())
    }

    async fn r24_a_project_is_never_set_above_its_organization(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        organization(&w, budget(100)).await?;
        organization(&w, models(&["b", "a", "b"])).await?;
        organization(&w, rate("a:requests_per_minute=100")).await?;
        let before = Traces::of(&w).await?;
        refused(project(&w, &w.bot, budget(101)).await, "invalid", "budget cannot be above its organization's");
        refused(project(&w, &w.bot, threshold(101)).await, "invalid", "threshold cannot be above");
        refused(project(&w, &w.bot, models(&["a", "c"])).await, "invalid", "c are not");
        let above = project(&w, &w.bot, rate("a:requests_per_minute=101")).await;
        refused(above, "invalid", "requests_per_minute of 101 for a is above 100");
        refused(project(&w, &w.bot, budget(-1)).await, "invalid", "negative");
        refused(project(&w, &w.bot, lowering(budget(1))).await, "invalid", "only an organization");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // As high as the organization is not above it, and what the organization leaves open is open.
        project(&w, &w.bot, budget(100)).await?;
        project(&w, &w.bot, threshold(100)).await?;
        assert_eq!(project(&w, &w.bot, models(&["b", "a"])).await?.models, list(&["a", "b"]));
        project(&w, &w.bot, rate("a:requests_per_minute=100")).await?;
        project(&w, &w.bot, rate("a:tokens_per_minute=1000000")).await?;
        project(&w, &w.bot, rate("ft:b:acme:requests_per_day=7")).await?;
        w.assert_chained().await
    }

    async fn r24_an_organization_is_not_lowered_below_its_projects(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        for change in [budget(50), models(&["a", "b"]), rate("a:requests_per_minute=60"), threshold(40)] {
            project(&w, &w.bot, change.clone()).await?;
        }
        project(&w, &w.side, budget(70)).await?;
        let before = Traces::of(&w).await?;
        for (change, words) in [
            (budget(60), "\"Side\""),
            (budget(39), "\"Bot\": a project's budget"),
            (models(&["a"]), "\"Bot\": a project's models are among its organization's, and b are not"),
            (rate("a:requests_per_minute=59"), "\"Bot\": a project's rate limit"),
        ] {
            let lowered = organization(&w, change).await;
            assert!(lowered.as_ref().is_err_and(|error| error.to_string().contains("--lower-projects")));
            refused(lowered, "conflict", words);
        }
        // All that are in the way are named.
        let both = organization(&w, budget(10)).await.unwrap_err().to_string();
        assert!(both.contains("\"Bot\"") && both.contains("\"Side\""), "{both}");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        for fitting in [budget(70), models(&["a", "b", "c"]), rate("a:requests_per_minute=60"), threshold(1)] {
            organization(&w, fitting).await?;
        }
        Ok(())
    }

    async fn r24_projects_are_lowered_along(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        for change in [
            budget(50),
            threshold(40),
            models(&["a", "b"]),
            rate("a:requests_per_minute=60"),
            rate("a:requests_per_day=9"),
        ] {
            project(&w, &w.bot, change).await?;
        }
        project(&w, &w.side, budget(10)).await?;
        assert_eq!(organization(&w, lowering(budget(30))).await?.lowered_projects, ["Bot"]);
        assert_eq!(organization(&w, lowering(models(&["b", "c"]))).await?.lowered_projects, ["Bot"]);
        let after = organization(&w, lowering(rate("a:requests_per_minute=5"))).await?;
        assert_eq!(after.lowered_projects, ["Bot"]);
        assert_eq!(after.limits.budget, Some(dollars(30)));
        let gate = w.store.gate_snapshot().await?;
        let limits = |id: &str| {
            gate.projects
                .iter()
                .find(|project| project.id == id)
                .map(|project| (project.limits, project.models.clone()))
        };
        let (bot, bot_models) = limits(&w.bot).unwrap();
        assert_eq!((bot.budget, bot.threshold, bot_models), (Some(dollars(30)), Some(dollars(30)), list(&["b"])));
        let (side, side_models) = limits(&w.side).unwrap();
        assert_eq!((side.budget, side.threshold, side_models), (Some(dollars(10)), None, None));
        let rates = rates_of(&w, &w.bot).await?;
        assert_eq!(rates.len(), 1);
        assert_eq!(
            (rates[0].rates.max_requests_per_1_minute, rates[0].rates.max_requests_per_1_day),
            (Some(5), Some(9))
        );
        // Each project has its own entry, with what it was and is, before the organization's.
        let newest: Vec<_> = w.audit().await?.into_iter().take(2).map(|entry| entry.record).collect();
        assert_eq!(
            (newest[1].project_id.as_str(), newest[1].reason.as_str()),
            (w.bot.as_str(), "lowered along with the organization")
        );
        assert_eq!(newest[1].change["before"]["rate_limits"][0]["max_requests_per_1_minute"], 60);
        assert_eq!(newest[1].change["after"]["rate_limits"][0]["max_requests_per_1_minute"], 5);
        assert_eq!((newest[0].project_id.as_str(), newest[0].target_id.as_str()), ("", w.org()));
        w.assert_chained().await
    }

    async fn r24_what_is_taken_away_is_open_again(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        for change in [budget(50), threshold(40), models(&["a"]), rate("a:requests_per_minute=60")] {
            organization(&w, change.clone()).await?;
            project(&w, &w.bot, change).await?;
        }
        // Without the organization's, a project's own stays.
        let open = LimitChange {
            budget: Some(None),
            threshold: Some(None),
            models: Some(None),
            rates: vec!["a:requests_per_minute=none".parse()?],
            lower_projects: false,
            lower_parts: false,
        };
        let after = organization(&w, open.clone()).await?;
        assert_eq!(
            (after.limits.budget, after.limits.threshold, after.models, after.rate_limits),
            (None, None, None, vec![])
        );
        project(&w, &w.bot, budget(1000)).await?;
        project(&w, &w.bot, models(&["z"])).await?;
        let after = project(&w, &w.bot, open).await?;
        assert_eq!(
            (after.limits.budget, after.limits.threshold, after.models, after.rate_limits),
            (None, None, None, vec![])
        );
        assert_eq!(rates_of(&w, &w.bot).await?, []);
        // No models at all is a list as well.
        assert_eq!(project(&w, &w.bot, models(&[])).await?.models, Some(vec![]));
        Ok(())
    }

    async fn r24_names_of_models_are_checked(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let before = Traces::of(&w).await?;
        refused(project(&w, &w.bot, models(&["a", " "])).await, "invalid", "a name is needed");
        refused(project(&w, &w.bot, rate("\u{1b}[2J:requests_per_day=1")).await, "invalid", "control character");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        Ok(())
    }
}
