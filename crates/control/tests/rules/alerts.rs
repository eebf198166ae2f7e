//! Taking note of alerts: R27, R6.

use mete_control::{LimitChange, LimitsOf, MAX_ACKNOWLEDGED, NewOrganizationInput};
use mete_core::time::HOUR;
use mete_core::{Clock, Nanos};
use mete_store::{Alert, AlertFilter, Extent};
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, World, operator, refused};

/// What a threshold of so many dollars raises.
async fn raise(w: &World<'_>, of: LimitsOf, dollars: i64) -> anyhow::Result<Vec<Alert>> {
    let threshold = Some(Some(Nanos::from_dollars(dollars)));
    Ok(w.control.set_limits(&operator(), &of, &LimitChange { threshold, ..LimitChange::default() }).await?.alerts)
}

async fn open(w: &World<'_>) -> anyhow::Result<Vec<String>> {
    let filter = AlertFilter { is_open: true, ..AlertFilter::default() };
    Ok(w.store.alerts(&filter).await?.into_iter().map(|alert| alert.id).collect())
}

each_engine! {
    async fn r27_an_alert_is_acknowledged_once_and_stays_the_one_of_its_limit(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.book(&w.bot, 5, None).await?;
        let of = || LimitsOf::Project(w.bot.clone());
        let alert = raise(&w, of(), 4).await?.remove(0);
        assert_eq!((alert.acknowledged_at, &alert.acknowledged_by), (None, &None));
        w.clock.advance(HOUR);
        let (olga, ids, seq) = (w.person(OLGA).await?, [alert.id.clone()], w.store.versions().await?.change_seq);
        let acknowledged = w.control.acknowledge_alerts(&olga, &ids).await?;
        let expected = Alert {
            scope_name: "Bot".into(),
            acknowledged_at: Some(w.clock.now()),
            acknowledged_by: Some(OLGA.into()),
            ..alert
        };
        assert_eq!(acknowledged, std::slice::from_ref(&expected));
        assert_eq!(w.store.alerts(&AlertFilter::default()).await?, acknowledged);
        assert_eq!(open(&w).await?, [""; 0]);
        let record = w.last_entry().await?.record;
        assert_eq!((&*record.action, &*record.target_id, &*record.target_name), ("alert.acknowledged", &*ids[0], "Bot"));
        assert_eq!((record.project_id, &record.change["after"]["amount"]), (w.bot.clone(), &serde_json::json!("4")));
        // nothing of it is any key's or project's: a gate reads neither again
        assert_eq!(w.store.extent_since(seq).await?, (Extent::Rules, seq + 1));

        // once more, by somebody else, is no change
        let before = Traces::of(&w).await?;
        w.clock.advance(HOUR);
        assert_eq!(w.control.acknowledge_alerts(&w.person(DANA).await?, &ids).await?, [expected]);
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // and it is raised once a value and month all the same
        assert_eq!(raise(&w, of(), 4).await?, []);
        assert_eq!(raise(&w, of(), 3).await?.len(), 1);
        assert_eq!(open(&w).await?.len(), 1);
        w.assert_chained().await
    }

    async fn r6_who_can_mend_it_acknowledges_it_and_to_others_it_does_not_exist(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let labs = NewOrganizationInput { name: "Labs".into(), owner: "lee@labs.test".into(), parent: Some("Acme".into()) };
        let labs = w.control.create_organization(&operator(), &labs).await?.organization.id;
        let of_org = raise(&w, LimitsOf::Organization(w.org().into()), 0).await?.remove(0).id;
        let of_labs = raise(&w, LimitsOf::Organization(labs), 0).await?.remove(0).id;
        let of_bot = raise(&w, LimitsOf::Project(w.bot.clone()), 0).await?.remove(0).id;
        let (owner, either) = ("an owner of the organization", "an owner of the project or the organization");
        for (email, id, code, words) in [
            (OLGA, &of_org, "not_permitted", owner),
            (REY, &of_org, "not_permitted", owner),
            (OTTO, &of_org, "not_found", "there is no alert"),
            (MIA, &of_bot, "not_permitted", either),
            (REY, &of_bot, "not_found", "there is no alert"),
            (OTTO, &of_bot, "not_found", "there is no alert"),
            // its bill is Acme's, its limits are its own owners' (R3)
            (DANA, &of_labs, "not_permitted", owner),
        ] {
            let before = Traces::of(&w).await?;
            let tried = w.control.acknowledge_alerts(&w.person(email).await?, std::slice::from_ref(id)).await;
            refused(tried, code, words);
            before.assert_same_but(&Traces::of(&w).await?, 1);
        }
        // what may be acknowledged stays as it is where another may not
        let before = Traces::of(&w).await?;
        let both = [of_bot.clone(), of_org.clone()];
        refused(w.control.acknowledge_alerts(&w.person(OLGA).await?, &both).await, "not_permitted", owner);
        before.assert_same_but(&Traces::of(&w).await?, 1);
        let with_nothing = [of_bot.clone(), "alert_none".into()];
        refused(w.control.acknowledge_alerts(&operator(), &with_nothing).await, "not_found", "there is no alert");
        let too_many = vec![of_bot.clone(); MAX_ACKNOWLEDGED + 1];
        refused(w.control.acknowledge_alerts(&operator(), &too_many).await, "invalid", "too many at once");
        assert_eq!(open(&w).await?.len(), 3);
        w.control.acknowledge_alerts(&w.person("lee@labs.test").await?, &[of_labs]).await?;
        w.control.acknowledge_alerts(&w.person(DANA).await?, &both).await?;
        assert_eq!(open(&w).await?, [""; 0]);
        Ok(())
    }

    async fn r21_what_an_archived_project_raised_can_still_be_acknowledged(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let alert = raise(&w, LimitsOf::Project(w.bot.clone()), 0).await?.remove(0).id;
        w.control.archive_project(&operator(), &w.bot, "Bot").await?;
        w.control.acknowledge_alerts(&w.person(OLGA).await?, &[alert]).await?;
        assert_eq!(open(&w).await?, [""; 0]);
        Ok(())
    }
}
