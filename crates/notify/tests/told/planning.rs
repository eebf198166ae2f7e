//! Each owner is to be told once of each threshold value and budget a month (R27).

use anyhow::Result;
use mete_control::{LimitsOf, NewOrganizationInput, PartNamed, ServiceAccountOf};
use mete_core::directory::OrganizationRole;
use mete_core::people::ServiceAccountRole;
use mete_core::{Clock, Nanos};
use mete_notify::Channels;
use mete_tests::{TestStore, each_engine};

use crate::world::{DANA, OLGA, World, at, mail, operator, told};

each_engine! {
    async fn r27_every_owner_is_told_once_in_whichever_way_they_own_it(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        world.join("mia@acme.test").await?;
        // Owns Bot, and now Acme besides.
        world.join("both@acme.test").await?;
        world.own_bot("both@acme.test").await?;
        let acme = world.organization.clone();
        world.control().set_organization_role(&operator(), (&acme, "both@acme.test"), OrganizationRole::Owner).await?;
        world.limit(Some(10), Some(5)).await?;
        world.spend(7).await?;
        let post = world.post("a", mail(1));
        assert_eq!((post.plan().await?, post.plan().await?), (1, 0));
        let all = ["both@acme.test", DANA, OLGA].map(|whom| told(whom, "threshold", 5, "2026-11", "waiting"));
        assert_eq!(world.told().await?, all);
        let deliveries = world.deliveries().await?;
        assert!(deliveries.iter().all(|it| it.message_id == format!("{}@acme.test", it.id)), "{deliveries:?}");
        assert!(deliveries.iter().all(|it| it.keep_until == at("2026-12-08T00:00:00Z")), "a week after the month's end");
        // What is spent on past it is no news; the budget is.
        world.spend(2).await?;
        assert_eq!(post.plan().await?, 0);
        world.spend(2).await?;
        assert_eq!((post.plan().await?, world.told().await?.len()), (1, 6));
        Ok(())
    }

    async fn r27_a_threshold_that_is_raised_is_armed_again_and_one_that_is_lowered_tells_at_once(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        let post = world.post("a", mail(1));
        world.limit(None, Some(10)).await?;
        world.spend(10).await?;
        world.limit(None, Some(20)).await?;
        world.spend(9).await?;
        post.plan().await?;
        assert_eq!(world.told().await?, [told(DANA, "threshold", 10, "2026-11", "waiting"), told(OLGA, "threshold", 10, "2026-11", "waiting")]);
        world.spend(1).await?;
        // Below the spend, and then to a value that was told of already.
        world.limit(None, Some(15)).await?;
        world.limit(None, Some(10)).await?;
        world.limit(Some(3), Some(10)).await?;
        post.plan().await?;
        let of_dana: Vec<_> = world.told().await?.into_iter().filter(|it| it.0 == DANA).map(|it| (it.1, it.2)).collect();
        assert_eq!(of_dana, [("budget", 3), ("threshold", 10), ("threshold", 15), ("threshold", 20)]);
        Ok(())
    }

    async fn r27_each_month_is_told_of_also_one_that_is_over(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        let post = world.post("a", mail(1));
        world.limit(Some(10), None).await?;
        world.spend(10).await?;
        post.plan().await?;
        world.clock.set(at("2026-12-02T08:00:00Z"));
        world.spend(9).await?;
        assert_eq!(post.plan().await?, 0);
        world.spend(1).await?;
        // Late: October was not exhausted until now.
        let (bot, late) = (world.bot.clone(), at("2026-10-31T23:00:00Z"));
        world.spend_of(&bot, (11, late)).await?;
        assert_eq!(post.plan().await?, 2);
        let of_dana: Vec<_> = world.deliveries().await?.into_iter().filter(|it| it.address == DANA).collect();
        let months: Vec<_> = of_dana.iter().map(|it| (it.month.to_string(), it.keep_until.to_string())).collect();
        let expected = [
            ("2026-11", "2026-12-08T00:00:00Z"),
            ("2026-12", "2027-01-08T00:00:00Z"),
            ("2026-10", "2026-12-09T08:00:00Z"),
        ];
        let mut months: Vec<_> = months.iter().map(|(month, until)| (month.as_str(), until.as_str())).collect();
        let mut expected = expected.to_vec();
        months.sort_unstable();
        expected.sort_unstable();
        assert_eq!(months, expected);
        Ok(())
    }

    async fn r27_who_owns_it_later_is_told_of_what_comes_later(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        let post = world.post("a", mail(1));
        world.limit(Some(10), Some(5)).await?;
        world.spend(5).await?;
        post.plan().await?;
        world.join("new@acme.test").await?;
        world.own_bot("new@acme.test").await?;
        world.spend(5).await?;
        post.plan().await?;
        let of_new: Vec<_> = world.told().await?.into_iter().filter(|it| it.0 == "new@acme.test").collect();
        assert_eq!(of_new, [told("new@acme.test", "budget", 10, "2026-11", "waiting")]);
        Ok(())
    }

    async fn r27_an_owner_without_an_address_is_written_down_as_not_told(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        let of = ServiceAccountOf::Project(world.bot.clone());
        let account = world.control().create_service_account(&operator(), &of, "nightly").await?.account;
        world.control().set_service_account_role(&operator(), &account.id, ServiceAccountRole::Owner).await?;
        world.limit(Some(1), None).await?;
        world.spend(1).await?;
        world.post("a", mail(1)).plan().await?;
        let expected = [(DANA, "waiting"), (OLGA, "waiting"), (account.id.as_str(), "undeliverable")];
        assert_eq!(world.told().await?, expected.map(|(whom, state)| told(whom, "budget", 1, "2026-11", state)));
        let of_account = world.deliveries().await?.into_iter().find(|it| it.recipient_id == account.id).unwrap();
        assert!(of_account.error.unwrap().contains("no e-mail address") && of_account.given_up_at.is_some());
        Ok(())
    }

    async fn r27_a_sub_organizations_spend_is_told_to_each_whose_limit_it_crosses(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        let acme = world.organization.clone();
        let input = NewOrganizationInput { name: "Labs".into(), owner: "lee@acme.test".into(), parent: Some(acme.clone()) };
        let labs = world.control().create_organization(&operator(), &input).await?;
        world.limit_of(&LimitsOf::Organization(acme), (Some(20), None)).await?;
        world.limit_of(&LimitsOf::Organization(labs.organization.id), (Some(20), Some(5))).await?;
        let post = world.post("a", mail(1));
        // In the default project, whose owners are the organization's.
        let (project, now) = (labs.default_project.id, world.clock.now());
        world.spend_of(&project, (6, now)).await?;
        post.plan().await?;
        assert_eq!(world.told().await?, [told("lee@acme.test", "threshold", 5, "2026-11", "waiting")]);
        world.spend(14).await?;
        post.plan().await?;
        let expected = [told(DANA, "budget", 20, "2026-11", "waiting"), told("lee@acme.test", "threshold", 5, "2026-11", "waiting")];
        assert_eq!(world.told().await?, expected, "Acme's budget is Acme's owners' to hear of");
        Ok(())
    }

    async fn r27_a_models_budget_is_told_like_the_projects(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        let (bot, model) = (world.bot.clone(), PartNamed::Model("gpt-4o <b>".into()));
        world.control().set_part_budget(&operator(), (&bot, &model), Some(Nanos::from_dollars(2))).await?;
        world.spend(2).await?;
        world.post("a", mail(1)).plan().await?;
        assert_eq!(world.told().await?, [DANA, OLGA].map(|whom| told(whom, "budget", 2, "2026-11", "waiting")));
        Ok(())
    }

    async fn without_a_mail_server_deliveries_wait_for_one(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        world.limit(Some(1), None).await?;
        world.spend(1).await?;
        let mut post = world.post("a", Channels::default());
        post.plan().await?;
        assert_eq!(world.told().await?, [DANA, OLGA].map(|whom| told(whom, "budget", 1, "2026-11", "no_channel")));
        assert_eq!(post.send_next().await?, None);
        post.use_channels(std::sync::Arc::new(mail(1)));
        post.plan().await?;
        assert_eq!(world.told().await?, [DANA, OLGA].map(|whom| told(whom, "budget", 1, "2026-11", "waiting")));
        assert!(world.deliveries().await?.iter().all(|it| it.message_id.ends_with("@acme.test") && it.error.is_none()));
        Ok(())
    }
}
