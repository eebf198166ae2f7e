//! API keys: R15, R16, R18, R20.

use mete_control::{KeyChange, KeyOwner, NewKeyInput};
use mete_core::Clock;
use mete_core::directory::{KeyStatus, OrganizationRole};
use mete_core::endpoint::EndpointGroup;
use mete_core::permissions::{Access, PermissionKind, Permissions, Scopes};
use mete_core::secret::KeyHash;
use mete_core::time::{DAY, HOUR};
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, World, operator, refused};

fn own(project: &str) -> NewKeyInput {
    NewKeyInput {
        project: project.into(),
        owner: KeyOwner::Own,
        name: String::new(),
        permissions: Permissions::ALL,
        expires_at: None,
    }
}

/// The hashes by which a key is found now, and until when each is valid: without end for its present one.
async fn secrets(w: &World<'_>, key: &str) -> anyhow::Result<Vec<(KeyHash, Option<mete_core::Timestamp>)>> {
    let gate = w.store.gate_snapshot().await?;
    let present = gate.keys.iter().filter(|known| known.id == key).map(|known| (known.hash, None));
    let old = gate.old_secrets.iter().filter(|old| old.key_id == key).map(|old| (old.hash, Some(old.valid_until)));
    Ok(present.chain(old).collect())
}

each_engine! {
    async fn r15_a_key_belongs_to_one_person_and_one_project(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let mia = &w.person(MIA).await?;
        let made = w.control.create_key(mia, &own(&w.bot)).await?;
        assert_eq!((made.key.owner_id.as_str(), made.key.owner.as_str()), (mia.id(), MIA));
        assert_eq!((made.key.project_id.as_str(), made.key.status), (w.bot.as_str(), KeyStatus::Active));
        assert_eq!(made.key.permissions, Permissions::ALL);
        assert!(made.secret.reveal().starts_with("sk-proj-"));
        assert!(made.key.id.starts_with("key_"));
        // What is kept is its hash and its redacted form.
        assert_eq!(secrets(&w, &made.key.id).await?, [(KeyHash::of(made.secret.reveal()), None)]);
        let last_four = &made.secret.reveal()[made.secret.reveal().len() - 4..];
        assert_eq!(made.key.redacted_value, format!("sk-proj-…{last_four}"));
        assert!(!Traces::of(&w).await?.directory.contains(&made.secret.reveal()[8..]));
        assert!(!format!("{made:?}").contains(&made.secret.reveal()[8..]));
        assert!(w.audit().await?.iter().all(|entry| !format!("{entry:?}").contains(&made.secret.reveal()[8..])));
        Ok(())
    }

    async fn r15_nobody_makes_a_key_for_somebody_else(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let before = Traces::of(&w).await?;
        for email in [DANA, OLGA] {
            let refusal = w.control.create_key(&w.person(email).await?, &NewKeyInput::for_person(&w.bot, MIA)).await;
            refused(refusal, "not_permitted", "the operator");
        }
        before.assert_same_but(&Traces::of(&w).await?, 2);
        refused(w.control.create_key(&operator(), &own(&w.bot)).await, "invalid", "say whose key");
        // Naming oneself is naming nobody else.
        let made =
            w.control.create_key(&w.person(MIA).await?, &NewKeyInput::for_person(&w.bot, "MIA@acme.test")).await?;
        assert_eq!(made.key.owner, MIA);
        Ok(())
    }

    async fn r15_the_operator_hands_a_key_to_somebody_new(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let made = w.key(&w.bot, "new@acme.test").await?;
        let entries: Vec<String> = w.audit().await?.into_iter().take(3).map(|entry| entry.record.action).collect();
        assert_eq!(entries, ["api_key.created", "project_user.added", "user.added"]);
        let new = &w.person("new@acme.test").await?;
        assert_eq!(w.view(new).await?.keys(&mete_store::KeyFilter::default()).await?, [made.key]);
        // Where everybody of the organization is, nobody is added by hand.
        w.key(w.default_project(), "other@acme.test").await?;
        let newest: Vec<String> = w.audit().await?.into_iter().take(2).map(|entry| entry.record.action).collect();
        assert_eq!(newest, ["api_key.created", "user.added"]);
        // An owner of the organization is in the project already.
        w.key(&w.bot, DANA).await?;
        assert_eq!(w.store.memberships(w.person(DANA).await?.id()).await?.projects, []);
        Ok(())
    }

    async fn r15_a_person_needs_a_role_to_have_a_key(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        for (email, project) in [(REY, &w.bot), (MIA, &w.side), (OTTO, &w.bot)] {
            refused(
                w.control.create_key(&w.person(email).await?, &own(project)).await,
                "not_found",
                "there is no project",
            );
        }
        // Everybody of the organization has one in its default project, if they like (R2).
        for email in [DANA, OLGA, MIA, REY] {
            w.control.create_key(&w.person(email).await?, &own(w.default_project())).await?;
        }
        refused(
            w.control.create_key(&w.person(OTTO).await?, &own(w.default_project())).await,
            "not_found",
            "no project",
        );
        Ok(())
    }

    async fn r16_permissions_are_kept_as_they_were_given(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let mut scopes = Scopes::default();
        scopes.grant(EndpointGroup::Files, Access::Read)?;
        scopes.grant(EndpointGroup::ChatCompletions, Access::Write)?;
        let mia = &w.person(MIA).await?;
        for permissions in [
            Permissions::ALL,
            Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL },
            Permissions { kind: PermissionKind::Restricted, scopes },
            Permissions { kind: PermissionKind::Restricted, ..Permissions::ALL },
        ] {
            let made = w.control.create_key(mia, &NewKeyInput { permissions, ..own(&w.bot) }).await?;
            assert_eq!(w.key_now(&made.key.id).await?.permissions, permissions);
            let change = KeyChange { permissions: Some(Permissions::ALL), ..KeyChange::default() };
            w.control.edit_key(mia, &made.key.id, &change).await?;
            let change = KeyChange { permissions: Some(permissions), ..KeyChange::default() };
            w.control.edit_key(mia, &made.key.id, &change).await?;
            assert_eq!(w.key_now(&made.key.id).await?.permissions, permissions);
        }
        let contradiction = Permissions { kind: PermissionKind::All, scopes };
        let made = w.control.create_key(mia, &NewKeyInput { permissions: contradiction, ..own(&w.bot) }).await;
        refused(made, "invalid", "only a restricted key has scopes");
        Ok(())
    }

    async fn r18_revoked_is_final(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (mia, key) = (&w.person(MIA).await?, &w.key(&w.bot, MIA).await?.key.id);
        assert_eq!(w.control.disable_key(mia, key).await?.status, KeyStatus::Disabled);
        assert_eq!(w.control.disable_key(mia, key).await?.status, KeyStatus::Disabled);
        refused(w.control.rotate_key(mia, key, 0).await, "conflict", "disabled");
        refused(w.control.enable_key(mia, key).await, "not_permitted", "an owner of the project");
        assert_eq!(w.control.enable_key(&w.person(OLGA).await?, key).await?.status, KeyStatus::Active);
        assert_eq!(w.control.revoke_key(mia, key).await?.status, KeyStatus::Revoked);
        let before = Traces::of(&w).await?;
        for who in [mia, &w.person(OLGA).await?, &w.person(DANA).await?, &operator()] {
            let change = KeyChange { name: Some("again".into()), ..KeyChange::default() };
            if who.name() != MIA {
                refused(w.control.enable_key(who, key).await, "conflict", "revoked, and stays so");
            }
            refused(w.control.edit_key(who, key, &change).await, "conflict", "revoked, and stays so");
            refused(w.control.disable_key(who, key).await, "conflict", "revoked, and stays so");
            refused(w.control.revoke_key(who, key).await, "conflict", "revoked, and stays so");
            refused(w.control.rotate_key(who, key, 0).await, "conflict", "revoked, and stays so");
        }
        before.assert_same_but(&Traces::of(&w).await?, 0);
        Ok(())
    }

    async fn r18_a_key_expires_by_itself(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let mia = &w.person(MIA).await?;
        let now = w.clock.now();
        refused(
            w.control.create_key(mia, &NewKeyInput { expires_at: Some(now), ..own(&w.bot) }).await,
            "invalid",
            "past",
        );
        let made = w.control.create_key(mia, &NewKeyInput { expires_at: Some(now.plus(DAY)), ..own(&w.bot) }).await?;
        w.control.disable_key(mia, &made.key.id).await?;
        w.clock.advance(DAY);
        let olga = &w.person(OLGA).await?;
        refused(w.control.enable_key(olga, &made.key.id).await, "conflict", "time is over");
        let until = |expires_at| KeyChange { expires_at: Some(expires_at), ..KeyChange::default() };
        refused(w.control.edit_key(mia, &made.key.id, &until(Some(now))).await, "invalid", "past");
        w.control.edit_key(mia, &made.key.id, &until(None)).await?;
        assert_eq!(w.control.enable_key(olga, &made.key.id).await?.expires_at, None);
        Ok(())
    }

    async fn r15_a_rotated_key_has_another_secret_and_the_old_one_for_a_while(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let (mia, made) = (&w.person(MIA).await?, w.key(&w.bot, MIA).await?);
        let id = &made.key.id;
        for bad in [-1, 31 * DAY] {
            refused(w.control.rotate_key(mia, id, bad).await, "invalid", "0 to 30 days");
        }
        let first = w.control.rotate_key(mia, id, HOUR).await?;
        let now = w.clock.now();
        assert!(secrets(&w, id).await?.contains(&(made.secret.hash(), Some(now.plus(HOUR)))));
        let second = w.control.rotate_key(mia, id, 0).await?;
        assert_ne!(first.secret.reveal(), second.secret.reveal());
        assert!(second.secret.reveal().starts_with("sk-proj-"));
        // Whoever ends a secret at once ends those before it as well.
        let mut expected = vec![
            (second.secret.hash(), None),
            (made.secret.hash(), Some(now)),
            (first.secret.hash(), Some(now)),
        ];
        let mut kept = secrets(&w, id).await?;
        kept.sort_by_key(|(hash, _)| hash.to_hex());
        expected.sort_by_key(|(hash, _)| hash.to_hex());
        assert_eq!(kept, expected);
        // All else of the key is as it was, and each of its secrets finds it.
        let after = w.key_now(id).await?;
        assert_eq!(
            after,
            mete_core::directory::ApiKey { redacted_value: second.secret.redacted(), ..made.key.clone() }
        );
        for secret in [&made.secret, &first.secret, &second.secret] {
            assert_eq!(w.key_now(secret.reveal()).await?.id, *id);
        }
        Ok(())
    }

    async fn r20_a_key_is_never_moved_to_another_project(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let key = &w.key(&w.bot, MIA).await?.key.id;
        let before = Traces::of(&w).await?;
        for project in [&w.side, &w.bot] {
            let change = KeyChange { project: Some(project.clone()), ..KeyChange::default() };
            for who in [&w.person(MIA).await?, &w.person(DANA).await?, &operator()] {
                refused(w.control.edit_key(who, key, &change).await, "invalid", "never moved between projects");
            }
        }
        before.assert_same_but(&Traces::of(&w).await?, 0);
        Ok(())
    }

    async fn r18_a_key_of_a_name_that_several_have_is_not_guessed(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let mia = &w.person(MIA).await?;
        let named = |name: &str| NewKeyInput { name: name.into(), ..own(&w.bot) };
        let key = w.control.create_key(mia, &named("ci")).await?.key;
        // Somebody else's of the same name is not meant, as long as one's own is there.
        w.control.create_key(&w.person(OLGA).await?, &named("ci")).await?;
        assert_eq!(w.control.disable_key(mia, "ci").await?.id, key.id);
        refused(w.control.disable_key(&w.person(OLGA).await?, "ci").await, "not_found", "several keys");
        refused(w.control.create_key(mia, &named("a\u{1b}[2J")).await, "invalid", "control character");
        refused(w.control.create_key(mia, &named(&"x".repeat(10_000))).await, "invalid", "200");
        Ok(())
    }

    async fn r15_a_secret_never_comes_back_in_an_error(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.join("new@acme.test", OrganizationRole::Reader).await?;
        let secret = w.key(&w.bot, MIA).await?.secret;
        let new = &w.person("new@acme.test").await?;
        for asked in [secret.reveal(), "sk-proj-0000000000000000000000000000"] {
            let error = w.control.revoke_key(new, asked).await.unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), ("not_found", "there is no key \"sk-…\""));
            let error = w.view(new).await?.key(asked).await.unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), ("not_found", "there is no key \"sk-…\""));
        }
        let log = format!("{:?}", w.audit().await?);
        assert!(!log.contains(&secret.reveal()[8..]));
        Ok(())
    }
}
