//! Where prices come from: the operator's overrides before the bundled catalogue (R35).

use std::sync::Arc;

use genai_prices::Calculator;
use mete_core::{Timestamp, time};

use crate::card::Ladder;
use crate::error::NoPrice;
use crate::overrides::{OverrideError, Overrides};
use crate::pricer::Query;
use crate::probe::{HALF_HOURS, Source};

/// What the bundled prices are called in events that were rated with them.
const BUNDLED_VERSION: &str = "genai-prices 0.2.1";

/// All prices: immutable, to be shared behind an [`Arc`].
#[derive(Debug)]
pub struct Catalogue {
    version: Arc<str>,
    pub(crate) overrides: Overrides,
}

impl Catalogue {
    /// The prices that genai-prices brings along, and no overrides. Decodes them, which takes tens of milliseconds the
    /// first time.
    #[must_use]
    pub fn bundled() -> Self {
        let _ = Calculator::bundled();
        Self { version: BUNDLED_VERSION.into(), overrides: Overrides::default() }
    }

    /// The bundled prices under the overrides in `toml`, the text of a `prices.toml`.
    ///
    /// # Errors
    ///
    /// Names the line, the model and what would be right.
    pub fn with_overrides(toml: &str) -> Result<Self, OverrideError> {
        Ok(Self { overrides: Overrides::parse(toml)?, ..Self::bundled() })
    }

    /// The version of the bundled prices, as in `genai-prices 0.2.1`. What an override prices has a version of its
    /// own, as in `override 3f2a9c1e`.
    #[must_use]
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// What holds for `query` on the UTC day that its time lies in.
    pub(crate) fn rates(&self, query: &Query<'_>) -> Result<DayRates, NoPrice> {
        if let Some(found) = self.overrides.find(query.model, query.provider, query.time) {
            return Ok(DayRates {
                version: found.version.clone(),
                percent: if query.batch { found.batch_percent } else { 100 },
                ladders: vec![found.ladder.clone()],
                of_half_hour: [0; HALF_HOURS],
                source: None,
            });
        }
        let refused = |error: genai_prices::Error| query.refused(&error);
        let source = Source::find(query.model, query.provider, query.tier, query.batch)
            .map_err(refused)?
            .ok_or_else(|| query.unknown())?;
        let (ladders, of_half_hour) = source.day(query.time.day()).map_err(refused)?;
        Ok(DayRates { version: self.version.clone(), percent: 100, ladders, of_half_hour, source: Some(source) })
    }
}

/// The rates of one model, under one set of circumstances, on one UTC day.
#[derive(Debug)]
pub(crate) struct DayRates {
    pub version: Arc<str>,
    /// Per cent of the rates that are charged.
    pub percent: u8,
    ladders: Vec<Ladder>,
    of_half_hour: [u8; HALF_HOURS],
    /// The model in the catalogue; none for an override.
    pub source: Option<Source>,
}

impl DayRates {
    /// All ladders that hold at some time of the day.
    pub fn ladders(&self) -> &[Ladder] {
        &self.ladders
    }

    /// The ladder that holds at `time`, an instant of the day.
    pub fn at(&self, time: Timestamp) -> &Ladder {
        let half_hour = time.0.rem_euclid(time::DAY) / (30 * time::MINUTE);
        &self.ladders[usize::from(self.of_half_hour[half_hour as usize])]
    }
}
