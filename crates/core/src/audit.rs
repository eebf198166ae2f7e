//! Entries of the audit log and how they are chained (R42).

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// A link of an organization's chain: SHA-256 over the entry and the link before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Link(pub [u8; 32]);

/// 64 hexadecimal digits.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether what was asked for was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused for want of the right to it (R6).
    Refused,
}

crate::directory::text_form!(AuditOutcome, "audit outcome", Done = "done", Refused = "refused");

/// What is written down of a change: who, what, to what, from what to what, when, from where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRecord {
    /// Whose chain; empty for the deployment's own.
    pub organization_id: String,
    /// When.
    pub at: Timestamp,
    /// `operator`, `person`, `admin_key` or `daemon` (R45).
    pub actor_kind: String,
    /// A person's id or an administration key's; empty for the others.
    pub actor_id: String,
    /// E-mail address, operating-system user, or `meted`.
    pub actor_name: String,
    /// The operating system's user that it came from.
    pub os_user: String,
    /// The machine that it came from.
    pub host: String,
    /// What was done, as in `project.created` (R44).
    pub action: String,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// The project that it happened in; empty if in none.
    pub project_id: String,
    /// The id of what it was done to.
    pub target_id: String,
    /// Its name at that time.
    pub target_name: String,
    /// The reason that was given, or why it was refused; may be empty.
    pub reason: String,
    /// What changed: `{"before":{…},"after":{…}}`, of which one or both may be missing.
    pub change: Value,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Its place in the chain, from 1 without gaps.
    pub seq: i64,
    /// What is written down.
    #[serde(flatten)]
    pub record: AuditRecord,
    /// The link before it.
    pub previous_hash: Link,
    /// Its own link.
    pub hash: Link,
}

impl AuditRecord {
    /// The link of this record after `previous`: SHA-256 over the previous link and every field, each with its length
    /// before it, so that no text can pass for two fields. `change` is the JSON text as it is stored.
    #[must_use]
    pub fn link(&self, previous: Link, change: &str) -> Link {
        let at = self.at.0.to_be_bytes();
        let fields: [&[u8]; 14] = [
            self.organization_id.as_bytes(),
            &at,
            self.actor_kind.as_bytes(),
            self.actor_id.as_bytes(),
            self.actor_name.as_bytes(),
            self.os_user.as_bytes(),
            self.host.as_bytes(),
            self.action.as_bytes(),
            self.outcome.as_str().as_bytes(),
            self.project_id.as_bytes(),
            self.target_id.as_bytes(),
            self.target_name.as_bytes(),
            self.reason.as_bytes(),
            change.as_bytes(),
        ];
        let mut hasher = Sha256::new();
        hasher.update(previous.0);
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        Link(hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> AuditRecord {
        AuditRecord {
            organization_id: "org-1".into(),
            at: Timestamp(1),
            actor_kind: "operator".into(),
            actor_id: String::new(),
            actor_name: "kim".into(),
            os_user: "kim".into(),
            host: "box".into(),
            action: "project.created".into(),
            outcome: AuditOutcome::Done,
            project_id: "proj_1".into(),
            target_id: "proj_1".into(),
            target_name: "Bot".into(),
            reason: String::new(),
            change: Value::Null,
        }
    }

    #[test]
    fn r42_every_field_and_the_link_before_are_in_a_link() {
        let link = |record: &AuditRecord| record.link(Link::default(), "null");
        let first = link(&record());
        assert_ne!(record().link(first, "null"), first);
        assert_ne!(record().link(Link::default(), "{}"), first);
        let others = [
            AuditRecord { organization_id: "org-2".into(), ..record() },
            AuditRecord { at: Timestamp(2), ..record() },
            AuditRecord { actor_kind: "person".into(), ..record() },
            AuditRecord { actor_id: "user-1".into(), ..record() },
            AuditRecord { actor_name: "lee".into(), ..record() },
            AuditRecord { os_user: "lee".into(), ..record() },
            AuditRecord { host: "other".into(), ..record() },
            AuditRecord { action: "project.updated".into(), ..record() },
            AuditRecord { outcome: AuditOutcome::Refused, ..record() },
            AuditRecord { project_id: "proj_2".into(), ..record() },
            AuditRecord { target_id: "proj_2".into(), ..record() },
            AuditRecord { target_name: "Bat".into(), ..record() },
            AuditRecord { reason: "x".into(), ..record() },
            // The border between two fields counts.
            AuditRecord { os_user: "kimb".into(), host: "ox".into(), ..record() },
        ];
        for other in &others {
            assert_ne!(link(other), first, "{other:?}");
        }
    }
}
