//! Kept events, the newest first, a page at a time, from rows and segments alike.
//!
//! A page does a bounded amount of work: so many segments are unpacked, so many rows are looked at. Where that ends before
//! the page is full, the page says so, and the next one goes on from there. Hours in which a project has nothing are passed
//! over.

use std::collections::{HashMap, HashSet};

use mete_core::time::HOUR;
use mete_core::{EventId, Timestamp};

use super::commit::{VERSION, counter};
use super::kept::{COLUMNS, EventRecord};
use super::recent;
use super::rerate::{KeptEvent, kept};
use super::segment::{self, EventRow, ID, SERIES, TS};
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::{Store, Tx};

/// The most segments that are unpacked for a page: each takes about half a millisecond.
const SEGMENTS: usize = 8;

/// The most rows that are looked at for a page, and at once.
const ROWS: usize = 8000;
const ROWS_AT_ONCE: usize = 1000;

/// How many series are looked up in one statement.
const LOOKUP: usize = 500;

/// The most projects whose series are looked up beforehand.
const FEW_PROJECTS: usize = 20;

/// Which events to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this organization.
    pub organization_id: Option<String>,
    /// Of these projects.
    pub project_ids: Option<Vec<String>>,
    /// Of this key.
    pub key_id: Option<String>,
    /// Of this model, as usage names it.
    pub model: Option<String>,
}

/// The place of an event in the order of events: by time, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// When it is booked.
    pub time: Timestamp,
    /// Its id.
    pub id: EventId,
}

/// An event in a list, with the names of what it counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    /// The event as it is now.
    pub event: KeptEvent,
    /// The project's name.
    pub project: String,
    /// The key's name or redacted form; empty where the event names none.
    pub key: String,
    /// The member's e-mail address or the service account's name; empty where the event names none.
    pub member: String,
}

/// Some events, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// They.
    pub events: Vec<EventLine>,
    /// Before which the next page goes on; `None` where no older events are kept.
    pub older: Option<EventPlace>,
    /// Whether the page has fewer than was asked for because it took too much work to find more: there may be more.
    pub is_partial: bool,
    /// The ledger's version as of which this is told.
    pub version: i64,
}

/// What came after a place.
#[derive(Clone, Debug, Default)]
pub struct EventTail {
    /// The newest of it, at most so many as were asked for; `older` says whether there is more of it.
    pub page: EventPage,
    /// Whether events came meanwhile that are older than the place: they stand in pages already read.
    pub has_late: bool,
}

type Key = (i64, i64);

const FIRST: Key = (i64::MIN, i64::MIN);
const LAST: Key = (i64::MAX, i64::MAX);

impl EventPlace {
    const fn of(key: Key) -> Self {
        Self { time: Timestamp(key.0), id: EventId(key.1) }
    }

    const fn key(self) -> Key {
        (self.time.0, self.id.0)
    }
}

impl EventLine {
    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> EventPlace {
        EventPlace { time: self.event.time, id: self.event.id }
    }
}

impl EventFilter {
    fn conditions(&self) -> Conditions {
        Conditions::default()
            .text("g.organization_id = {}", self.organization_id.as_deref())
            .any_of("g.project_id IN {}", self.project_ids.as_deref())
            .text("g.key_id = {}", self.key_id.as_deref())
            .text("g.model = {}", self.model.as_deref())
    }

    const fn is_all(&self) -> bool {
        let of_all = self.organization_id.is_none() && self.project_ids.is_none();
        of_all && self.key_id.is_none() && self.model.is_none()
    }
}

impl Store {
    /// The newest events that the filter lets through, of those before a place.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn event_page(
        &self,
        filter: &EventFilter,
        before: Option<EventPlace>,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        self.events_between(filter, (FIRST, before.map_or(LAST, EventPlace::key)), limit).await
    }

    /// What came after a place, and after the ledger was of a version: for a list that is followed.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn event_tail(
        &self,
        filter: &EventFilter,
        (after, version): (EventPlace, i64),
        limit: usize,
    ) -> Result<EventTail, StoreError> {
        let page = self.events_between(filter, (after.key(), LAST), limit).await?;
        let (earliest, first): (Option<i64>, Option<i64>) = on_read!(self, db => {
            sqlx::query_as("SELECT MIN(min_ts), MIN(version) FROM ledger_batch WHERE version > $1")
                .bind(version)
                .fetch_one(db)
                .await
        })?;
        // Of commits that nobody remembers, it is not known how old their events were.
        let has_gap = first.is_some_and(|first| first > version + 1);
        let has_late = has_gap || earliest.is_some_and(|earliest| earliest <= after.time.0);
        Ok(EventTail { page, has_late })
    }

    async fn events_between(
        &self,
        filter: &EventFilter,
        (after, before): (Key, Key),
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        let mut tx = self.begin_reading().await?;
        let version = counter(&mut tx, VERSION).await?;
        let mut walk = Walk::new(&mut tx, filter, (after, before)).await?;
        while walk.found.len() <= limit && walk.step(&mut tx, limit).await? {}
        let (mut rows, is_at_end, place) = (walk.found, walk.is_at_end, walk.before);
        let is_full = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(key_of);
        let older = if is_full { last } else { Some(place).filter(|_| !is_at_end) };
        let events = kept(&mut tx, &rows).await?;
        tx.rollback().await?;
        Ok(EventPage {
            events: self.named(events).await?,
            older: older.map(EventPlace::of),
            is_partial: !is_full && !is_at_end,
            version,
        })
    }

    /// Events with the names of what they count for.
    async fn named(&self, events: Vec<KeptEvent>) -> Result<Vec<EventLine>, StoreError> {
        let ids = |of: fn(&KeptEvent) -> Option<&str>| {
            let ids: HashSet<String> = events.iter().filter_map(of).map(str::to_owned).collect();
            ids.into_iter().collect::<Vec<_>>()
        };
        let projects = ids(|event| Some(&event.series.project));
        let keys = ids(|event| event.series.key.as_deref());
        let members = ids(|event| event.series.member.as_deref());
        let mut names = self.names("SELECT id, name FROM project", &projects).await?;
        let of_keys = "SELECT id, COALESCE(NULLIF(name, ''), redacted_value) FROM api_key";
        names.extend(self.names(of_keys, &keys).await?);
        names.extend(self.names("SELECT id, email FROM person", &members).await?);
        names.extend(self.names("SELECT id, name FROM service_account", &members).await?);
        let name = |id: Option<&str>| {
            let id = id.unwrap_or_default();
            names.get(id).cloned().unwrap_or_else(|| id.to_owned())
        };
        let line = |event: KeptEvent| EventLine {
            project: name(Some(&event.series.project)),
            key: name(event.series.key.as_deref()),
            member: name(event.series.member.as_deref()),
            event,
        };
        Ok(events.into_iter().map(line).collect())
    }

    async fn names(&self, select: &str, ids: &[String]) -> Result<HashMap<String, String>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (conditions, texts) = Conditions::default().any_of("id IN {}", Some(ids)).parts();
        let sql = format!("{select} {conditions}");
        let rows: Vec<(String, String)> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().collect())
    }
}

/// A walk from a place back through the events.
struct Walk<'a> {
    filter: &'a EventFilter,
    /// What is known of series: whether the filter lets them through.
    series: HashMap<i64, bool>,
    /// Whether series that are not known are let through by none.
    is_known: bool,
    /// The number of the only project that is asked for.
    project: Option<i64>,
    after: Key,
    /// All events from here on were looked at.
    before: Key,
    segments_left: usize,
    rows_left: usize,
    unpacked: HashMap<i64, Vec<EventRow>>,
    found: Vec<EventRow>,
    is_at_end: bool,
}

impl<'a> Walk<'a> {
    async fn new(tx: &mut Tx, filter: &'a EventFilter, (after, before): (Key, Key)) -> Result<Self, StoreError> {
        let mut walk = Self {
            filter,
            series: HashMap::new(),
            is_known: false,
            project: None,
            after,
            before,
            segments_left: SEGMENTS,
            rows_left: ROWS,
            unpacked: HashMap::new(),
            found: Vec::new(),
            is_at_end: false,
        };
        walk.prepare(tx).await?;
        Ok(walk)
    }

    /// Looks up the series of a key, or of a few projects.
    async fn prepare(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut conditions = self.filter.conditions();
        let projects = match (&self.filter.key_id, &self.filter.project_ids) {
            (Some(key_id), _) => {
                let row: Option<(String, i64)> = in_tx!(tx, db => {
                    sqlx::query_as("SELECT p.id, p.num FROM api_key k JOIN project p ON p.id = k.project_id WHERE k.id = $1")
                        .bind(key_id)
                        .fetch_optional(db)
                        .await
                })?;
                let Some((project_id, number)) = row else { return Ok(()) };
                conditions = conditions.text("g.project_id = {}", Some(&project_id));
                vec![number]
            }
            (None, Some(ids)) if ids.len() <= FEW_PROJECTS => {
                let (of_ids, texts) = Conditions::default().any_of("id IN {}", Some(ids)).parts();
                let sql = format!("SELECT num FROM project {of_ids}");
                let rows: Vec<(i64,)> = rows_of!(in_tx, tx, sql, texts)?;
                rows.into_iter().map(|row| row.0).collect()
            }
            _ => return Ok(()),
        };
        let (conditions, texts) = conditions.parts();
        let sql = format!("SELECT g.num FROM series g {conditions}");
        let rows: Vec<(i64,)> = rows_of!(in_tx, tx, sql, texts)?;
        self.series = rows.into_iter().map(|row| (row.0, true)).collect();
        self.is_known = true;
        self.project =
            Some(projects).filter(|projects| projects.len() == 1).and_then(|projects| projects.first().copied());
        self.is_at_end = self.series.is_empty();
        Ok(())
    }

    /// Goes back a little; whether it can go further.
    async fn step(&mut self, tx: &mut Tx, limit: usize) -> Result<bool, StoreError> {
        if self.is_at_end || self.rows_left == 0 || self.segments_left == 0 || !self.skip_empty_hours(tx).await? {
            return Ok(false);
        }
        let at_once = if self.filter.is_all() { limit + 1 } else { ROWS_AT_ONCE }.min(self.rows_left);
        let rows = self.rows(tx, at_once).await?;
        self.rows_left -= rows.len();
        // Rows were read down to here, its own included.
        let mut floor = rows.last().filter(|_| rows.len() == at_once).map(key_of);
        let mut matching = self.matching(tx, rows).await?;
        for (number, newest) in self.segments(tx).await? {
            let found = self.found.len();
            let is_full =
                |rows: &[EventRow]| found + rows.iter().filter(|row| row.numbers[TS] > newest).count() > limit;
            if floor.is_some_and(|floor| newest < floor.0) {
                break;
            }
            if is_full(&matching) || (self.segments_left == 0 && !self.unpacked.contains_key(&number)) {
                floor = floor.max(Some((newest.saturating_add(1), i64::MIN)));
                break;
            }
            let rows = self.segment(tx, number).await?;
            matching.extend(self.matching(tx, rows).await?);
        }
        matching.sort_unstable_by_key(|row| std::cmp::Reverse(key_of(row)));
        if let Some(floor) = floor {
            matching.retain(|row| key_of(row) >= floor);
        }
        self.found.extend(matching);
        self.is_at_end = floor.is_none();
        self.before = floor.unwrap_or(self.after);
        Ok(true)
    }

    /// Passes over hours in which the only project has nothing; whether there are any others.
    async fn skip_empty_hours(&mut self, tx: &mut Tx) -> Result<bool, StoreError> {
        let Some(project) = self.project else { return Ok(true) };
        let hour = Timestamp(self.before.0).hour();
        let (last,): (Option<i64>,) = in_tx!(tx, db => {
            sqlx::query_as(
                "SELECT MAX(h) FROM (SELECT MAX(bucket) AS h FROM scope_hour WHERE scope = $1 AND bucket <= $2 \
                 UNION ALL SELECT MAX(hour) FROM spend_delta WHERE project = $1 AND hour <= $2) AS hours",
            )
            .bind(project)
            .bind(hour)
            .fetch_one(db)
            .await
        })?;
        let end = last.and_then(|hour| (hour + 1).checked_mul(HOUR));
        match end {
            Some(end) if end > self.after.0 => self.before = self.before.min((end, i64::MIN)),
            _ => self.is_at_end = true,
        }
        Ok(!self.is_at_end)
    }

    async fn rows(&self, tx: &mut Tx, limit: usize) -> Result<Vec<EventRow>, StoreError> {
        // The times alone tell Postgres which partitions to look into.
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE ts <= $1 AND ts >= $3 AND (ts, id) < ($1, $2) AND (ts, id) > ($3, $4) \
             ORDER BY ts DESC, id DESC LIMIT {limit}"
        );
        let records: Vec<EventRecord> = in_tx!(tx, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(self.before.0)
                .bind(self.before.1)
                .bind(self.after.0)
                .bind(self.after.1)
                .fetch_all(db)
                .await
        })?;
        Ok(records.into_iter().map(EventRow::from).collect())
    }

    /// The segments that can have some of the events, those with the newest first, each with its newest time.
    async fn segments(&self, tx: &mut Tx) -> Result<Vec<(i64, i64)>, StoreError> {
        let most = SEGMENTS + self.unpacked.len() + 1;
        let rows: Vec<(i64, i64)> = in_tx!(tx, db => {
            sqlx::query_as(
                "SELECT num, max_ts FROM segment WHERE min_ts <= $1 AND max_ts >= $2 ORDER BY max_ts DESC, num LIMIT $3",
            )
            .bind(self.before.0)
            .bind(self.after.0)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(db)
            .await
        })?;
        Ok(rows)
    }

    /// What a segment has of the walk's span.
    async fn segment(&mut self, tx: &mut Tx, number: i64) -> Result<Vec<EventRow>, StoreError> {
        if !self.unpacked.contains_key(&number) {
            self.segments_left -= 1;
            let body = recent::body(tx, number).await?;
            let mut rows = body.as_deref().map(segment::unpack).transpose()?.unwrap_or_default();
            let (after, before) = (self.after, self.before);
            rows.retain(|row| key_of(row) > after && key_of(row) < before);
            self.unpacked.insert(number, rows);
        }
        let rows = self.unpacked.get(&number).map(Vec::as_slice).unwrap_or_default();
        Ok(rows.iter().filter(|row| key_of(row) < self.before).cloned().collect())
    }

    /// Those of the rows that the filter lets through.
    async fn matching(&mut self, tx: &mut Tx, mut rows: Vec<EventRow>) -> Result<Vec<EventRow>, StoreError> {
        if self.filter.is_all() {
            return Ok(rows);
        }
        if !self.is_known {
            let numbers: HashSet<i64> = rows.iter().map(|row| row.numbers[SERIES]).collect();
            let unknown: Vec<i64> = numbers.into_iter().filter(|number| !self.series.contains_key(number)).collect();
            for chunk in unknown.chunks(LOOKUP) {
                let list: Vec<String> = chunk.iter().map(i64::to_string).collect();
                let condition = format!("g.num IN ({})", list.join(", "));
                let (conditions, texts) = self.filter.conditions().fixed(&condition).parts();
                let sql = format!("SELECT g.num FROM series g {conditions}");
                let found: Vec<(i64,)> = rows_of!(in_tx, tx, sql, texts)?;
                self.series.extend(chunk.iter().map(|number| (*number, false)));
                self.series.extend(found.into_iter().map(|row| (row.0, true)));
            }
        }
        rows.retain(|row| self.series.get(&row.numbers[SERIES]).copied().unwrap_or_default());
        Ok(rows)
    }
}

const fn key_of(row: &EventRow) -> Key {
    (row.numbers[TS], row.numbers[ID])
}
