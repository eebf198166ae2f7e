//! All about the price of one model: where it comes from, what it hides, and when it changes.

use std::sync::Arc;

use mete_core::{Timestamp, time};
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::error::NoPrice;
use crate::list::Origin;
use crate::overrides::Override;
use crate::pricer::Query;
use crate::probe::Source;
use crate::tariff::Tariff;

/// Days since 1970 among which the catalogue's prices are looked at for changes: 2023 to 2030.
const LOOKED_AT: (i64, i64) = (19_358, 22_280);

/// The first day that has a name of ten characters, 0001-01-01, as an instant: the catalogue's oldest prices hold there.
const LONG_AGO: Timestamp = Timestamp(-62_135_596_800_000_000);

/// What holds for a model at an instant, and all that is known beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Where the price comes from.
    pub source: Origin,
    /// The version of the price.
    pub version: Arc<str>,
    /// What it costs.
    #[serde(flatten)]
    pub tariff: Tariff,
    /// Other prices in the course of the UTC day; empty if there are none.
    pub hours: Vec<OfHours>,
    /// What the catalogue says, also where an override hides it.
    pub catalogue: Option<OfCatalogue>,
    /// The overrides about the model, whenever they hold; what says most comes first.
    pub overrides: Vec<OfOverride>,
    /// What held before and will hold, oldest first; empty if nothing changes.
    pub changes: Vec<Change>,
}

/// What the catalogue says about a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfCatalogue {
    /// The provider as it calls it.
    pub provider: String,
    /// The model that it was asked for there.
    pub model: String,
    /// What it costs.
    #[serde(flatten)]
    pub tariff: Tariff,
}

/// An override about a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfOverride {
    /// Its line in the file of prices, from 1 on.
    pub line: usize,
    /// What it matches, in lower case.
    pub matches: String,
    /// The provider that it holds for; `None` for any.
    pub provider: Option<String>,
    /// From when on it holds; `None` for ever.
    pub from: Option<Timestamp>,
    /// Its version.
    pub version: Arc<str>,
    /// What has become of it at the instant that was asked for.
    pub state: OverrideState,
}

/// What has become of an override at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideState {
    /// It gives the price.
    InForce,
    /// Another says more, or is later.
    Hidden,
    /// Its date has not come.
    Later,
}

/// Prices of a part of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfHours {
    /// The UTC time of day at which it begins, as in `00:30`.
    pub from: String,
    /// The one at which it ends, as in `16:30`.
    pub to: String,
    /// What it costs.
    #[serde(flatten)]
    pub tariff: Tariff,
}

/// Prices from a date on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The midnight UTC from which they hold; `None` for the oldest that are known.
    pub from: Option<Timestamp>,
    /// Where they come from; `None` if there is no price.
    pub source: Option<Origin>,
    /// Their version.
    pub version: Option<Arc<str>>,
    /// What it costs then, at midnight.
    #[serde(flatten)]
    pub tariff: Option<Tariff>,
}

impl Catalogue {
    /// All about the price of what `query` names, at its time; its usage is not looked at.
    ///
    /// # Errors
    ///
    /// If neither an override nor the catalogue knows the model, or the catalogue cannot calculate.
    pub fn detail(&self, query: &Query<'_>) -> Result<Detail, NoPrice> {
        let query = &query.normalized();
        let refused = |error: genai_prices::Error| query.refused(&error);
        let source = Source::find(query.model, query.provider, query.tier, query.batch).map_err(refused)?;
        let about = self.overrides.about(query.model, query.provider);
        let model = Model { catalogue: self, batch: query.batch, source: source.as_ref(), about: &about };
        let Some((source, version, tariff)) = model.at(query.time)? else { return Err(query.unknown()) };
        Ok(Detail {
            source,
            version,
            tariff,
            hours: model.hours(source, query.time.day())?,
            catalogue: model.of_catalogue(query.time)?,
            overrides: model.of_overrides(query.time),
            changes: model.changes()?,
        })
    }
}

/// A model and all that can give its price.
struct Model<'a> {
    catalogue: &'a Catalogue,
    batch: bool,
    source: Option<&'a Source>,
    /// What says most comes first.
    about: &'a [&'a Override],
}

type Priced = (Origin, Arc<str>, Tariff);

impl Model<'_> {
    fn at(&self, time: Timestamp) -> Result<Option<Priced>, NoPrice> {
        if let Some(entry) = self.in_force(time) {
            return Ok(Some((Origin::Override, Arc::clone(&entry.version), entry.tariff(self.batch))));
        }
        let bundled = self.bundled(time)?;
        Ok(bundled.map(|tariff| (Origin::Catalogue, Arc::clone(self.catalogue.version()), tariff)))
    }

    fn in_force(&self, time: Timestamp) -> Option<&Override> {
        self.about.iter().find(|entry| entry.from <= time).copied()
    }

    fn bundled(&self, time: Timestamp) -> Result<Option<Tariff>, NoPrice> {
        let Some(source) = self.source else { return Ok(None) };
        source.outline(time).map_err(|error| NoPrice::refused(source.model(), &error))
    }

    fn of_catalogue(&self, time: Timestamp) -> Result<Option<OfCatalogue>, NoPrice> {
        let Some(source) = self.source else { return Ok(None) };
        Ok(self.bundled(time)?.map(|tariff| OfCatalogue {
            provider: source.provider().to_owned(),
            model: source.model().to_owned(),
            tariff,
        }))
    }

    fn of_overrides(&self, time: Timestamp) -> Vec<OfOverride> {
        let in_force = self.in_force(time).map(|entry| entry.line);
        let state = |entry: &Override| {
            if entry.from > time {
                OverrideState::Later
            } else if Some(entry.line) == in_force {
                OverrideState::InForce
            } else {
                OverrideState::Hidden
            }
        };
        let shown = |entry: &&Override| OfOverride {
            line: entry.line,
            matches: entry.pattern(),
            provider: entry.provider().map(str::to_owned),
            from: entry.is_dated().then_some(entry.from),
            version: Arc::clone(&entry.version),
            state: state(entry),
        };
        self.about.iter().map(shown).collect()
    }

    /// An override holds at any time of day.
    fn hours(&self, origin: Origin, day: i64) -> Result<Vec<OfHours>, NoPrice> {
        let Some(source) = self.source.filter(|_| origin == Origin::Catalogue) else { return Ok(Vec::new()) };
        let parts = source.hours(day).map_err(|error| NoPrice::refused(source.model(), &error))?;
        if parts.len() < 2 {
            return Ok(Vec::new());
        }
        let clock = |half_hour: usize| format!("{:02}:{:02}", half_hour / 2, half_hour % 2 * 30);
        let shown =
            parts.into_iter().map(|part| OfHours { from: clock(part.first), to: clock(part.end), tariff: part.tariff });
        Ok(shown.collect())
    }

    fn changes(&self) -> Result<Vec<Change>, NoPrice> {
        let refused = |source: &Source, error| NoPrice::refused(source.model(), &error);
        let bundled = match self.source {
            None => Vec::new(),
            Some(source) => source.change_days(LOOKED_AT).map_err(|error| refused(source, error))?,
        };
        let own = self.about.iter().filter(|entry| entry.is_dated()).map(|entry| entry.from);
        let midnight = |day: i64| Timestamp(day * time::DAY);
        let mut dates: Vec<Timestamp> = bundled.into_iter().map(midnight).chain(own).collect();
        dates.sort_unstable();
        dates.dedup();
        let mut changes = vec![Change::of(None, self.at(LONG_AGO)?)];
        for date in dates {
            let change = Change::of(Some(date), self.at(date)?);
            if changes.last().is_some_and(|last| !last.says_the_same(&change)) {
                changes.push(change);
            }
        }
        Ok(if changes.len() > 1 { changes } else { Vec::new() })
    }
}

impl Change {
    fn of(from: Option<Timestamp>, priced: Option<Priced>) -> Self {
        let (source, version, tariff) = match priced {
            None => (None, None, None),
            Some((source, version, tariff)) => (Some(source), Some(version), Some(tariff)),
        };
        Self { from, source, version, tariff }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        (&self.version, &self.tariff) == (&other.version, &other.tariff)
    }
}
