//! What a batch comes to, before it is written.

use std::collections::BTreeMap;

use mete_core::event::LedgerEvent;
use mete_core::{Month, Nanos, Timestamp};
use rustc_hash::FxHashMap;

use super::classify::{Correction, CorrectionRow, Difference};
use super::extra::Extra;
use super::holdings::{Holdings, Named};
use super::intern::SeriesNumbers;
use super::segment::{self, EventRow, ID, SEGMENT, TS};
use super::{Arrival, Tally, watch};
use crate::error::StoreError;
use crate::quarantine::{QuarantineEntry, RAW_LIMIT};

/// What a batch books on one series in one hour.
pub(super) struct Sum {
    project: i64,
    difference: Difference,
    /// The time of its last event.
    pub(super) latest: Timestamp,
}

/// What a batch comes to, before it is written.
#[derive(Default)]
pub(super) struct Work {
    pub(super) tallies: Vec<Tally>,
    pub(super) events: Vec<EventRow>,
    pub(super) corrections: Vec<(CorrectionRow, Option<String>)>,
    /// Sums by hour and series.
    pub(super) deltas: FxHashMap<(i64, i64), Sum>,
    pub(super) holdings: Holdings,
    pub(super) conflicts: Vec<(usize, QuarantineEntry)>,
    /// Events that are kept already, by the numbers of their parcels and their positions.
    pub(super) copies: Vec<(usize, u64)>,
}

/// The new events of a batch as they are written.
#[derive(Default)]
pub(super) struct Packed {
    pub(super) segments: Vec<NewSegment>,
    /// Those that are too few for a segment, in order of their time.
    pub(super) rows: Vec<EventRow>,
}

impl Packed {
    /// The ids of all.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        self.segments.iter().flat_map(|segment| &segment.rows).chain(&self.rows).map(|row| row.numbers[ID])
    }
}

/// A segment to be written, with the rows in it.
pub(super) struct NewSegment {
    pub(super) month: Month,
    pub(super) rows: Vec<EventRow>,
    pub(super) body: Vec<u8>,
}

/// Fewer new events of a month than these are written as rows.
const FEW: usize = 1024;

impl Work {
    /// Adds what is booked on an event of `time` to every sum that it counts to.
    fn sum(
        &mut self,
        tally: usize,
        time: Timestamp,
        numbers: SeriesNumbers,
        resource: Option<&Named>,
        difference: &Difference,
    ) {
        let new = || Sum { project: numbers.project, difference: Difference::default(), latest: time };
        let sum = self.deltas.entry((time.hour(), numbers.series)).or_insert_with(new);
        sum.latest = sum.latest.max(time);
        let sums = &mut sum.difference;
        sums.requests += difference.requests;
        sums.input += difference.input;
        sums.cached_input += difference.cached_input;
        sums.output += difference.output;
        sums.cost = sums.cost.saturating_add(difference.cost);
        self.tallies[tally].spend += Nanos(difference.cost);
        self.holdings.add(numbers.project, time, resource, difference);
    }

    /// An event that is new.
    pub(super) fn accept(&mut self, tally: usize, event: &LedgerEvent, numbers: SeriesNumbers, rating: i64) {
        let usage = &event.usage;
        let row = [
            event.time.0,
            event.id.0,
            numbers.series,
            usage.input.cast_signed(),
            usage.cached_input.cast_signed(),
            usage.cache_write.cast_signed(),
            usage.output.cast_signed(),
            usage.reasoning.cast_signed(),
            event.cost.0,
            rating,
        ];
        self.events.push(EventRow { numbers: row, extra: Extra::text_of(event).map(String::into_boxed_str) });
        let resource = Named::of(event.resource.as_deref());
        self.sum(tally, event.time, numbers, resource.as_ref(), &Difference::whole(usage, event.cost));
        self.tallies[tally].accepted += 1;
    }

    /// A copy that is a later state of what is kept.
    pub(super) fn amend(&mut self, tally: usize, entries: Vec<Correction>) {
        self.tallies[tally].amended += 1;
        for entry in entries {
            self.book(tally, &entry);
            self.corrections.push((entry.row, entry.extra));
        }
    }

    /// Adds what a correcting entry books to every sum that it counts to.
    pub(super) fn book(&mut self, tally: usize, entry: &Correction) {
        self.sum(tally, Timestamp(entry.row[0]), entry.numbers, entry.resource.as_ref(), &entry.difference);
    }

    /// An event that goes to the quarantine after all.
    pub(super) fn refuse(&mut self, tally: usize, arrival: &Arrival, reason: &'static str, detail: String) {
        let entry = QuarantineEntry {
            position: arrival.position,
            reason,
            detail,
            raw: arrival.raw.slice(..arrival.raw.len().min(RAW_LIMIT)),
            raw_bytes: arrival.raw.len() as u64,
            spot: None,
        };
        self.conflicts.push((tally, entry));
    }

    /// What is booked on each project and month.
    pub(super) fn booked(&self) -> watch::Booked {
        let mut booked = watch::Booked::new();
        for ((hour, _), Sum { project, difference, .. }) in &self.deltas {
            *booked.entry((*project, month_of(*hour))).or_default() += Nanos(difference.cost);
        }
        booked
    }

    /// What is booked on each series and month.
    pub(super) fn booked_by_series(&self) -> BTreeMap<(i64, Month), Nanos> {
        let mut booked = BTreeMap::new();
        for ((hour, series), Sum { difference, .. }) in &self.deltas {
            *booked.entry((*series, month_of(*hour))).or_default() += Nanos(difference.cost);
        }
        booked
    }

    /// The sums as rows, in order.
    pub(super) fn delta_rows(&self) -> Vec<[i64; 9]> {
        let mut rows: Vec<_> = self
            .deltas
            .iter()
            .map(|((hour, series), Sum { project, difference: sums, .. })| {
                [
                    *hour,
                    month_of(*hour).yyyymm(),
                    *project,
                    *series,
                    sums.requests,
                    sums.input,
                    sums.cached_input,
                    sums.output,
                    sums.cost,
                ]
            })
            .collect();
        rows.sort_unstable();
        rows
    }

    /// Packs the new events, in order of their time, each month apart.
    pub(super) fn pack(&mut self) -> Result<Packed, StoreError> {
        let mut events = std::mem::take(&mut self.events);
        events.sort_unstable_by_key(|row| (row.numbers[TS], row.numbers[ID]));
        let mut packed = Packed::default();
        while let Some(first) = events.first() {
            let month = Timestamp(first.numbers[TS]).month();
            let rest = events.split_off(events.partition_point(|row| row.numbers[TS] < month.end().0));
            let mut events_of_month = std::mem::replace(&mut events, rest);
            if events_of_month.len() < FEW {
                packed.rows.append(&mut events_of_month);
                continue;
            }
            // Of about the same size, so that the last one is not left with a few.
            let size = events_of_month.len().div_ceil(events_of_month.len().div_ceil(SEGMENT));
            while !events_of_month.is_empty() {
                let rest = events_of_month.split_off(size.min(events_of_month.len()));
                let rows = std::mem::replace(&mut events_of_month, rest);
                packed.segments.push(NewSegment { month, body: segment::pack(&rows)?, rows });
            }
        }
        Ok(packed)
    }
}

/// The UTC month of an hour since 1970.
const fn month_of(hour: i64) -> Month {
    Month::of_day(hour.div_euclid(24))
}
