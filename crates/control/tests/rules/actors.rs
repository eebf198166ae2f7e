//! Who acts: R17, R45.

use mete_control::{ListedProjects, NewAdminKeyInput, NewProjectInput, View};
use mete_core::Clock;
use mete_core::actor::{Actor, Who};
use mete_core::directory::{KeyStatus, OrganizationRole};
use mete_core::people::ProjectRole;
use mete_core::time::DAY;
use mete_store::Setting;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, World, here, november, operator, refused};

fn new_key(w: &World<'_>, member: Option<&str>) -> NewAdminKeyInput {
    NewAdminKeyInput {
        organization: w.org().into(),
        member: member.map(str::to_owned),
        name: "ci".into(),
        expires_at: None,
    }
}

each_engine! {
    async fn r45_each_actor_is_written_down_as_what_it_was(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (person, key) = (w.person(DANA).await?, w.admin_key(w.org(), DANA).await?);
        let Who::AdminKey { key_id, .. } = &key.who else { panic!("{key:?}") };
        for (name, actor, expected) in [
            ("One", operator(), ("operator", "", "tester")),
            ("Two", person.clone(), ("person", person.id(), DANA)),
            ("Three", key.clone(), ("admin_key", key_id, DANA)),
            ("Four", Actor::daemon(here()), ("daemon", "", "meted")),
        ] {
            w.control.create_project(&actor, &NewProjectInput::named(w.org(), name)).await?;
            let entry = w.last_entry().await?.record;
            assert_eq!((entry.actor_kind.as_str(), entry.actor_id.as_str(), entry.actor_name.as_str()), expected);
            assert_eq!(
                (entry.os_user.as_str(), entry.host.as_str(), entry.target_name.as_str()),
                ("tester", "testbed", name)
            );
        }
        w.assert_chained().await
    }

    async fn r45_the_operator_does_what_any_owner_may_in_every_organization(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        for organization in ["Acme", "Umbrella"] {
            w.control.create_project(&operator(), &NewProjectInput::named(organization, "Made")).await?;
        }
        let listed = View::new(w.store, &operator()).await?.projects(ListedProjects::default(), november()).await?;
        assert_eq!(listed.len(), 6);
        w.control.set_setting(&operator(), Setting::FileQuotaBytes, 1).await?;
        // The deployment's own settings are nobody else's, and are in the deployment's own chain.
        let before = Traces::of(&w).await?;
        for actor in [w.person(DANA).await?, Actor::daemon(here())] {
            refused(w.control.set_setting(&actor, Setting::FileQuotaBytes, 2).await, "not_permitted", "the operator");
        }
        let after = Traces::of(&w).await?;
        before.assert_same_but(&after, 2);
        assert!(before.entries_until(&after).iter().all(|entry| entry.record.organization_id.is_empty()));
        w.assert_chained().await
    }

    async fn r45_somebody_who_is_nobody_cannot_act(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        refused(w.control.person("nobody@acme.test", here()).await, "not_found", "nobody has the e-mail address");
        refused(w.control.person("nobody", here()).await, "invalid", "no e-mail address");
        assert_eq!(w.control.person(" DANA@acme.test", here()).await?, w.person(DANA).await?);
        Ok(())
    }

    async fn r17_an_admin_key_works_within_its_organization_only(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        // Otto owns Umbrella, and Acme too.
        w.join(OTTO, OrganizationRole::Owner).await?;
        let umbrella = w.umbrella.organization.id.as_str();
        let (of_acme, of_umbrella) = (w.admin_key(w.org(), OTTO).await?, w.admin_key(umbrella, OTTO).await?);
        w.control.create_project(&of_acme, &NewProjectInput::named("Acme", "Made")).await?;
        w.control.create_project(&of_umbrella, &NewProjectInput::named("Umbrella", "Made")).await?;
        let before = Traces::of(&w).await?;
        let elsewhere = w.control.create_project(&of_umbrella, &NewProjectInput::named(w.org(), "Other")).await;
        refused(elsewhere, "not_found", "there is no organization");
        refused(w.control.archive_project(&of_umbrella, &w.bot, "Bot").await, "not_found", "there is no project");
        before.assert_same_but(&Traces::of(&w).await?, 2);
        let view = w.view(&of_umbrella).await?;
        let names: Vec<_> =
            view.organizations(november()).await?.into_iter().map(|view| view.organization.name).collect();
        assert_eq!(names, ["Umbrella"]);
        assert_eq!(view.projects(ListedProjects::default(), november()).await?.len(), 2);
        refused(view.project(None, &w.bot).await, "not_found", "there is no project");
        // Nor does it see or revoke its person's keys of the other organization.
        let seen: Vec<_> = view.admin_keys(None).await?.into_iter().map(|key| key.id).collect();
        assert_eq!(seen, [of_umbrella.id()]);
        refused(w.control.revoke_admin_key(&of_umbrella, of_acme.id()).await, "not_found", "there is no key");
        Ok(())
    }

    async fn r17_an_admin_keys_rights_go_with_its_persons(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.control.set_organization_role(&operator(), (w.org(), OLGA), OrganizationRole::Owner).await?;
        let made = w.control.create_admin_key(&w.person(OLGA).await?, &new_key(&w, None)).await?;
        let key = &w.control.admin_key_actor(made.secret.reveal(), here()).await?;
        w.control.create_project(key, &NewProjectInput::named(w.org(), "Made")).await?;
        w.control.set_organization_role(&operator(), (w.org(), OLGA), OrganizationRole::Reader).await?;
        let refusal = w.control.create_project(key, &NewProjectInput::named(w.org(), "More")).await;
        refused(refusal, "not_permitted", "an owner of the organization");
        w.control.add_project_member(key, (&w.bot, crate::world::REY), ProjectRole::Member).await?;
        // Gone from the organization, there is no such key.
        w.control.remove_organization_member(&operator(), w.org(), OLGA).await?;
        refused(
            w.control.admin_key_actor(made.secret.reveal(), here()).await,
            "not_found",
            "no such administration key",
        );
        refused(w.control.remove_project_member(key, &w.bot, MIA).await, "not_found", "there is no project");
        Ok(())
    }

    async fn r17_an_admin_key_that_is_revoked_or_expired_is_none(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let dana = &w.person(DANA).await?;
        let made = w.control.create_admin_key(dana, &new_key(&w, None)).await?;
        let secret = made.secret.reveal();
        assert!(secret.starts_with("sk-admin-") && !format!("{made:?}").contains(&secret[9..]));
        w.control.admin_key_actor(secret, here()).await?;
        assert_eq!(w.control.revoke_admin_key(dana, &made.key.id).await?.status, KeyStatus::Revoked);
        refused(w.control.admin_key_actor(secret, here()).await, "not_found", "no such administration key");
        refused(w.control.revoke_admin_key(dana, &made.key.id).await, "conflict", "revoked, and stays so");
        let until = w.clock.now().plus(DAY);
        let expiring = NewAdminKeyInput { expires_at: Some(until), ..new_key(&w, None) };
        let made = w.control.create_admin_key(dana, &expiring).await?;
        w.clock.set(until.plus(-1));
        w.control.admin_key_actor(made.secret.reveal(), here()).await?;
        w.clock.set(until);
        let error = w.control.admin_key_actor(made.secret.reveal(), here()).await.unwrap_err();
        assert!(!error.to_string().contains("sk-"), "{error}");
        refused(w.control.create_admin_key(dana, &expiring).await, "invalid", "in the past");
        // A project's key is none, and neither is an administration key one of a project.
        let of_project = w.key(&w.bot, MIA).await?;
        refused(w.control.admin_key_actor(of_project.secret.reveal(), here()).await, "not_found", "no such");
        refused(w.view(&operator()).await?.key(made.secret.reveal()).await, "not_found", "there is no key \"sk-…\"");
        assert!(w.store.gate_snapshot().await?.keys.iter().all(|key| key.hash != made.secret.hash()));
        Ok(())
    }

    async fn r17_owners_make_own_admin_keys_and_the_operator_anybodys(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let before = Traces::of(&w).await?;
        let (dana, olga) = (&w.person(DANA).await?, &w.person(OLGA).await?);
        refused(w.control.create_admin_key(dana, &new_key(&w, Some(OLGA))).await, "not_permitted", "the operator");
        refused(
            w.control.create_admin_key(olga, &new_key(&w, None)).await,
            "not_permitted",
            "an owner of the organization",
        );
        refused(
            w.control.create_admin_key(&w.person(OTTO).await?, &new_key(&w, None)).await,
            "not_found",
            "no organization",
        );
        before.assert_same_but(&Traces::of(&w).await?, 3);
        refused(w.control.create_admin_key(&operator(), &new_key(&w, None)).await, "invalid", "say whose");
        refused(w.control.create_admin_key(&operator(), &new_key(&w, Some(OTTO))).await, "not_found", "no member");
        let (hers, danas) = (
            w.control.create_admin_key(&operator(), &new_key(&w, Some(OLGA))).await?,
            w.control.create_admin_key(dana, &new_key(&w, Some(DANA))).await?,
        );
        // Owners see all, others their own; each revokes as far.
        let mut all: Vec<_> = w.view(dana).await?.admin_keys(None).await?.into_iter().map(|key| key.id).collect();
        all.sort();
        let mut expected = [hers.key.id.clone(), danas.key.id.clone()];
        expected.sort();
        assert_eq!(all, expected);
        assert_eq!(w.view(olga).await?.admin_keys(None).await?, std::slice::from_ref(&hers.key));
        refused(w.control.revoke_admin_key(olga, &danas.key.id).await, "not_permitted", "an owner of the organization");
        refused(
            w.control.revoke_admin_key(&w.person(OTTO).await?, &danas.key.id).await,
            "not_found",
            "there is no key",
        );
        w.control.revoke_admin_key(olga, &hers.key.id).await?;
        w.assert_chained().await
    }
}
