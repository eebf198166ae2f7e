//! What projects hold: the resources that events name (R36), and the bytes that they store (R28). Merged over a batch
//! and written in its transaction.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use mete_core::Timestamp;
use mete_core::event::Resource;
use rustc_hash::FxHashMap;
use sqlx::QueryBuilder;

use super::classify::Difference;
use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;
use crate::resources::ResourceKind;

/// The longest id that is kept, in bytes: an index of Postgres takes no more than about 2,700.
const MAX_ID: usize = 512;

/// How many rows are written in one statement.
const AT_ONCE: usize = 500;

/// Where sums end, either way: two such still fit 64 bits. More bytes than any provider has; without an end, a hostile
/// log could stop every later commit.
const MAX_SUM: i64 = 4_000_000_000_000_000_000;

/// A text as both engines take it: Postgres knows no NUL, and no index takes any length. Two ids that only differ
/// beyond that length are one.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains('\0') {
        text = Cow::Owned(text.replace('\0', "\u{fffd}"));
    }
    if text.len() > MAX_ID {
        let end = text.floor_char_boundary(MAX_ID);
        text = Cow::Owned(text[..end].to_owned());
    }
    text
}

/// A resource as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Named {
    kind: ResourceKind,
    id: String,
}

impl Named {
    /// What an event names, if it is of a kind that is listed.
    pub(super) fn of(resource: Option<&Resource>) -> Option<Self> {
        let resource = resource?;
        let kind = resource.kind.parse().ok()?;
        Some(Self { kind, id: storable(&resource.id).into_owned() })
    }
}

/// What a batch adds to one resource.
struct Seen {
    first: Timestamp,
    last: Timestamp,
    requests: i64,
    bytes: i64,
    cost: i64,
}

impl Seen {
    fn add(&mut self, time: Timestamp, difference: &Difference) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.requests += difference.requests;
        self.bytes = self.bytes.saturating_add(difference.bytes);
        self.cost = self.cost.saturating_add(difference.cost);
    }
}

/// What a batch adds to the resources and bytes of projects, by the projects' numbers.
#[derive(Default)]
pub(super) struct Holdings {
    resources: FxHashMap<(i64, Named), Seen>,
    bytes: FxHashMap<i64, i64>,
}

impl Holdings {
    /// Takes in what is booked on an event of `time`, or taken back from it.
    pub(super) fn add(&mut self, project: i64, time: Timestamp, resource: Option<&Named>, difference: &Difference) {
        if difference.bytes != 0 {
            let bytes = self.bytes.entry(project).or_default();
            *bytes = bytes.saturating_add(difference.bytes);
        }
        if let Some(resource) = resource {
            let new = || Seen { first: time, last: time, requests: 0, bytes: 0, cost: 0 };
            self.resources.entry((project, resource.clone())).or_insert_with(new).add(time, difference);
        }
    }

    /// Writes them, in key order, which keeps the pages of the tables together. Tells the number and the new total of
    /// each project whose bytes changed.
    pub(super) async fn write(self, tx: &mut Tx) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut resources: Vec<_> = self.resources.into_iter().collect();
        resources.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for chunk in resources.chunks(AT_ONCE) {
            write_resources(tx, chunk).await?;
        }
        let mut bytes: Vec<_> = self.bytes.into_iter().filter(|(_, bytes)| *bytes != 0).collect();
        bytes.sort_unstable();
        let mut totals = Vec::with_capacity(bytes.len());
        for chunk in bytes.chunks(AT_ONCE) {
            totals.extend(write_bytes(tx, chunk).await?);
        }
        Ok(totals)
    }
}

async fn write_resources(tx: &mut Tx, rows: &[((i64, Named), Seen)]) -> Result<(), StoreError> {
    in_tx!(tx, db => {
        let mut query = QueryBuilder::new(
            "INSERT INTO resource (project, kind, id, first_seen_at, last_seen_at, requests, bytes, cost) ",
        );
        query.push_values(rows, |mut row, ((project, named), seen)| {
            row.push_bind(*project).push_bind(named.kind.as_str()).push_bind(named.id.as_str());
            row.push_bind(seen.first.0).push_bind(seen.last.0).push_bind(seen.requests);
            row.push_bind(capped(seen.bytes)).push_bind(capped(seen.cost));
        });
        query.push(RESOURCE_MERGE.as_str());
        query.build().persistent(false).execute(db).await.map(drop)
    })?;
    Ok(())
}

async fn write_bytes(tx: &mut Tx, rows: &[(i64, i64)]) -> Result<Vec<(i64, i64)>, StoreError> {
    Ok(in_tx!(tx, db => {
        let mut query = QueryBuilder::new("INSERT INTO project_bytes (project, bytes) ");
        query.push_values(rows, |mut row, (project, bytes)| {
            row.push_bind(*project).push_bind(capped(*bytes));
        });
        query.push(BYTES_MERGE.as_str());
        query.build_query_as().persistent(false).fetch_all(db).await
    })?)
}

fn capped(sum: i64) -> i64 {
    sum.clamp(-MAX_SUM, MAX_SUM)
}

static RESOURCE_MERGE: LazyLock<String> = LazyLock::new(|| {
    let mut text =
        " ON CONFLICT (project, kind, id) DO UPDATE SET requests = resource.requests + excluded.requests".to_owned();
    // The two engines call the smaller of two numbers by different names.
    for (column, before) in [("first_seen_at", '<'), ("last_seen_at", '>')] {
        let _ = write!(
            text,
            ", {column} = CASE WHEN excluded.{column} {before} resource.{column} THEN excluded.{column} \
             ELSE resource.{column} END"
        );
    }
    for column in ["bytes", "cost"] {
        let _ = write!(text, ", {column} = {}", sum("resource", column));
    }
    text
});

static BYTES_MERGE: LazyLock<String> = LazyLock::new(|| {
    format!(" ON CONFLICT (project) DO UPDATE SET bytes = {} RETURNING project, bytes", sum("project_bytes", "bytes"))
});

/// What is there and what comes along, at most [`MAX_SUM`] either way.
fn sum(table: &str, column: &str) -> String {
    let sum = format!("{table}.{column} + excluded.{column}");
    format!("CASE WHEN {sum} > {MAX_SUM} THEN {MAX_SUM} WHEN {sum} < -{MAX_SUM} THEN -{MAX_SUM} ELSE {sum} END")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_between_characters_and_hold_no_nul() {
        assert_eq!(storable("file-1\u{1b}[2J'\"🦀"), "file-1\u{1b}[2J'\"🦀");
        assert_eq!(storable("\0a\0"), "\u{fffd}a\u{fffd}");
        assert_eq!(storable(&"🦀".repeat(1000)), "🦀".repeat(MAX_ID / 4));
        let long = storable(&format!("x{}", "\0".repeat(1000))).into_owned();
        assert_eq!(long, format!("x{}", "\u{fffd}".repeat((MAX_ID - 1) / 3)));
        assert_eq!(storable(&long), long, "what is stored is stored as it is");
    }

    #[test]
    fn r36_only_what_is_listed_has_a_name() {
        let named = |kind: &str| Named::of(Some(&Resource { kind: kind.into(), id: "x".into() }));
        assert_eq!(named("vector_store"), Some(Named { kind: ResourceKind::VectorStore, id: "x".into() }));
        for other in ["batch", "File", "", "file\0"] {
            assert_eq!(named(other), None, "{other:?}");
        }
        assert_eq!(Named::of(None), None);
    }
}
