//! Changing something: each attempt is one operation.

use mete_control::{
    BlockTarget, KeyChange, KeyOwner, LimitChange, LimitsOf, NewBlockInput, NewInviteInput, NewKeyInput,
    NewProjectInput, PartNamed, ProjectChange, ServiceAccountOf,
};
use mete_core::Nanos;
use mete_core::actor::Actor;
use mete_core::directory::OrganizationRole;
use mete_core::manual_block::ManualBlockKind;
use mete_core::people::{ProjectRole, ServiceAccountRole};
use mete_core::permissions::{PermissionKind, Permissions};
use mete_core::time::HOUR;

use crate::rights::attempts::Outcome;
use crate::rights::scene::Scene;

type S<'a, 'b> = Scene<'a, 'b>;

pub async fn create_project(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.create_project(who, &NewProjectInput::named(&s.organization, "Made")).await.map(|_| true)
}

async fn edit(s: &S<'_, '_>, who: &Actor, change: ProjectChange) -> Outcome {
    s.world.control.edit_project(who, &s.project, &change).await.map(|_| true)
}

pub async fn rename_project(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let name = format!("Renamed by {}", who.name());
    edit(s, who, ProjectChange { name: Some(name), ..ProjectChange::default() }).await
}

pub async fn edit_description(s: &S<'_, '_>, who: &Actor) -> Outcome {
    edit(s, who, ProjectChange { description: Some("Answers".into()), ..ProjectChange::default() }).await
}

pub async fn edit_website(s: &S<'_, '_>, who: &Actor) -> Outcome {
    edit(s, who, ProjectChange { website: Some("https://acme.test".into()), ..ProjectChange::default() }).await
}

pub async fn archive_project(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let name = s.world.store.find_project(&s.project).await.map_or_else(|_| "Shared".to_owned(), |found| found.name);
    s.world.control.archive_project(who, &s.project, &name).await.map(|_| true)
}

pub async fn add_member(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.add_project_member(who, (&s.project, &s.candidate), ProjectRole::Member).await.map(|_| true)
}

pub async fn change_member_role(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.set_project_role(who, (&s.project, &s.member), ProjectRole::Owner).await.map(|_| true)
}

pub async fn remove_member(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.remove_project_member(who, &s.project, &s.member).await.map(|_| true)
}

pub async fn create_account(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let of = ServiceAccountOf::Project(s.project.clone());
    s.world.control.create_service_account(who, &of, "another robot").await.map(|_| true)
}

pub async fn change_account_role(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.set_service_account_role(who, &s.account, ServiceAccountRole::Owner).await.map(|_| true)
}

pub async fn remove_account(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.remove_service_account(who, &s.account).await.map(|_| true)
}

pub async fn create_organization_account(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let of = ServiceAccountOf::Organization(s.organization.clone());
    s.world.control.create_service_account(who, &of, "the organization's robot").await.map(|_| true)
}

pub async fn change_organization_account(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let (id, role) = (&s.organization_account, ServiceAccountRole::None);
    s.world.control.set_service_account_role(who, id, role).await.map(|_| true)
}

pub async fn remove_organization_account(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.remove_service_account(who, &s.organization_account).await.map(|_| true)
}

async fn create_key(s: &S<'_, '_>, who: &Actor, owner: KeyOwner) -> Outcome {
    let input = NewKeyInput {
        project: s.project.clone(),
        owner,
        name: "new".into(),
        permissions: Permissions::ALL,
        expires_at: None,
    };
    s.world.control.create_key(who, &input).await.map(|_| true)
}

pub async fn create_account_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    create_key(s, who, KeyOwner::ServiceAccount(s.account.clone())).await
}

pub async fn create_own_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    create_key(s, who, KeyOwner::Own).await
}

async fn edit_key(s: &S<'_, '_>, who: &Actor, key: &str) -> Outcome {
    let permissions = Some(Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL });
    let change = KeyChange { name: Some("edited".into()), permissions, ..KeyChange::default() };
    s.world.control.edit_key(who, key, &change).await.map(|_| true)
}

pub async fn edit_account_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    edit_key(s, who, &s.account_key).await
}

pub async fn edit_own_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    edit_key(s, who, s.own_key(who)).await
}

pub async fn edit_others_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    edit_key(s, who, &s.others_key).await
}

pub async fn rotate_account_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.rotate_key(who, &s.account_key, HOUR).await.map(|_| true)
}

pub async fn rotate_own_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.rotate_key(who, s.own_key(who), HOUR).await.map(|_| true)
}

pub async fn rotate_others_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.rotate_key(who, &s.others_key, HOUR).await.map(|_| true)
}

pub async fn disable_account_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.disable_key(who, &s.account_key).await.map(|_| true)
}

pub async fn disable_others_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.disable_key(who, &s.others_key).await.map(|_| true)
}

pub async fn enable_account_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.enable_key(who, &s.account_key).await.map(|_| true)
}

pub async fn enable_others_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.enable_key(who, &s.others_key).await.map(|_| true)
}

pub async fn revoke_account_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.revoke_key(who, &s.account_key).await.map(|_| true)
}

pub async fn revoke_own_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.revoke_key(who, s.own_key(who)).await.map(|_| true)
}

pub async fn revoke_others_key(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.revoke_key(who, &s.others_key).await.map(|_| true)
}

pub async fn invite(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let input = NewInviteInput {
        organization: s.organization.clone(),
        email: "somebody.new@acme.test".into(),
        role: OrganizationRole::Reader,
        projects: Vec::new(),
    };
    s.world.control.create_invite(who, &input).await.map(|_| true)
}

pub async fn revoke_invite(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.revoke_invite(who, &s.invite).await.map(|_| true)
}

pub async fn change_organization_role(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let member = (s.organization.as_str(), s.candidate.as_str());
    s.world.control.set_organization_role(who, member, OrganizationRole::Owner).await.map(|_| true)
}

pub async fn grant_usage(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.set_usage_grant(who, (&s.organization, &s.member), true).await.map(|_| true)
}

pub async fn take_grant_back(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.set_usage_grant(who, (&s.organization, &s.member), false).await.map(|_| true)
}

pub async fn remove_from_organization(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.remove_organization_member(who, &s.organization, &s.member).await.map(|_| true)
}

async fn limit(s: &S<'_, '_>, who: &Actor, of: LimitsOf, change: LimitChange) -> Outcome {
    s.world.control.set_limits(who, &of, &change).await.map(|_| true)
}

fn project(s: &S<'_, '_>) -> LimitsOf {
    LimitsOf::Project(s.project.clone())
}

fn organization(s: &S<'_, '_>) -> LimitsOf {
    LimitsOf::Organization(s.organization.clone())
}

fn budget(dollars: i64) -> LimitChange {
    LimitChange { budget: Some(Some(Nanos::from_dollars(dollars))), ..LimitChange::default() }
}

fn threshold(dollars: i64) -> LimitChange {
    LimitChange { threshold: Some(Some(Nanos::from_dollars(dollars))), ..LimitChange::default() }
}

fn models() -> LimitChange {
    LimitChange { models: Some(Some(vec!["gpt-4o".into()])), ..LimitChange::default() }
}

fn rate() -> LimitChange {
    LimitChange { rates: vec!["gpt-4o:requests_per_minute=10".parse().unwrap()], ..LimitChange::default() }
}

pub async fn set_budget(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, project(s), budget(10)).await
}

pub async fn set_threshold(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, project(s), threshold(8)).await
}

pub async fn set_models(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, project(s), models()).await
}

pub async fn set_rate(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, project(s), rate()).await
}

pub async fn set_organization_budget(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, organization(s), budget(100)).await
}

pub async fn set_organization_threshold(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, organization(s), threshold(80)).await
}

pub async fn set_organization_models(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, organization(s), models()).await
}

pub async fn set_organization_rate(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, organization(s), rate()).await
}

pub async fn lower_projects_along(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, organization(s), LimitChange { lower_projects: true, ..budget(50) }).await
}

async fn part(s: &S<'_, '_>, who: &Actor, part: PartNamed, dollars: Option<i64>) -> Outcome {
    let budget = dollars.map(Nanos::from_dollars);
    s.world.control.set_part_budget(who, (&s.project, &part), budget).await.map(|_| true)
}

pub async fn set_model_budget(s: &S<'_, '_>, who: &Actor) -> Outcome {
    part(s, who, PartNamed::Model("gpt-4o".into()), Some(5)).await
}

pub async fn set_member_budget(s: &S<'_, '_>, who: &Actor) -> Outcome {
    part(s, who, PartNamed::Member(s.member.clone()), Some(10)).await
}

pub async fn set_key_budget(s: &S<'_, '_>, who: &Actor) -> Outcome {
    part(s, who, PartNamed::Key(s.others_key.clone()), Some(10)).await
}

pub async fn set_own_key_budget(s: &S<'_, '_>, who: &Actor) -> Outcome {
    part(s, who, PartNamed::Key(s.own_key(who).to_owned()), Some(7)).await
}

pub async fn take_model_budget_away(s: &S<'_, '_>, who: &Actor) -> Outcome {
    part(s, who, PartNamed::Model("gpt-4o".into()), None).await
}

/// Above all parts: what is lowered leaves entries of its own.
pub async fn lower_parts_along(s: &S<'_, '_>, who: &Actor) -> Outcome {
    limit(s, who, project(s), LimitChange { lower_parts: true, ..budget(11) }).await
}

async fn block(s: &S<'_, '_>, who: &Actor, target: BlockTarget) -> Outcome {
    let input = NewBlockInput { target, kind: ManualBlockKind::Block, reason: "enough".into(), until: None };
    s.world.control.add_block(who, &input).await.map(|_| true)
}

pub async fn place_key_block(s: &S<'_, '_>, who: &Actor) -> Outcome {
    block(s, who, BlockTarget::Key(s.others_key.clone())).await
}

pub async fn place_project_block(s: &S<'_, '_>, who: &Actor) -> Outcome {
    block(s, who, BlockTarget::Project(s.project.clone())).await
}

pub async fn lift_key_block(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.lift_block(who, &s.key_block).await.map(|_| true)
}

pub async fn acknowledge_alert(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.acknowledge_alerts(who, std::slice::from_ref(&s.alert)).await.map(|_| true)
}

pub async fn lift_project_block(s: &S<'_, '_>, who: &Actor) -> Outcome {
    s.world.control.lift_block(who, &s.project_block).await.map(|_| true)
}
