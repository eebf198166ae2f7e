//! From lines to parcels: format, attribution and price of every record of one source.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use mete_core::event::{MAX_AHEAD, MAX_COST};
use mete_core::{Clock, IdHasher, LedgerEvent, Nanos, Rating, Timestamp};
use mete_prices::{Catalogue, Pricer, Query};
use mete_store::{Arrival, Parcel, QuarantineEntry, RAW_LIMIT, ReadCounts, Store, StoreError};
use rustc_hash::FxBuildHasher;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::attribution::{Attributor, Directory, Home, Unattributed};
use crate::formats::{self, Format, Layout, Line};
use crate::framing::Frame;
use crate::record::Record;

/// How many ratings are remembered; more than that is somebody inventing providers or tiers.
const MANY_RATINGS: usize = 10_000;

/// Between two tries to reach a store that is away.
const PAUSE: Duration = Duration::from_millis(250);

/// What a source is called, where its records belong and how they are written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Its name, as positions and the quarantine know it.
    pub name: String,
    /// Tells one run of a stream from the next, whose positions begin anew; empty where positions last, as in files.
    pub run: String,
    /// How every line is written; `None` finds it out line by line.
    pub format: Option<Layout>,
    /// Where records belong that do not say it.
    pub home: Home,
}

/// Reads the lines of one source.
pub struct Reader {
    settings: Settings,
    source: Arc<str>,
    run: Arc<str>,
    store: Store,
    clock: Arc<dyn Clock>,
    hasher: IdHasher,
    attributor: Attributor,
    pricer: Pricer,
    last_format: Option<Format>,
    own_cost: Arc<str>,
    /// One shared copy of each rating.
    ratings: HashSet<Arc<Rating>, FxBuildHasher>,
    /// Whether the directory was looked at again for the parcel at hand.
    directory_is_fresh: bool,
}

impl Reader {
    /// A reader for one source.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn new(
        settings: Settings,
        store: Store,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let directory = Arc::new(Directory::load(&store).await?);
        Ok(Self {
            source: settings.name.as_str().into(),
            run: settings.run.as_str().into(),
            attributor: Attributor::new(directory, settings.home.clone()),
            hasher: store.id_hasher(),
            pricer: Pricer::new(catalogue),
            last_format: None,
            own_cost: Rating::OWN.into(),
            ratings: HashSet::default(),
            directory_is_fresh: false,
            settings,
            store,
            clock,
        })
    }

    /// Whether the organization and project that the source names are there.
    ///
    /// # Errors
    /// Says which is not.
    pub fn check_home(&self) -> Result<(), Unattributed> {
        self.attributor.check_home()
    }

    /// The source's name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// An empty parcel of this source, for frames that have been read from it by now.
    #[must_use]
    pub fn parcel(&mut self) -> Parcel {
        self.directory_is_fresh = false;
        Parcel { source: Arc::clone(&self.source), run: Arc::clone(&self.run), ..Parcel::default() }
    }

    /// Reads one frame into `parcel`. Must be called where blocking is allowed: a key that is not known sends it to the
    /// store once more, because it may have been made a moment ago.
    pub fn read(&mut self, frame: Frame, parcel: &mut Parcel) {
        parcel.read.lines += 1;
        let (position, bytes) = match frame {
            Frame::Line { position, bytes } => (position, bytes),
            Frame::TooLong { position, head, length } => {
                let detail = format!("the line has {length} bytes, the most is {}", crate::framing::MAX_LINE);
                let raw = head.to_vec();
                let entry =
                    QuarantineEntry { position, reason: "line_too_long", detail, raw, raw_bytes: length, spot: None };
                return parcel.quarantine.push(entry);
            }
        };
        let mut last_format = self.last_format;
        let layout = self.settings.format.clone();
        formats::read_laid_out(&bytes, layout.as_ref(), &mut last_format, &mut |line| {
            let problem = match line {
                Line::Ignored => return parcel.read.ignored += 1,
                Line::Bad(bad) => Problem { reason: bad.reason.name(), detail: bad.detail, spot: bad.spot },
                Line::Record(record) => match self.event(&record, &mut parcel.read) {
                    Ok(event) => return parcel.events.push(Arrival { event, position, raw: bytes.clone() }),
                    Err(problem) => problem,
                },
            };
            parcel.quarantine.push(QuarantineEntry {
                position,
                reason: problem.reason,
                detail: problem.detail,
                raw: bytes[..bytes.len().min(RAW_LIMIT)].to_vec(),
                raw_bytes: bytes.len() as u64,
                spot: problem.spot,
            });
        });
        self.last_format = last_format;
    }

    fn event(&mut self, record: &Record<'_>, counts: &mut ReadCounts) -> Result<LedgerEvent, Problem> {
        let time = self.time(record)?;
        let series = match self.attributor.attribute(record) {
            Err(unattributed) if unattributed.may_be_news() && self.has_newer_directory() => {
                self.attributor.attribute(record)
            }
            outcome => outcome,
        };
        let series = series.map_err(|error| Problem::new(error.reason(), error.to_string()))?;
        let (cost, version) = self.cost(record, time, counts)?;
        if cost > MAX_COST {
            return Err(Problem::new("absurd_cost", format!("${cost} for one request; the most is ${MAX_COST}")));
        }
        Ok(LedgerEvent {
            id: self.hasher.event(&series.organization, &record.id),
            time,
            series,
            usage: record.usage,
            cost,
            rating: self.rating(version, record),
            resource: record.resource.clone().map(Box::new),
        })
    }

    /// The record's time, which must neither be missing nor absurd (R34).
    fn time(&self, record: &Record<'_>) -> Result<Timestamp, Problem> {
        let bad = |detail: String| Problem::new("bad_time", detail);
        let time = record.time.ok_or_else(|| bad("the record does not say when it happened".to_owned()))?;
        let now = self.clock.now();
        if time > now.plus(MAX_AHEAD) {
            return Err(bad(format!("{time} is more than 5 minutes ahead of the clock, which says {now}")));
        }
        if time < Timestamp(0) {
            return Err(bad(format!("{time} is before 1970")));
        }
        Ok(time)
    }

    /// The record's own cost, else its price (R29).
    fn cost(
        &mut self,
        record: &Record<'_>,
        time: Timestamp,
        counts: &mut ReadCounts,
    ) -> Result<(Nanos, Arc<str>), Problem> {
        let query = Query {
            model: record.model.as_deref().unwrap_or_default(),
            provider: record.provider.as_deref(),
            tier: record.tier.as_deref(),
            batch: record.batch,
            time,
            usage: &record.usage,
        };
        let price = self.pricer.price(&query);
        match (record.cost, price) {
            (Some(own), price) => {
                if price.is_ok_and(|price| differs(own, price.cost)) {
                    counts.cost_differs += 1;
                }
                Ok((own, Arc::clone(&self.own_cost)))
            }
            (None, Ok(price)) => Ok((price.cost, price.version)),
            (None, Err(no_price)) => Err(Problem::new("no_price", no_price.to_string())),
        }
    }

    /// The shared copy of how an event was rated.
    fn rating(&mut self, version: Arc<str>, record: &Record<'_>) -> Arc<Rating> {
        let said = |text: &Option<Cow<'_, str>>| -> Arc<str> { text.as_deref().unwrap_or_default().into() };
        let (provider, tier) = (said(&record.provider), said(&record.tier));
        let rating = Rating { version, provider, tier, batch: record.batch };
        if let Some(known) = self.ratings.get(&rating) {
            return Arc::clone(known);
        }
        if self.ratings.len() >= MANY_RATINGS {
            self.ratings.clear();
        }
        let shared = Arc::new(rating);
        self.ratings.insert(Arc::clone(&shared));
        shared
    }

    /// Reads the directory again if it changed. Once a parcel is enough: its lines were written before it was begun.
    fn has_newer_directory(&mut self) -> bool {
        if std::mem::replace(&mut self.directory_is_fresh, true) {
            return false;
        }
        let Some(directory) = Handle::current().block_on(self.newer_directory()) else { return false };
        self.attributor.replace_directory(Arc::new(directory));
        true
    }

    /// The directory, if it changed. A store that is away is waited for: that a key is unknown must not be a guess.
    async fn newer_directory(&self) -> Option<Directory> {
        loop {
            let newer = async {
                let versions = self.store.versions().await?;
                if versions.change_seq == self.attributor.change_seq() {
                    return Ok(None);
                }
                Directory::load(&self.store).await.map(Some)
            };
            match newer.await {
                Ok(directory) => return directory,
                Err::<_, StoreError>(error) => {
                    tracing::warn!(source = %self.source, %error, "cannot read the directory again; trying once more");
                }
            }
            sleep(PAUSE).await;
        }
    }
}

struct Problem {
    reason: &'static str,
    detail: String,
    spot: Option<u32>,
}

impl Problem {
    const fn new(reason: &'static str, detail: String) -> Self {
        Self { reason, detail, spot: None }
    }
}

/// Whether two costs differ by more than 1% of the larger one.
fn differs(own: Nanos, catalogue: Nanos) -> bool {
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
