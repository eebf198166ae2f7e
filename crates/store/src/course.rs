//! The course of spend: hours, days and months of a scope, what its parts came to in a span of time, and what changed.
//!
//! What screens ask first (a scope's course, the projects of a span, the keys, members and models of a month) is read from
//! sums that are kept for it. Keys, members and models of a span of hours or days are added up from what is kept of each
//! series: for a project that is little, for all it is as much as there was in that span.

use std::collections::HashMap;

use mete_core::forecast::{HABIT_HOURS, Habit};
use mete_core::{Month, Nanos, Timestamp};
use serde::Serialize;

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;
use crate::rows::count;
use crate::shares::ShareKind;

/// Whose spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpendOf {
    /// Everybody's.
    All,
    /// An organization's and its sub-organizations' (R3), by its id.
    Organization(String),
    /// A project's, by its id.
    Project(String),
    /// A key's, by its id.
    Key(String),
}

/// A span of time, its ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Hours since 1970.
    Hours(i64, i64),
    /// UTC days since 1970.
    Days(i64, i64),
    /// A UTC month.
    Month(Month),
}

/// What was spent in an hour, day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpendPoint {
    /// The hour or day, counted since 1970, or the month as `yyyymm`.
    pub at: i64,
    /// Spent.
    pub spend: Nanos,
    /// Requests counted.
    pub requests: u64,
}

/// What spend is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpenderKind {
    /// Projects.
    Project,
    /// What is within projects.
    Share(ShareKind),
}

/// What was spent by one of several in a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spender {
    /// The id, or the model; empty where usage names none.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Spent in the span.
    pub spend: Nanos,
    /// Spent in the span that it is compared with; nothing where there is none.
    pub before: Nanos,
}

impl Spender {
    /// By how much more it was than before; negative where it was less.
    #[must_use]
    pub fn increase(&self) -> Nanos {
        self.spend - self.before
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    spend: i64,
    before: i64,
}

impl SpendOf {
    /// The condition on the project of what is not folded yet, and the scope's number, both with `{}` for the id.
    const fn scope(&self) -> (&'static str, &'static str) {
        match self {
            Self::All => ("1 = 1", "0"),
            Self::Organization(_) => (
                "d.project IN (SELECT p.num FROM project p JOIN organization o ON o.id = p.organization_id \
                 WHERE o.id = {} OR o.parent_id = {})",
                "(SELECT -num FROM project WHERE organization_id = {} AND is_default)",
            ),
            Self::Project(_) | Self::Key(_) => {
                ("d.project = (SELECT num FROM project WHERE id = {})", "(SELECT num FROM project WHERE id = {})")
            }
        }
    }

    fn id(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Organization(id) | Self::Project(id) | Self::Key(id) => Some(id),
        }
    }

    /// `conditions` and one with `{}` for the id.
    fn restrict(&self, conditions: Conditions, condition: &str) -> Conditions {
        match self.id() {
            Some(id) => conditions.text(condition, Some(id)),
            None => conditions.fixed(condition),
        }
    }
}

impl Span {
    /// The ending of the roll-ups' names, the bucket of what is not folded yet, first and last bucket.
    const fn parts(self) -> (&'static str, &'static str, i64, i64) {
        match self {
            Self::Hours(from, to) => ("hour", "d.hour", from, to),
            Self::Days(from, to) => ("day", "d.hour / 24", from, to),
            Self::Month(month) => ("month", "d.month", month.yyyymm(), month.yyyymm()),
        }
    }

    /// Its buckets, so that a key that begins with the bucket is entered once for each.
    fn list(self) -> String {
        let (_, _, from, to) = self.parts();
        (from..=to).map(|bucket| bucket.to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Store {
    /// What a scope spent, hour by hour or day by day, or in a month: in order, without those in which there was nothing.
    /// Exact at every commit (R31).
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn course(&self, of: &SpendOf, span: Span) -> Result<Vec<SpendPoint>, StoreError> {
        let (rollup, delta, from, to) = span.parts();
        let (fresh, scope) = of.scope();
        let sql_of = |folded: &str, fresh: &str| {
            format!(
                "SELECT bucket, CAST(SUM(cost) AS BIGINT), CAST(SUM(requests) AS BIGINT) FROM ({folded} UNION ALL \
                 SELECT {delta} AS bucket, d.requests, d.cost FROM spend_delta d {fresh}) AS parts \
                 GROUP BY bucket ORDER BY bucket"
            )
        };
        let (sql, texts) = if let SpendOf::Key(key_id) = of {
            let series = "(SELECT g.num FROM series g JOIN api_key k ON k.project_id = g.project_id AND k.id = g.key_id \
                 WHERE k.id = {})";
            let project = "(SELECT p.num FROM api_key k JOIN project p ON p.id = k.project_id WHERE k.id = {})";
            let (folded, texts) = Conditions::default()
                .fixed(&format!("bucket IN ({})", span.list()))
                .text(&format!("project = {project}"), Some(key_id))
                .text(&format!("series IN {series}"), Some(key_id))
                .parts();
            let folded = format!("SELECT bucket, requests, cost FROM spend_{rollup} {folded}");
            let (fresh, texts) = Conditions::go_on(texts)
                .fixed(&format!("{delta} BETWEEN {from} AND {to}"))
                .text(&format!("d.series IN {series}"), Some(key_id))
                .parts();
            (sql_of(&folded, &fresh), texts)
        } else {
            let (folded, texts) = of
                .restrict(Conditions::default(), &format!("scope = {scope}"))
                .fixed(&format!("bucket BETWEEN {from} AND {to}"))
                .parts();
            let folded = format!("SELECT bucket, requests, cost FROM scope_{rollup} {folded}");
            let (fresh, texts) =
                of.restrict(Conditions::go_on(texts), fresh).fixed(&format!("{delta} BETWEEN {from} AND {to}")).parts();
            (sql_of(&folded, &fresh), texts)
        };
        let rows: Vec<(i64, i64, i64)> = rows_of!(on_read, self, sql, texts)?;
        let point = |(at, spend, requests)| SpendPoint { at, spend: Nanos(spend), requests: count(requests) };
        Ok(rows.into_iter().map(point).collect())
    }

    /// The habit of a scope as of `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn habit(&self, of: &SpendOf, now: Timestamp) -> Result<Habit, StoreError> {
        let course = self.course(of, Span::Hours(now.hour() - HABIT_HOURS, now.hour())).await?;
        Ok(Habit::new(now, None, course.into_iter().map(|point| (point.at, point.spend))))
    }

    /// The habits of several projects as of `now`, by their ids; those that spent nothing are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn habits(&self, project_ids: &[String], now: Timestamp) -> Result<HashMap<String, Habit>, StoreError> {
        if project_ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (from, to) = (now.hour() - HABIT_HOURS, now.hour());
        let (wanted, texts) = Conditions::default().any_of("p.id IN {}", Some(project_ids)).parts();
        let (wanted_too, texts) = Conditions::go_on(texts).any_of("p.id IN {}", Some(project_ids)).parts();
        let sql = format!(
            "SELECT p.id, s.bucket, s.cost FROM project p JOIN scope_hour s ON s.scope = p.num \
             AND s.bucket BETWEEN {from} AND {to} {wanted} UNION ALL \
             SELECT p.id, d.hour, d.cost FROM spend_delta d JOIN project p ON p.num = d.project \
             {wanted_too} AND d.hour BETWEEN {from} AND {to}"
        );
        let rows: Vec<(String, i64, i64)> = rows_of!(on_read, self, sql, texts)?;
        let mut courses: HashMap<String, Vec<(i64, Nanos)>> = HashMap::new();
        for (project_id, hour, cost) in rows {
            courses.entry(project_id).or_default().push((hour, Nanos(cost)));
        }
        Ok(courses.into_iter().map(|(project_id, course)| (project_id, Habit::new(now, None, course))).collect())
    }

    /// What each project spent in the hour of `now` and in the one before, by its id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn last_two_hours(&self, now: Timestamp) -> Result<HashMap<String, [Nanos; 2]>, StoreError> {
        let (last, before) = (now.hour(), now.hour() - 1);
        let sql = format!(
            "SELECT p.id, s.bucket, CAST(SUM(s.cost) AS BIGINT) FROM (\
             SELECT project, bucket, cost FROM spend_hour WHERE bucket BETWEEN {before} AND {last} UNION ALL \
             SELECT project, hour, cost FROM spend_delta WHERE hour BETWEEN {before} AND {last}) AS s \
             JOIN project p ON p.num = s.project GROUP BY p.id, s.bucket"
        );
        let rows: Vec<(String, i64, i64)> = rows_of!(on_read, self, sql, Vec::<String>::new())?;
        let mut spends: HashMap<String, [Nanos; 2]> = HashMap::new();
        for (project_id, hour, cost) in rows {
            let spend = spends.entry(project_id).or_default();
            spend[usize::from(hour == before)] += Nanos(cost);
        }
        Ok(spends)
    }

    /// Who spent the most in a span, at most `limit`. With another span of the same kind to compare with, who spent the
    /// most more than in that one. `within` restricts to projects; `None` to none.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn spenders(
        &self,
        (of, within, kind): (&SpendOf, Option<&[String]>, SpenderKind),
        (span, before): (Span, Option<Span>),
        limit: u32,
    ) -> Result<Vec<Spender>, StoreError> {
        let is_of_month = matches!((span, before), (Span::Month(_), None));
        match kind {
            SpenderKind::Share(share) if is_of_month && within.is_none() && !matches!(of, SpendOf::Project(_)) => {
                let Span::Month(month) = span else { return Ok(Vec::new()) };
                self.top_shares(of.id(), (share, month), limit).await
            }
            _ => self.summed(of, within, kind, (span, before), limit).await,
        }
    }

    /// From the sums of a month, in the order in which they were folded last, with what was booked since.
    async fn top_shares(
        &self,
        organization_id: Option<&str>,
        (kind, month): (ShareKind, Month),
        limit: u32,
    ) -> Result<Vec<Spender>, StoreError> {
        let organization_ids = match organization_id {
            Some(id) => Some(self.with_sub_organizations(id).await?),
            None => None,
        };
        let (below, texts) = Conditions::default()
            .any_of("t.organization_id IN {}", organization_ids.as_deref())
            .number("t.bucket = {}", Some(month.yyyymm()))
            .fixed(&format!("t.kind = '{}'", kind.as_str()))
            .parts();
        // A key is of one organization; members and models are of several, and must be added up first.
        let is_of_one = organization_ids.as_ref().is_some_and(|ids| ids.len() == 1) || kind == ShareKind::Key;
        let (cost, group) = if is_of_one { ("t.cost", "") } else { ("CAST(SUM(t.cost) AS BIGINT)", "GROUP BY t.id") };
        let sums = format!(
            "SELECT t.id, {cost} AS cost FROM share_month t {below} AND t.cost > 0 {group} ORDER BY {cost} DESC, t.id DESC \
             LIMIT {limit}"
        );
        let (name, join) = names(SpenderKind::Share(kind));
        let sql = format!(
            "SELECT s.id, {name} AS name, s.cost AS spend, CAST(0 AS BIGINT) AS before FROM ({sums}) AS s {join} \
             ORDER BY s.cost DESC, s.id DESC"
        );
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let now = self.share_spends((kind, month), (organization_ids.as_deref(), &ids)).await?;
        let exact = |row: Row| Spender {
            spend: now.get(&row.id).copied().unwrap_or_default(),
            before: Nanos::ZERO,
            id: row.id,
            name: row.name,
        };
        let mut spenders: Vec<Spender> = rows.into_iter().map(exact).collect();
        spenders.sort_by_key(|spender| std::cmp::Reverse(spender.spend));
        Ok(spenders)
    }

    /// The organization's id and those of its sub-organizations.
    async fn with_sub_organizations(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = on_read!(self, db => {
            sqlx::query_as("SELECT id FROM organization WHERE parent_id = $1").bind(id).fetch_all(db).await
        })?;
        Ok(std::iter::once(id.to_owned()).chain(rows.into_iter().map(|row| row.0)).collect())
    }

    /// Added up from what is kept of projects or series.
    async fn summed(
        &self,
        of: &SpendOf,
        within: Option<&[String]>,
        kind: SpenderKind,
        (span, before): (Span, Option<Span>),
        limit: u32,
    ) -> Result<Vec<Spender>, StoreError> {
        let wanted = match of {
            SpendOf::All => Conditions::default(),
            SpendOf::Organization(id) => Conditions::default().text("(o.id = {} OR o.parent_id = {})", Some(id)),
            SpendOf::Project(id) => Conditions::default().text("p.id = {}", Some(id)),
            SpendOf::Key(id) => {
                Conditions::default().text("p.id = (SELECT project_id FROM api_key WHERE id = {})", Some(id))
            }
        };
        let (wanted, texts) = wanted.any_of("p.id IN {}", within).parts();
        let parts: Vec<String> = [(Some(span), "spend"), (before, "before")]
            .into_iter()
            .filter_map(|(span, what)| span.map(|span| (span, what)))
            .map(|(span, what)| part(of, kind, span, what))
            .collect();
        let by = match kind {
            SpenderKind::Project => "s.project_id".to_owned(),
            SpenderKind::Share(share) => format!("g.{}", share.column()),
        };
        let series = if kind == SpenderKind::Project { "" } else { "JOIN series g ON g.num = s.series" };
        let (name, join) = names(kind);
        let sql = format!(
            "WITH wanted AS (SELECT p.num, p.id FROM project p JOIN organization o ON o.id = p.organization_id {wanted}), \
             sums AS (SELECT {by} AS id, CAST(SUM(s.spend) AS BIGINT) AS spend, CAST(SUM(s.before) AS BIGINT) AS before \
             FROM ({}) AS s {series} GROUP BY {by}), \
             s AS (SELECT id, spend, before FROM sums WHERE spend > before \
             ORDER BY spend - before DESC, id LIMIT {limit}) \
             SELECT s.id, {name} AS name, s.spend, s.before FROM s {join} ORDER BY s.spend - s.before DESC, s.id",
            parts.join(" UNION ALL ")
        );
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        let spender =
            |Row { id, name, spend, before }| Spender { id, name, spend: Nanos(spend), before: Nanos(before) };
        Ok(rows.into_iter().map(spender).collect())
    }
}

/// What was spent in a span, as `what`, by project or by series.
fn part(of: &SpendOf, kind: SpenderKind, span: Span, what: &str) -> String {
    let (rollup, delta, from, to) = span.parts();
    let amounts = if what == "spend" { "c.cost AS spend, 0 AS before" } else { "0 AS spend, c.cost AS before" };
    let fresh_amounts = amounts.replace("c.", "d.");
    let fresh = format!("FROM spend_delta d JOIN wanted w ON w.num = d.project WHERE {delta} BETWEEN {from} AND {to}");
    match kind {
        SpenderKind::Project => format!(
            // CROSS has SQLite begin with the projects, of which there are few.
            "SELECT w.id AS project_id, {amounts} FROM wanted w CROSS JOIN scope_{rollup} c WHERE c.scope = w.num \
             AND c.bucket BETWEEN {from} AND {to} UNION ALL SELECT w.id, {fresh_amounts} {fresh}"
        ),
        SpenderKind::Share(_) => {
            let buckets = match of {
                SpendOf::Project(_) | SpendOf::Key(_) => format!("c.bucket IN ({})", span.list()),
                SpendOf::All | SpendOf::Organization(_) => format!("c.bucket BETWEEN {from} AND {to}"),
            };
            format!(
                "SELECT c.series, {amounts} FROM spend_{rollup} c WHERE {buckets} \
                 AND c.project IN (SELECT num FROM wanted) UNION ALL SELECT d.series, {fresh_amounts} {fresh}"
            )
        }
    }
}

/// What names a spender, and the joins that it needs.
const fn names(kind: SpenderKind) -> (&'static str, &'static str) {
    match kind {
        SpenderKind::Project => ("COALESCE(n.name, s.id)", "LEFT JOIN project n ON n.id = s.id"),
        SpenderKind::Share(ShareKind::Key) => {
            ("COALESCE(NULLIF(n.name, ''), n.redacted_value, s.id)", "LEFT JOIN api_key n ON n.id = s.id")
        }
        SpenderKind::Share(ShareKind::Member) => (
            "COALESCE(n.email, m.name, s.id)",
            "LEFT JOIN person n ON n.id = s.id LEFT JOIN service_account m ON m.id = s.id",
        ),
        SpenderKind::Share(ShareKind::Model) => ("s.id", ""),
    }
}
