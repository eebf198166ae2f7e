//! From a record to an event: whose it is and what it cost, found out once for all records that say the same.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use hashbrown::hash_map::EntryRef;
use mete_core::event::MAX_COST;
use mete_core::{IdHasher, LedgerEvent, Nanos, Rating, Series, Timestamp};
use mete_prices::{Catalogue, NoPrice, Pricer, Query, Quote};
use mete_store::ReadCounts;
use rustc_hash::FxBuildHasher;

use super::saying::{self, Asked};
use crate::attribution::{Attributor, Directories, Home, Unattributed};
use crate::record::Record;

/// How many different sayings are remembered; more than that is somebody inventing names.
const MANY_SAYINGS: usize = 200_000;

/// How many ratings are remembered; more than that is somebody inventing providers or tiers.
const MANY_RATINGS: usize = 10_000;

/// Why a record is no event.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Nobody knows whose it is.
    #[error(transparent)]
    Unattributed(#[from] Unattributed),
    /// It has no price.
    #[error(transparent)]
    NoPrice(#[from] NoPrice),
    /// It is too dear to be true.
    #[error("${0} for one request; the most is ${MAX_COST}")]
    AbsurdCost(Nanos),
}

impl Refusal {
    /// A stable word for the quarantine.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Unattributed(error) => error.reason(),
            Self::NoPrice(_) => "no_price",
            Self::AbsurdCost(_) => "absurd_cost",
        }
    }
}

/// What holds for all records that say the same.
struct Known {
    series: Arc<Series>,
    /// For the day of the latest record.
    price: Option<DayPrice>,
    /// The rating of those that bring their cost along.
    own: Option<Arc<Rating>>,
}

/// The prices of a day.
struct DayPrice {
    day: i64,
    quote: Result<Quote, NoPrice>,
    rating: Option<Arc<Rating>>,
}

/// Attributes and prices records.
pub(super) struct Rater {
    pub(super) attributor: Attributor,
    /// The position in the change feed of the directory that what is known is from.
    change_seq: i64,
    pub(super) pricer: Pricer,
    hasher: IdHasher,
    asked: Asked,
    known: hashbrown::HashMap<Vec<u8>, Known, FxBuildHasher>,
    /// What the record at hand says; kept for its room.
    saying: Vec<u8>,
    ratings: Ratings,
}

impl Rater {
    pub(super) fn new(directories: Arc<Directories>, home: Home, catalogue: Arc<Catalogue>, hasher: IdHasher) -> Self {
        Self {
            asked: Asked::by(&home.rules),
            change_seq: directories.current().change_seq,
            attributor: Attributor::new(directories, home),
            pricer: Pricer::new(catalogue),
            hasher,
            known: hashbrown::HashMap::default(),
            saying: Vec::new(),
            ratings: Ratings::default(),
        }
    }

    /// The position in the change feed of the directory in use.
    pub(super) const fn change_seq(&self) -> i64 {
        self.change_seq
    }

    /// Goes on with the current directory: where it is another one, what was known may be otherwise now.
    pub(super) fn follow_directory(&mut self) {
        let current = self.attributor.directory().change_seq;
        if std::mem::replace(&mut self.change_seq, current) != current {
            self.known.clear();
        }
    }

    /// Goes on with other prices.
    pub(super) fn replace_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        self.pricer = Pricer::new(catalogue);
        self.known.clear();
    }

    /// The event of a record that happened at `time`.
    pub(super) fn event(
        &mut self,
        record: &Record<'_>,
        time: Timestamp,
        counts: &mut ReadCounts,
    ) -> Result<LedgerEvent, Refusal> {
        saying::write(&mut self.saying, record, self.asked);
        if self.known.len() >= MANY_SAYINGS {
            self.known.clear();
        }
        let known = match self.known.entry_ref(&self.saying[..]) {
            EntryRef::Occupied(known) => known.into_mut(),
            EntryRef::Vacant(vacant) => {
                let series = self.attributor.attribute(record)?.series;
                vacant.insert(Known { series, price: None, own: None })
            }
        };
        let (cost, rating) = known.rate(&mut self.pricer, &mut self.ratings, &query(record, time), record, counts)?;
        if cost > MAX_COST {
            return Err(Refusal::AbsurdCost(cost));
        }
        Ok(LedgerEvent {
            id: self.hasher.event(&known.series.organization, &record.id),
            time,
            series: Arc::clone(&known.series),
            usage: record.usage,
            cost,
            rating,
            resource: record.resource.clone().map(Box::new),
        })
    }
}

impl Known {
    /// The record's own cost, else its price (R29), and how that was rated.
    fn rate(
        &mut self,
        pricer: &mut Pricer,
        ratings: &mut Ratings,
        query: &Query<'_>,
        record: &Record<'_>,
        counts: &mut ReadCounts,
    ) -> Result<(Nanos, Arc<Rating>), NoPrice> {
        let price = match &mut self.price {
            Some(price) if price.day == query.time.day() => price,
            price => price.insert(DayPrice { day: query.time.day(), quote: pricer.quote(query), rating: None }),
        };
        let Some(own) = record.cost else {
            return Ok((price.cost(query)?, price.rating(query, pricer.catalogue(), ratings, record)));
        };
        counts.cost_differs += u64::from(price.cost(query).is_ok_and(|price| differs(own, price)));
        let rating = self.own.get_or_insert_with(|| ratings.shared(Arc::from(Rating::OWN), record));
        Ok((own, Arc::clone(rating)))
    }
}

impl DayPrice {
    /// Nothing billable costs nothing and needs no model.
    fn cost(&self, query: &Query<'_>) -> Result<Nanos, NoPrice> {
        if !query.usage.is_billable() {
            return Ok(Nanos::ZERO);
        }
        match &self.quote {
            Ok(quote) => quote.cost(query),
            Err(no_price) => Err(no_price.clone()),
        }
    }

    fn rating(
        &mut self,
        query: &Query<'_>,
        catalogue: &Catalogue,
        ratings: &mut Ratings,
        record: &Record<'_>,
    ) -> Arc<Rating> {
        match &self.quote {
            Ok(quote) if query.usage.is_billable() => {
                Arc::clone(self.rating.get_or_insert_with(|| ratings.shared(Arc::clone(quote.version()), record)))
            }
            _ => ratings.shared(Arc::clone(catalogue.version()), record),
        }
    }
}

/// One shared copy of each rating.
#[derive(Default)]
struct Ratings(HashSet<Arc<Rating>, FxBuildHasher>);

impl Ratings {
    fn shared(&mut self, version: Arc<str>, record: &Record<'_>) -> Arc<Rating> {
        let said = |text: &Option<Cow<'_, str>>| -> Arc<str> { text.as_deref().unwrap_or_default().into() };
        let rating =
            Rating { version, provider: said(&record.provider), tier: said(&record.tier), batch: record.batch };
        if let Some(known) = self.0.get(&rating) {
            return Arc::clone(known);
        }
        if self.0.len() >= MANY_RATINGS {
            self.0.clear();
        }
        let shared = Arc::new(rating);
        self.0.insert(Arc::clone(&shared));
        shared
    }
}

/// What the prices are asked about a record.
pub(super) fn query<'a>(record: &'a Record<'_>, time: Timestamp) -> Query<'a> {
    Query {
        model: record.model.as_deref().unwrap_or_default(),
        provider: record.provider.as_deref(),
        tier: record.tier.as_deref(),
        batch: record.batch,
        time,
        usage: &record.usage,
    }
}

/// Whether two costs differ by more than 1% of the larger one.
pub(super) fn differs(own: Nanos, catalogue: Nanos) -> bool {
    let larger = i128::from(own.0.max(catalogue.0));
    (i128::from(own.0) - i128::from(catalogue.0)).abs() * 100 > larger
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r29_costs_differ_when_they_are_more_than_one_percent_apart() {
        assert!(!differs(Nanos(100), Nanos(100)));
        assert!(!differs(Nanos(99), Nanos(100)));
        assert!(differs(Nanos(98), Nanos(100)));
        assert!(differs(Nanos(0), Nanos(1)));
        assert!(!differs(Nanos(0), Nanos(0)));
    }
}
