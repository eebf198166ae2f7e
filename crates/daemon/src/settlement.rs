//! Which events of a commit settle holds (R40).

use std::collections::HashSet;

use mete_gate::{Booked, Used};
use mete_ingest::committer::Commit;
use mete_store::{Arrival, NamedHold, Parcel};

/// The last so many events of a commit are looked at for what requests cost lately: a large import needs no more.
const LATEST: usize = 512;

/// All events of the commit that the ledger has, duplicates included, each with the hold that it names. Those that
/// contradict what the ledger has are not in it: their holds live until their time is over.
pub(crate) fn booked<'a>(commit: &Commit<'a>) -> impl Iterator<Item = Booked<'a>> {
    kept(commit).map(|(_, (arrival, hold))| of(arrival, hold))
}

/// The events of the commit that the ledger has, each with the number of its parcel.
fn kept<'a>(commit: &Commit<'a>) -> impl Iterator<Item = (usize, (&'a Arrival, Option<&'a str>))> {
    let conflicts = &commit.outcome.conflicts;
    let contradicting: HashSet<(usize, u64)> =
        conflicts.iter().map(|(parcel, conflict)| (*parcel, conflict.position)).collect();
    commit
        .parcels
        .iter()
        .enumerate()
        .flat_map(|(number, parcel)| named(parcel).map(move |event| (number, event)))
        .filter(move |(number, (arrival, _))| {
            contradicting.is_empty() || !contradicting.contains(&(*number, arrival.position))
        })
}

/// Those of them that are new, not copies of what the ledger had.
pub(crate) fn fresh<'a>(commit: &Commit<'a>) -> impl Iterator<Item = Booked<'a>> {
    fresh_arrivals(commit).map(|(arrival, hold)| of(arrival, hold))
}

fn fresh_arrivals<'a>(commit: &Commit<'a>) -> impl Iterator<Item = (&'a Arrival, Option<&'a str>)> {
    let copies: HashSet<(usize, u64)> = commit.outcome.copies.iter().copied().collect();
    kept(commit)
        .filter(move |(number, (arrival, _))| copies.is_empty() || !copies.contains(&(*number, arrival.position)))
        .map(|(_, arrival)| arrival)
}

/// What the new events used, for rate limits.
pub(crate) fn used<'a>(commit: &Commit<'a>) -> impl Iterator<Item = Used<'a>> {
    fresh_arrivals(commit).map(|(arrival, hold)| {
        let event = &arrival.event;
        let tokens = event.usage.input.saturating_add(event.usage.output);
        let (project, model, images) = (&*event.series.project, &*event.series.model, event.usage.images);
        Used { event: event.id, time: event.time, project, model, hold, tokens, images }
    })
}

/// The last events of the commit.
pub(crate) fn latest<'a>(commit: &Commit<'a>) -> impl Iterator<Item = Booked<'a>> {
    let events = commit.parcels.iter().flat_map(|parcel| &parcel.events);
    let skipped = commit.parcels.iter().map(|parcel| parcel.events.len()).sum::<usize>().saturating_sub(LATEST);
    events.skip(skipped).map(|arrival| of(arrival, None))
}

/// A parcel's events with the holds that they name.
fn named(parcel: &Parcel) -> impl Iterator<Item = (&Arrival, Option<&str>)> {
    let mut holds = parcel.holds.iter().peekable();
    parcel.events.iter().enumerate().map(move |(place, arrival)| {
        let hold: Option<&NamedHold> = holds.next_if(|hold| hold.event == place);
        (arrival, hold.map(|hold| &*hold.id))
    })
}

fn of<'a>(arrival: &'a Arrival, hold: Option<&'a str>) -> Booked<'a> {
    let event = &arrival.event;
    let series = &event.series;
    Booked { event: event.id, project: &series.project, key: series.key.as_deref(), hold, cost: event.cost }
}
