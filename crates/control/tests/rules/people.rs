//! Members and their roles: R5, R7, R8, R10, R11.

use mete_control::{KeyOwner, NewKeyInput};
use mete_core::directory::{KeyStatus, OrganizationRole};
use mete_core::people::{ListedRole, Member, ProjectRole};
use mete_core::permissions::Permissions;
use mete_store::SpendBy;
use mete_tests::{TestStore, each_engine};

use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, World, november, operator, refused};

/// How a person is listed in a project, if they are.
async fn listed(world: &World<'_>, project: &str, email: &str) -> anyhow::Result<Option<(ListedRole, bool)>> {
    let member = find(&world.store.project_members(project).await?, email);
    Ok(member.map(|member| (member.role, member.through_organization)))
}

fn find(members: &[Member], email: &str) -> Option<Member> {
    members.iter().find(|member| member.email.as_deref() == Some(email)).cloned()
}

async fn candidates(world: &World<'_>, project: &str) -> anyhow::Result<Vec<String>> {
    let listed = world.store.candidates(project).await?;
    Ok(listed.into_iter().filter_map(|member| member.email).collect())
}

each_engine! {
    async fn r5_a_person_can_be_in_any_number_of_projects(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.add(&w.side, MIA, ProjectRole::Owner).await?;
        assert_eq!(listed(&w, &w.bot, MIA).await?, Some((ListedRole::Member, false)));
        assert_eq!(listed(&w, &w.side, MIA).await?, Some((ListedRole::Owner, false)));
        refused(
            w.control.add_project_member(&operator(), (&w.side, MIA), ProjectRole::Member).await,
            "conflict",
            "already",
        );
        let changed = w.control.set_project_role(&operator(), (&w.side, MIA), ProjectRole::Member).await?;
        assert_eq!(
            (changed.role, listed(&w, &w.side, MIA).await?),
            (ListedRole::Member, Some((ListedRole::Member, false)))
        );
        Ok(())
    }

    async fn r7_the_last_owner_can_be_neither_removed_nor_demoted(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let dana = &w.person(DANA).await?;
        for who in [dana, &operator()] {
            let demoted = w.control.set_organization_role(who, (w.org(), DANA), OrganizationRole::Reader).await;
            refused(demoted, "conflict", "last owner");
            refused(w.control.remove_organization_member(who, w.org(), DANA).await, "conflict", "last owner");
        }
        // Making the last owner an owner again is no demotion.
        w.control.set_organization_role(dana, (w.org(), DANA), OrganizationRole::Owner).await?;
        w.control.set_organization_role(dana, (w.org(), OLGA), OrganizationRole::Owner).await?;
        w.control.remove_organization_member(dana, w.org(), DANA).await?;
        let olga = &w.person(OLGA).await?;
        refused(w.control.remove_organization_member(olga, w.org(), OLGA).await, "conflict", "last owner");
        let owners = w.store.organization_owners(w.org()).await?;
        assert_eq!(owners.into_iter().map(|owner| owner.email).collect::<Vec<_>>(), [OLGA]);
        w.assert_chained().await
    }

    async fn r7_of_two_owners_who_demote_each_other_one_stays(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let reader = OrganizationRole::Reader;
        for _ in 0..5 {
            w.control.set_organization_role(&operator(), (w.org(), OLGA), OrganizationRole::Owner).await?;
            w.control.set_organization_role(&operator(), (w.org(), DANA), OrganizationRole::Owner).await?;
            let (dana, olga) = (&w.person(DANA).await?, &w.person(OLGA).await?);
            let (one, other) = tokio::join!(
                w.control.set_organization_role(dana, (w.org(), OLGA), reader),
                w.control.set_organization_role(olga, (w.org(), DANA), reader),
            );
            assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|done| **done).count(), 1);
            refused(if one.is_err() { one } else { other }, "not_permitted", "an owner of the organization");
            assert_eq!(w.store.organization_owners(w.org()).await?.len(), 1);
        }
        Ok(())
    }

    async fn r7_owners_of_the_organization_own_every_project(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.control.set_organization_role(&operator(), (w.org(), MIA), OrganizationRole::Owner).await?;
        let later = w.project("Later").await?;
        for project in [&w.bot, &w.side, &later, w.default_project()] {
            assert_eq!(listed(&w, project, DANA).await?, Some((ListedRole::Owner, true)));
            assert_eq!(listed(&w, project, MIA).await?, Some((ListedRole::Owner, true)));
        }
        // By hand they can be neither added, nor lowered, nor removed there, also where they were members before.
        for (project, email) in [(&later, DANA), (&w.bot, MIA)] {
            let words = "an owner of the organization";
            let member = (project.as_str(), email);
            refused(w.control.add_project_member(&operator(), member, ProjectRole::Member).await, "conflict", words);
            refused(w.control.set_project_role(&operator(), member, ProjectRole::Member).await, "conflict", words);
            refused(w.control.remove_project_member(&operator(), project, email).await, "conflict", words);
        }
        assert!(!candidates(&w, &later).await?.contains(&DANA.to_owned()));
        Ok(())
    }

    async fn r8_a_grant_shows_all_spend_until_it_is_taken_back(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (dana, rey) = (&w.person(DANA).await?, &w.person(REY).await?);
        w.book(&w.bot, 5, None).await?;
        for granted in [true, false] {
            let member = w.control.set_usage_grant(dana, (w.org(), REY), granted).await?;
            assert_eq!(member.usage_grant, granted);
            let view = w.view(rey).await?;
            let organization = view.organization(w.org()).await?;
            let rows = view.spend((Some(&organization), None), (november(), SpendBy::Project)).await?;
            // Without it, there is what Side spent: it is his own project.
            let expected: &[&str] = if granted { &["Bot", "Side"] } else { &["Side"] };
            let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, expected);
            assert_eq!(view.organization_view(&organization, november()).await?.spend.is_some(), granted);
        }
        // It is for members, and goes with them.
        refused(w.control.set_usage_grant(dana, (w.org(), OTTO), true).await, "not_found", "no member");
        w.control.set_usage_grant(dana, (w.org(), REY), true).await?;
        w.control.remove_organization_member(dana, w.org(), REY).await?;
        w.join(REY, OrganizationRole::Reader).await?;
        assert_eq!(find(&w.store.organization_members(w.org()).await?, REY).map(|m| m.usage_grant), Some(false));
        Ok(())
    }

    async fn r8_only_owners_see_who_has_a_grant(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.control.set_usage_grant(&operator(), (w.org(), MIA), true).await?;
        for (email, seen) in [(DANA, true), (OLGA, false), (MIA, false)] {
            let actor = &w.person(email).await?;
            let view = w.view(actor).await?;
            let members = view.project_members(&view.project(None, &w.bot).await?).await?;
            assert_eq!(find(&members, MIA).map(|member| member.usage_grant), Some(seen), "{email}");
        }
        Ok(())
    }

    async fn r10_only_readers_who_are_not_in_it_are_offered_for_a_project(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.invite("pending@acme.test", OrganizationRole::Reader).await?;
        assert_eq!(candidates(&w, &w.bot).await?, [REY]);
        assert_eq!(candidates(&w, &w.side).await?, [MIA, OLGA]);
        assert_eq!(candidates(&w, w.default_project()).await?, [""; 0]);
        let add =
            async |email: &str| w.control.add_project_member(&operator(), (&w.bot, email), ProjectRole::Member).await;
        // Neither somebody of another organization, nor somebody who is only invited, nor nobody at all.
        for email in [OTTO, "pending@acme.test", "nobody@acme.test"] {
            refused(add(email).await, "not_found", "no member of the organization");
        }
        refused(add("no address").await, "invalid", "no e-mail address");
        refused(add(MIA).await, "conflict", "already");
        refused(add(DANA).await, "conflict", "an owner of the organization");
        assert_eq!(add("REY@Acme.Test").await?.email.as_deref(), Some(REY));
        assert_eq!(candidates(&w, &w.bot).await?, [""; 0]);
        Ok(())
    }

    async fn r11_leaving_a_project_disables_the_persons_keys_there(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.add(&w.side, MIA, ProjectRole::Member).await?;
        let here = [w.key(&w.bot, MIA).await?.key.id, w.key(&w.bot, MIA).await?.key.id];
        let revoked = w.key(&w.bot, MIA).await?.key.id;
        w.control.revoke_key(&operator(), &revoked).await?;
        let others = [
            w.key(&w.side, MIA).await?.key.id,
            w.key(w.default_project(), MIA).await?.key.id,
            w.key(&w.bot, OLGA).await?.key.id,
        ];
        w.control.remove_project_member(&w.person(OLGA).await?, &w.bot, MIA).await?;
        for key in &here {
            assert_eq!(w.status(key).await?, KeyStatus::Disabled);
        }
        for key in &others {
            assert_eq!(w.status(key).await?, KeyStatus::Active);
        }
        assert_eq!(w.status(&revoked).await?, KeyStatus::Revoked);
        // Who is not there any more cannot have them back, whoever asks.
        refused(w.control.enable_key(&w.person(OLGA).await?, &here[0]).await, "conflict", "stays disabled");
        // Coming back does not enable them; an owner does, and not the person.
        w.add(&w.bot, MIA, ProjectRole::Member).await?;
        assert_eq!(w.status(&here[0]).await?, KeyStatus::Disabled);
        refused(
            w.control.enable_key(&w.person(MIA).await?, &here[0]).await,
            "not_permitted",
            "an owner of the project",
        );
        w.control.enable_key(&w.person(OLGA).await?, &here[0]).await?;
        assert_eq!([w.status(&here[0]).await?, w.status(&here[1]).await?], [KeyStatus::Active, KeyStatus::Disabled]);
        refused(w.control.enable_key(&w.person(OLGA).await?, &revoked).await, "conflict", "revoked");
        w.assert_chained().await
    }

    async fn r11_leaving_the_organization_disables_all_keys_there(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let umbrella = w.umbrella.default_project.id.as_str();
        let elsewhere = w.key(umbrella, MIA).await?.key.id;
        let here = [w.key(&w.bot, MIA).await?.key.id, w.key(w.default_project(), MIA).await?.key.id];
        let admin = w.admin_key(w.org(), MIA).await?;
        w.control.remove_organization_member(&w.person(DANA).await?, w.org(), MIA).await?;
        for key in &here {
            assert_eq!(w.status(key).await?, KeyStatus::Disabled);
        }
        assert_eq!(w.status(&elsewhere).await?, KeyStatus::Active);
        assert_eq!(
            w.store.admin_keys(Some(w.org())).await?.iter().find(|key| key.id == admin.id()).map(|key| key.status),
            Some(KeyStatus::Disabled)
        );
        for project in [&w.bot, w.default_project()] {
            assert_eq!(listed(&w, project, MIA).await?, None);
        }
        // Back in the organization she is in none of its projects but the default one.
        w.join(MIA, OrganizationRole::Reader).await?;
        assert_eq!(listed(&w, &w.bot, MIA).await?, None);
        assert_eq!(listed(&w, w.default_project(), MIA).await?, Some((ListedRole::Member, false)));
        refused(w.control.enable_key(&w.person(DANA).await?, &here[0]).await, "conflict", "stays disabled");
        assert_eq!(w.status(&here[1]).await?, KeyStatus::Disabled);
        w.control.enable_key(&w.person(DANA).await?, &here[1]).await?;
        assert_eq!(w.status(&here[1]).await?, KeyStatus::Active);
        Ok(())
    }

    async fn r11_an_owner_who_is_demoted_leaves_the_projects_that_came_with_it(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let owner = OrganizationRole::Owner;
        // Mia was a member of Bot before she became an owner, and has keys in other projects since then.
        w.control.set_organization_role(&operator(), (w.org(), MIA), owner).await?;
        let mia = &w.person(MIA).await?;
        let own = async |project: &str| {
            let input = NewKeyInput {
                project: project.into(),
                owner: KeyOwner::Own,
                name: String::new(),
                permissions: Permissions::ALL,
                expires_at: None,
            };
            anyhow::Ok(w.control.create_key(mia, &input).await?.key.id)
        };
        let (bot, side, default) = (own(&w.bot).await?, own(&w.side).await?, own(w.default_project()).await?);
        let umbrella = w.key(&w.umbrella.default_project.id, MIA).await?.key.id;
        let danas = w.key(&w.side, DANA).await?.key.id;
        w.control.set_organization_role(&w.person(DANA).await?, (w.org(), MIA), OrganizationRole::Reader).await?;
        assert_eq!(w.status(&side).await?, KeyStatus::Disabled);
        for key in [&bot, &default, &umbrella, &danas] {
            assert_eq!(w.status(key).await?, KeyStatus::Active);
        }
        assert_eq!(listed(&w, &w.bot, MIA).await?, Some((ListedRole::Member, false)));
        assert_eq!(listed(&w, &w.side, MIA).await?, None);
        refused(w.control.enable_key(&operator(), &side).await, "conflict", "stays disabled");
        // An owner once more: the key stays as it is until an owner enables it, which she is now.
        w.control.set_organization_role(&operator(), (w.org(), MIA), owner).await?;
        assert_eq!(w.status(&side).await?, KeyStatus::Disabled);
        w.control.enable_key(mia, &side).await?;
        assert_eq!(w.status(&side).await?, KeyStatus::Active);
        w.assert_chained().await
    }
}
