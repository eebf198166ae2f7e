//! What an attempt leaves behind: in the directory, the change feed and the audit log.

use std::fmt::Write;

use mete_core::audit::AuditEntry;
use mete_store::{
    AlertFilter, AuditFilter, GateSnapshot, InviteFilter, KeyFilter, ManualBlockFilter, ProjectFilter, Scope, Setting,
    Store,
};

use crate::world::{NOW, World, at, november};

/// The store at one instant.
#[derive(Default)]
pub struct Traces {
    /// The whole directory as text: equal only if no row differs.
    pub directory: String,
    /// The change feed's position.
    pub feed: i64,
    /// Every audit entry.
    audit: Vec<AuditEntry>,
}

impl Traces {
    pub async fn of(world: &World<'_>) -> anyhow::Result<Self> {
        Ok(Self { directory: directory(world.store).await?, ..Self::record_of(world).await? })
    }

    /// The feed and the audit log without the directory.
    pub async fn record_of(world: &World<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            directory: String::new(),
            feed: world.store.versions().await?.change_seq,
            audit: world.store.audit(&AuditFilter::default()).await?,
        })
    }

    /// The audit entries that `later` has and this has not, in no order.
    pub fn entries_until<'a>(&self, later: &'a Self) -> Vec<&'a AuditEntry> {
        later.audit.iter().filter(|entry| !self.audit.contains(entry)).collect()
    }

    /// Asserts that since then there is nothing but `entries` new audit entries.
    #[track_caller]
    pub fn assert_same_but(&self, later: &Self, entries: usize) {
        assert_eq!(self.directory, later.directory, "the directory changed");
        assert_eq!(self.feed, later.feed, "the change feed moved");
        assert_eq!(self.entries_until(later).len(), entries, "{:?}", self.entries_until(later));
    }
}

/// Everything that the store's reads tell of the directory.
async fn directory(store: &Store) -> anyhow::Result<String> {
    let mut text = String::new();
    let month = november();
    for organization in store.organizations(None, month).await? {
        let id = &organization.organization.id;
        let scope = Scope::organization(id);
        writeln!(text, "{organization:#?}\n{:#?}", store.organization_members(id).await?)?;
        writeln!(text, "{:?}", store.rate_limits(&scope).await?)?;
    }
    for project in store.projects(&ProjectFilter::default(), month).await? {
        let id = &project.project.id;
        let scope = Scope::project(id, &project.project.organization_id);
        writeln!(text, "{project:#?}\n{:#?}", store.project_members(id).await?)?;
        writeln!(text, "{:?}", store.rate_limits(&scope).await?)?;
    }
    // Time alone changes nothing of it.
    let invites = store.invites(&InviteFilter::default(), at(NOW)).await?;
    writeln!(text, "{invites:#?}")?;
    writeln!(text, "{:#?}", store.service_accounts(None, None).await?)?;
    writeln!(text, "{:#?}\n{:#?}", store.keys(&KeyFilter::default()).await?, store.admin_keys(None).await?)?;
    writeln!(text, "{:#?}", store.manual_blocks(&ManualBlockFilter::default()).await?)?;
    writeln!(text, "{:#?}", store.alerts(&AlertFilter::default()).await?)?;
    for setting in Setting::ALL {
        writeln!(text, "{setting:?} {}", store.setting(setting).await?)?;
    }
    // What the gate gets has models and secrets, replaced ones too. Where in the feed it stands is told apart.
    writeln!(text, "{:#?}", GateSnapshot { change_seq: 0, ..store.gate_snapshot().await? })?;
    Ok(text)
}
