//! Invites: R9.

use mete_core::Clock;
use mete_core::directory::OrganizationRole;
use mete_core::people::{InviteStatus, ListedRole, ProjectRole};
use mete_core::time::{DAY, SECOND};
use mete_store::InviteFilter;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, World, here, operator, refused};

const NEW: &str = "new@acme.test";

async fn statuses(w: &World<'_>) -> anyhow::Result<Vec<InviteStatus>> {
    let of_new = InviteFilter { email: Some(NEW.into()), ..InviteFilter::default() };
    Ok(w.store.invites(&of_new, w.clock.now()).await?.into_iter().map(|invite| invite.status).collect())
}

/// The role of somebody in the list of a project.
async fn role(w: &World<'_>, project: &str, email: &str) -> anyhow::Result<Option<ListedRole>> {
    let members = w.store.project_members(project).await?;
    Ok(members.into_iter().find(|member| member.email.as_deref() == Some(email)).map(|member| member.role))
}

each_engine! {
    async fn r9_an_invite_is_accepted_with_its_projects_at_once(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let projects = [(w.bot.as_str(), ProjectRole::Owner), ("Side", ProjectRole::Member)];
        let input = w.invitation("NEW@Acme.test", OrganizationRole::Reader, &projects);
        let invite = w.control.create_invite(&w.person(DANA).await?, &input).await?;
        assert_eq!((invite.status, invite.email.as_str(), invite.projects.len()), (InviteStatus::Pending, NEW, 2));
        assert_eq!(role(&w, &w.bot, NEW).await?, None);
        let before = Traces::of(&w).await?;
        let new = &w.person(NEW).await?;
        assert_eq!(w.control.own_invites(new).await?, std::slice::from_ref(&invite));
        let accepted = w.control.accept_invite(new, &invite.id, "Nia New").await?;
        assert_eq!((accepted.status, accepted.accepted_at), (InviteStatus::Accepted, Some(w.clock.now())));
        assert_eq!(role(&w, &w.bot, NEW).await?, Some(ListedRole::Owner));
        assert_eq!(role(&w, &w.side, NEW).await?, Some(ListedRole::Member));
        assert_eq!(role(&w, w.default_project(), NEW).await?, Some(ListedRole::Member));
        let members = w.store.organization_members(w.org()).await?;
        let member = members.iter().find(|member| member.email.as_deref() == Some(NEW)).unwrap();
        assert_eq!((member.name.as_str(), member.role, member.usage_grant), ("Nia New", ListedRole::Reader, false));
        // One transaction: one entry in the log and in the feed.
        let after = Traces::of(&w).await?;
        assert_eq!((before.entries_until(&after).len(), after.feed), (1, before.feed + 1));
        w.assert_chained().await
    }

    async fn r9_an_invite_as_owner_makes_an_owner(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.join(NEW, OrganizationRole::Owner).await?;
        assert_eq!(role(&w, &w.bot, NEW).await?, Some(ListedRole::Owner));
        w.control.remove_organization_member(&w.person(NEW).await?, w.org(), DANA).await?;
        Ok(())
    }

    async fn r9_an_invite_is_accepted_once_and_by_whom_it_is_for(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let invite = w.invite(NEW, OrganizationRole::Owner).await?;
        let before = Traces::of(&w).await?;
        let mia = &w.person(MIA).await?;
        refused(w.control.accept_invite(mia, &invite.id, "Mia").await, "not_permitted", "the person who is invited");
        refused(w.control.accept_invite(&w.person(DANA).await?, &invite.id, "Dana").await, "not_permitted", "invited");
        let otto = &w.person(OTTO).await?;
        refused(w.control.accept_invite(otto, &invite.id, "Otto").await, "not_found", "there is no invite");
        refused(w.control.accept_invite(otto, "invite-none", "Otto").await, "not_found", "there is no invite");
        before.assert_same_but(&Traces::of(&w).await?, 3);
        let new = &w.person(NEW).await?;
        refused(w.control.accept_invite(new, &invite.id, " ").await, "invalid", "a name is needed");
        w.control.accept_invite(new, &invite.id, "Nia").await?;
        let before = Traces::of(&w).await?;
        refused(w.control.accept_invite(new, &invite.id, "Nia").await, "conflict", "accepted already");
        refused(w.control.revoke_invite(&operator(), &invite.id).await, "conflict", "accepted already");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // It does not bring back who was removed.
        w.control.remove_organization_member(&operator(), w.org(), NEW).await?;
        refused(w.control.accept_invite(new, &invite.id, "Nia").await, "conflict", "accepted already");
        Ok(())
    }

    async fn r9_an_invite_expires_after_seven_days(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let invite = w.invite(NEW, OrganizationRole::Reader).await?;
        assert_eq!(invite.expires_at, w.clock.now().plus(7 * DAY));
        w.clock.advance(7 * DAY - SECOND);
        assert_eq!(statuses(&w).await?, [InviteStatus::Pending]);
        w.clock.advance(SECOND);
        assert_eq!(statuses(&w).await?, [InviteStatus::Expired]);
        let new = &w.person(NEW).await?;
        let before = Traces::of(&w).await?;
        refused(w.control.accept_invite(new, &invite.id, "Nia").await, "conflict", "expired at 2026-11-30T10:15:00Z");
        refused(w.control.revoke_invite(&operator(), &invite.id).await, "conflict", "expired");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // Another one can be made then, and only one.
        let again = w.invite(NEW, OrganizationRole::Reader).await?;
        let input = w.invitation(NEW, OrganizationRole::Owner, &[]);
        refused(w.control.create_invite(&operator(), &input).await, "conflict", "invited already");
        w.control.accept_invite(new, &again.id, "Nia").await?;
        assert_eq!(statuses(&w).await?, [InviteStatus::Expired, InviteStatus::Accepted]);
        Ok(())
    }

    async fn r9_a_pending_invite_can_be_revoked(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let invite = w.invite(NEW, OrganizationRole::Reader).await?;
        let new = &w.person(NEW).await?;
        // Who is invited is not in the organization yet, and cannot decide on the invite but by accepting it.
        refused(w.control.revoke_invite(new, &invite.id).await, "not_found", "there is no invite");
        w.control.revoke_invite(&w.person(DANA).await?, &invite.id).await?;
        refused(w.control.accept_invite(new, &invite.id, "Nia").await, "not_found", "there is no invite");
        refused(w.control.revoke_invite(&operator(), &invite.id).await, "not_found", "there is no invite");
        assert_eq!(w.control.own_invites(new).await?, []);
        w.invite(NEW, OrganizationRole::Reader).await?;
        Ok(())
    }

    async fn r9_who_is_a_member_is_not_invited(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let invite = async |email: &str, projects: &[(&str, ProjectRole)]| {
            w.control.create_invite(&operator(), &w.invitation(email, OrganizationRole::Reader, projects)).await
        };
        let before = Traces::of(&w).await?;
        refused(invite(MIA, &[]).await, "conflict", "member of the organization already");
        refused(invite("no address", &[]).await, "invalid", "no e-mail address");
        let member = ProjectRole::Member;
        refused(invite(NEW, &[(w.default_project(), member)]).await, "invalid", "default project");
        refused(invite(NEW, &[("Bot", member), (&w.bot, member)]).await, "invalid", "twice");
        refused(invite(NEW, &[("None", member)]).await, "not_found", "there is no project");
        // A project of another organization is none of this one's.
        refused(invite(NEW, &[(&w.umbrella.default_project.id, member)]).await, "not_found", "there is no project");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // Of what was refused nothing is left, not even the person.
        refused(w.control.person(NEW, here()).await, "not_found", "nobody");
        Ok(())
    }

    async fn r9_a_project_that_was_archived_since_is_left_out(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let projects = [(w.bot.as_str(), ProjectRole::Member), (w.side.as_str(), ProjectRole::Member)];
        let input = w.invitation(NEW, OrganizationRole::Reader, &projects);
        let invite = w.control.create_invite(&operator(), &input).await?;
        w.control.archive_project(&operator(), &w.bot, "Bot").await?;
        let late = w.invitation("late@acme.test", OrganizationRole::Reader, &projects);
        refused(w.control.create_invite(&operator(), &late).await, "conflict", "archived");
        let accepted = w.control.accept_invite(&operator(), &invite.id, "Nia").await?;
        assert_eq!(accepted.projects.iter().map(|project| project.id.as_str()).collect::<Vec<_>>(), [w.side.as_str()]);
        assert_eq!(role(&w, &w.bot, NEW).await?, None);
        assert_eq!(role(&w, &w.side, NEW).await?, Some(ListedRole::Member));
        Ok(())
    }

    async fn r9_only_owners_see_an_organizations_invites(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.invite(NEW, OrganizationRole::Reader).await?;
        let acme = &w.acme.organization;
        let now = w.clock.now();
        assert!(w.view(&operator()).await?.all_invites(now).await?.iter().any(|invite| invite.email == NEW));
        let dana = &w.person(DANA).await?;
        assert!(w.view(dana).await?.invites(acme, now).await?.iter().any(|invite| invite.email == NEW));
        refused(w.view(dana).await?.all_invites(now).await, "not_permitted", "owner");
        let olga = &w.person(OLGA).await?;
        refused(w.view(olga).await?.invites(acme, now).await, "not_permitted", "an owner of the organization");
        assert!(w.control.own_invites(olga).await?.iter().all(|invite| invite.email == OLGA));
        Ok(())
    }
}
