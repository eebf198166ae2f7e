//! An organization with many projects, keys and people.

use anyhow::Result;
use mete_control::host::{SystemClock, origin};
use mete_control::{Control, NewOrganizationInput};
use mete_core::actor::Actor;
use mete_core::directory::{ApiKey, KeyStatus, OrganizationRole, Project, ProjectStatus};
use mete_core::ids::IdKind;
use mete_core::people::{MemberKind, ProjectRole};
use mete_core::permissions::Permissions;
use mete_core::secret::{Secret, SecretKind};
use mete_core::{Clock as _, Timestamp};
use mete_store::{Store, StoreUrl, Tx};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Makes the organization Acme with its projects, `keys` in each, and members, in one transaction: 50,000 commits would
/// take longer than all the rest. The owner is made by control, as everywhere. Tells the ids of the keys, those of one
/// project after the other.
pub async fn populate(url: &StoreUrl, projects: u64, keys: u64) -> Result<Vec<String>> {
    let mut random = StdRng::seed_from_u64(1);
    let store = Store::create(url, &mut random).await?;
    let now = SystemClock.now();
    let acme = NewOrganizationInput { name: "Acme".into(), owner: "owner@acme.test".into(), parent: None };
    let control = Control::new(&store, &SystemClock, &mut random);
    let organization = control.init(&Actor::operator(origin()), &acme).await?.organization.id;
    let mut made = Vec::new();
    let mut tx = store.begin().await?;
    for number in 0..projects {
        let project = Project {
            id: IdKind::Project.generate(&mut random),
            organization_id: organization.clone(),
            name: format!("Project {number}"),
            description: String::new(),
            website: String::new(),
            status: ProjectStatus::Active,
            is_default: false,
            created_at: now,
            archived_at: None,
        };
        tx.insert_project(&project).await?;
        let member = member_of(&mut tx, &project, (number, now), &mut random).await?;
        for key in 0..keys {
            let name = format!("key {number}-{key}");
            made.push(insert_key(&mut tx, &project, (&member, &name, now), &mut random).await?);
        }
    }
    tx.commit().await?;
    store.close().await;
    Ok(made)
}

async fn member_of(
    tx: &mut Tx,
    project: &Project,
    (number, now): (u64, Timestamp),
    random: &mut StdRng,
) -> Result<String> {
    let id = IdKind::User.generate(random);
    let member = tx.upsert_person(&format!("m{number}@acme.test"), &id, now).await?;
    tx.insert_organization_member(&project.organization_id, &member, OrganizationRole::Reader, now).await?;
    tx.upsert_project_member(&project.id, &member, ProjectRole::Member, now).await?;
    Ok(member)
}

async fn insert_key(
    tx: &mut Tx,
    project: &Project,
    (owner, name, now): (&str, &str, Timestamp),
    random: &mut StdRng,
) -> Result<String> {
    let secret = Secret::generate(SecretKind::Person, random);
    let key = ApiKey {
        id: IdKind::Key.generate(random),
        organization_id: project.organization_id.clone(),
        project_id: project.id.clone(),
        owner_id: owner.to_owned(),
        owner_kind: MemberKind::User,
        owner: String::new(),
        name: name.to_owned(),
        redacted_value: secret.redacted(),
        status: KeyStatus::Active,
        created_at: now,
        last_used_at: None,
        expires_at: None,
        permissions: Permissions::ALL,
    };
    tx.insert_key(&key, secret.hash()).await?;
    Ok(key.id)
}
