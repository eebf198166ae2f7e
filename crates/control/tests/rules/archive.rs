//! Archiving: R20, R21.

use mete_control::{ControlError, LimitChange, LimitsOf, ListedProjects, NewKeyInput, NewProjectInput};
use mete_core::Nanos;
use mete_core::directory::{KeyStatus, OrganizationRole, ProjectStatus};
use mete_core::people::ProjectRole;
use mete_store::SpendBy;
use mete_tests::{TestStore, each_engine};

use crate::rights::attempts::{ATTEMPTS, About, Attempt, Kind};
use crate::rights::scene::Scene;
use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, november, operator, refused};

each_engine! {
    async fn r21_archiving_asks_for_the_name_typed_exactly(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let before = Traces::of(&w).await?;
        let olga = &w.person(OLGA).await?;
        for typed in ["", "bot", " Bot", "Bot ", "Side", &w.bot] {
            refused(
                w.control.archive_project(olga, &w.bot, typed).await,
                "invalid",
                "type the project's name, \"Bot\"",
            );
        }
        before.assert_same_but(&Traces::of(&w).await?, 0);
        let archived = w.control.archive_project(olga, &w.bot, "Bot").await?;
        assert_eq!(archived.status, ProjectStatus::Archived);
        assert_eq!(archived.archived_at, Some(crate::world::at(crate::world::NOW)));
        let before = Traces::of(&w).await?;
        refused(w.control.archive_project(olga, &w.bot, "Bot").await, "conflict", "archived already");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        Ok(())
    }

    async fn r21_all_keys_of_an_archived_project_stop_at_once(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let scene = Scene::new(&w, "Doomed").await?;
        let (elsewhere, revoked) = (w.key(&w.bot, MIA).await?.key.id, w.key(&scene.project, MIA).await?.key.id);
        w.control.revoke_key(&operator(), &revoked).await?;
        w.control.archive_project(&operator(), &scene.project, "Doomed").await?;
        let of_project = mete_store::KeyFilter { project_id: Some(scene.project.clone()), ..Default::default() };
        for key in w.store.keys(&of_project).await? {
            let expected = if key.id == revoked { KeyStatus::Revoked } else { KeyStatus::Disabled };
            assert_eq!(key.status, expected, "{key:?}");
        }
        assert_eq!(w.status(&elsewhere).await?, KeyStatus::Active);
        let gate = w.store.gate_snapshot().await?;
        assert_eq!(gate.projects.iter().find(|project| project.id == scene.project).map(|p| p.archived), Some(true));
        Ok(())
    }

    async fn r21_nothing_in_an_archived_project_can_be_changed(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let scene = Scene::new(&w, "Doomed").await?;
        w.control.archive_project(&operator(), &scene.project, "Doomed").await?;
        // A key of one's own is tried below. To take note of an alert changes nothing in the project: late usage may raise some.
        let aside = ["create_own_key", "acknowledge_alert"];
        let in_project = |attempt: &&Attempt| {
            attempt.kind == Kind::Change && attempt.about != About::Organization && !aside.contains(&attempt.name)
        };
        let before = Traces::of(&w).await?;
        let mut tried = 0;
        for attempt in ATTEMPTS.iter().flat_map(|(_, attempts)| *attempts).filter(in_project) {
            for who in [w.person(OLGA).await?, w.person(DANA).await?, operator()] {
                let outcome = (attempt.run)(&scene, &who).await;
                let error = outcome.err().unwrap_or_else(|| panic!("{} works for {}", attempt.name, who.name()));
                let code = (error.code(), error.to_string().contains("archived"));
                // An organization's owners set limits, a project's do not.
                assert!(code == ("conflict", true) || code == ("not_permitted", false), "{}: {error:?}", attempt.name);
                assert!(code.0 == "conflict" || who.name() == OLGA, "{}: {error:?}", attempt.name);
                tried += 1;
            }
        }
        for email in [DANA, MIA] {
            let made = w.control.create_key(&operator(), &NewKeyInput::for_person(&scene.project, email)).await;
            refused(made, "conflict", "archived");
        }
        let after = Traces::of(&w).await?;
        assert!(tried > 60, "{tried}");
        assert_eq!((before.directory, before.feed), (after.directory, after.feed));
        Ok(())
    }

    async fn r21_limits_of_the_organization_pass_an_archived_project_by(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let limit = async |of: LimitsOf, dollars, lower_projects| {
            let budget = Some(Some(Nanos::from_dollars(dollars)));
            w.control
                .set_limits(&operator(), &of, &LimitChange { budget, lower_projects, ..LimitChange::default() })
                .await
        };
        limit(LimitsOf::Project(w.bot.clone()), 100, false).await?;
        w.control.archive_project(&operator(), &w.bot, "Bot").await?;
        let organization = LimitsOf::Organization(w.org().into());
        assert!(limit(organization.clone(), 10, false).await?.lowered_projects.is_empty());
        assert!(limit(organization, 5, true).await?.lowered_projects.is_empty());
        let limits = w.store.gate_snapshot().await?.projects.into_iter().find(|project| project.id == w.bot);
        assert_eq!(limits.and_then(|project| project.limits.budget), Some(Nanos::from_dollars(100)));
        Ok(())
    }

    async fn r21_history_stays_and_late_usage_counts(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.book(&w.bot, 5, None).await?;
        w.control.archive_project(&operator(), &w.bot, "Bot").await?;
        w.book(&w.bot, 2, None).await?;
        for email in [DANA, OLGA] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let project = view.project(None, &w.bot).await?;
            assert_eq!(view.project_view(&project, november()).await?.spend, Some(Nanos::from_dollars(7)));
            let rows = view.spend((None, Some(&project)), (november(), SpendBy::Project)).await?;
            assert_eq!(rows.iter().map(|row| row.spend).collect::<Vec<_>>(), [Nanos::from_dollars(7)]);
            assert!(!view.project_members(&project).await?.is_empty());
            assert!(!view.audit((None, Some(&project)), &mete_store::AuditFilter::default()).await?.is_empty());
        }
        Ok(())
    }

    async fn r21_leaving_the_organization_leaves_its_archived_projects_too(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.control.archive_project(&operator(), &w.bot, "Bot").await?;
        w.control.remove_organization_member(&operator(), w.org(), OLGA).await?;
        w.join(OLGA, OrganizationRole::Reader).await?;
        let olga = &w.person(OLGA).await?;
        refused(w.view(olga).await?.project(None, &w.bot).await, "not_found", "there is no project");
        Ok(())
    }

    async fn r20_an_archived_project_is_found_by_name_until_another_has_it(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let dana = &w.person(DANA).await?;
        w.control.archive_project(dana, "Bot", "Bot").await?;
        assert_eq!(w.view(dana).await?.project(None, "bot").await?.id, w.bot);
        let second = w.control.create_project(dana, &NewProjectInput::named(w.org(), "Bot")).await?.id;
        assert_eq!(w.view(dana).await?.project(None, "bot").await?.id, second);
        w.control.add_project_member(dana, ("bot", MIA), ProjectRole::Member).await?;
        w.control.archive_project(dana, &second, "Bot").await?;
        let found: Result<_, ControlError> = w.view(dana).await?.project(None, "bot").await;
        refused(found, "not_found", "say which by its id");
        let wanted = ListedProjects { organization_id: Some(w.org()), status: Some(ProjectStatus::Archived) };
        assert_eq!(w.view(dana).await?.projects(wanted, november()).await?.len(), 2);
        Ok(())
    }
}
