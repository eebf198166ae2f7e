//! What exists for whom: R1, R6, R36.

use mete_control::{BlockTarget, KeyOwner, ListedProjects, NewBlockInput, NewKeyInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_core::directory::OrganizationRole;
use mete_core::manual_block::ManualBlockKind;
use mete_core::people::ProjectRole;
use mete_core::permissions::Permissions;
use mete_store::{AlertFilter, AuditFilter, KeyFilter, SpendBy};
use mete_tests::{TestStore, each_engine};

use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, World, november, operator, refused};

async fn organizations(w: &World<'_>, who: &Actor) -> anyhow::Result<Vec<String>> {
    let listed = w.view(who).await?.organizations(november()).await?;
    Ok(listed.into_iter().map(|view| view.organization.name).collect())
}

async fn projects(w: &World<'_>, who: &Actor) -> anyhow::Result<Vec<String>> {
    let listed = w.view(who).await?.projects(ListedProjects::default(), november()).await?;
    Ok(listed.into_iter().map(|view| view.project.id).collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

each_engine! {
    async fn r1_a_person_in_two_organizations_sees_both_and_nothing_more(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let umbrella = &w.umbrella;
        let theirs = w.control.create_project(&operator(), &NewProjectInput::named("Umbrella", "Bot")).await?.id;
        w.key(&theirs, MIA).await?;
        let other = w.control.create_project(&operator(), &NewProjectInput::named("Umbrella", "Other")).await?.id;
        let mia = &w.person(MIA).await?;
        assert_eq!(organizations(&w, mia).await?, ["Acme", "Umbrella"]);
        let expected = [w.default_project(), &umbrella.default_project.id, &w.bot, &theirs].map(str::to_owned);
        assert_eq!(sorted(projects(&w, mia).await?), sorted(expected.to_vec()));
        let view = w.view(mia).await?;
        refused(view.project(None, &other).await, "not_found", "there is no project");
        // A name that both have is asked for within one.
        refused(view.project(None, "Bot").await, "not_found", "several projects");
        assert_eq!(view.project(Some(&umbrella.organization.id), "Bot").await?.id, theirs);
        // A role in one is none in the other: the keys of Bot of Acme are Olga's, those of Umbrella's are not.
        w.add(&w.side, MIA, ProjectRole::Owner).await?;
        refused(w.view(mia).await?.organization_members(&umbrella.organization).await, "not_permitted", "owner");
        assert_eq!(organizations(&w, &w.person(OTTO).await?).await?, ["Umbrella"]);
        assert_eq!(organizations(&w, &w.person(DANA).await?).await?, ["Acme"]);
        Ok(())
    }

    async fn r6_what_one_may_not_see_is_not_found_by_name_either(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        for (email, name, seen) in [
            (DANA, "Side", true),
            (REY, "sIDE", true),
            (OLGA, "Side", false),
            (MIA, "Side", false),
            (OTTO, "Side", false),
            (REY, "Bot", false),
        ] {
            let actor = &w.person(email).await?;
            let found = w.view(actor).await?.project(None, name).await;
            match found {
                Ok(_) => assert!(seen, "{email} sees {name}"),
                Err(error) => {
                    assert!(!seen, "{email}: {error}");
                    assert_eq!(
                        (error.code(), error.to_string()),
                        ("not_found", format!("there is no project {name:?}"))
                    );
                }
            }
        }
        // A project of that name which one does not see does not make it unclear.
        w.control.create_project(&operator(), &NewProjectInput::named("Umbrella", "Bot")).await?;
        assert_eq!(w.view(&w.person(MIA).await?).await?.project(None, "Bot").await?.id, w.bot);
        let otto = &w.person(OTTO).await?;
        refused(w.view(otto).await?.organization("Acme").await, "not_found", "there is no organization \"Acme\"");
        Ok(())
    }

    async fn r6_members_see_their_own_keys_and_owners_all_of_their_projects(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let keys = [
            w.key(&w.bot, MIA).await?.key,
            w.key(&w.bot, OLGA).await?.key,
            w.key(&w.side, REY).await?.key,
            w.key(w.default_project(), MIA).await?.key,
            w.key(w.default_project(), REY).await?.key,
        ];
        for (email, seen) in
            [(DANA, vec![0, 1, 2, 3, 4]), (OLGA, vec![0, 1]), (MIA, vec![0, 3]), (REY, vec![2, 4]), (OTTO, vec![])]
        {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let listed = view.keys(&KeyFilter::default()).await?;
            let expected: Vec<_> = seen.iter().map(|at| keys[*at].id.clone()).collect();
            assert_eq!(sorted(listed.into_iter().map(|key| key.id).collect()), sorted(expected), "{email}");
            for (at, key) in keys.iter().enumerate() {
                assert_eq!(view.key(&key.id).await.is_ok(), seen.contains(&at), "{email} {at}");
                assert_eq!(view.key(&key.redacted_value).await.is_ok(), seen.contains(&at), "{email} {at}");
            }
            // Filters give no more than there is.
            let of_mia = KeyFilter { owner_id: Some(keys[0].owner_id.clone()), ..KeyFilter::default() };
            let expected = seen.iter().filter(|at| [0, 3].contains(at)).count();
            assert_eq!(view.keys(&of_mia).await?.len(), expected, "{email}");
            let of_side = KeyFilter { project_id: Some(w.side.clone()), ..KeyFilter::default() };
            assert_eq!(view.keys(&of_side).await?.len(), usize::from(seen.contains(&2)), "{email}");
        }
        Ok(())
    }

    async fn r6_counts_are_of_what_one_sees(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let disabled = w.key(&w.bot, MIA).await?.key.id;
        w.control.disable_key(&operator(), &disabled).await?;
        for email in [MIA, OLGA, OLGA] {
            w.key(&w.bot, email).await?;
        }
        for (email, active_projects, bots_keys) in [(DANA, 2, 3), (OLGA, 1, 3), (MIA, 1, 1), (REY, 1, 0)] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let acme = &view.organizations(november()).await?[0];
            assert_eq!(acme.active_projects, active_projects, "{email}");
            let listed = view.projects(ListedProjects::default(), november()).await?;
            let bot = listed.iter().find(|view| view.project.id == w.bot);
            assert_eq!(bot.map_or(0, |view| view.active_keys), bots_keys, "{email}");
            if let Some(bot) = bot {
                assert_eq!(view.project_view(&bot.project, november()).await?.active_keys, bots_keys, "{email}");
            }
        }
        Ok(())
    }

    async fn r6_spend_is_shown_to_owners_of_the_project(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.book(&w.bot, 5, None).await?;
        for (email, seen) in [(DANA, &["Bot", "Side"] as &[&str]), (OLGA, &["Bot"]), (REY, &["Side"])] {
            let actor = &w.person(email).await?;
            let rows = w.view(actor).await?.spend((None, None), (november(), SpendBy::Project)).await?;
            assert_eq!(sorted(rows.into_iter().map(|row| row.name).collect()), seen, "{email}");
        }
        for email in [MIA, OTTO] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            match view.spend((None, None), (november(), SpendBy::Project)).await {
                // Otto owns Umbrella, which spent nothing.
                Ok(rows) => assert_eq!((email, rows), (OTTO, vec![])),
                Err(error) => assert_eq!((email, error.code()), (MIA, "not_permitted")),
            }
            assert_eq!(view.alerts(&AlertFilter::default()).await?, []);
        }
        Ok(())
    }

    async fn r6_the_audit_log_of_own_projects_is_shown_to_their_owners(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let olga = &w.person(OLGA).await?;
        let entries = w.view(olga).await?.audit((None, None), &AuditFilter::default()).await?;
        assert!(!entries.is_empty());
        assert!(entries.iter().all(|entry| entry.record.project_id == w.bot), "{entries:?}");
        let two = AuditFilter { limit: Some(2), ..AuditFilter::default() };
        assert_eq!(w.view(olga).await?.audit((None, None), &two).await?, entries[..2]);
        for email in [MIA, "nobody.yet@acme.test"] {
            w.key(&w.bot, email).await?;
            let refusal = w.view(&w.person(email).await?).await?.audit((None, None), &AuditFilter::default()).await;
            refused(refusal, "not_permitted", "an owner of the project");
        }
        // An owner of Umbrella sees its log, and asking for Acme's gives nothing of it.
        let otto = &w.person(OTTO).await?;
        let entries = w.view(otto).await?.audit((None, None), &AuditFilter::default()).await?;
        assert!(entries.iter().all(|entry| entry.record.organization_id == w.umbrella.organization.id));
        let acme = &w.acme.organization;
        refused(w.view(otto).await?.audit((Some(acme), None), &AuditFilter::default()).await, "not_permitted", "owner");
        refused(w.view(otto).await?.verify_audit(Some(acme)).await, "not_permitted", "owner");
        Ok(())
    }

    async fn r36_resources_are_seen_by_members_of_the_project_and_owners(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.book(&w.bot, 5, Some("file-1")).await?;
        // A grant to see spend is none to see what is in a project.
        w.control.set_usage_grant(&operator(), (w.org(), REY), true).await?;
        for (email, seen) in [(DANA, true), (OLGA, true), (MIA, true), (REY, false), (OTTO, false)] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            match view.project(None, &w.bot).await {
                Ok(project) => {
                    let listed = view.resources(&project, (None, None)).await?;
                    assert_eq!(listed.iter().map(|resource| resource.id.as_str()).collect::<Vec<_>>(), ["file-1"]);
                    assert!(seen, "{email}");
                }
                Err(error) => assert_eq!((seen, error.code()), (false, "not_found"), "{email}"),
            }
            // Given the project by somebody else, they see no more.
            let project = w.store.find_project(&w.bot).await?;
            match view.resources(&project, (None, None)).await {
                Ok(listed) => assert_eq!((email, listed.len()), (email, usize::from(seen))),
                Err(error) => assert_eq!((seen, error.code()), (false, "not_found"), "{email}"),
            }
        }
        Ok(())
    }

    async fn r6_what_was_refused_is_written_where_it_was_tried(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let key = w.key(&w.bot, OLGA).await?.key;
        let rey = &w.person(REY).await?;
        // Also when the hidden thing was named by its name.
        refused(w.control.archive_project(rey, "Bot", "Bot").await, "not_found", "there is no project \"Bot\"");
        let entry = w.last_entry().await?.record;
        assert_eq!(
            (entry.action.as_str(), entry.project_id.as_str(), entry.actor_name.as_str()),
            ("project.archived", w.bot.as_str(), REY)
        );
        let input = NewBlockInput {
            target: BlockTarget::Key(key.id.clone()),
            kind: ManualBlockKind::Block,
            reason: "spite".into(),
            until: None,
        };
        refused(w.control.add_block(rey, &input).await, "not_found", "there is no key");
        let entry = w.last_entry().await?.record;
        assert_eq!((entry.action.as_str(), entry.target_id), ("block.created", key.id));
        // The project's owner reads of it.
        let olga = &w.person(OLGA).await?;
        let project = w.store.find_project(&w.bot).await?;
        let seen = w.view(olga).await?.audit((None, Some(&project)), &AuditFilter::default()).await?;
        assert_eq!(seen.iter().filter(|entry| entry.record.actor_name == REY).count(), 2);
        Ok(())
    }

    async fn r6_who_left_sees_nothing_any_more(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.join("new@acme.test", OrganizationRole::Reader).await?;
        let new = &w.person("new@acme.test").await?;
        let input = NewKeyInput {
            project: w.default_project().into(),
            owner: KeyOwner::Own,
            name: "mine".into(),
            permissions: Permissions::ALL,
            expires_at: None,
        };
        let key = w.control.create_key(new, &input).await?.key;
        w.admin_key(w.org(), "new@acme.test").await?;
        assert_eq!(w.view(new).await?.admin_keys(None).await?.len(), 1);
        w.control.remove_organization_member(&operator(), w.org(), "new@acme.test").await?;
        let view = w.view(new).await?;
        assert_eq!(view.keys(&KeyFilter::default()).await?, []);
        assert_eq!(view.admin_keys(None).await?, []);
        assert_eq!(projects(&w, new).await?, [""; 0]);
        assert_eq!(organizations(&w, new).await?, [""; 0]);
        refused(view.key("mine").await, "not_found", "there is no key");
        refused(w.control.revoke_key(new, &key.id).await, "not_found", "there is no key");
        Ok(())
    }
}
