//! What the gate is given of the directory (R16, R23, R28, R41).

use mete_core::directory::{ApiKey, KeyStatus, Organization, Project, ProjectStatus};
use mete_core::limits::Limits;
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::people::MemberKind;
use mete_core::permissions::{Access, PermissionKind, Permissions, Scopes};
use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Nanos, Timestamp};
use mete_store::{GateSnapshot, Scope, Setting, Store, StoredSecret, Tx};
use mete_tests::{TestStore, each_engine};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::fixture::{NOW, at};

const LATER: &str = "2026-11-25T00:00:00Z";

fn organization(id: &str, parent: Option<&str>) -> Organization {
    Organization { id: id.into(), name: id.to_uppercase(), parent_id: parent.map(str::to_owned), created_at: at(NOW) }
}

fn project(id: &str, status: ProjectStatus) -> Project {
    Project {
        id: id.into(),
        organization_id: "org-a".into(),
        name: id.to_uppercase(),
        description: String::new(),
        website: String::new(),
        status,
        is_default: false,
        created_at: at(NOW),
        archived_at: (status == ProjectStatus::Archived).then(|| at(NOW)),
    }
}

fn key(id: &str, status: KeyStatus, permissions: Permissions, expires_at: Option<Timestamp>) -> ApiKey {
    ApiKey {
        id: id.into(),
        organization_id: "org-a".into(),
        project_id: "proj_a".into(),
        owner_id: "user-a".into(),
        owner_kind: MemberKind::User,
        owner: String::new(),
        name: String::new(),
        redacted_value: "sk-proj-…aaaa".into(),
        status,
        created_at: at(NOW),
        last_used_at: None,
        expires_at,
        permissions,
    }
}

fn placed(id: &str, kind: ManualBlockKind, scope_id: &str, until: Option<Timestamp>) -> ManualBlock {
    let on_key = scope_id.starts_with("key_");
    ManualBlock {
        id: id.into(),
        organization_id: "org-a".into(),
        project_id: "proj_a".into(),
        scope_kind: if on_key { ManualBlockScope::Key } else { ManualBlockScope::Project },
        scope_id: scope_id.into(),
        kind,
        reason: format!("reason {id}"),
        placed_by: "dana@acme.test".into(),
        placed_at: at(NOW),
        until,
        lifted_by: None,
        lifted_at: None,
    }
}

fn restricted() -> Permissions {
    let mut scopes = Scopes::default();
    scopes.grant(EndpointGroup::Files, Access::Read).unwrap();
    Permissions { kind: PermissionKind::Restricted, scopes }
}

async fn write(tx: &mut Tx) -> anyhow::Result<()> {
    tx.insert_organization(&organization("org-a", None)).await?;
    tx.insert_organization(&organization("org-b", Some("org-a"))).await?;
    tx.insert_project(&project("proj_a", ProjectStatus::Active)).await?;
    tx.insert_project(&project("proj_z", ProjectStatus::Active)).await?;
    tx.update_project(&project("proj_z", ProjectStatus::Archived)).await?;
    let limits = Limits { budget: Some(Nanos::from_dollars(5)), threshold: Some(Nanos::from_dollars(3)) };
    tx.set_limits(&Scope::project("proj_a", "org-a"), limits).await?;
    tx.set_models(&Scope::project("proj_a", "org-a"), &Some(vec!["m".into()])).await?;
    tx.set_models(&Scope::organization("org-a"), &Some(vec!["m".into(), "n".into()])).await?;
    let plain = key("key_1", KeyStatus::Active, Permissions::ALL, None);
    tx.insert_key(&plain, KeyHash::of("first")).await?;
    let special = key("key_2", KeyStatus::Disabled, restricted(), Some(at(LATER)));
    tx.insert_key(&special, KeyHash::of("two")).await?;
    let second = StoredSecret { hash: KeyHash::of("second"), redacted_value: "sk-proj-…bbbb" };
    tx.set_key_secret("key_1", second, at(LATER)).await?;
    tx.insert_manual_block(&placed("block_1", ManualBlockKind::Block, "key_1", Some(at(LATER)))).await?;
    tx.insert_manual_block(&placed("block_2", ManualBlockKind::Release, "proj_a", None)).await?;
    tx.insert_manual_block(&placed("block_3", ManualBlockKind::Block, "proj_a", None)).await?;
    tx.set_manual_block_lifted("block_3", "dana@acme.test", at(NOW)).await?;
    tx.set_setting(Setting::FileQuotaBytes, 7).await?;
    Ok(())
}

fn assert_directory(snapshot: &GateSnapshot) {
    let mut organizations: Vec<_> =
        snapshot.organizations.iter().map(|o| (o.id.as_str(), o.parent_id.as_deref(), o.models.clone())).collect();
    organizations.sort();
    let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(organizations, [("org-a", None, list(&["m", "n"])), ("org-b", Some("org-a"), None)]);
    let mut projects: Vec<_> =
        snapshot.projects.iter().map(|p| (p.id.as_str(), p.archived, p.limits.budget, p.models.clone())).collect();
    projects.sort();
    let budget = Some(Nanos::from_dollars(5));
    assert_eq!(projects, [("proj_a", false, budget, list(&["m"])), ("proj_z", true, None, None)]);
}

fn assert_keys(snapshot: &GateSnapshot) {
    let mut keys: Vec<_> = snapshot.keys.iter().collect();
    keys.sort_by_key(|key| &key.id);
    let [one, two] = keys[..] else { panic!("{keys:?}") };
    assert_eq!((one.hash, one.status), (KeyHash::of("second"), KeyStatus::Active));
    assert_eq!((one.permissions, one.expires_at), (Permissions::ALL, None));
    assert_eq!((two.hash, two.status), (KeyHash::of("two"), KeyStatus::Disabled));
    assert_eq!((two.permissions, two.expires_at), (restricted(), Some(at(LATER))));
    let old: Vec<_> = snapshot.old_secrets.iter().map(|old| (&*old.key_id, old.hash, old.valid_until)).collect();
    assert_eq!(old, [("key_1", KeyHash::of("first"), at(LATER))]);
}

each_engine! {
    async fn the_gate_is_given_the_directory_with_all_that_decides(place: &TestStore) -> anyhow::Result<()> {
        let store = Store::create(&place.url().parse()?, &mut StdRng::seed_from_u64(1)).await?;
        assert_eq!(store.gate_snapshot().await?.file_quota, 100_000_000_000, "100 GB by default");
        let mut tx = store.begin().await?;
        write(&mut tx).await?;
        tx.commit().await?;
        let snapshot = store.gate_snapshot().await?;
        assert_directory(&snapshot);
        assert_keys(&snapshot);
        let mut overrides: Vec<_> =
            snapshot.overrides.iter().map(|o| (&*o.reason, &*o.scope_id, o.kind, o.until)).collect();
        overrides.sort_by_key(|one| one.0);
        let block = ("reason block_1", "key_1", ManualBlockKind::Block, Some(at(LATER)));
        let release = ("reason block_2", "proj_a", ManualBlockKind::Release, None);
        assert_eq!(overrides, [block, release], "a lifted one is over");
        assert_eq!(snapshot.file_quota, 7);
        Ok(())
    }
}
