//! What screens are told is what exists for who looks: R6, R8.

use std::collections::BTreeSet;

use mete_control::{BlockTarget, LimitChange, LimitsOf, NewBlockInput, NewProjectInput};
use mete_core::manual_block::ManualBlockKind;
use mete_core::{Clock as _, Nanos};
use mete_store::{
    AlertFilter, AuditFilter, EventFilter, KeyOrder, KeyQuery, ManualBlockFilter, MemberOrder, Paging,
    QuarantineFilter, RefusalCause, Span, SpenderKind,
};
use mete_tests::{TestStore, each_engine};

use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, november, operator, refused};

const FIRST: Paging = Paging::first(50);

fn every_key(order: KeyOrder) -> KeyQuery {
    KeyQuery {
        reaches: Vec::new(),
        organization_id: None,
        project_id: None,
        owner_id: None,
        status: None,
        text: None,
        order,
        month: november(),
    }
}

each_engine! {
    async fn r6_pages_of_keys_have_those_that_one_sees(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let keys = [
            w.key(&w.bot, MIA).await?.key,
            w.key(&w.bot, OLGA).await?.key,
            w.key(&w.side, REY).await?.key,
            w.key(w.default_project(), MIA).await?.key,
        ];
        for (email, seen, spend) in [
            (DANA, vec![0, 1, 2, 3], true),
            (OLGA, vec![0, 1], true),
            (MIA, vec![0, 3], false),
            (OTTO, vec![], false),
        ] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let expected: BTreeSet<&str> = seen.iter().map(|at| keys[*at].id.as_str()).collect();
            for order in [KeyOrder::Name, KeyOrder::LastUsed, KeyOrder::Created, KeyOrder::Spend] {
                let page = view.key_page(&every_key(order), &FIRST).await?;
                let told: BTreeSet<&str> = page.rows.iter().map(|line| line.key.id.as_str()).collect();
                assert_eq!((told, page.rows.len()), (expected.clone(), expected.len()), "{email} {order:?}");
                assert!(page.rows.iter().all(|line| line.spend.is_some() == spend), "{email} {order:?}");
            }
            let elsewhere = KeyQuery { organization_id: Some("org-none".into()), ..every_key(KeyOrder::Name) };
            assert!(view.key_page(&elsewhere, &FIRST).await?.rows.is_empty());
        }
        Ok(())
    }

    async fn r6_r8_events_courses_and_outlooks_are_for_who_sees_spend(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.book(&w.bot, 3, None).await?;
        w.book(&w.side, 4, None).await?;
        w.control.create_project(&operator(), &NewProjectInput::named("Acme", "Quiet")).await?;
        let now = w.clock.now();
        let day = Span::Days(now.day(), now.day());
        for (email, dollars) in [(DANA, 10), (OLGA, 3)] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let events = view.event_page((None, None), (&EventFilter::default(), None), 10).await?.events;
            let total: Nanos = events.iter().map(|line| line.event.cost).sum();
            assert_eq!(total, Nanos::from_dollars(dollars), "{email}");
            let course = view.course((None, None), day).await?;
            assert_eq!(course.iter().map(|point| point.spend).sum::<Nanos>(), total, "{email}");
            let spenders = view.spenders((None, None, SpenderKind::Project), (day, None), 10).await?;
            assert_eq!(spenders.iter().map(|spender| spender.spend).sum::<Nanos>(), total, "{email}");
            let pulse = view.pulse(None, (now, 10)).await?;
            assert_eq!(pulse.today, Some(total));
            assert_eq!(pulse.outlook.map(|outlook| outlook.forecast.spent), Some(total));
            assert!(pulse.sources.is_none() && pulse.quarantine.is_none() && pulse.daemons.is_none());
            // There is room for projects without spend, but for a default one.
            let spends = |name: &str| pulse.projects.iter().find(|it| it.view.project.name == name).map(|it| it.view.spend);
            assert_eq!(spends("Quiet"), (email == DANA).then_some(Some(Nanos::ZERO)), "{email}");
            assert!(pulse.projects.iter().all(|it| !it.view.project.is_default), "{pulse:?}");
            let before = view.pulse_of(None, now.month().previous(), (now, 10)).await?;
            assert_eq!(before.outlook.map(|outlook| outlook.forecast.high), Some(Nanos::ZERO));
            assert!(before.days.is_empty() && before.refusals.is_empty() && before.today.is_none());
        }
        for email in [MIA, OTTO] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let bot = w.store.find_project(&w.bot).await?;
            if email == MIA {
                let asked = view.event_page((None, Some(&bot)), (&EventFilter::default(), None), 10).await;
                refused(asked.map(drop), "not_permitted", "may not");
                refused(view.course((None, Some(&bot)), day).await, "not_permitted", "may not");
                refused(view.outlooks((None, Some(&bot)), now).await, "not_permitted", "may not");
                let pulse = view.pulse(None, (now, 10)).await?;
                assert!(pulse.outlook.is_none() && pulse.days.is_empty() && pulse.today.is_none());
                assert!(pulse.projects.iter().all(|it| it.outlook.is_none() && it.view.spend.is_none()));
            }
            let events = view.event_page((None, None), (&EventFilter::default(), None), 10).await;
            assert!(events.map_or(true, |page| page.events.is_empty()), "{email}");
        }
        let mia = &w.person(MIA).await?;
        w.control.set_usage_grant(&operator(), ("Acme", MIA), true).await?;
        let view = w.view(mia).await?;
        assert_eq!(view.event_page((None, None), (&EventFilter::default(), None), 10).await?.events.len(), 3, "R8");
        Ok(())
    }

    async fn r6_records_and_refusals_are_those_of_what_one_sees(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let key = w.key(&w.bot, MIA).await?.key.id;
        w.key(&w.bot, OLGA).await?;
        w.key(&w.side, REY).await?;
        for project in [&w.bot, &w.side] {
            let change = LimitChange { budget: Some(Some(Nanos::from_dollars(1))), ..LimitChange::default() };
            w.control.set_limits(&operator(), &LimitsOf::Project(project.clone()), &change).await?;
            w.book(project, 2, None).await?;
        }
        let block = NewBlockInput {
            target: BlockTarget::Key(key.clone()),
            kind: ManualBlockKind::Block,
            reason: "leaked".into(),
            until: None,
        };
        w.control.add_block(&operator(), &block).await?;
        let now = w.clock.now();
        // Refusals, alerts, blocks by hand; active keys that the budget of Bot stops.
        for (email, refusals, alerts, blocks, keys) in
            [(DANA, 3, 2, 1, Some(2)), (OLGA, 2, 1, 1, Some(2)), (MIA, 2, 0, 1, Some(1)), (OTTO, 0, 0, 0, None)]
        {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let told = view.refusals(None, now).await?;
            assert_eq!(told.len(), refusals, "{email}: {told:?}");
            let of_bot = told.iter().find(|refusal| refusal.scope_id == w.bot);
            assert_eq!(of_bot.map(|refusal| refusal.keys), keys, "{email}");
            if let Some(RefusalCause::Budget { spend, .. }) = of_bot.map(|refusal| &refusal.cause) {
                assert_eq!(spend.is_some(), email != MIA, "{email}");
            }
            assert_eq!(view.alert_page(&AlertFilter::default(), &FIRST).await?.rows.len(), alerts, "{email}");
            let listed = view.manual_block_page(&ManualBlockFilter::default(), &FIRST).await?;
            assert_eq!(listed.rows, view.manual_blocks(&ManualBlockFilter::default()).await?, "{email}");
            assert_eq!(listed.rows.len(), blocks, "{email}");
            let whole = view.audit((None, None), &AuditFilter::default()).await;
            let paged = view.audit_page((None, None), &AuditFilter::default(), &FIRST).await;
            match (whole, paged) {
                (Ok(whole), Ok(paged)) => assert_eq!(paged.rows.len(), whole.len().min(50), "{email}"),
                (whole, paged) => assert!(whole.is_err() && paged.is_err(), "{email}"),
            }
            refused(view.quarantine_page(&QuarantineFilter::default(), &FIRST).await, "not_permitted", "operator");
            refused(view.sources(now).await, "not_permitted", "operator");
            refused(view.source_report(now.day()).await, "not_permitted", "operator");
            refused(view.quarantine_counts().await, "not_permitted", "operator");
            refused(view.quarantine_entry(1).await, "not_permitted", "operator");
            refused(view.settings().await, "not_permitted", "operator");
            let acme = w.store.find_organization(w.org()).await?;
            let members = view.member_page(&acme, (MemberOrder::Spend, november()), &FIRST).await;
            assert_eq!((members.is_ok(), view.invite_page(None, &FIRST, now).await.is_ok()), (email == DANA, email != OLGA && email != MIA));
        }
        Ok(())
    }
}
