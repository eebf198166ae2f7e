//! The audit log (R42): appended to, read, and verified.

use mete_core::Timestamp;
use mete_core::audit::{AuditEntry, AuditRecord, Link};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::pages::{Cursor, CursorKey, Page, Paging, Seek, anywhere};
use crate::rows::{bytes32, word};
use crate::{Store, Tx};

/// How many entries the verification reads at a time.
const PAGE: i64 = 5000;

/// What [`AuditFilter::text`] is looked for in.
const SEARCHED: &str = "(LOWER(actor_name) LIKE {} ESCAPE '\\' OR LOWER(action) LIKE {} ESCAPE '\\' \
     OR LOWER(target_name) LIKE {} ESCAPE '\\' OR LOWER(reason) LIKE {} ESCAPE '\\' OR LOWER(host) LIKE {} ESCAPE '\\')";

/// Which entries to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this organization's chain; empty for the deployment's own.
    pub organization_id: Option<String>,
    /// Of this project.
    pub project_id: Option<String>,
    /// By this actor: an id, an e-mail address or a name.
    pub actor: Option<String>,
    /// With this action, or with a family of them: `project` is every `project.…`.
    pub action: Option<String>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: Option<i64>,
    /// About this: a project, key, person, or what else has an id.
    pub target_id: Option<String>,
    /// With this text in who, what, to what or why.
    pub text: Option<String>,
    /// Of these organizations, and of these projects of others; for somebody who may not read all.
    pub seen: Option<(Vec<String>, Vec<String>)>,
}

impl AuditFilter {
    fn conditions(&self) -> Conditions {
        let pattern = self.text.as_deref().filter(|text| !text.is_empty()).map(anywhere);
        let conditions = Conditions::default()
            .text("organization_id = {}", self.organization_id.as_deref())
            .text("project_id = {}", self.project_id.as_deref())
            .text("target_id = {}", self.target_id.as_deref())
            .text("(actor_id = {} OR actor_name = {})", self.actor.as_deref())
            .text("(action = {} OR SUBSTR(action, 1, LENGTH({}) + 1) = {} || '.')", self.action.as_deref())
            .text(SEARCHED, pattern.as_deref())
            .number("at >= {}", self.since.map(|since| since.0));
        match &self.seen {
            None => conditions,
            Some((organizations, projects)) if projects.is_empty() => {
                conditions.any_of("organization_id IN {}", Some(organizations))
            }
            Some((organizations, projects)) if organizations.is_empty() => {
                conditions.any_of("project_id IN {}", Some(projects))
            }
            Some((organizations, projects)) => {
                let list = |ids: &[String]| vec!["{}"; ids.len()].join(", ");
                let condition =
                    format!("(organization_id IN ({}) OR project_id IN ({}))", list(organizations), list(projects));
                let texts: Vec<&str> = organizations.iter().chain(projects).map(String::as_str).collect();
                conditions.texts(&condition, &texts)
            }
        }
    }
}

/// What is wrong at one place of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainFault {
    /// The entry does not say what it said when it was written.
    Changed,
    /// One or more entries before this one are gone.
    Removed,
    /// The entry is whole, but stood elsewhere.
    Reordered,
    /// The entry before this one is not the one that was there: replaced, or changed together with its hash.
    Replaced,
    /// What was written last is not what is there last: entries at the end are gone, were replaced, or were added past
    /// Mete.
    End,
}

/// A place where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainBreak {
    /// The entry at which it shows.
    pub seq: i64,
    /// What is wrong.
    pub fault: ChainFault,
}

/// What the verification of one chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Whose chain; empty for the deployment's own.
    pub organization_id: String,
    /// How many entries there are.
    pub entries: i64,
    /// The last link. Kept elsewhere, it proves later that nothing up to it was changed.
    pub head: Link,
    /// Where it is broken, in order.
    pub breaks: Vec<ChainBreak>,
}

#[derive(sqlx::FromRow)]
struct Row {
    organization_id: String,
    seq: i64,
    at: i64,
    actor_kind: String,
    actor_id: String,
    actor_name: String,
    os_user: String,
    host: String,
    action: String,
    outcome: String,
    project_id: String,
    target_id: String,
    target_name: String,
    reason: String,
    change: String,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

const COLUMNS: &str = "SELECT organization_id, seq, at, actor_kind, actor_id, actor_name, os_user, host, action, \
     outcome, project_id, target_id, target_name, reason, change, previous_hash, hash FROM audit ";

impl Row {
    /// The entry, and its change as it is stored.
    fn entry(self) -> Result<(AuditEntry, String), StoreError> {
        let record = AuditRecord {
            organization_id: self.organization_id,
            at: Timestamp(self.at),
            actor_kind: self.actor_kind,
            actor_id: self.actor_id,
            actor_name: self.actor_name,
            os_user: self.os_user,
            host: self.host,
            action: self.action,
            outcome: word(&self.outcome)?,
            project_id: self.project_id,
            target_id: self.target_id,
            target_name: self.target_name,
            reason: self.reason,
            // A change that is no JSON any more was tampered with; it must not keep the rest from being read.
            change: serde_json::from_str(&self.change).unwrap_or_else(|_| self.change.clone().into()),
        };
        let (previous_hash, hash) = (Link(bytes32(&self.previous_hash)?), Link(bytes32(&self.hash)?));
        Ok((AuditEntry { seq: self.seq, record, previous_hash, hash }, self.change))
    }
}

impl Tx {
    /// Appends to the chain of the record's organization. Until the transaction ends, nobody else appends to it.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn append_audit(&mut self, record: &AuditRecord) -> Result<(), StoreError> {
        // The head's row is locked by the count, and still has the hash of the entry before.
        let (seq, previous): (i64, Vec<u8>) = in_tx!(self, db => {
            sqlx::query_as(
                "INSERT INTO audit_head (organization_id, seq, hash) VALUES ($1, 1, $2) \
                 ON CONFLICT (organization_id) DO UPDATE SET seq = audit_head.seq + 1 RETURNING seq, hash",
            )
            .bind(&record.organization_id).bind(Link::default().0.to_vec())
            .fetch_one(db).await
        })?;
        let change = record.change.to_string();
        let hash = record.link(Link(bytes32(&previous)?), &change);
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO audit (organization_id, seq, at, actor_kind, actor_id, actor_name, os_user, host, action, \
                 outcome, project_id, target_id, target_name, reason, change, previous_hash, hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            )
            .bind(&record.organization_id).bind(seq).bind(record.at.0).bind(&record.actor_kind)
            .bind(&record.actor_id).bind(&record.actor_name).bind(&record.os_user).bind(&record.host)
            .bind(&record.action).bind(record.outcome.as_str()).bind(&record.project_id).bind(&record.target_id)
            .bind(&record.target_name).bind(&record.reason).bind(change).bind(previous).bind(hash.0.to_vec())
            .execute(db).await.map(drop)
        })?;
        in_tx!(self, db => {
            sqlx::query("UPDATE audit_head SET hash = $2 WHERE organization_id = $1")
                .bind(&record.organization_id).bind(hash.0.to_vec())
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }
}

impl Store {
    /// Entries of the audit log, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        let (conditions, texts) = filter.conditions().parts();
        let limit = filter.limit.unwrap_or(i64::MAX);
        let sql = format!("{COLUMNS} {conditions} ORDER BY at DESC, organization_id, seq DESC LIMIT {limit}");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        rows.into_iter().map(|row| row.entry().map(|(entry, _)| entry)).collect()
    }

    /// Some of the entries, newest first; the filter's limit does not count.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn audit_page(&self, filter: &AuditFilter, paging: &Paging) -> Result<Page<AuditEntry>, StoreError> {
        let (sign, way) = if paging.is_backwards() { (">", "ASC") } else { ("<", "DESC") };
        let wanted = filter.conditions();
        let wanted = match &paging.seek {
            Seek::After(Cursor { key: CursorKey::Number(at), id })
            | Seek::Before(Cursor { key: CursorKey::Number(at), id }) => {
                let (organization_id, seq) = id.rsplit_once(':').unwrap_or_default();
                let seq: i64 = seq.parse().unwrap_or_default();
                wanted.texts(
                    &format!("at {sign}= {at} AND (at, organization_id, seq) {sign} ({at}, {{}}, {seq})"),
                    &[organization_id],
                )
            }
            _ => wanted.fixed(&format!("at < {}", i64::MAX)),
        };
        let (conditions, texts) = wanted.parts();
        let limit = u64::from(paging.limit) + 1;
        let sql = format!("{COLUMNS} {conditions} ORDER BY at {way}, organization_id {way}, seq {way} LIMIT {limit}");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        let cursor =
            |row: &Row| Cursor { key: CursorKey::Number(row.at), id: format!("{}:{}", row.organization_id, row.seq) };
        Page::of(rows, paging, cursor).try_map(|row| row.entry().map(|(entry, _)| entry))
    }

    /// Verifies the chain of one organization, or all chains.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn verify_audit(&self, organization_id: Option<&str>) -> Result<Vec<ChainReport>, StoreError> {
        let chains: Vec<(String,)> = on_read!(self, db => {
            sqlx::query_as(
                // An organization without a chain had one: making it is its first entry.
                "SELECT organization_id FROM audit_head UNION SELECT DISTINCT organization_id FROM audit \
                 UNION SELECT id FROM organization ORDER BY 1",
            )
            .fetch_all(db)
            .await
        })?;
        let mut reports = Vec::new();
        for (chain,) in chains.into_iter().filter(|(chain,)| organization_id.is_none_or(|wanted| wanted == chain)) {
            reports.push(self.verify_chain(chain).await?);
        }
        Ok(reports)
    }

    async fn verify_chain(&self, organization_id: String) -> Result<ChainReport, StoreError> {
        // The head first: what is appended meanwhile is then past it, and no fault.
        let head: Option<(i64, Vec<u8>)> = on_read!(self, db => {
            sqlx::query_as("SELECT seq, hash FROM audit_head WHERE organization_id = $1")
                .bind(&organization_id)
                .fetch_optional(db)
                .await
        })?;
        let (last, link) = head.unwrap_or((0, Vec::new()));
        let mut walk = Walk::default();
        loop {
            let page = self.chain_page(&organization_id, walk.seq, last).await?;
            let full = page.len() as i64 == PAGE;
            for row in page {
                let (seq, link) = (row.seq, bytes32(&row.hash).map(Link).unwrap_or_default());
                // What is no entry at all any more was one when it was written.
                let Ok((entry, change)) = row.entry() else {
                    walk.step((seq, link), Some(ChainFault::Changed));
                    continue;
                };
                let moved = || self.has_link(&organization_id, entry.previous_hash);
                let fault = match walk.fault_of(&entry, &change) {
                    Some(ChainFault::Replaced) if moved().await? => Some(ChainFault::Reordered),
                    fault => fault,
                };
                walk.step((seq, link), fault);
            }
            if !full {
                break;
            }
        }
        let ends_well = walk.seq == last && walk.link.0[..] == link[..];
        if !ends_well || self.goes_past_its_head(&organization_id).await? {
            walk.breaks.push(ChainBreak { seq: last, fault: ChainFault::End });
        }
        Ok(ChainReport { organization_id, entries: walk.entries, head: walk.link, breaks: walk.breaks })
    }

    async fn chain_page(&self, organization_id: &str, after: i64, last: i64) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE organization_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT {PAGE}");
        Ok(on_read!(self, db => {
            sqlx::query_as(AssertSqlSafe(sql)).bind(organization_id).bind(after).bind(last).fetch_all(db).await
        })?)
    }

    /// Whether there are entries after the last one that Mete wrote. Asked in one statement, so that what is being
    /// appended is none of them.
    async fn goes_past_its_head(&self, organization_id: &str) -> Result<bool, StoreError> {
        let (count,): (i64,) = on_read!(self, db => {
            sqlx::query_as(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM audit WHERE organization_id = $1 \
                 AND seq > (SELECT seq FROM audit_head WHERE organization_id = $1)",
            )
            .bind(organization_id)
            .fetch_one(db)
            .await
        })?;
        Ok(count > 0)
    }

    /// Whether an entry with this link is in the chain.
    async fn has_link(&self, organization_id: &str, link: Link) -> Result<bool, StoreError> {
        let (count,): (i64,) = on_read!(self, db => {
            sqlx::query_as("SELECT CAST(COUNT(*) AS BIGINT) FROM audit WHERE organization_id = $1 AND hash = $2")
                .bind(organization_id)
                .bind(link.0.to_vec())
                .fetch_one(db)
                .await
        })?;
        Ok(count > 0 || link == Link::default())
    }
}

/// How far a verification has come along a chain.
#[derive(Default)]
struct Walk {
    seq: i64,
    entries: i64,
    link: Link,
    breaks: Vec<ChainBreak>,
}

impl Walk {
    /// What is wrong with the entry that comes next, if anything.
    fn fault_of(&self, entry: &AuditEntry, change: &str) -> Option<ChainFault> {
        if entry.record.link(entry.previous_hash, change) != entry.hash {
            Some(ChainFault::Changed)
        } else if entry.seq != self.seq + 1 {
            Some(ChainFault::Removed)
        } else if entry.previous_hash != self.link {
            Some(ChainFault::Replaced)
        } else {
            None
        }
    }

    /// Goes on from the entry as it stands, so that one fault is told once.
    fn step(&mut self, (seq, link): (i64, Link), fault: Option<ChainFault>) {
        self.breaks.extend(fault.map(|fault| ChainBreak { seq, fault }));
        self.seq = seq;
        self.entries += 1;
        self.link = link;
    }
}
