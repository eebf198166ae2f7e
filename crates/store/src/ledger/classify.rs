//! A copy of an event that is kept: duplicate, amendment or contradiction (R31).

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use mete_core::{EventId, LedgerEvent, Nanos, Series, Timestamp, Usage};

use super::extra::Extra;
use super::holdings::Named;
use super::intern::{Interned, SeriesNumbers};
use super::kept::ById;
use super::recent::SAME;
use super::segment::{EventRow, ID, RATING, SERIES, TS};
use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// How many events are looked up in one statement.
const LOOKUP: usize = 100;

/// Numbers of a correction's row, in the order of its columns.
pub(super) type CorrectionRow = [i64; 13];

/// A correcting entry.
#[derive(Clone, Debug)]
pub(super) struct Correction {
    pub(super) row: CorrectionRow,
    pub(super) extra: Option<String>,
    /// What it adds to the roll-ups of which series, and to which resource.
    pub(super) numbers: SeriesNumbers,
    pub(super) resource: Option<Named>,
    pub(super) difference: Difference,
}

/// What is added to the roll-ups and to what the project holds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) requests: i64,
    pub(super) input: i64,
    pub(super) cached_input: i64,
    pub(super) cache_write: i64,
    pub(super) output: i64,
    pub(super) reasoning: i64,
    pub(super) cost: i64,
    pub(super) bytes: i64,
}

impl Difference {
    /// All of an event.
    pub(super) const fn whole(usage: &Usage, cost: Nanos) -> Self {
        Self {
            requests: 1,
            input: usage.input.cast_signed(),
            cached_input: usage.cached_input.cast_signed(),
            cache_write: usage.cache_write.cast_signed(),
            output: usage.output.cast_signed(),
            reasoning: usage.reasoning.cast_signed(),
            cost: cost.0,
            bytes: usage.bytes,
        }
    }

    const fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests - other.requests,
            input: self.input - other.input,
            cached_input: self.cached_input - other.cached_input,
            cache_write: self.cache_write - other.cache_write,
            output: self.output - other.output,
            reasoning: self.reasoning - other.reasoning,
            cost: self.cost.saturating_sub(other.cost),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// What a copy turned out to be.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Nothing new, or an earlier state of what is kept.
    Duplicate,
    /// A later state: these entries book the difference.
    Amended(Vec<Correction>),
    /// Another project or key: says which.
    Conflict(String),
}

/// An event that is kept, with its corrections applied.
#[derive(Clone, Debug)]
pub(super) struct Booked {
    /// When and under which id it is booked.
    time: Timestamp,
    id: EventId,
    series: Arc<Series>,
    numbers: SeriesNumbers,
    resource: Option<Named>,
    usage: Usage,
    cost: Nanos,
    /// What the copy that counts said it costs, before it was rated anew.
    stated: Nanos,
    /// Whether the copy that counts brought its cost along.
    own: bool,
    /// The number of its present rating.
    rating: i64,
    /// What it says beside its columns.
    extra: Option<Box<str>>,
    /// The time of the copy that counts.
    copy_time: Timestamp,
    next_seq: i64,
}

impl Booked {
    /// An event that has just been taken in.
    pub(super) fn fresh(event: &LedgerEvent, numbers: SeriesNumbers, rating: i64) -> Self {
        Self {
            time: event.time,
            id: event.id,
            series: Arc::clone(&event.series),
            numbers,
            resource: Named::of(event.resource.as_deref()),
            usage: event.usage,
            cost: event.cost,
            stated: event.cost,
            own: event.rating.is_own(),
            rating,
            extra: Extra::text_of(event).map(String::into_boxed_str),
            copy_time: event.time,
            next_seq: 0,
        }
    }

    /// Compares a copy with what is kept, and takes it over if it is a later state.
    ///
    /// Which of two states counts must not depend on which came first: the one with the later time, at the same time
    /// the larger one.
    pub(super) fn judge(&mut self, copy: &LedgerEvent, numbers: SeriesNumbers, rating: i64) -> Verdict {
        if let Some(conflict) = self.contradiction(&copy.series) {
            return Verdict::Conflict(conflict);
        }
        if !self.is_amended_by(copy) {
            return Verdict::Duplicate;
        }
        let (old, new) = (Difference::whole(&self.usage, self.cost), Difference::whole(&copy.usage, copy.cost));
        let extra = Extra::text_of(copy);
        let resource = Named::of(copy.resource.as_deref());
        let entries = if numbers == self.numbers && resource == self.resource {
            vec![self.entry(new.minus(old), copy.time, rating, extra)]
        } else {
            let taken_back = Difference::default().minus(old);
            let back = self.entry(taken_back, copy.time, rating, None);
            (self.series, self.numbers, self.resource) = (Arc::clone(&copy.series), numbers, resource);
            vec![back, self.entry(new, copy.time, rating, extra)]
        };
        (self.usage, self.cost, self.stated, self.copy_time) = (copy.usage, copy.cost, copy.cost, copy.time);
        (self.own, self.rating) = (copy.rating.is_own(), rating);
        self.extra = Extra::text_of(copy).map(String::into_boxed_str);
        Verdict::Amended(entries)
    }

    /// Whether a copy is a later state of what is kept.
    ///
    /// The same usage at another price is none: an event keeps the price that it was rated with (R35). A cost that a copy
    /// brings along goes before a price (R29).
    fn is_amended_by(&self, copy: &LedgerEvent) -> bool {
        if copy.usage == self.usage {
            let own = copy.rating.is_own();
            return own
                && copy.cost != self.stated
                && (!self.own || (copy.time, copy.cost) > (self.copy_time, self.stated));
        }
        (copy.time, copy.usage, copy.cost) > (self.copy_time, self.usage, self.stated)
    }

    fn contradiction(&self, copy: &Series) -> Option<String> {
        if copy.project != self.series.project {
            return Some(format!(
                "the event is booked on the project {}, this copy is for {}",
                self.series.project, copy.project
            ));
        }
        match (&self.series.key, &copy.key) {
            (Some(kept), Some(new)) if kept != new => {
                Some(format!("the event is booked on the key {kept}, this copy is for {new}"))
            }
            _ => None,
        }
    }

    /// When it is booked.
    pub(super) const fn time(&self) -> Timestamp {
        self.time
    }

    /// Its id.
    pub(super) const fn id(&self) -> EventId {
        self.id
    }

    /// What it used, what it costs, whom it counts for, and the number of its rating.
    pub(super) const fn state(&self) -> (Usage, Nanos, &Arc<Series>, i64) {
        (self.usage, self.cost, &self.series, self.rating)
    }

    /// The entry that makes it cost `cost` (R35).
    pub(super) fn cost_anew(&mut self, cost: Nanos, rating: i64) -> Correction {
        let difference = Difference { cost: cost.0.saturating_sub(self.cost.0), ..Difference::default() };
        (self.cost, self.rating) = (cost, rating);
        self.entry(difference, self.copy_time, rating, self.extra.as_deref().map(str::to_owned))
    }

    /// The next entry on what the event is booked on now.
    fn entry(
        &mut self,
        difference: Difference,
        copy_time: Timestamp,
        rating: i64,
        extra: Option<String>,
    ) -> Correction {
        let d = &difference;
        let row = [
            self.time.0,
            self.id.0,
            self.next_seq,
            copy_time.0,
            self.numbers.series,
            d.requests,
            d.input,
            d.cached_input,
            d.cache_write,
            d.output,
            d.reasoning,
            d.cost,
            rating,
        ];
        self.next_seq += 1;
        Correction { row, extra, numbers: self.numbers, resource: self.resource.clone(), difference }
    }

    /// As it was booked at first.
    fn booked(row: &EventRow, (series, numbers): (Arc<Series>, SeriesNumbers), own: bool) -> Result<Self, StoreError> {
        let [ts, id, _, input, cached_input, cache_write, output, reasoning, cost, _] = row.numbers;
        let mut event = Self {
            time: Timestamp(ts),
            id: EventId(id),
            series,
            numbers,
            resource: None,
            usage: Usage::default(),
            cost: Nanos::ZERO,
            stated: Nanos::ZERO,
            own,
            rating: row.numbers[RATING],
            extra: None,
            copy_time: Timestamp(ts),
            next_seq: 0,
        };
        let counts = [input, cached_input, cache_write, output, reasoning, cost];
        event.apply((-1, ts), counts, row.extra.as_deref())?;
        event.stated = event.cost;
        Ok(event)
    }

    /// Adds an entry with its number, its copy's time, and what it says.
    fn apply(
        &mut self,
        (seq, copy_ts): (i64, i64),
        [input, cached_input, cache_write, output, reasoning, cost]: [i64; 6],
        extra: Option<&str>,
    ) -> Result<(), StoreError> {
        let add = |count: &mut u64, difference: i64| *count = count.saturating_add_signed(difference);
        add(&mut self.usage.input, input);
        add(&mut self.usage.cached_input, cached_input);
        add(&mut self.usage.cache_write, cache_write);
        add(&mut self.usage.output, output);
        add(&mut self.usage.reasoning, reasoning);
        self.cost += Nanos(cost);
        self.copy_time = Timestamp(copy_ts);
        self.next_seq = seq + 1;
        self.resource = Extra::apply(extra, &mut self.usage)?;
        self.extra = extra.map(Into::into);
        Ok(())
    }

    /// Whether a copy of `time` is the same event (R31).
    pub(super) const fn is_near(&self, time: Timestamp) -> bool {
        time.since(self.time).unsigned_abs() <= SAME.unsigned_abs()
    }
}

#[derive(sqlx::FromRow)]
struct CorrectionRecord {
    ts: i64,
    id: i64,
    seq: i64,
    copy_ts: i64,
    series: i64,
    input: i64,
    cached_input: i64,
    cache_write: i64,
    output: i64,
    reasoning: i64,
    cost: i64,
    rating: i64,
    extra: Option<String>,
    run: String,
}

static CORRECTIONS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT ts, id, seq, copy_ts, series, input, cached_input, cache_write, output, reasoning, cost, rating, \
         extra, run FROM correction WHERE (ts, id) IN ({}) ORDER BY ts, id, seq",
        pairs()
    )
});

fn pairs() -> String {
    let mut text = "VALUES ".to_owned();
    for pair in 0..LOOKUP {
        let comma = if pair == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}(CAST(${} AS BIGINT), CAST(${} AS BIGINT))", 2 * pair + 1, 2 * pair + 2);
    }
    text
}

/// The present state of events of which a batch may have copies; by id, several where one id was used days apart.
pub(super) async fn load(
    tx: &mut Tx,
    interned: &mut Interned,
    found: &[EventRow],
) -> Result<ById<Vec<Booked>>, StoreError> {
    let mut booked: ById<Vec<Booked>> = ById::default();
    for row in found {
        let (series, numbers) = interned.series_numbered(tx, row.numbers[SERIES]).await?;
        let own = interned.rating_numbered(tx, row.numbers[RATING]).await?.is_own();
        booked.entry(row.numbers[ID]).or_default().push(Booked::booked(row, (series, numbers), own)?);
    }
    for chunk in found.chunks(LOOKUP) {
        let keys: Vec<(i64, i64)> = chunk.iter().map(|row| (row.numbers[TS], row.numbers[ID])).collect();
        for row in corrections(tx, &keys).await? {
            let (series, numbers) = interned.series_numbered(tx, row.series).await?;
            let own = interned.rating_numbered(tx, row.rating).await?.is_own();
            let events = booked.get_mut(&row.id).into_iter().flatten();
            for event in events.filter(|event| event.time.0 == row.ts) {
                let counts = [row.input, row.cached_input, row.cache_write, row.output, row.reasoning, row.cost];
                event.apply((row.seq, row.copy_ts), counts, row.extra.as_deref())?;
                (event.series, event.numbers, event.rating) = (Arc::clone(&series), numbers, row.rating);
                if row.run.is_empty() {
                    // A later copy replaces all that the one before it said; a run only changes what is charged.
                    (event.stated, event.own) = (event.cost, own);
                }
            }
        }
    }
    Ok(booked)
}

async fn corrections(tx: &mut Tx, keys: &[(i64, i64)]) -> Result<Vec<CorrectionRecord>, StoreError> {
    // A fixed number of parameters is one prepared statement; no event has the time and id that fill it up.
    let filler = (i64::MIN, 0);
    let padded = keys.iter().chain(std::iter::repeat(&filler)).take(LOOKUP);
    Ok(in_tx!(tx, db => {
        let mut query = sqlx::query_as(CORRECTIONS.as_str());
        for (time, id) in padded {
            query = query.bind(*time).bind(*id);
        }
        query.fetch_all(db).await
    })?)
}
