//! A project of its own with everything in it that can be tried.

use std::collections::BTreeMap;

use mete_control::{BlockTarget, LimitChange, LimitsOf, NewBlockInput, ServiceAccountOf};
use mete_core::Nanos;
use mete_core::actor::Actor;
use mete_core::directory::OrganizationRole;
use mete_core::manual_block::ManualBlockKind;
use mete_core::people::ProjectRole;

use crate::world::{DANA, MIA, OLGA, REY, World, operator};

/// Ids of what is tried on; the people are in the same roles as in Bot.
pub struct Scene<'a, 'b> {
    pub world: &'a World<'b>,
    pub organization: String,
    pub project: String,
    /// Each person's own key in the project; the reader's is from before they left it.
    own_keys: BTreeMap<&'static str, String>,
    /// A key of the member that is there to be changed.
    pub others_key: String,
    /// A service account of the project and its key.
    pub account: String,
    pub account_key: String,
    /// A service account of the organization.
    pub organization_account: String,
    /// A block on the service account's key, and one on the project.
    pub key_block: String,
    pub project_block: String,
    /// An alert of the project.
    pub alert: String,
    /// A pending invite to the organization.
    pub invite: String,
    /// A member of the project who is there to be changed.
    pub member: String,
    /// Somebody of the organization who can be added to the project.
    pub candidate: String,
}

impl<'a, 'b> Scene<'a, 'b> {
    /// A scene in Acme, with a project of this name.
    pub async fn new(world: &'a World<'b>, name: &str) -> anyhow::Result<Self> {
        let (project, operator) = (world.project(name).await?, &operator());
        let handle = name.to_lowercase();
        let (member, candidate) = (format!("m{handle}@acme.test"), format!("c{handle}@acme.test"));
        for email in [&member, &candidate] {
            world.join(email, OrganizationRole::Reader).await?;
        }
        for (email, role) in [(OLGA, ProjectRole::Owner), (MIA, ProjectRole::Member), (REY, ProjectRole::Member)] {
            world.add(&project, email, role).await?;
        }
        world.add(&project, &member, ProjectRole::Member).await?;
        let mut own_keys = BTreeMap::new();
        for email in [DANA, OLGA, MIA, REY] {
            own_keys.insert(email, world.key(&project, email).await?.key.id);
        }
        world.control.remove_project_member(operator, &project, REY).await?;
        let others_key = world.key(&project, &member).await?.key.id;
        let of_project = ServiceAccountOf::Project(project.clone());
        let account = world.control.create_service_account(operator, &of_project, "robot").await?;
        let of_organization = ServiceAccountOf::Organization(world.org().into());
        let organization_account = world.control.create_service_account(operator, &of_organization, name).await?;
        let key_block = block(world, BlockTarget::Key(account.key.id.clone())).await?;
        let project_block = block(world, BlockTarget::Project(project.clone())).await?;
        // Spend that passes a threshold, so that there is an alert.
        world.book(&project, 5, None).await?;
        let threshold = LimitChange { threshold: Some(Some(Nanos::from_dollars(1))), ..LimitChange::default() };
        let limits = world.control.set_limits(operator, &LimitsOf::Project(project.clone()), &threshold).await?;
        let invite = world.invite(&format!("i{handle}@acme.test"), OrganizationRole::Reader).await?.id;
        Ok(Self {
            world,
            organization: world.org().into(),
            own_keys,
            others_key,
            account: account.account.id,
            account_key: account.key.id,
            organization_account: organization_account.account.id,
            key_block,
            project_block,
            alert: limits.alerts[0].id.clone(),
            invite,
            member,
            candidate,
            project,
        })
    }

    /// The same with ids of which there are none.
    pub fn of_nothing(&self) -> Self {
        let none = |prefix: &str| format!("{prefix}{}", "0".repeat(24));
        Self {
            world: self.world,
            organization: none("org-"),
            project: none("proj_"),
            own_keys: BTreeMap::new(),
            others_key: none("key_"),
            account: none("svc-acct-"),
            account_key: none("key_"),
            organization_account: none("svc-acct-"),
            key_block: none("block_"),
            project_block: none("block_"),
            alert: none("alert_"),
            invite: none("invite-"),
            member: self.member.clone(),
            candidate: self.candidate.clone(),
        }
    }

    /// The key of whoever acts; for who never had one, somebody else's.
    pub fn own_key(&self, actor: &Actor) -> &str {
        self.own_key_of(actor.name())
    }

    fn own_key_of(&self, email: &str) -> &str {
        self.own_keys.get(email).unwrap_or(&self.others_key)
    }

    /// Each id and the one that `other` has in its place, for somebody who acts.
    pub fn ids<'c>(&'c self, email: &str, other: &'c Self) -> Vec<(&'c str, &'c str)> {
        let ids = |scene: &'c Self| {
            [
                &scene.organization,
                &scene.project,
                &scene.others_key,
                &scene.account,
                &scene.account_key,
                &scene.organization_account,
                &scene.key_block,
                &scene.project_block,
                &scene.alert,
                &scene.invite,
            ]
        };
        let mut pairs: Vec<_> = ids(self).into_iter().zip(ids(other)).map(|(a, b)| (a.as_str(), b.as_str())).collect();
        pairs.push((self.own_key_of(email), other.own_key_of(email)));
        pairs
    }
}

async fn block(world: &World<'_>, target: BlockTarget) -> anyhow::Result<String> {
    let input = NewBlockInput { target, kind: ManualBlockKind::Block, reason: "a test".into(), until: None };
    Ok(world.control.add_block(&operator(), &input).await?.id)
}
