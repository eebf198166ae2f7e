//! The audit log: R42.

use mete_control::{LimitChange, LimitsOf, NewProjectInput, ProjectChange};
use mete_core::audit::{AuditOutcome, Link};
use mete_core::directory::OrganizationRole;
use mete_core::people::ProjectRole;
use mete_core::time::{DAY, HOUR};
use mete_core::{Clock, Nanos};
use mete_store::AuditFilter;
use mete_tests::{TestStore, each_engine};
use serde_json::json;

use crate::rights::attempts::{ATTEMPTS, Kind};
use crate::rights::scene::Scene;
use crate::world::{DANA, Ground, MIA, OLGA, REY, operator, refused};

each_engine! {
    async fn r42_an_entry_says_who_what_from_what_to_what_when_and_from_where(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.clock.advance(HOUR);
        let olga = &w.person(OLGA).await?;
        let change = ProjectChange {
            name: Some("Robot".into()),
            website: Some("https://x.test".into()),
            ..ProjectChange::default()
        };
        w.control.edit_project(olga, &w.bot, &change).await?;
        let entry = w.last_entry().await?.record;
        assert_eq!(
            (entry.actor_kind.as_str(), entry.actor_id.as_str(), entry.actor_name.as_str()),
            ("person", olga.id(), OLGA)
        );
        assert_eq!((entry.os_user.as_str(), entry.host.as_str()), ("tester", "testbed"));
        assert_eq!((entry.action.as_str(), entry.outcome), ("project.updated", AuditOutcome::Done));
        assert_eq!(
            (entry.at.to_string().as_str(), entry.project_id.as_str()),
            ("2026-11-23T11:15:00Z", w.bot.as_str())
        );
        assert_eq!(
            entry.change,
            json!({
                "before": {"name": "Bot", "description": "", "website": ""},
                "after": {"name": "Robot", "description": "", "website": "https://x.test"},
            })
        );
        w.control.set_project_role(olga, (&w.bot, MIA), ProjectRole::Owner).await?;
        let change = w.last_entry().await?.record.change;
        assert_eq!(change, json!({"before": {"role": "member"}, "after": {"role": "owner"}}));
        let budget = LimitChange { budget: Some(Some(Nanos::from_dollars(12))), ..LimitChange::default() };
        w.control.set_limits(&operator(), &LimitsOf::Project(w.bot.clone()), &budget).await?;
        let change = w.last_entry().await?.record.change;
        assert_eq!(change, json!({"before": {"budget": null}, "after": {"budget": "12"}}));
        Ok(())
    }

    async fn r42_keys_that_a_change_disables_are_named_with_it(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (bot, default) = (w.key(&w.bot, MIA).await?.key.id, w.key(w.default_project(), MIA).await?.key.id);
        w.control.remove_project_member(&operator(), &w.bot, MIA).await?;
        assert_eq!(w.last_entry().await?.record.change["after"]["disabled_keys"], json!([bot]));
        w.control.remove_organization_member(&operator(), w.org(), MIA).await?;
        let entry = w.last_entry().await?.record;
        assert_eq!(entry.change["after"]["disabled_keys"], json!([default]));
        assert_eq!(entry.change["before"]["role"], "reader");
        let of_olga = w.key(&w.bot, OLGA).await?.key.id;
        w.control.archive_project(&operator(), &w.bot, "Bot").await?;
        assert_eq!(w.last_entry().await?.record.change["after"], json!({"status": "archived", "disabled_keys": 1}));
        assert_eq!(w.status(&of_olga).await?, mete_core::directory::KeyStatus::Disabled);
        Ok(())
    }

    async fn r42_each_chain_is_whole_after_everything(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let scene = Scene::new(&w, "Scene").await?;
        for attempt in
            ATTEMPTS.iter().flat_map(|(_, attempts)| *attempts).filter(|attempt| attempt.kind == Kind::Change)
        {
            for who in [w.person(REY).await?, w.person(OLGA).await?, w.person(DANA).await?] {
                // Whether it works is told elsewhere.
                let _ = (attempt.run)(&scene, &who).await;
            }
        }
        let mut entries = w.audit().await?;
        entries.sort_by_key(|entry| entry.seq);
        let mut previous = Link::default();
        for (place, entry) in entries.iter().enumerate() {
            assert_eq!((entry.seq, entry.previous_hash), (place as i64 + 1, previous));
            previous = entry.hash;
        }
        let report = w.store.verify_audit(Some(w.org())).await?.remove(0);
        assert_eq!((report.entries, report.head, report.breaks), (entries.len() as i64, previous, vec![]));
        assert!(entries.len() > 100, "{}", entries.len());
        // Umbrella's chain is its own.
        let umbrella =
            AuditFilter { organization_id: Some(w.umbrella.organization.id.clone()), ..AuditFilter::default() };
        assert_eq!(w.store.audit(&umbrella).await?.len(), 1);
        w.assert_chained().await
    }

    async fn r42_the_log_is_listed_by_actor_action_project_and_time(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (dana, mia) = (&w.person(DANA).await?, &w.person(MIA).await?);
        w.clock.advance(DAY);
        let rename = |name: &str| ProjectChange { name: Some(name.into()), ..ProjectChange::default() };
        w.control.edit_project(dana, &w.bot, &rename("Robot")).await?;
        refused(
            w.control.edit_project(mia, &w.bot, &rename("Rebot")).await,
            "not_permitted",
            "an owner of the project",
        );
        w.control.set_organization_role(dana, (w.org(), REY), OrganizationRole::Owner).await?;
        let count =
            async |wanted: AuditFilter| anyhow::Ok(w.view(dana).await?.audit((None, None), &wanted).await?.len());
        let by = |actor: &str| AuditFilter { actor: Some(actor.into()), ..AuditFilter::default() };
        assert_eq!((count(by(DANA)).await?, count(by(dana.id())).await?, count(by(MIA)).await?), (2, 2, 1));
        assert_eq!(count(by("nobody")).await?, 0);
        let with = |action: &str| AuditFilter { action: Some(action.into()), ..AuditFilter::default() };
        assert_eq!((count(with("project.updated")).await?, count(with("project")).await?), (2, 4));
        assert_eq!((count(with("proj")).await?, count(with("project%")).await?), (0, 0));
        let since = |at| AuditFilter { since: Some(at), ..AuditFilter::default() };
        let now = w.clock.now();
        assert_eq!((count(since(now)).await?, count(since(now.plus(1))).await?), (3, 0));
        let both = AuditFilter { action: Some("project.updated".into()), ..by(MIA) };
        assert_eq!(count(both).await?, 1);
        let newest = w.view(dana).await?.audit((None, None), &AuditFilter { limit: Some(1), ..by(DANA) }).await?;
        assert_eq!(newest.iter().map(|entry| entry.record.action.as_str()).collect::<Vec<_>>(), ["user.updated"]);
        Ok(())
    }

    async fn r42_what_was_typed_in_vain_is_kept_as_a_name(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let mia = &w.person(MIA).await?;
        let typed = format!("\u{1b}[2J\n\u{202e}Grüße 🦀 {}", "x".repeat(10_000));
        let made = w.control.create_project(mia, &NewProjectInput::named(w.org(), &typed)).await;
        refused(made, "not_permitted", "an owner of the organization");
        let kept = w.last_entry().await?.record.target_name;
        assert!(kept.starts_with("\u{fffd}[2J\u{fffd}\u{fffd}Grüße 🦀 xxx"), "{kept:?}");
        assert_eq!(kept.chars().count(), 200);
        Ok(())
    }
}
