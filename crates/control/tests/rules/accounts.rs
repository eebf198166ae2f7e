//! Service accounts: R12, R13, R14.

use mete_control::{CreatedServiceAccount, KeyChange, KeyOwner, NewKeyInput, ServiceAccountOf};
use mete_core::directory::KeyStatus;
use mete_core::people::{ListedRole, MemberKind, ProjectRole, ServiceAccountRole};
use mete_core::permissions::{PermissionKind, Permissions};
use mete_core::secret::KeyHash;
use mete_tests::{TestStore, each_engine};

use crate::world::{DANA, Ground, MIA, OLGA, REY, World, operator, refused};

async fn of_project(w: &World<'_>, project: &str) -> anyhow::Result<CreatedServiceAccount> {
    let of = ServiceAccountOf::Project(project.to_owned());
    Ok(w.control.create_service_account(&operator(), &of, "robot").await?)
}

async fn of_organization(w: &World<'_>) -> anyhow::Result<CreatedServiceAccount> {
    let of = ServiceAccountOf::Organization(w.org().to_owned());
    Ok(w.control.create_service_account(&operator(), &of, "org robot").await?)
}

fn key_of(project: &str, account: &str) -> NewKeyInput {
    NewKeyInput {
        project: project.into(),
        owner: KeyOwner::ServiceAccount(account.into()),
        name: "second".into(),
        permissions: Permissions::ALL,
        expires_at: None,
    }
}

each_engine! {
    async fn r12_an_account_belongs_to_one_project_for_good(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (project, organization) = (of_project(&w, &w.bot).await?, of_organization(&w).await?);
        assert_eq!(project.account.project_id, w.bot);
        assert_eq!(organization.account.project_id, w.default_project());
        for account in [&project, &organization] {
            let id = account.account.id.strip_prefix("svc-acct-").unwrap();
            assert!(id.len() >= 24 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
            let elsewhere = w.control.create_key(&operator(), &key_of(&w.side, &account.account.id)).await;
            refused(elsewhere, "invalid", "belongs to another project");
            let member = (w.side.as_str(), account.account.id.as_str());
            let added = w.control.add_project_member(&operator(), member, ProjectRole::Member).await;
            refused(added, "invalid", "stays in the project");
            let removed = w.control.remove_project_member(&operator(), &w.bot, member.1).await;
            refused(removed, "invalid", "service account");
        }
        let in_default = ServiceAccountOf::Project(w.default_project().to_owned());
        let refusal = w.control.create_service_account(&operator(), &in_default, "robot").await;
        refused(refusal, "invalid", "the organization's service accounts only");
        Ok(())
    }

    async fn r13_its_first_key_has_full_permissions_and_shows_its_secret_once(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let made = of_project(&w, &w.bot).await?;
        assert!(made.secret.reveal().starts_with("sk-svcacct-"));
        let key = w.key_now(&made.key.id).await?;
        assert_eq!(key, made.key);
        assert_eq!((key.owner_kind, key.owner_id.as_str()), (MemberKind::ServiceAccount, made.account.id.as_str()));
        assert_eq!((key.permissions, key.status, key.project_id), (Permissions::ALL, KeyStatus::Active, w.bot.clone()));
        let mut records = Vec::new();
        w.store.each_key_record(None, |record| records.push(record)).await?;
        assert!(records.iter().any(|record| record.id == key.id && record.hash == KeyHash::of(made.secret.reveal())));
        let permissions = Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL };
        let change = KeyChange { permissions: Some(permissions), ..KeyChange::default() };
        let edited = w.control.edit_key(&w.person(OLGA).await?, &key.id, &change).await?;
        assert_eq!(edited.permissions, permissions);
        refused(
            w.control.edit_key(&w.person(MIA).await?, &key.id, &change).await,
            "not_permitted",
            "an owner of the project",
        );
        Ok(())
    }

    async fn r14_accounts_are_listed_beside_the_people(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (project, organization) = (of_project(&w, &w.bot).await?, of_organization(&w).await?);
        let in_organization = w.store.organization_members(w.org()).await?;
        let accounts = |members: &[mete_core::people::Member]| {
            let accounts = members.iter().filter(|member| member.kind == MemberKind::ServiceAccount);
            accounts
                .map(|member| (member.id.clone(), member.project_id.clone(), member.email.clone()))
                .collect::<Vec<_>>()
        };
        let listed =
            |made: &CreatedServiceAccount| (made.account.id.clone(), Some(made.account.project_id.clone()), None);
        assert_eq!(accounts(&in_organization), [listed(&organization), listed(&project)]);
        assert_eq!(in_organization.iter().filter(|member| member.kind == MemberKind::User).count(), 4);
        assert_eq!(accounts(&w.store.project_members(&w.bot).await?), [listed(&project)]);
        assert_eq!(accounts(&w.store.project_members(w.default_project()).await?), [listed(&organization)]);
        assert_eq!(accounts(&w.store.project_members(&w.side).await?), []);
        Ok(())
    }

    async fn r14_its_role_can_be_changed_like_a_persons(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (id, olga) = (of_project(&w, &w.bot).await?.account.id, &w.person(OLGA).await?);
        for (role, listed) in [
            (ServiceAccountRole::Owner, ListedRole::Owner),
            (ServiceAccountRole::None, ListedRole::None),
            (ServiceAccountRole::Member, ListedRole::Member),
        ] {
            assert_eq!(w.control.set_service_account_role(olga, &id, role).await?.role, role);
            let members = w.store.project_members(&w.bot).await?;
            assert_eq!(members.iter().find(|member| member.id == id).map(|member| member.role), Some(listed));
        }
        Ok(())
    }

    async fn r14_removing_one_disables_its_keys_for_good(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (made, other) = (of_project(&w, &w.bot).await?, of_organization(&w).await?);
        let second = w.control.create_key(&w.person(OLGA).await?, &key_of(&w.bot, &made.account.id)).await?;
        assert!(second.secret.reveal().starts_with("sk-svcacct-"));
        w.control.remove_service_account(&w.person(OLGA).await?, &made.account.id).await?;
        for key in [&made.key.id, &second.key.id] {
            assert_eq!(w.status(key).await?, KeyStatus::Disabled);
            refused(w.control.enable_key(&operator(), key).await, "conflict", "stays disabled");
        }
        assert_eq!(w.status(&other.key.id).await?, KeyStatus::Active);
        assert!(w.store.project_members(&w.bot).await?.iter().all(|member| member.id != made.account.id));
        refused(
            w.control.remove_service_account(&operator(), &made.account.id).await,
            "not_found",
            "no service account",
        );
        refused(
            w.control.create_key(&operator(), &key_of(&w.bot, &made.account.id)).await,
            "not_found",
            "no service account",
        );
        // Its keys keep the name that they had.
        assert_eq!(w.key_now(&made.key.id).await?.owner, "robot");
        w.assert_chained().await
    }

    async fn r14_its_keys_outlive_whoever_made_them(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let of = ServiceAccountOf::Project(w.bot.clone());
        let made = w.control.create_service_account(&w.person(OLGA).await?, &of, "robot").await?;
        let second = w.control.create_key(&w.person(OLGA).await?, &key_of(&w.bot, &made.account.id)).await?;
        w.control.remove_project_member(&w.person(DANA).await?, &w.bot, OLGA).await?;
        w.control.remove_organization_member(&w.person(DANA).await?, w.org(), OLGA).await?;
        for key in [&made.key.id, &second.key.id] {
            assert_eq!(w.status(key).await?, KeyStatus::Active);
        }
        Ok(())
    }

    async fn r12_an_account_of_a_hidden_project_cannot_be_named(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (hidden, olga) = (of_project(&w, &w.side).await?.account.id, &w.person(OLGA).await?);
        let made = w.control.create_key(olga, &key_of(&w.bot, &hidden)).await;
        let missing = w.control.create_key(olga, &key_of(&w.bot, "svc-acct-none")).await;
        let (made, missing) = (made.unwrap_err(), missing.unwrap_err());
        assert_eq!(
            (made.code(), made.to_string()),
            ("not_found", missing.to_string().replace("svc-acct-none", &hidden))
        );
        // Names are searched where one may: a robot of his own project is found beside one of another.
        of_project(&w, &w.bot).await?;
        let rey = &w.person(REY).await?;
        assert_eq!(w.control.create_key(rey, &key_of(&w.side, "robot")).await?.key.owner_id, hidden);
        Ok(())
    }
}
