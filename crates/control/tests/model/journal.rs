//! What is written down of each try: the audit log's chains (R42) and the change feed.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use mete_core::Timestamp;
use mete_core::actor::Actor;
use mete_core::audit::{AuditOutcome, Link};
use mete_store::{AuditFilter, Change, Extent, GateSnapshot, Store};

use crate::model::{Entry, Judged};

/// How far the chains and the feed have come.
#[derive(Debug, Default)]
pub struct Journal {
    /// The last entry of each chain.
    heads: BTreeMap<String, (i64, Link)>,
    changes: i64,
    /// What keys, and what organizations and projects, there were then.
    there: [String; 2],
}

/// Keys, and organizations and projects without what is ruled for them, in one order.
async fn what_is_there(store: &Store) -> Result<[String; 2]> {
    let GateSnapshot { mut keys, mut old_secrets, mut projects, mut organizations, .. } = store.gate_snapshot().await?;
    keys.sort_by(|one, other| one.id.cmp(&other.id));
    old_secrets.sort_by_key(|secret| secret.hash.0);
    projects.sort_by(|one, other| one.id.cmp(&other.id));
    organizations.sort_by(|one, other| one.id.cmp(&other.id));
    let projects: Vec<_> = projects
        .into_iter()
        .map(|project| (project.id, project.organization_id, project.name, project.archived))
        .collect();
    let organizations: Vec<_> = organizations
        .into_iter()
        .map(|organization| (organization.id, organization.name, organization.parent_id))
        .collect();
    Ok([format!("{keys:?} {old_secrets:?}"), format!("{projects:?} {organizations:?}")])
}

impl Journal {
    /// As far as the store is now.
    pub async fn at_the_end(store: &Store) -> Result<Self> {
        let reports = store.verify_audit(Some("")).await?;
        let heads = reports.into_iter().map(|chain| (chain.organization_id, (chain.entries, chain.head))).collect();
        Ok(Self { heads, changes: store.versions().await?.change_seq, there: what_is_there(store).await? })
    }

    /// One entry for each change, one for a refusal for want of a right, none for anything else; each chained to the one
    /// before, none with a secret; and the feed tells of changes only.
    pub async fn check(
        &mut self,
        store: &Store,
        (actor, now): (Option<&Actor>, Timestamp),
        (judged, orgs): (&Judged, &[String]),
    ) -> Result<()> {
        let (expected, outcome): (Vec<Entry>, _) = match judged {
            Ok(entries) => (entries.clone(), AuditOutcome::Done),
            Err(refusal) => (refusal.entry.iter().cloned().collect(), AuditOutcome::Refused),
        };
        for org in orgs.iter().map(String::as_str).chain([""]) {
            let actions: Vec<&str> =
                expected.iter().filter(|entry| entry.organization == org).map(|entry| entry.action).collect();
            self.check_chain(store, (actor, now), (org, &actions, outcome)).await?;
        }
        let done = if outcome == AuditOutcome::Done { expected } else { Vec::new() };
        self.check_feed(store, &done).await
    }

    async fn check_chain(
        &mut self,
        store: &Store,
        (actor, now): (Option<&Actor>, Timestamp),
        (org, actions, outcome): (&str, &[&str], AuditOutcome),
    ) -> Result<()> {
        let limit = Some(actions.len() as i64 + 1);
        let filter = AuditFilter { organization_id: Some(org.to_owned()), limit, ..AuditFilter::default() };
        let mut entries = store.audit(&filter).await?;
        entries.reverse();
        let (mut last, mut link) = self.heads.get(org).copied().unwrap_or_default();
        entries.retain(|entry| entry.seq > last);
        let found: Vec<&str> = entries.iter().map(|entry| entry.record.action.as_str()).collect();
        ensure!(found == actions, "the audit log of {org:?} got {found:?} in place of {actions:?}");
        for entry in &entries {
            let record = &entry.record;
            ensure!(entry.seq == last + 1 && entry.previous_hash == link, "the chain of {org:?} breaks at {entry:?}");
            let own = record.link(link, &record.change.to_string());
            ensure!(own == entry.hash, "the link of {entry:?} is not its own");
            ensure!(record.outcome == outcome && record.at == now, "{outcome:?} at {now} became {entry:?}");
            ensure!(!shows_a_secret(&format!("{entry:?}")), "R15: a secret in {entry:?}");
            let by = actor.map(|actor| (actor.kind(), actor.id(), actor.name()));
            let told = (record.actor_kind.as_str(), record.actor_id.as_str(), record.actor_name.as_str());
            ensure!(by == Some(told), "what {by:?} did is told of {told:?}");
            (last, link) = (entry.seq, entry.hash);
        }
        self.heads.insert(org.to_owned(), (last, link));
        Ok(())
    }

    async fn check_feed(&mut self, store: &Store, done: &[Entry]) -> Result<()> {
        let changes = store.changes_since(self.changes, 100).await?;
        let told: Vec<(&str, &str)> =
            changes.iter().map(|change| (change.organization_id.as_str(), change.kind.as_str())).collect();
        let expected: Vec<(&str, &str)> =
            done.iter().map(|entry| (entry.organization.as_str(), entry.action)).collect();
        ensure!(told == expected, "the change feed told {told:?} in place of {expected:?}");
        let (before, after) = (&self.there, what_is_there(store).await?);
        let extent = changes.iter().map(Change::extent).reduce(Extent::and);
        let has_keys = matches!(extent, Some(Extent::Keys(_)));
        ensure!(has_keys || before[0] == after[0], "{changes:?} left no key as it was");
        let has_projects = has_keys || extent == Some(Extent::Projects);
        ensure!(has_projects || before[1] == after[1], "{changes:?} left no project as it was");
        self.there = after;
        for change in changes {
            ensure!(change.seq == self.changes + 1, "the change feed has a gap before {change:?}");
            self.changes = change.seq;
        }
        ensure!(store.versions().await?.change_seq == self.changes, "the counter of changes is not that of the feed");
        Ok(())
    }
}

/// Whether something begins like a secret and does not go on as the redacted form does.
pub fn shows_a_secret(text: &str) -> bool {
    ["sk-proj-", "sk-svcacct-", "sk-admin-"].iter().any(|prefix| {
        let mut rests = text.match_indices(prefix).map(|(at, _)| &text[at + prefix.len()..]);
        rests.any(|rest| rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    })
}
