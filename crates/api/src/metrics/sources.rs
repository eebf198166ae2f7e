//! What came from each source.

use std::collections::HashMap;
use std::sync::Arc;

use mete_ingest::committer::Commit;
use mete_store::{Parcel, Tally};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Sources that are counted by themselves; further ones are counted together, so that what is told has a bound.
const MOST: usize = 200;

/// What further ones are called.
const OTHERS: &str = "(others)";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Source {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    source: String,
    reason: &'static str,
}

/// The counters of one source.
#[derive(Debug)]
struct Counters {
    lines: Counter,
    ignored: Counter,
    bytes: Counter,
    accepted: Counter,
    duplicates: Counter,
    amended: Counter,
    late: Counter,
    early: Counter,
    cost_differs: Counter,
}

/// The counters of all sources.
#[derive(Debug)]
pub(super) struct Sources {
    known: HashMap<Arc<str>, Counters>,
    lines: Family<Source, Counter>,
    ignored: Family<Source, Counter>,
    bytes: Family<Source, Counter>,
    accepted: Family<Source, Counter>,
    duplicates: Family<Source, Counter>,
    amended: Family<Source, Counter>,
    late: Family<Source, Counter>,
    early: Family<Source, Counter>,
    cost_differs: Family<Source, Counter>,
    refused: Family<Source, Counter>,
    quarantined: Family<Reason, Counter>,
}

impl Sources {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut family = |name: &str, help: &str| {
            let family = Family::<Source, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let sources = Self {
            known: HashMap::new(),
            lines: family("lines", "Lines read, blank ones not counted"),
            ignored: family("ignored_lines", "Lines that are no usage events by their format's rules"),
            bytes: family("counted_bytes", "Bytes of lines that are events or went to the quarantine"),
            accepted: family("events_accepted", "Events that were new"),
            duplicates: family("events_duplicate", "Copies of events that were known"),
            amended: family("events_amended", "Copies with other usage, whose difference was booked"),
            late: family("events_late", "Events that came more than a day after their own time, copies included"),
            early: family("events_early", "Events that came before their own time, copies included"),
            refused: family("connections_refused", "Writers that a socket did not let in"),
            cost_differs: family("events_cost_differs", "Events whose own cost is more than 1% off the catalogue's"),
            quarantined: Family::default(),
        };
        registry.register("quarantined", "What could not be counted, by reason", sources.quarantined.clone());
        sources
    }

    /// Counts what a commit took in.
    pub(super) fn count(&mut self, commit: &Commit<'_>) {
        for (number, (parcel, tally)) in commit.parcels.iter().zip(&commit.outcome.tallies).enumerate() {
            let source = self.name_of(&parcel.source);
            self.counters(&source).add(parcel, tally);
            let read = parcel.quarantine.iter().map(|entry| entry.reason);
            let conflicts = commit.outcome.conflicts.iter().filter(|(parcel, _)| *parcel == number);
            for reason in read.chain(conflicts.map(|(_, conflict)| conflict.reason)) {
                self.quarantined.get_or_create(&Reason { source: source.to_string(), reason }).inc();
            }
        }
    }

    /// Counts a writer whom a source did not let in.
    pub(super) fn refuse(&mut self, source: &str) {
        let source = self.name_of(&source.into());
        // It takes one of the places, so that there is a bound here as well.
        self.counters(&source);
        self.refused.get_or_create(&Source { source: source.to_string() }).inc();
    }

    fn name_of(&self, source: &Arc<str>) -> Arc<str> {
        let is_told = self.known.len() < MOST || self.known.contains_key(source);
        if is_told { Arc::clone(source) } else { OTHERS.into() }
    }

    fn counters(&mut self, source: &Arc<str>) -> &Counters {
        if !self.known.contains_key(source) {
            let label = Source { source: source.to_string() };
            let counters = Counters {
                lines: self.lines.get_or_create_owned(&label),
                ignored: self.ignored.get_or_create_owned(&label),
                bytes: self.bytes.get_or_create_owned(&label),
                accepted: self.accepted.get_or_create_owned(&label),
                duplicates: self.duplicates.get_or_create_owned(&label),
                amended: self.amended.get_or_create_owned(&label),
                late: self.late.get_or_create_owned(&label),
                early: self.early.get_or_create_owned(&label),
                cost_differs: self.cost_differs.get_or_create_owned(&label),
            };
            self.known.insert(Arc::clone(source), counters);
        }
        &self.known[source]
    }
}

impl Counters {
    fn add(&self, parcel: &Parcel, tally: &Tally) {
        self.lines.inc_by(parcel.read.lines);
        self.ignored.inc_by(parcel.read.ignored);
        self.cost_differs.inc_by(parcel.read.cost_differs);
        let events: usize = parcel.events.iter().map(|arrival| arrival.raw.len()).sum();
        let quarantined: u64 = parcel.quarantine.iter().map(|entry| entry.raw_bytes).sum();
        self.bytes.inc_by(events as u64 + quarantined);
        self.accepted.inc_by(tally.accepted);
        self.duplicates.inc_by(tally.duplicates);
        self.amended.inc_by(tally.amended);
        self.late.inc_by(tally.late);
        self.early.inc_by(tally.early);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mete_store::Outcome;

    use super::*;

    #[test]
    fn many_sources_are_told_together() {
        let mut sources = Sources::register(&mut Registry::default());
        for number in 0..MOST + 50 {
            let parcel = Parcel { source: format!("source {number}").into(), ..Parcel::default() };
            let outcome = Outcome { tallies: vec![Tally { accepted: 1, ..Tally::default() }], ..Outcome::default() };
            sources.count(&Commit { parcels: &[parcel], outcome: &outcome, took: Duration::ZERO });
        }
        assert!(sources.known.len() <= MOST + 1);
        let others = Source { source: OTHERS.to_owned() };
        assert_eq!(sources.accepted.get_or_create_owned(&others).get(), 50);
        sources.refuse("yet another");
        assert_eq!(sources.refused.get_or_create_owned(&others).get(), 1);
    }

    #[test]
    fn what_comes_out_of_its_time_is_counted_as_the_ledger_did() {
        let mut sources = Sources::register(&mut Registry::default());
        let parcel = Parcel { source: "log".into(), ..Parcel::default() };
        let tally = Tally { accepted: 2, duplicates: 4, late: 5, early: 1, ..Tally::default() };
        let outcome = Outcome { tallies: vec![tally], ..Outcome::default() };
        for _ in 0..2 {
            let parcels = std::slice::from_ref(&parcel);
            sources.count(&Commit { parcels, outcome: &outcome, took: Duration::ZERO });
        }
        let log = Source { source: "log".to_owned() };
        let told = [&sources.late, &sources.early].map(|family| family.get_or_create_owned(&log).get());
        assert_eq!(told, [10, 2]);
    }
}
