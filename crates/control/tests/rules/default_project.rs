//! The default project: R2.

use mete_control::{KeyOwner, LimitChange, LimitsOf, NewKeyInput, ProjectChange, ServiceAccountOf};
use mete_core::Nanos;
use mete_core::directory::{KeyStatus, OrganizationRole};
use mete_core::people::{ListedRole, ProjectRole};
use mete_core::permissions::Permissions;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, World, operator, refused};

/// Everybody in the default project, by name of e-mail address or account.
async fn members(w: &World<'_>) -> anyhow::Result<Vec<(String, ListedRole)>> {
    let listed = w.store.project_members(w.default_project()).await?;
    Ok(listed.into_iter().map(|member| (member.email.unwrap_or(member.name), member.role)).collect())
}

fn expected(members: &[(&str, ListedRole)]) -> Vec<(String, ListedRole)> {
    members.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect()
}

each_engine! {
    async fn r2_every_organization_is_born_with_one(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        for organization in [&w.acme, &w.umbrella] {
            let projects = w.store.projects_of(std::slice::from_ref(&organization.organization.id)).await?;
            let defaults: Vec<_> = projects.iter().filter(|project| project.is_default).collect();
            assert_eq!(defaults, [&organization.default_project]);
        }
        Ok(())
    }

    async fn r2_it_is_not_renamed_archived_or_limited(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (dana, id) = (&w.person(DANA).await?, w.default_project());
        let before = Traces::of(&w).await?;
        for change in [
            ProjectChange { name: Some("Mine".into()), ..ProjectChange::default() },
            ProjectChange { description: Some("mine".into()), ..ProjectChange::default() },
            ProjectChange { website: Some("https://acme.test".into()), ..ProjectChange::default() },
        ] {
            refused(w.control.edit_project(dana, id, &change).await, "invalid", "default project");
        }
        refused(w.control.archive_project(dana, id, "Default project").await, "invalid", "default project");
        let ten = Some(Some(Nanos::from_dollars(10)));
        for change in [
            LimitChange { budget: ten, ..LimitChange::default() },
            LimitChange { threshold: ten, ..LimitChange::default() },
            LimitChange { models: Some(Some(vec!["gpt-4o".into()])), ..LimitChange::default() },
            LimitChange { rates: vec!["gpt-4o:requests_per_day=1".parse()?], ..LimitChange::default() },
        ] {
            let of = LimitsOf::Project(id.to_owned());
            refused(w.control.set_limits(dana, &of, &change).await, "invalid", "no limits of its own");
        }
        before.assert_same_but(&Traces::of(&w).await?, 0);
        Ok(())
    }

    async fn r2_nobody_is_added_changed_or_removed_by_hand(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let id = w.default_project();
        let before = Traces::of(&w).await?;
        for who in [&w.person(DANA).await?, &operator()] {
            for email in [MIA, DANA, OTTO] {
                let owner = ProjectRole::Owner;
                refused(w.control.add_project_member(who, (id, email), owner).await, "invalid", "by hand");
                refused(w.control.set_project_role(who, (id, email), owner).await, "invalid", "by hand");
                refused(w.control.remove_project_member(who, id, email).await, "invalid", "by hand");
            }
        }
        before.assert_same_but(&Traces::of(&w).await?, 0);
        Ok(())
    }

    async fn r2_whoever_is_in_the_organization_is_in_it(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (owner, member) = (ListedRole::Owner, ListedRole::Member);
        assert_eq!(members(&w).await?, expected(&[(DANA, owner), (MIA, member), (OLGA, member), (REY, member)]));
        let of = ServiceAccountOf::Organization(w.org().into());
        let account = w.control.create_service_account(&operator(), &of, "robot").await?.account;
        let of = ServiceAccountOf::Project(w.bot.clone());
        w.control.create_service_account(&operator(), &of, "bot's robot").await?;
        w.control.remove_organization_member(&operator(), w.org(), MIA).await?;
        w.control.set_organization_role(&operator(), (w.org(), OLGA), OrganizationRole::Owner).await?;
        assert_eq!(members(&w).await?, expected(&[(DANA, owner), (OLGA, owner), (REY, member), ("robot", member)]));
        w.control.remove_service_account(&operator(), &account.id).await?;
        assert_eq!(members(&w).await?, expected(&[(DANA, owner), (OLGA, owner), (REY, member)]));
        Ok(())
    }

    async fn r2_members_have_own_keys_in_it_and_manage_no_others(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let input = NewKeyInput {
            project: w.default_project().into(),
            owner: KeyOwner::Own,
            name: String::new(),
            permissions: Permissions::ALL,
            expires_at: None,
        };
        // Owning a project gives nothing in this one.
        let (mia, rey) = (&w.person(MIA).await?, &w.person(REY).await?);
        let key = w.control.create_key(mia, &input).await?.key.id;
        refused(w.control.disable_key(rey, &key).await, "not_permitted", "an owner of the project");
        let of = ServiceAccountOf::Organization(w.org().into());
        let refusal = w.control.create_service_account(rey, &of, "robot").await;
        refused(refusal, "not_permitted", "an owner of the organization");
        w.control.revoke_key(mia, &key).await?;
        assert_eq!(w.status(&key).await?, KeyStatus::Revoked);
        Ok(())
    }
}
